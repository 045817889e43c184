"""Run folders: the only module that knows their file names and their SQL.

One run is one folder with one SQLite file (WAL, synchronous=FULL): a generation is on disk before anything is
graded, the accepted attempt at (sample, repeat) is unique, scores are added by scorer and version, and nothing
is ever deleted. `spec.json` beside it is a copy for people; the truth is in the database.
"""

import dataclasses
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from harness import places
from harness.errors import SpecChanged, StorageFull, StoreError, UnknownName
from harness.records import Counts, Generation, Registration, RunSpec, Score, ScoreTable
from harness.specs import run_name, spec_differences, spec_from_plain, spec_hash, spec_to_plain

_DATABASE = "run.sqlite"
_GENERATION_FIELDS = [f.name for f in dataclasses.fields(Generation) if f.name != "choice_logprobs"]
_SCHEMA = """
create table if not exists meta (key text primary key, value text not null) without rowid;
create table if not exists question (position integer primary key, sample text not null unique);
create table if not exists registration (
    claim text, check_no integer, body text not null, generations_before integer not null,
    primary key (claim, check_no)) without rowid;
create table if not exists generation (
    sample text, repeat integer, text text not null, finish text not null, prompt_tokens integer,
    output_tokens integer, seed text, seconds real, attempt integer, error text, logprobs text,
    primary key (sample, repeat));
create table if not exists failed_attempt (
    sample text, repeat integer, attempt integer, error text, primary key (sample, repeat, attempt)) without rowid;
create table if not exists score (
    scorer text, version text, sample text, repeat integer, status text not null, value real, answer text,
    reason text, primary key (scorer, version, repeat, sample)) without rowid;
"""


def run_names() -> tuple[str, ...]:
    """Names of the runs on this machine, oldest first."""
    folder = places.runs()
    found = [p.parent for p in folder.glob(f"*/{_DATABASE}")] if folder.is_dir() else []
    return tuple(p.name for p in sorted(found, key=lambda p: (p.stat().st_ctime, p.name)))


