"""Texts of a report: the same keys and the same places in every language, written alike."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from harness.reading import read_yaml
from harness.report.lexicon import LANGUAGES

FOLDER = Path(__file__).parent.parent / "harness" / "report" / "texts"
PARTS = sorted(path.stem for path in (FOLDER / "en").glob("*.yaml"))
JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龠]")


def texts(language: str, part: str) -> dict[str, str]:
    return {str(key): str(text) for key, text in read_yaml(FOLDER / language / f"{part}.yaml").items()}


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_language_has_every_part() -> None:
    for language in LANGUAGES:
        assert sorted(path.stem for path in (FOLDER / language).glob("*.yaml")) == PARTS
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(LANGUAGES)


@pytest.mark.parametrize("part", PARTS)
def test_every_text_stands_in_every_language_with_the_same_places(part: str) -> None:
    english = {key: places(text) for key, text in texts("en", part).items()}
    assert all("" not in names and not any(n.isdigit() for n in names) for names in english.values())
    for language in LANGUAGES:
        assert {key: places(text) for key, text in texts(language, part).items()} == english


@pytest.mark.parametrize("part", PARTS)
def test_yaml_read_every_text_as_a_text(part: str) -> None:
    """`on: on` and `no: no` are truth values to YAML unless they are quoted."""
    for language in LANGUAGES:
        content = read_yaml(FOLDER / language / f"{part}.yaml")
        assert all(isinstance(key, str) and isinstance(text, str) for key, text in content.items())


@pytest.mark.parametrize("part", PARTS)
def test_japanese_is_japanese(part: str) -> None:
    english = texts("en", part)
    for key, text in texts("ja", part).items():
        # what is the same in both languages are names, marks and places
        bare = re.sub(r"\{.*?\}", "", english[key])
        assert JAPANESE.search(text) or len(bare.split()) < 3, (key, text)


@pytest.mark.parametrize("part", PARTS)
def test_japanese_has_the_marks_of_a_careful_editor(part: str) -> None:
    """Digits, Latin letters and percent signs are narrow, brackets and colons around Japanese wide; no polite forms."""
    for key, text in texts("ja", part).items():
        assert not re.search(r"[０-９Ａ-Ｚａ-ｚ％]", text), (key, text)
        assert not re.search(r"(です|ます|でした|ました|ください)(。|、|$)", text), (key, text)
        assert not re.search(r"[ぁ-んァ-ヶ一-龠。、][(:;,!]|[):;,][ぁ-んァ-ヶ一-龠]", text), (key, text)
        assert not re.search(r"\} (?=[件問回行層個文秒枚])", text), (key, text)


WORDS = {
    # one word for one thing, in every part
    "検証項目|確認項目": "検査", "巡": "ラウンド", "無回答|解答なし": "回答なし", "課題": "タスク", "装置": "デバイス",
    "こちらで|弊": "当方", "信頼度": "信頼区間", "主張の値|主張された値": "主張値", "許容誤差": "許容差",
}  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_one_word_for_one_thing(part: str) -> None:
    for key, text in texts("ja", part).items():
        for other, ours in WORDS.items():
            assert not re.search(other, text), (key, text, ours)
