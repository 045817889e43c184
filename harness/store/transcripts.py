"""What listeners wrote down of a run's spoken answers: by listener, so that two ears can be compared."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from harness.store import database
from harness.store.opened import OpenRun

_NOT_HEARD_BY = (
    "from question q cross join generation g on q.sample = g.sample where g.speech is not null and not exists "
    "(select 1 from transcript t where t.listener = ? and t.sample = g.sample and t.repeat = g.repeat)"
)


@dataclass(frozen=True, slots=True)
class Transcript:
    """What one listener heard in one spoken answer of `seconds`.

    `text` None: there was no speech in it, and `reason` says how that shows. `reason` beside a text: what is to be
    known of it (it was cut at the listener's limit).
    """

    sample_id: str
    repeat: int
    listener: str
    text: str | None
    seconds: float
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class HeardBy:
    """What of a listener is held against the official one: its model, the language it was told ("" where none), its
    precision. An earlier version noted the model alone."""

    model: str
    language: str = ""
    precision: str = ""


class Transcripts(OpenRun):
    """Stored transcripts. One for each listener, question and repeat."""

    def add_transcript(self, t: Transcript) -> None:
        """Stores (or replaces) a transcript, on disk when this returns.

        What was unscored at its place is forgotten (it may have been for want of this transcript), and so is what was
        made of what this listener heard before.
        """
        row = (t.listener, t.sample_id, t.repeat, t.text, t.reason, t.seconds)
        with database.one_sentence(self.folder), self._db:
            self._db.execute("begin immediate")
            query = "insert or replace into transcript (listener, sample, repeat, text, reason, seconds)"
            self._db.execute(f"{query} values (?,?,?,?,?,?)", row)
            database.forget_scores(self._db, (t.sample_id, t.repeat), t.listener)

    def transcript(self, listener: str, sample: str, repeat: int) -> Transcript | None:
        """What this listener heard in one answer; None where it has not listened yet."""
        if not self._has_transcripts():
            return None
        query = "select text, seconds, reason from transcript where listener = ? and repeat = ? and sample = ?"
        row = self._one(query, listener, repeat, sample)
        return None if row is None else Transcript(sample, repeat, listener, row[0], float(row[1]), row[2])

    def transcripts(self, listener: str) -> Iterator[Transcript]:
        """All of this listener's, question by question."""
        if not self._has_transcripts():
            return
        rows = self._rows(
            "select t.sample, t.repeat, text, seconds, reason from question q cross join transcript t on"
            " q.sample = t.sample where t.listener = ? order by q.position, t.repeat",
            listener,
        )
        for sample, repeat, text, seconds, reason in rows:
            yield Transcript(sample, int(repeat), listener, text, float(seconds), reason)

    def unheard(self, listener: str) -> tuple[tuple[str, int], ...]:
        """Spoken answers (sample, repeat) that this listener has not heard yet, question by question.

        All at once, so that transcripts can be stored while the list is gone through.
        """
        query = f"select g.sample, g.repeat {_NOT_HEARD_BY} order by q.position, g.repeat"
        return tuple((str(sample), int(repeat)) for sample, repeat in self._rows(query, listener))

    def count_unheard(self, listener: str) -> int:
        """How many spoken answers this listener has not heard yet."""
        return int(self._one(f"select count(*) {_NOT_HEARD_BY}", listener)[0])

    def choose_listener(self, listener: str, description: str, by: HeardBy | None = None) -> None:
        """From now on the run is judged on what this listener heard; what others' ears led to is judged anew. `by`: as
        `heard_by` gives it back (None: its name tells the model)."""
        if by is not None:
            self.note(f"ear {listener}", json.dumps(asdict(by)))
        if self.listener() == listener:
            return
        with database.one_sentence(self.folder), self._db:
            self._db.execute("begin immediate")
            self._db.execute("insert or replace into meta values ('listener', ?)", (listener,))
            key = f"note listener {listener}"
            self._db.execute("insert or replace into meta values (?, ?)", (key, description))
            self._db.execute("delete from score")
            self._db.execute("delete from meta where key = 'judge'")

    def listener(self) -> str | None:
        """The listener that the run is judged on; None before anybody has listened. What that ear failed on has no
        transcript."""
        return self._meta("listener")

    def heard_by(self) -> HeardBy | None:
        """Who the run's listener is; None before anybody has listened."""
        name = self.listener()
        if name is None:
            return None
        noted = self.noted(f"ear {name}")
        if noted is None:
            return HeardBy(name.rpartition("-")[0] or name)
        with self._other_version():
            return HeardBy(**json.loads(noted))

    def listeners(self) -> tuple[str, ...]:
        """Listeners that have written something down."""
        if not self._has_transcripts():
            return ()
        return tuple(row[0] for row in self._rows("select distinct listener from transcript order by 1"))

    def _has_transcripts(self) -> bool:
        return self._has_table("transcript")