class RunStore:
    """One run on disk. Use as a context manager; one writer at a time.

    Raises StoreError (unreadable), StorageFull (disk full; everything committed stays), SpecChanged.
    """

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._db = connection

    @classmethod
    def create_or_resume(cls, spec: RunSpec, *, name: str | None = None) -> "RunStore":
        """Opens the run of this spec, making it if there is none.

        With `name`, an existing run of that name must have the same spec, else SpecChanged says what differs.
        """
        folder = places.runs() / (name or run_name(spec))
        with _full_disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            store = cls(folder, _connect(folder / _DATABASE))
            store._db.executescript(_SCHEMA)
            if store._meta("spec") is None:
                store._begin(spec)
        old = store.spec
        if spec_hash(old) != spec_hash(spec):
            store.close()
            differs = "; ".join(spec_differences(old, spec))
            raise SpecChanged(
                f"The run {folder.name} was made with other settings ({differs}): "
                "leave out --resume to start a run of its own, or use the same settings."
            )
        return store

    @classmethod
    def open(cls, name: str) -> "RunStore":
        """An existing run by name (or the unique beginning of one)."""
        names = run_names()
        matches = [n for n in names if n == name] or [n for n in names if n.startswith(name)]
        if len(matches) > 1:
            raise UnknownName(f"{len(matches)} runs begin with {name!r}: {', '.join(matches)}.")
        if not matches:
            raise UnknownName.of("run", name, names)
        folder = places.runs() / matches[0]
        store = cls(folder, _connect(folder / _DATABASE))
        if not store._has_spec():
            store.close()
            raise StoreError(f"The run {matches[0]} was never started: it holds no specification.")
        return store

    def _begin(self, spec: RunSpec) -> None:
        self._db.execute("insert into meta values ('spec', ?)", (json.dumps(spec_to_plain(spec)),))
        copy = json.dumps(spec_to_plain(spec), indent=1, ensure_ascii=False)
        (self.folder / "spec.json").write_text(copy + "\n", encoding="utf-8")

    # -- what it is

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def spec(self) -> RunSpec:
        text = self._meta("spec")
        if text is None:
            raise StoreError(f"The run {self.name} holds no specification.")
        return spec_from_plain(json.loads(text))

    def _meta(self, key: str) -> str | None:
        row = self._db.execute("select value from meta where key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _has_spec(self) -> bool:
        try:
            return self._meta("spec") is not None
        except sqlite3.Error:
            return False

    def add_questions(self, first: int, samples: Iterable[str]) -> None:
        """Notes the ids of questions number `first`, `first`+1, …; a question already noted is left as it is.

        Raises StoreError where another question stood in a place before: the dataset has changed under the run.
        """
        rows = list(enumerate(samples, start=first))
        with _full_disk(self.folder), self._db:
            self._db.execute("begin immediate")
            self._db.executemany("insert or ignore into question values (?, ?)", rows)
            query = "select sample from question where position >= ? order by position limit ?"
            stored = [row[0] for row in self._db.execute(query, (first, len(rows)))]
        if stored != [sample for _, sample in rows]:
            raise StoreError(f"The questions of {self.name} are not those it was started with.")

    def samples(self) -> tuple[str, ...]:
        """Ids of the run's questions, in order."""
        return tuple(row[0] for row in self._db.execute("select sample from question order by position"))

    # -- claims registered with it

    def register(self, registrations: Iterable[Registration]) -> None:
        """Fixes claims' numbers and tolerances. A registration already there is kept as it was."""
        done = self.generated()
        with _full_disk(self.folder), self._db:
            for r in registrations:
                body = json.dumps(dataclasses.asdict(r))
                self._db.execute(
                    "insert or ignore into registration values (?, ?, ?, ?)", (r.claim, r.check, body, done)
                )

    def registrations(self) -> tuple[tuple[Registration, int], ...]:
        """Each with the number of generations that existed when it was made (0: before the run)."""
        rows = self._db.execute("select body, generations_before from registration order by claim, check_no")
        return tuple((Registration(**json.loads(body)), before) for body, before in rows)

    # -- generations

    def add(self, g: Generation) -> None:
        """Stores an accepted generation; on disk when this returns. A second one for its place is refused."""
        row = (
            g.sample_id, g.repeat, g.text, g.finish_reason, g.prompt_tokens, g.output_tokens, str(g.seed),
            g.seconds, g.attempt, g.error, json.dumps(g.choice_logprobs) if g.choice_logprobs else None,
        )  # fmt: skip
        with _full_disk(self.folder):
            try:
                self._db.execute("insert into generation values (?,?,?,?,?,?,?,?,?,?,?)", row)
            except sqlite3.IntegrityError as error:
                raise StoreError(
                    f"The run {self.name} already holds a generation for {g.sample_id}, repeat {g.repeat}: "
                    "is another process writing to it?"
                ) from error

    def add_failed_attempt(self, g: Generation) -> None:
        """Remembers an attempt that will be made again."""
        with _full_disk(self.folder):
            row = (g.sample_id, g.repeat, g.attempt, g.error)
            self._db.execute("insert or replace into failed_attempt values (?,?,?,?)", row)

    def generated(self) -> int:
        return int(self._db.execute("select count(*) from generation").fetchone()[0])

    def done(self, repeat: int) -> frozenset[str]:
        """Sample ids whose generation of this round is stored."""
        rows = self._db.execute("select sample from generation where repeat = ?", (repeat,))
        return frozenset(row[0] for row in rows)

    def generations(self, *, unscored_by: tuple[str, str] | None = None) -> Iterator[Generation]:
        """Stored generations, question by question; with (scorer, version), only those it has not judged."""
        query = (
            "select g.sample, g.repeat, text, finish, prompt_tokens, output_tokens, seed, seconds, attempt, error, "
            "logprobs from question q cross join generation g on q.sample = g.sample"
        )
        values: tuple[str, ...] = ()
        if unscored_by is not None:
            query += (
                " where not exists (select 1 from score s where s.scorer = ? and s.version = ?"
                " and s.sample = g.sample and s.repeat = g.repeat)"
            )
            values = unscored_by
        for row in self._db.execute(query + " order by q.position, g.repeat", values):
            choices = tuple((float(a), bool(b)) for a, b in json.loads(row[10])) if row[10] else ()
            fields = dict(zip(_GENERATION_FIELDS, row, strict=False)) | {"seed": int(row[6])}
            yield Generation(**fields, choice_logprobs=choices)

    # -- scores

    def add_scores(self, scores: Iterable[Score], version: str) -> None:
        """Adds (or replaces, for the same scorer and version) judgements; one transaction."""
        rows = ((s.scorer, version, s.sample_id, s.repeat, s.status, s.value, s.answer, s.reason) for s in scores)
        with _full_disk(self.folder), self._db:
            self._db.execute("begin immediate")
            self._db.executemany("insert or replace into score values (?,?,?,?,?,?,?,?)", rows)

    def set_judge(self, scorer: str, version: str) -> None:
        """Names the scorer whose judgements make the run's score."""
        with _full_disk(self.folder):
            self._db.execute("insert or replace into meta values ('judge', ?)", (json.dumps([scorer, version]),))

    def judge(self) -> tuple[str, str] | None:
        """(scorer, version) whose judgements make the run's score; None before anything was scored."""
        text = self._meta("judge")
        return None if text is None else tuple(json.loads(text))

    def scored_versions(self) -> tuple[tuple[str, str], ...]:
        """(scorer, version) pairs that have judged something."""
        return tuple(self._db.execute("select distinct scorer, version from score order by 1, 2"))

    def complete_rounds(self) -> int:
        """Length of the longest prefix of rounds in which every question is stored."""
        questions = self.spec.questions
        rows = self._db.execute("select repeat, count(*) from generation group by repeat order by repeat")
        complete = 0
        for repeat, count in rows:
            if repeat != complete or count < questions:
                break
            complete += 1
        return complete

    def score_table(self, scorer: str, version: str) -> ScoreTable:
        """Scores of the complete rounds, questions in their order."""
        samples = self.samples()
        at = {sample: i for i, sample in enumerate(samples)}
        rounds = self.complete_rounds()
        values: list[list[float | None]] = [[None] * len(samples) for _ in range(rounds)]
        lost = [[True] * len(samples) for _ in range(rounds)]
        rows = self._db.execute(
            "select sample, repeat, status, value from score where scorer = ? and version = ? and repeat < ?",
            (scorer, version, rounds),
        )
        for sample, repeat, status, value in rows:
            values[repeat][at[sample]] = value
            lost[repeat][at[sample]] = status in ("truncated", "unscored", "errored")
        return ScoreTable(samples, tuple(map(tuple, values)), tuple(map(tuple, lost)))

    def counts(self, scorer: str, version: str) -> Counts:
        """All counts of the complete rounds; what no scorer has seen counts as unscored."""
        spec, rounds = self.spec, self.complete_rounds()
        rows = self._db.execute(
            "select status, count(*) from score where scorer = ? and version = ? and repeat < ? group by status",
            (scorer, version, rounds),
        )
        by_status = {str(status): int(count) for status, count in rows}
        unseen = rounds * spec.questions - sum(by_status.values())
        by_status["unscored"] = by_status.get("unscored", 0) + unseen
        return Counts(planned=spec.questions * spec.repeats, generated=self.generated(), **by_status)

    # -- life

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: Any) -> None:
        self.close()


def _connect(path: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path, isolation_level=None, timeout=30)
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = full")
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be opened as a run ({error}).") from error
    return db


@contextmanager
def _full_disk(folder: Path) -> Iterator[None]:
    """Turns "no space left" of SQLite and of the file system into one sentence."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" in str(error) or "disk I/O" in str(error):
            raise _storage_full(folder) from error
        raise StoreError(f"{folder}: {error}.") from error
    except OSError as error:
        if error.errno in (28, 122):  # ENOSPC, EDQUOT
            raise _storage_full(folder) from error
        raise StoreError(f"{folder} cannot be written ({error.strerror}).") from error


def _storage_full(folder: Path) -> StorageFull:
    return StorageFull(
        f"The disk with {folder} is full: every finished generation is stored; free some space "
        "(or move results/runs with HARNESS_RUNS) and run the same command again."
    )
