"""Scores that wait for another model: before a judge, an ear or a speaker model has done its part, there is no figure.

What has not been judged is neither right nor wrong, so a run that waits is told as if it had not been made, with the
command that comes next.
"""

from collections.abc import Sequence

from harness.listening import NOT_HEARD
from harness.store import RunStore
from harness.tasks.scorers import AFTERWARDS, JUDGED
from harness.tasks.scorers.opinions import NOT_JUDGED
from harness.tasks.scorers.voices import NOT_COMPARED

# in the order in which they come
_REMEDIES = (NOT_HEARD, NOT_JUDGED, NOT_COMPARED)


def waits_for(store: RunStore, scorer: str, version: str) -> str:
    """The command that the scores of this scorer wait for; "" where it has had all it needs.

    One answer of the complete rounds that nobody has judged, heard or compared is enough.
    """
    for reason in _REMEDIES:
        what, command = reason.split(": ")
        if store.count_remarked(scorer, version, f"{what}:"):
            return command.replace("RUN", store.name)
    if scorer in AFTERWARDS and store.unseen(scorer, version):
        # a later reply, or another recording, has undone scores that are not made again yet
        return f"harness score {store.name}"
    return ""


def wanted_after(scorers: Sequence[str], *, speaks: bool) -> tuple[str, ...]:
    """The commands that a run of these scorers needs after it, the judging one's first; RUN stands for its name.

    `speaks`: what is judged is a spoken answer, which is written down first.
    """
    found = [NOT_HEARD] if speaks and any(name != "speaker-similarity" for name in scorers) else []
    found += [NOT_JUDGED] if any(name in JUDGED for name in scorers) else []
    found += [NOT_COMPARED] if "speaker-similarity" in scorers else []
    return tuple(reason.split(": ")[1] for reason in found)
