"""What judges said about a run's answers, word for word: by judge, so that two of them can be compared."""

import json
from dataclasses import dataclass

from harness.store import database
from harness.store.opened import OpenRun


@dataclass(frozen=True, slots=True)
class Opinion:
    """One reply of one judge about one answer. `ask` counts the replies to the same request from 0; where the protocol
    wants n of them, those from n on were asked for because the one n before could not be read.

    `text` is the reply as it came, a thought in it included; `reason`: what is to be known of it (it was cut at the
    judge's limit). `seconds` it took.
    """

    sample_id: str
    repeat: int
    judge: str
    ask: int
    text: str
    seconds: float
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class JudgedBy:
    """Whose opinions a scorer reads in this run. `name` is what they are stored under, `model` the judge's own name.

    `thinking`: where its thoughts begin (see harness.tasks.thinking). `worded`: the sha256 of the wording it was asked
    in, "" where that was ours. `listener`: whose transcripts it read, "" where answers are written. `description`: all
    that can change an opinion. `precision`: the judge's ("" where an earlier version did not note it).
    """

    name: str
    model: str
    thinking: str
    worded: str
    listener: str
    description: str
    precision: str = ""


class Opinions(OpenRun):
    """Stored opinions. One for each judge, question, repeat and ask."""

    def add_opinion(self, opinion: Opinion) -> None:
        """Stores (or replaces) an opinion, on disk when this returns.

        What was unscored at its place is forgotten (it may have been for want of this opinion), and so is what was
        made of this judge's replies before.
        """
        o = opinion
        with database.one_sentence(self.folder), self._db:
            self._db.execute("begin immediate")
            query = "insert or replace into opinion (judge, sample, repeat, ask, text, reason, seconds)"
            row = (o.judge, o.sample_id, o.repeat, o.ask, o.text, o.reason, o.seconds)
            self._db.execute(f"{query} values (?,?,?,?,?,?,?)", row)
            database.forget_scores(self._db, (o.sample_id, o.repeat), o.judge)

    def opinions(self, judge: str, sample: str, repeat: int) -> tuple[Opinion, ...]:
        """What this judge said about one answer, in the order of the asks."""
        if not self._has_opinions():
            return ()
        query = (
            "select ask, text, seconds, reason from opinion where judge = ? and repeat = ? and sample = ? order by ask"
        )
        rows = self._rows(query, judge, repeat, sample)
        return tuple(Opinion(sample, repeat, judge, int(ask), text, float(s), why) for ask, text, s, why in rows)

    def count_opinions(self, judge: str, asks: int = 2**31) -> int:
        """How many opinions this judge has given; of each request the first `asks`."""
        if not self._has_opinions():
            return 0
        return int(self._one("select count(*) from opinion where judge = ? and ask < ?", judge, asks)[0])

    def judges(self) -> tuple[str, ...]:
        """Judges that have given an opinion."""
        if not self._has_opinions():
            return ()
        return tuple(row[0] for row in self._rows("select distinct judge from opinion order by 1"))

    def choose_opinions(self, scorer: str, by: JudgedBy) -> None:
        """From now on this scorer reads these opinions; what it made of another judge's is judged anew."""
        if self.judged_by(scorer) == by:
            return
        plain = json.dumps({name: getattr(by, name) for name in JudgedBy.__dataclass_fields__})
        with database.one_sentence(self.folder), self._db:
            self._db.execute("begin immediate")
            self._db.execute("insert or replace into meta values (?, ?)", (f"opinions {scorer}", plain))
            self._db.execute("delete from score where scorer = ?", (scorer,))
            scored = self._meta("judge")
            if scored is not None and json.loads(scored)[0] == scorer:
                self._db.execute("delete from meta where key = 'judge'")

    def judged_by(self, scorer: str) -> JudgedBy | None:
        """Whose opinions this scorer reads; None before a judge has been asked. Answers that it failed on, or that were
        generated since, have none."""
        text = self._meta(f"opinions {scorer}")
        if text is None:
            return None
        with self._other_version():
            return JudgedBy(**json.loads(text))

    def _has_opinions(self) -> bool:
        return self._has_table("opinion")
