"""Stored opinions as scorers read them, and what a verdict has to say about whose they are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from harness import tasks
from harness.listening import voices
from harness.opinions.judges import SCRIPTED
from harness.records import Deviation, Generation, Sample, Score
from harness.store import RunStore
from harness.store.opinions import JudgedBy
from harness.tasks.scorers import JUDGED, load_scorer, unscored
from harness.tasks.scorers.opinions import OpinionScorer

NOT_JUDGED = "not judged yet: harness judge {run} --by MODEL"
"""What a score says about an answer that no judge has been asked about."""
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
    by = _current(store, scorer)
    return Evidence(by.name if by else "", _rule(store, cast(OpinionScorer, load_scorer(scorer)), by))


def _current(store: RunStore, scorer: str) -> JudgedBy | None:
    """Whose opinions count; none do that were given on what another listener heard."""
    by = store.judged_by(scorer)
    return by if by is not None and by.listener in ("", store.listener()) else None


def _rule(store: RunStore, scorer: OpinionScorer, by: JudgedBy | None) -> Rule:
    def score(sample: Sample, answer: str, generation: Generation) -> Score:
        if not answer.strip():
            return Score(sample.id, generation.repeat, scorer.name, "no_answer", 0.0, reason="the answer is empty")
        needed = scorer.settled(sample, answer) is None
        found = store.opinions(by.name, sample.id, generation.repeat) if by is not None and needed else ()
        if needed and len(found) < scorer.protocol.asks:
            return unscored(generation, scorer.name, NOT_JUDGED.format(run=store.name))
        policy = cast(tasks.Policy, by.thinking) if by is not None else "none"
        replies = [tasks.split_thinking(opinion.text, policy).answer or "" for opinion in found]
        return scorer.decide(sample, answer, generation, replies)

    return score


def other_judge(store: RunStore, scorer: str) -> tuple[Deviation, ...]:
    """How a run's opinions differ from the official ones; it may move a score either way. Empty for scorers that read
    none, and before a judge was asked."""
    by = _current(store, scorer) if scorer in JUDGED else None
    if by is None:
        return ()
    protocol = cast(OpinionScorer, load_scorer(scorer)).protocol
    differs = []
    if _plain(by.model) != _plain(protocol.judge):
        differs.append(f"opinions of {by.model} instead of {protocol.judge}")
    differs.append(f"asked in the words of the file {by.worded[:8]}" if by.worded else "asked in our own words")
    if protocol.lacks:
        differs.append(protocol.lacks)
    return (Deviation("judge", "unknown", ", ".join(differs)),)


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


def stand_in(store: RunStore, scorer: str) -> bool:
    """Whether a script stood in for the judge: what it said is evidence of nothing."""
    by = _current(store, scorer) if scorer in JUDGED else None
    return by is not None and by.model == SCRIPTED
