"""Patterns of sentences: `Measured {value}, interval {interval:interval}` as a regular expression with its Japanese."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from harness.errors import ConfigError

NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?"
DATE = r"\d{4}(?:-\d\d){1,2}"
LONGEST = 8_000
"""Characters of a sentence. Longer ones are none of ours, and patterns with several texts take their time."""
_PLACE = re.compile(r"\{(\w+)(?::(\w+))?\}")
_MAYBE = re.compile(r"\[(\w+)\]")
# a text within a sentence; bounded, so that a hostile sentence costs no more than its length
_SHAPES: Mapping[str, str] = {"n": NUMBER, "date": DATE, "raw": r"\S(?:.{0,398}?\S)?", "name": r"\S{1,200}?"}
_ANY = r".+?"

Say = Callable[[str, str], str | None]
"""The text of a kind in Japanese: (kind, text); None where it is none of that kind."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """`shape` with a group for every place; `kinds`: what each place holds; `template`: the Japanese, its places in
    braces."""

    english: str
    shape: re.Pattern[str]
    kinds: tuple[tuple[str, str], ...]
    template: str

    def apply(self, text: str, say: Say) -> str | None:
        """The Japanese for a text that fits, None for any other."""
        found = self.shape.fullmatch(text)
        if found is None:
            return None
        values: dict[str, str] = {}
        for name, kind in self.kinds:
            told = found[name] if kind in _SHAPES else say(kind, found[name])
            if told is None:
                return None
            values[name] = told
        # places are replaced in one pass: what stands in a value is never a place
        return _PLACE.sub(lambda place: values[place[1]], self.template)


def compiled(english: str, japanese: str, fixed: Mapping[str, str] = _SHAPES) -> Pattern:
    """`fixed`: the expressions of kinds that have one. Raises ConfigError where both do not name the same places."""
    kinds: list[tuple[str, str]] = []
    shape, end = "", 0
    for place in _PLACE.finditer(english):
        kind = place[2] or "n"
        kinds.append((place[1], kind))
        shape += _literal(english[end : place.start()]) + f"(?P<{place[1]}>{fixed.get(kind, _ANY)})"
        end = place.end()
    named, used = {name for name, _ in kinds}, set(re.findall(r"\{(.*?)\}", japanese))
    if named != used:
        raise ConfigError(f"The Japanese for {english!r} names {sorted(used)}, not {sorted(named)}.")
    return Pattern(english, re.compile(shape + _literal(english[end:])), tuple(kinds), japanese)


def sections(content: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[Pattern, ...]]:
    """Every kind's patterns, in their order."""
    fixed = _shapes(content)
    return {
        kind: tuple(compiled(str(en), str(ja), fixed) for en, ja in found.items()) for kind, found in content.items()
    }


def _shapes(content: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Expressions of the kinds that have one: those that name no kind without. Where such a text ends, no other text
    can tell wrongly."""
    shapes, waiting = dict(_SHAPES), dict(content)
    while True:
        ready = [k for k, found in waiting.items() if all(_kinds_in(str(en)) <= shapes.keys() for en in found)]
        if not ready:
            return shapes
        for kind in ready:
            shapes[kind] = "|".join(_nameless(str(en), shapes) for en in waiting.pop(kind))


def _kinds_in(english: str) -> set[str]:
    return {place[2] or "n" for place in _PLACE.finditer(english)}


def _nameless(english: str, shapes: Mapping[str, str]) -> str:
    parts, end = [], 0
    for place in _PLACE.finditer(english):
        parts += [_literal(english[end : place.start()]), f"(?:{shapes[place[2] or 'n']})"]
        end = place.end()
    return "".join([*parts, _literal(english[end:])])


def first(patterns: Iterable[Pattern], text: str, say: Say) -> str | None:
    """What the first pattern that fits makes of it."""
    for pattern in patterns:
        told = pattern.apply(text, say)
        if told is not None:
            return told
    return None


def _literal(text: str) -> str:
    """`round[s]` stands for both, everything else for itself."""
    parts, end = [], 0
    for maybe in _MAYBE.finditer(text):
        parts += [re.escape(text[end : maybe.start()]), f"(?:{maybe[1]})?"]
        end = maybe.end()
    return "".join([*parts, re.escape(text[end:])])
