"""Stored opinions as scorers read them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from harness import tasks
from harness.listening import voices
from harness.opinions.judges import SCRIPTED
from harness.records import Generation, Sample, Score
from harness.store import RunStore
from harness.store.opinions import JudgedBy, Opinion
from harness.tasks.scorers import JUDGED, load_scorer, unscored
from harness.tasks.scorers.opinions import NOT_JUDGED, OpinionScorer

Rule = Callable[[Sample, str, Generation], Score]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a scorer reads beside the output. `by`: who gave it ("" where nobody was asked). `heard`: it reads what a
    listener wrote down of a spoken answer, and not the sound itself."""

    by: str
    rule: Rule
    heard: bool = True

    @property
    def version(self) -> str:
        """What stands behind the scorer's version."""
        return self.by or "not asked"


def evidence_for(store: RunStore, scorer: str) -> Evidence | None:
    """What the run has for a scorer that needs more than the outputs; None for one that does not."""
    if scorer == voices.SCORER:
        return Evidence(store.speaker() or "", voices.rule(store), heard=False)
    if scorer not in JUDGED:
        return None
    by = current(store, scorer)
    return Evidence(by.name if by else "", _rule(store, cast(OpinionScorer, load_scorer(scorer)), by))


def current(store: RunStore, scorer: str) -> JudgedBy | None:
    """Whose opinions count; none do that were given on what another listener heard."""
    by = store.judged_by(scorer)
    return by if by is not None and by.listener in ("", store.listener()) else None


def _rule(store: RunStore, scorer: OpinionScorer, by: JudgedBy | None) -> Rule:
    def score(sample: Sample, answer: str, generation: Generation) -> Score:
        if not answer.strip():
            return Score(sample.id, generation.repeat, scorer.name, "no_answer", 0.0, reason="the answer is empty")
        if scorer.settled(sample, answer) is not None:
            return scorer.decide(sample, answer, generation, ())
        known = store.opinions(by.name, sample.id, generation.repeat) if by is not None else ()
        found = chains(known, scorer.protocol.asks)
        if by is None or not all(found):
            return unscored(generation, scorer.name, NOT_JUDGED)
        replies = [_counted(scorer, sample, [said_in(opinion, by.thinking) for opinion in chain]) for chain in found]
        return scorer.decide(sample, answer, generation, replies)

    return score


def chains(known: Sequence[Opinion], asks: int) -> tuple[tuple[Opinion, ...], ...]:
    """The replies to each of the opinions that a protocol wants, in the order in which they were asked for."""
    return tuple(tuple(o for o in known if o.ask % asks == ask) for ask in range(asks))


def said_in(opinion: Opinion, thinking: str) -> str:
    """The reply behind the judge's thought; "" where that was not ended."""
    return tasks.split_thinking(opinion.text, cast(tasks.Policy, thinking)).answer or ""


def readable(scorer: OpinionScorer, sample: Sample, reply: str) -> bool:
    """Whether a reply is in the form asked for."""
    return scorer.read(reply, sample) is not None


def _counted(scorer: OpinionScorer, sample: Sample, replies: Sequence[str]) -> str:
    """The first that can be read; else the last."""
    return next((reply for reply in replies if readable(scorer, sample, reply)), replies[-1])


def stand_in(store: RunStore, scorer: str) -> bool:
    """Whether a script stood in for the judge, or bands of frequencies for a speaker model: what they found is evidence
    of nothing."""
    if scorer == voices.SCORER:
        return (store.speaker() or "").startswith(f"{voices.SCRIPTED}-")
    by = current(store, scorer) if scorer in JUDGED else None
    return by is not None and by.model == SCRIPTED
