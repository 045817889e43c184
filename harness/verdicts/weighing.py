"""What weakens or strengthens a measured finding: deviations from the protocol and lost outputs (STATISTICS §6).

A measured finding makes a statement that the score lies `above` or `below` something. That direction alone says
which deviations could explain it away, so the rules of §6 stand here once, for every relation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from harness.records import Deviation
from harness.verdicts.finding import Finding
from harness.verdicts.trials import Trial
from harness.verdicts.wording import listed, points

# Deviations that hold any finding back, also one "above": whoever else judges, hears or compares may be lenient as well
# as strict, and a judge that gives full marks to everything would make every claim true.
EITHER_WAY = frozenset({"judge", "ear", "speaker"})

Leaning = Literal["above", "below"]


def weigh(trial: Trial, finding: Finding, leaning: Leaning, edge: float) -> Finding:
    """A finding on the score being above or below `edge`, after deviations and lost outputs had their say (§6).

    - `below`: the lost share could lift the score, so it must stay below the edge with all of it right. Of an error
      rate it is `above` that must stay so, for the lost share counts as errors.
    - a deviation that can only work against what was found strengthens it (`a fortiori`), one that can only work
      towards it could explain it (inconclusive); of unknown direction, it leaves "under these settings", and never
      "below" (of an error rate: "above"). Another judge, ear or speaker model than the protocol's holds back both.
    """
    low, high = trial.interval
    lost = trial.estimate.lost_share
    if trial.errors_counted:
        # the lost outputs may have as few errors as none: the interval reaches down by their share
        low, lost = max(low - lost, 0.0), 0.0
        if leaning == "above" and low <= edge:
            return replace(
                finding,
                outcome="inconclusive",
                reason=f"Truncated or failed outputs ({points(trial.estimate.lost_share)} %) could close the gap: with "
                f"all of them complete the rate may be as low as {points(low)}, and {points(edge)} is above that.",
            )
    if leaning == "below" and high + lost >= edge:
        return replace(
            finding,
            outcome="inconclusive",
            reason=f"Truncated or failed outputs ({points(lost)} %) could close the gap: the true score lies "
            f"between {points(low)} and {points(min(high + lost, 1.0))}, and {points(edge)} is inside.",
        )
    # a deviation's direction is the quality's, and an error rate rises as that falls
    good = leaning == ("below" if trial.errors_counted else "above")
    towards = ("up",) if good else ("down", "unknown")
    against = "down" if good else "up"
    blamed = [d for d in trial.deviations if d.direction in towards or d.name in EITHER_WAY]
    if blamed:
        certain = all(d.direction != "unknown" for d in blamed)
        cause = "could explain it" if certain else "could explain it, as it may move the score by an unknown amount"
        return replace(
            finding,
            outcome="inconclusive",
            reason=f"{finding.reason.rstrip('.')}, but the deviation ({_named(blamed)}) {cause}.",
            settled=True,
        )
    notes = []
    helped = [d for d in trial.deviations if d.direction == against]
    unsure = [d for d in trial.deviations if d.direction == "unknown"]
    if helped:
        notes.append(f"a fortiori: found despite {_named(helped)}")
    if unsure:
        notes.append(f"under these settings: {_named(unsure)}")
    return replace(finding, qualifiers=(*notes, *finding.qualifiers))


def _named(deviations: list[Deviation]) -> str:
    return listed(sorted({f"{d.name}: {d.detail}" if d.detail else d.name for d in deviations}))
