"""The sittings of a run: what each was made with, and how long it took."""

import dataclasses
import json

from harness.records.sessions import Session
from harness.store import database
from harness.store.opened import OpenRun


class Sessions(OpenRun):
    """Stored sittings, one for each start that generated something. Runs of earlier versions, and of outputs that
    others generated, have none."""

    def begin_session(self, session: Session) -> int:
        """Stores a new one, on disk when this returns. Its number is for `keep_session`.

        To be called when its first generation has been stored: what was there before is of other sittings.
        """
        query = "insert into session (body, generations_before) values (?, (select count(*) from generation) - 1)"
        with database.one_sentence(self.folder):
            number = self._db.execute(query, (_body(session),)).lastrowid
        assert number is not None  # a row was inserted
        return number

    def keep_session(self, number: int, session: Session) -> None:
        """Stores what there is to say of it by now."""
        with database.one_sentence(self.folder):
            self._db.execute("update session set body = ? where number = ?", (_body(session), number))

    def sessions(self) -> tuple[Session, ...]:
        """In their order."""
        if not self._has_sessions():
            return ()
        with self._other_version():
            return tuple(
                Session(**plain | {"packages": tuple((name, version) for name, version in plain["packages"])})
                for (body,) in self._rows("select body from session order by number")
                for plain in [json.loads(body)]
            )

    def timed(self) -> bool:
        """Whether the sittings are all there were: none generated before the first that is stored."""
        if not self._has_sessions():
            return False
        row = self._one("select generations_before from session order by number limit 1")
        return row is not None and row[0] == 0

    def _has_sessions(self) -> bool:
        """Readers do not alter a run that an earlier version made without this table."""
        return self._one("select 1 from sqlite_master where type = 'table' and name = 'session'") is not None


def _body(session: Session) -> str:
    return json.dumps(dataclasses.asdict(session), ensure_ascii=False)
