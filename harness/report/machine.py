"""Sheets about one model and one machine: an inspected checkpoint, a planned run, the doctor's list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Group, RenderableType
from rich.text import Text

from harness.report.cells import Fitted, cell, command, dash, frame, prose
from harness.report.words import NOTHING

_LOOKS = {"yes": "green", "no": "red", "unknown": "yellow", "ok": "green", "warn": "yellow", "fail": "red"}


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One run as planned on this machine.

    `generations` = questions x repeats, 0 while the dataset cannot be read. Weights and KV cache in GB (10^9 bytes,
    None: not known). `fits_why` gives the sum behind `fits`. `decides`: ids of the claims whose checks the run feeds.
    `smallest_difference`: in percentage points, the smallest true difference the run would probably show (None: not
    a score). `blocked_by`: what must be provided first, empty when nothing must. `command` starts the run.
    """

    run: str
    model: str
    precision: str
    task: str
    questions: int
    repeats: int
    generations: int
    weights_gb: float | None
    kv_gb: float | None
    fits: Literal["yes", "no", "unknown"]
    fits_why: str
    decides: tuple[str, ...]
    smallest_difference: float | None
    blocked_by: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class DoctorLine:
    """One thing the harness needs: how it is, and what to do about it."""

    name: str
    state: Literal["ok", "warn", "fail"]
    value: str
    remedy: str = ""


def plan_table(lines: Sequence[PlanLine], width: int | None = None) -> RenderableType:
    """One line per run; below the table what stands in the way, and the commands."""
    if width is None:
        return Fitted(lambda found: plan_table(lines, found))
    shown = frame(
        width,
        ("Model, task", None, 4),
        ("Generations", 13, None),
        ("Weights + KV", 14, None),
        ("Fits", None, 3),
        ("Decides", None, 3),
        ("Smallest", 9, None),
    )
    for line in lines:
        memory = " + ".join(NOTHING if gb is None else f"{gb:,.1f}" for gb in (line.weights_gb, line.kv_gb))
        difference = NOTHING if line.smallest_difference is None else f"{line.smallest_difference:.1f} pt"
        shown.add_row(
            cell(f"{line.model} ({line.precision})", line.task),
            cell(*_size(line)),
            cell(f"{memory} GB"),
            cell(line.fits, line.fits_why, style=_LOOKS[line.fits]),
            cell(dash(" ".join(line.decides))),
            cell(difference),
        )
    blocked = (x for x in lines if x.blocked_by)
    waits = (prose(f"{x.model} on {x.task} waits for: {x.blocked_by}", "yellow") for x in blocked)
    return Group(shown, *waits, *(command(line.command) for line in lines if line.command))


def _size(line: PlanLine) -> tuple[str, str]:
    if not line.questions:
        return NOTHING, f"questions × {line.repeats:,}"
    return f"{line.generations:,}", f"{line.questions:,} × {line.repeats:,}"


def doctor_table(lines: Sequence[DoctorLine], width: int | None = None) -> RenderableType:
    """State, name, value, remedy; the state is a word as well as a colour."""
    if width is None:
        return Fitted(lambda found: doctor_table(lines, found))
    shown = frame(width, ("", 4, None), ("What", None, 2), ("Found", None, 4), ("What to do", None, 4))
    for line in lines:
        shown.add_row(Text(line.state, _LOOKS[line.state]), cell(line.name), cell(line.value), cell(line.remedy))
    return shown
