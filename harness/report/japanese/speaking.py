"""English sentences of verdicts and configurations in Japanese: looked up, or matched kind by kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from harness.claims import load_claims
from harness.reading import read_yaml
from harness.report.japanese.kinds import KINDS
from harness.report.japanese.patterns import LONGEST, Pattern, first, sections

_HERE = Path(__file__).parent
_WORDS = _HERE.parent / "texts" / "ja" / "words.yaml"
# no words at all, or one name: QwQ-32B, smoke-sums, results/rescored.md
_WORDLESS = re.compile(r"[^A-Za-z]*")
_NAME = re.compile(r"(?=\S*[A-Z0-9_/-])[\x21-\x7e]{1,100}")
# what a text may be where nothing says what it is; sentences first, since they are the narrowest
_ANYTHING = ("sentence", "hardware", "title", "deviation", "detail", "measured", "probed_one", "cells", "known_values")
# kinds whose texts people write as well
_WRITTEN = ("sentence", "title")


@lru_cache(maxsize=8192)
def translated(text: str) -> str | None:
    """The text in Japanese; None where it is not known, or longer than any sentence of ours."""
    if not text.strip() or _WORDLESS.fullmatch(text):
        return text
    if len(text) > LONGEST:
        return None
    found = written(text)
    if found is not None:
        return found
    for kind in _ANYTHING:
        found = say(kind, text)
        if found is not None:
            return found
    return _aside(text)


def written(text: str) -> str | None:
    """A text of the ledger, a claim in our words, or a name, which is the same in every language."""
    found = _ledger().get(text) or _claims().get(text)
    if found is not None:
        return found
    return text if _NAME.fullmatch(text) else None


def say(kind: str, text: str) -> str | None:
    """The text as one of that kind: by the patterns of that section, else by the function of that name."""
    patterns = _sections().get(kind)
    if patterns is not None:
        return (written(text) if kind in _WRITTEN else None) or first(patterns, text, say)
    if kind == "written":
        return written(text)
    if kind in ("outcome", "evidence"):
        return _words().get(f"{kind}_{text.replace(' ', '_')}")
    return KINDS[kind](text, say)


def _aside(text: str) -> str | None:
    """`AIME24: 3 % truncated …`: a remark on one check of a claim, its title before it."""
    for colon in re.finditer(": ", text):
        title = say("title", text[: colon.start()])
        remark = translated(text[colon.end() :]) if title is not None else None
        if remark is not None:
            return f"「{title}」：{remark}"
    return None


@cache
def _sections() -> Mapping[str, tuple[Pattern, ...]]:
    return sections(read_yaml(_HERE / "sentences.yaml"))


@cache
def _ledger() -> Mapping[str, str]:
    """Everything of the ledger, whatever part it stands in."""
    return {str(en): str(ja) for part in read_yaml(_HERE / "ledger.yaml").values() for en, ja in part.items()}


@cache
def _claims() -> Mapping[str, str]:
    """Claims in our words, which stand in both languages in their files."""
    return {claim.says.en: claim.says.ja for claim in load_claims()}


@cache
def _words() -> Mapping[str, str]:
    return {str(key): str(text) for key, text in read_yaml(_WORDS).items()}
