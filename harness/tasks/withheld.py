"""Benchmarks whose questions must not be printed: their authors ask for it, or their licence forbids it.

A run of one may be judged and its scores shown, but neither its questions nor its outputs, which quote them.
"""

import re

# by the name that the task, or the repository its rows come from, has among its words
_REASONS = {
    "gpqa": "the authors of GPQA ask that its questions are not shown in public, as text or as images, so that they "
    "do not enter training data (arXiv:2311.12022, and the dataset's card)",
    "hle": "the authors of Humanity's Last Exam ask that its questions are not shown in public, so that they do not "
    "enter training data (the dataset's card)",
    "video-mme": "the licence of Video-MME lets nobody hand on any part of it without its authors' approval",
}


def withheld(task: str, dataset: str = "") -> str:
    """Why the questions of a task must not be printed; "" where they may.

    `task` is its name, of ours or of lm-eval's; `dataset` the fingerprint of its rows, which names the repository they
    come from where they come from one.
    """
    for text in (task, dataset):
        for name, reason in _REASONS.items():
            if re.search(rf"(?<![a-z0-9]){name}(?![a-z0-9])", text.lower().replace("_", "-")):
                return reason
    return ""
