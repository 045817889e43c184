"""The words of a verdict."""

from typing import Literal

Outcome = Literal[
    "reproduced",
    "lower",
    "higher",
    "supported",
    "contradicted",
    "inconclusive",
    "not_run",
    "untestable",
]
# strongest first
Evidence = Literal["measured", "rescored", "inspected", "published", "none"]
EVIDENCE_ORDER: tuple[Evidence, ...] = ("measured", "rescored", "inspected", "published", "none")
# outcomes that say something about the claim
DECIDED: tuple[Outcome, ...] = ("reproduced", "lower", "higher", "supported", "contradicted")
