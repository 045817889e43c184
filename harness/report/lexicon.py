"""The words of a report in one language: what we say ourselves, and what verdicts say in sentences.

Texts of ours lie in `texts/<language>/<part>.yaml`, one file per part of the report, with the same keys in every
language; a key is `<part>.<key>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from harness.errors import UnknownName
from harness.reading import read_yaml
from harness.records import Claim, Evidence, Outcome

Language = Literal["en", "ja"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
_TEXTS = Path(__file__).parent / "texts"


@dataclass(frozen=True, slots=True)
class Lexicon:
    """One language's words. English sentences of verdicts are the originals; `prose` puts them into the language."""

    language: Language
    _texts: Mapping[str, str] = field(repr=False)

    def text(self, key: str, **values: object) -> str:
        """The text of ours under `<part>.<key>`, its places filled in (`str.format`). Raises UnknownName."""
        found = self._texts.get(key)
        if found is None:
            raise UnknownName.of("text", key, self._texts)
        return found.format(**values) if values else found

    def outcome(self, word: Outcome) -> str:
        """A verdict as people write it: `not run`, `再現`."""
        return self.text(f"words.outcome_{word}")

    def outcome_meaning(self, word: Outcome) -> str:
        return self.text(f"words.outcome_{word}_means")

    def evidence(self, word: Evidence) -> str:
        return self.text(f"words.evidence_{word}")

    def evidence_meaning(self, word: Evidence) -> str:
        return self.text(f"words.evidence_{word}_means")

    def says(self, claim: Claim) -> str:
        """The claim in our words."""
        return claim.says.ja if self.language == "ja" else claim.says.en

    def prose(self, sentence: str) -> str:
        """A sentence, title or remark that the harness wrote in English, in this language; unchanged where it is not
        known (sources are not)."""
        return self._translated(sentence) or sentence

    def figure(self, text: str) -> str:
        """A number as its language's readers expect it, the plain one beside it; every other text unchanged."""
        if self.language == "en":
            return text
        # inside, since most reports are in English
        from harness.report import japanese

        return japanese.figure(text)

    def knows(self, sentence: str) -> bool:
        """Whether `prose` speaks this language for the sentence; if not, a page marks it as English."""
        return self._translated(sentence) is not None

    def _translated(self, sentence: str) -> str | None:
        if self.language == "en":
            return sentence
        # inside, since most reports are in English
        from harness.report import japanese

        return japanese.translated(sentence)


@cache
def lexicon(language: Language) -> Lexicon:
    """The words of this language. Raises ConfigError where a file of them cannot be read."""
    texts: dict[str, str] = {}
    for path in sorted((_TEXTS / language).glob("*.yaml")):
        for key, value in read_yaml(path).items():
            texts[f"{path.stem}.{key}"] = str(value)
    return Lexicon(language, texts)
