"""Scorers: how an answer is read out of an output and compared with its target, one name for each rule."""

from harness.tasks.scorers.base import Scorer, judged, unscored
from harness.tasks.scorers.catalogue import (
    AFTERWARDS,
    CIRCULAR,
    CORPUS_BLEU,
    ERROR_RATES,
    JUDGED,
    MEANS,
    SCORERS,
    WEIGHTED,
    load_scorer,
)

__all__ = [
    "AFTERWARDS",
    "CIRCULAR",
    "CORPUS_BLEU",
    "ERROR_RATES",
    "JUDGED",
    "MEANS",
    "SCORERS",
    "WEIGHTED",
    "Scorer",
    "judged",
    "load_scorer",
    "unscored",
]
