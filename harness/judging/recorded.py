"""The committed verdicts of all claims, reached without runs of any one machine: results/verdicts.json."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import places
from harness.errors import HarnessError
from harness.records import Verdict


def verdicts_file() -> Path:
    """The committed verdicts of all claims, without runs of any one machine."""
    return places.results() / "verdicts.json"


def as_recorded(found: Sequence[Verdict]) -> str:
    """The text of verdicts.json for verdicts reached without runs of any one machine."""
    whole = {v.claim: {"outcome": v.outcome, "evidence": v.evidence, "reason": v.reason} for v in found if v.check < 0}
    return json.dumps({"verdicts": whole}, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def write_verdicts(found: Sequence[Verdict]) -> None:
    """Writes results/verdicts.json."""
    verdicts_file().write_text(as_recorded(found), encoding="utf-8")


def recorded_verdicts() -> Mapping[str, Mapping[str, Any]]:
    """claim id → {outcome, evidence, reason} as committed; empty before the file was ever made."""
    try:
        content: dict[str, Any] = json.loads(verdicts_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise HarnessError(f"{verdicts_file()} cannot be read ({error}): harness table writes it anew.") from error
    found: dict[str, Mapping[str, Any]] = content["verdicts"]
    return found
