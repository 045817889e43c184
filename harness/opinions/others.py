"""How those who judged, wrote down or compared differ from those who do it officially: one rule for all of them.

Another judge, ear or speaker model may be lenient as well as strict, so it may move a score either way, and a verdict
is held back whichever way it leans (harness.verdicts.weighing).
"""

from collections.abc import Iterator
from typing import cast

from harness.opinions.reading import current
from harness.records import Deviation
from harness.store import RunStore
from harness.tasks.scorers import JUDGED, load_scorer
from harness.tasks.scorers.official import EARS, SPEAKERS
from harness.tasks.scorers.opinions import OpinionScorer

# what is scored by rules here and by a judge officially
_BY_RULES = {"mathvista-rules": "mathvista-extracted"}


def unofficial(store: RunStore, scorer: str) -> tuple[Deviation, ...]:
    """One deviation for each model whose work the scorer reads and which is not the official one; or where rules were
    taken for it. Empty for scorers that read none, and before anybody was asked."""
    return tuple(Deviation(name, "unknown", detail) for name, detail in _found(store, scorer))


def _found(store: RunStore, scorer: str) -> Iterator[tuple[str, str]]:
    """(which part of the protocol, what of it is otherwise)"""
    if scorer in _BY_RULES:
        official = cast(OpinionScorer, load_scorer(_BY_RULES[scorer])).protocol.judge
        yield "grader", f"answers extracted by rules instead of by {official}"
    if scorer in EARS and (detail := _ear(store, scorer)):
        yield "ear", detail
    if scorer in SPEAKERS and (speaker := store.speaker()) and not is_named(speaker, SPEAKERS[scorer]):
        yield "speaker", f"voices compared by {speaker} instead of {SPEAKERS[scorer]}"
    if scorer in JUDGED:
        yield from _judge(store, scorer)


def _ear(store: RunStore, scorer: str) -> str:
    """Who wrote the answers down instead of the official ear, or how that one was used; "" where it is as it should."""
    by, official = store.heard_by(), EARS[scorer]
    if by is None:
        return ""
    if not is_named(by.model, official.model):
        return f"written down by {_used(by.model, by.precision)} instead of {official.model}"
    # what an earlier version did not note is taken to be right
    differs = [
        f"in {used} instead of {usual}"
        for used, usual in ((by.precision, official.precision), (by.language, official.language))
        if used and usual and used != usual
    ]
    return f"written down by {by.model} {' and '.join(differs)}" if differs else ""


def _judge(store: RunStore, scorer: str) -> Iterator[tuple[str, str]]:
    by = current(store, scorer)
    if by is None:
        return
    protocol = cast(OpinionScorer, load_scorer(scorer)).protocol
    differs, named = [], is_named(by.model, protocol.judge)
    if not named:
        differs.append(f"opinions of {_used(by.model, by.precision)} instead of {protocol.judge}")
    differs.append(f"asked in the words of the file {by.worded[:8]}" if by.worded else "asked in our own words")
    if protocol.lacks:
        differs.append(protocol.lacks)
    # of the named judge in words that somebody brought it is believed that they are the official ones
    yield "wording" if named and by.worded and not protocol.lacks else "judge", ", ".join(differs)


def _used(model: str, precision: str) -> str:
    return model if precision in ("", "none") else f"{model} in {precision}"


def is_named(model: str, official: str) -> bool:
    """Whether a model is the one that is named officially; capitals and dashes do not matter. A folder of somebody's
    never is: its id says that it is one."""
    return _plain(model) == _plain(official)


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))
