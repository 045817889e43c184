"""How like the voices of a run's spoken answers are to the recordings they were to imitate: by speaker model."""

from dataclasses import dataclass

from harness.store import database
from harness.store.opened import OpenRun


@dataclass(frozen=True, slots=True)
class Likeness:
    """The cosine, in [-1, 1], of the speaker embeddings of one spoken answer of `seconds` and of a recording.

    `cosine` None: there was nothing to compare, and `reason` says why. `reference`: sha256 of the recording's file.
    """

    sample_id: str
    repeat: int
    speaker: str
    cosine: float | None
    seconds: float
    reference: str
    reason: str | None = None


class Likenesses(OpenRun):
    """Stored comparisons of voices. One for each speaker model, question and repeat."""

    def add_likeness(self, likeness: Likeness) -> None:
        """Stores (or replaces) a comparison, on disk when this returns; what was unscored at its place, or made of an
        earlier comparison by this model, is forgotten."""
        k = likeness
        with database.one_sentence(self.folder), self._db:
            self._db.execute("begin immediate")
            query = "insert or replace into likeness (speaker, sample, repeat, cosine, reference, reason, seconds)"
            row = (k.speaker, k.sample_id, k.repeat, k.cosine, k.reference, k.reason, k.seconds)
            self._db.execute(f"{query} values (?,?,?,?,?,?,?)", row)
            database.forget_scores(self._db, (k.sample_id, k.repeat), k.speaker)

    def likeness(self, speaker: str, sample: str, repeat: int) -> Likeness | None:
        """What this speaker model found for one answer; None where it has not compared it yet."""
        if not self._has_likenesses():
            return None
        query = (
            "select cosine, seconds, reference, reason from likeness where speaker = ? and repeat = ? and sample = ?"
        )
        row = self._one(query, speaker, repeat, sample)
        if row is None:
            return None
        cosine = None if row[0] is None else float(row[0])
        return Likeness(sample, repeat, speaker, cosine, float(row[1]), str(row[2]), row[3])

    def mean_likeness(self, speaker: str) -> float | None:
        """The mean cosine of all answers that this speaker model could compare; None where there are none."""
        if not self._has_likenesses():
            return None
        (mean,) = self._one("select avg(cosine) from likeness where speaker = ? and cosine is not null", speaker)
        return None if mean is None else float(mean)

    def choose_speaker(self, speaker: str, description: str) -> None:
        """From now on the likeness of voices is this speaker model's."""
        with database.one_sentence(self.folder), self._db:
            self._db.execute("begin immediate")
            self._db.execute("insert or replace into meta values ('speaker', ?)", (speaker,))
            self._db.execute("insert or replace into meta values (?, ?)", (f"note speaker {speaker}", description))

    def speaker(self) -> str | None:
        """The speaker model whose comparisons are scored; None before one has compared. What it failed on has no
        comparison."""
        return self._meta("speaker")

    def _has_likenesses(self) -> bool:
        return self._has_table("likeness")
