"""An open run: its folder, its database, what it was started with."""

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self, get_args

from harness.errors import StoreError
from harness.records import RunSpec, Score, ScoreStatus
from harness.specs import spec_from_plain
from harness.store import database

_STATUSES = frozenset(get_args(ScoreStatus))
_NUMBER = (int, float)


class OpenRun:
    """What generations and scores share: the connection, the specification, the questions."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, held: IO[str] | None = None) -> None:
        self.folder = folder
        self._db = connection
        self._held = held

    # -- what it is

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def spec(self) -> RunSpec:
        text = self._meta("spec")
        if text is None:
            raise StoreError(f"The run {self.name} holds no specification.")
        with self._other_version():
            return spec_from_plain(json.loads(text))

    @contextmanager
    def _other_version(self) -> Iterator[None]:
        """What is stored is JSON of our records: where it does not fit them, another version wrote it."""
        try:
            yield
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"The run {self.name} was made by another version of the harness ({type(error).__name__}: {error}): "
                "move its folder away, or use that version."
            ) from error

    def _damaged(self, what: str) -> StoreError:
        """What to raise where something stored is nothing that was ever written: `what` names it."""
        return StoreError(f"The run {self.name} is damaged ({what}): move its folder away, or restore it from a copy.")

    def _sound(self, sample: object, status: object, value: object) -> None:
        """Raises StoreError for a status that there is not, and a value that is no number."""
        if status not in _STATUSES:
            raise self._damaged(f"{sample} has the status {status!r}")
        if value is not None and not (isinstance(value, _NUMBER) and math.isfinite(value)):
            raise self._damaged(f"{sample} has the score {value!r}")

    def _score(self, row: Sequence[Any]) -> Score:
        """A judgement, of its columns in the order of Score's fields."""
        self._sound(row[0], row[3], row[4])
        return Score(*row)

    def _rows(self, query: str, *values: Any) -> Iterator[Any]:
        return database.rows(self._db, self.folder, query, values)

    def _one(self, query: str, *values: Any) -> Any:
        return next(self._rows(query, *values), None)

    def _meta(self, key: str) -> str | None:
        row = self._one("select value from meta where key = ?", key)
        return None if row is None else str(row[0])

    def _has_table(self, name: str) -> bool:
        """Readers do not alter a run that an earlier version made without this table."""
        return self._one("select 1 from sqlite_master where type = 'table' and name = ?", name) is not None

    def note(self, key: str, value: str) -> None:
        """Remembers something about the run that is no part of its specification."""
        with database.one_sentence(self.folder):
            self._db.execute("insert or replace into meta values (?, ?)", (f"note {key}", value))

    def noted(self, key: str) -> str | None:
        """What was noted under this key, if anything."""
        return self._meta(f"note {key}")

    def note_wording(self, judge: str, wording: str) -> None:
        """Remembers in which words a judge was asked, under the name its opinions have."""
        self.note(f"wording {judge}", wording)

    def noted_wording(self, judge: str) -> str | None:
        """In which words a judge was asked; None where that was not kept."""
        return self.noted(f"wording {judge}")

    def samples(self) -> tuple[str, ...]:
        """Ids of the run's questions, in order."""
        return tuple(row[0] for row in self._rows("select sample from question order by position"))

    def generated(self) -> int:
        return int(self._one("select count(*) from generation")[0])

    def complete_rounds(self) -> int:
        """Length of the longest prefix of rounds in which every question is stored."""
        questions = self.spec.questions
        rows = self._rows("select repeat, count(*) from generation group by repeat order by repeat")
        complete = 0
        for repeat, count in rows:
            if repeat != complete or count < questions:
                break
            complete += 1
        return complete

    def hold(self) -> None:
        """Keeps other processes from writing the run until it is closed. Raises StoreError if one already does."""
        if self._held is None:
            self._held = database.lock(self.folder)

    def close(self) -> None:
        self._db.close()
        if self._held is not None:
            self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: Any) -> None:
        self.close()
