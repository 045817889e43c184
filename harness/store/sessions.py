"""The sittings with a run: what each was made with, and how long it took."""

import dataclasses
import json
from dataclasses import replace

from harness.records.sessions import Session
from harness.store import database
from harness.store.opened import OpenRun


class Sessions(OpenRun):
    """Stored sittings, one for each start that asked for something: of the run's own model, and of those that judged,
    heard or compared its answers. Runs of earlier versions, and of outputs that others generated, have none."""

    def begin_session(self, session: Session) -> int:
        """Stores a new one, on disk when this returns. Its number is for `keep_session`.

        To be called before its first output is stored: what is there is of other sittings.
        """
        query = "insert into session (body, generations_before) values (?, (select count(*) from generation))"
        with database.one_sentence(self.folder):
            number = self._db.execute(query, (_body(session),)).lastrowid
        assert number is not None  # a row was inserted
        return number

    def keep_session(self, number: int, session: Session) -> None:
        """Stores what there is to say of it by now."""
        with database.one_sentence(self.folder):
            self._db.execute("update session set body = ? where number = ?", (_body(session), number))

    def drop_session(self, number: int) -> None:
        """Forgets one in which nothing was asked for."""
        with database.one_sentence(self.folder):
            self._db.execute("delete from session where number = ?", (number,))

    def sessions(self) -> tuple[Session, ...]:
        """Those of the run's own outputs, in their order.

        A note is taken now and then, so that of one that was killed the outputs are counted again: they are those that
        were stored when the next began, or are now. One that has fewer than it should, and does not say how it ended,
        was killed as well (notes of earlier versions say nothing).
        """
        found = [(session, before) for session, before in self._stored() if session.purpose == "generating"]
        ends = [*(before for _, before in found[1:]), self.generated()] if found else []
        return tuple(
            session if made <= session.generated else replace(session, generated=made, ended=False)
            for (session, before), end in zip(found, ends, strict=True)
            for made in [end - before]
        )

    def other_sessions(self) -> tuple[Session, ...]:
        """Those of other models that judged, heard or compared the run's answers, in their order."""
        return tuple(session for session, _ in self._stored() if session.purpose != "generating")

    def timed(self) -> bool:
        """Whether the sittings are all there were: none generated before the first that is stored."""
        return next((before == 0 for session, before in self._stored() if session.purpose == "generating"), False)

    def _stored(self) -> list[tuple[Session, int]]:
        """Every sitting with the number of outputs that were stored before it."""
        if not self._has_table("session"):
            return []
        with self._other_version():
            return [
                (Session(**plain | {"packages": tuple((name, version) for name, version in plain["packages"])}), before)
                for body, before in self._rows("select body, generations_before from session order by number")
                for plain in [json.loads(body)]
            ]


def _body(session: Session) -> str:
    return json.dumps(dataclasses.asdict(session), ensure_ascii=False)
