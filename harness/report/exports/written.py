"""Values as text that is the same every time."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from harness.records import Deviation, Estimate
from harness.report import words
from harness.report.exports.asked import whole
from harness.report.exports.chosen import Measured, versions
from harness.tasks.scorers import CORPUS_BLEU, ERROR_RATES
from harness.verdicts.wording import count

# the rest that str.splitlines splits at are controls, which JSON escapes anyway
_BREAKS = tuple((mark, f"\\u{ord(mark):04x}") for mark in "\x85\u2028\u2029")


def document(value: Any) -> str:
    """JSON over several lines; raises ValueError for numbers that JSON does not have."""
    return whole(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2)) + "\n"


def line(value: Any) -> str:
    """JSON on one line, with its line break; one line also for readers that split at every break Unicode knows, as
    `str.splitlines` does."""
    text = whole(json.dumps(value, ensure_ascii=False, allow_nan=False))
    for mark, escaped in _BREAKS:
        text = text.replace(mark, escaped)
    return text + "\n"


class Lines:
    """A file's lines, made anew whenever they are asked for, and what is to be known of all of them: it is kept of the
    first whole pass, which is the writing of the file where that comes first.

    `make` gives each line with what goes into `digest`.
    """

    def __init__(self, make: Callable[[], Iterator[tuple[bytes, bytes]]]) -> None:
        self._make = make
        self._known: tuple[int, str] | None = None

    def __call__(self) -> Iterator[bytes]:
        """The lines, one after the other."""
        rows, found = 0, hashlib.sha256()
        for text, hashed in self._make():
            rows += 1
            found.update(hashed)
            yield text
        self._known = rows, found.hexdigest()

    def __bool__(self) -> bool:
        """Whether there is one."""
        return bool(self._known[0]) if self._known else next(self(), None) is not None

    @property
    def rows(self) -> int:
        """How many there are."""
        return self._whole()[0]

    @property
    def digest(self) -> str:
        """sha256 over what they give for it, in hex."""
        return self._whole()[1]

    def _whole(self) -> tuple[int, str]:
        if self._known is None:
            for _ in self():
                pass
        assert self._known is not None  # the pass was whole
        return self._known


def texts(values: Mapping[str, object]) -> dict[str, str]:
    """Those that are something, as text: text as it is, all else as JSON."""
    given = {key: value for key, value in values.items() if value not in (None, "", (), [], {})}
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for key, value in given.items()
    }


def percent(fraction: float) -> float:
    """100 times the fraction as it is written: 0.795 gives 79.5, where the product of the binary numbers may not."""
    return float(Decimal(repr(fraction)).scaleb(2))


def metric(scorer: str) -> str:
    """`accuracy`, `wer`, `cer` or `bleu`: what the scorer's figure is, in the names of hf.co/metrics."""
    if scorer in CORPUS_BLEU:
        return "bleu"
    if scorer not in ERROR_RATES:
        return "accuracy"
    return "cer" if "cer" in scorer.split("-") else "wer"


def judged_by(run: Measured) -> str:
    """`math 3`: the judging scorer and its version."""
    return " ".join(next(versions(run))).rstrip()


def interval(estimate: Estimate) -> str:
    """`95 % interval 78.1–80.9 (stratified)`, in percent; nothing where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    shown = words.interval(estimate.low, estimate.high, estimate.unit)
    return f"{100 * estimate.level:.4g} % interval {shown} ({estimate.method})"


def drawn(run: Measured) -> str:
    """`mean of 64 generations for each of 30 questions`."""
    made = run.estimate
    return f"mean of {count(made.rounds, 'generation')} for each of {count(made.questions, 'question')}"


def lost(run: Measured) -> str:
    """Outputs without an answer of the model's own, which the figure counts as wrong."""
    counts = run.estimate.counts or run.story.run.counts
    named = {
        "truncated": counts.truncated,
        "without an answer": counts.no_answer,
        "unscored": counts.unscored,
        "errored": counts.errored,
    }
    found = [f"{number:,} {what}" for what, number in named.items() if number]
    return f"{', '.join(found)}, counted as wrong" if found else ""


def deviations(items: Iterable[Deviation]) -> str:
    return "; ".join(f"{item.name}: {item.detail}" for item in items)


def about(run: Measured) -> str:
    """Everything a leaderboard has no field for, in one line."""
    spec, native = run.spec, run.model.native_precision if run.model else None
    quantized = f" (native {native})" if native and native != spec.precision else ""
    differs = deviations(run.story.run.deviations)
    parts = (
        drawn(run),
        interval(run.estimate),
        f"{spec.precision}{quantized}",
        f"protocol {spec.protocol}: {sampling(run)}",
        f"scorer {judged_by(run)}",
        lost(run),
        f"deviations: {differs}" if differs else "",
        f"run {run.name}",
    )
    return "; ".join(part for part in parts if part)


def sampling(run: Measured) -> str:
    """`temperature 0.6, top_p 0.95, top_k 40, 32,768 tokens`."""
    return words.drawing(run.spec.sampling)
