"""Answers to opinions: another model is asked about each answer of a run, and its replies are stored with the run.

Between answering, asking for an opinion and scoring lies a file, as everywhere: a run may be shown to as many judges as
one likes, and each time it is scored on what one of them said. Scoring reads the stored replies and loads no model.
"""

from harness.opinions.asking import Asked, Watch, ask_judge, unwatched
from harness.opinions.judges import AGAIN, Judge, open_judge
from harness.opinions.others import unofficial
from harness.opinions.reading import Evidence, evidence_for, stand_in
from harness.opinions.waiting import waits_for, wanted_after

__all__ = [
    "AGAIN", "Asked", "Evidence", "Judge", "Watch", "ask_judge", "evidence_for", "open_judge", "stand_in", "unofficial",
    "unwatched", "waits_for", "wanted_after",
]  # fmt: skip
