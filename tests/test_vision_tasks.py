"""Questions about images, sounds and films: rows from small files made here, prompts, media, options, rotations."""

import base64
import gzip
import io
import json
import time
import wave
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness import media, scoring
from harness.claims import load_claims
from harness.errors import DatasetError, MediaError
from harness.records import BenchmarkCheck, Counts, Generation, Media, MediaLimits, Sample, Score, ScoreTable
from harness.tasks import load_task, task_names
from harness.tasks.rows import read_rows
from harness.tasks.scorers import CIRCULAR, load_scorer
from harness.tasks.scorers.instructions import DRAWN
from harness.tasks.scorers.mathvista_rules import extracted
from harness.tasks.scorers.options import by_question, named_option, together
from harness.tasks.sources import Source
from harness.tasks.vision import VISION_TASKS
from harness.tasks.vision.base import SELECT
from harness.tasks.vision.folder import below, medium
from harness.tasks.vision.mathvista import query
from harness.tasks.vision.mmmu import THINK
from harness.tasks.vision.mmmu_pro import STANDARD, VISION
from harness.tasks.vision.mvbench import KINDS, SYSTEM
from harness.tasks.vision.video_mme import subtitles

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
MATHVISTA = SHARED / "lupantech__MathVista"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of shared data is not beside the checkout")


@pytest.fixture(autouse=True)
def _no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)


def picture(colour: str = "red", size: tuple[int, int] = (56, 28)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, format="PNG")
    return buffer.getvalue()


def sound(seconds: float = 0.5, rate: int = 16000) -> bytes:
    tone = np.sin(np.arange(int(seconds * rate)) * 2 * np.pi * 440 / rate) * 8000
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(tone.astype("<i2").tobytes())
    return buffer.getvalue()


def film(path: Path, frames: int = 20, fps: int = 5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(frames):
            pixels = np.full((64, 64, 3), number * 5, dtype=np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        file.mux(stream.encode())
    return path


def parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def tsv(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("\n".join(["\t".join(rows[0]), *("\t".join(map(str, r.values())) for r in rows)]), encoding="utf-8")


def samples(name: str, folder: Path) -> list[Sample]:
    task = load_task(name, data_dir=folder)
    found = list(task.samples())
    assert task.questions() == len(found) == len({s.id for s in found})
    assert task.dataset_fingerprint().startswith("sha256:")
    assert all(json.dumps(s.row) for s in found)
    assert [s.id for s in task.samples(1)] == [s.id for s in found[:1]]
    for scorer in task.scorers:
        assert {*load_scorer(scorer).fields} <= {*found[0].row}
    return found


def parts(sample: Sample) -> tuple[str | Media, ...]:
    (message,) = sample.messages
    assert message.role == "user"
    return message.parts


def decoded(sample: Sample) -> list[Any]:
    return [media.read(one, MediaLimits()) for one in sample.messages[0].media]


def scored(scorer: str, answer: str, target: str, ended: Literal["stop", "length"] = "stop", /, **row: Any) -> Score:
    return load_scorer(scorer).score(Sample("s/0", target, row=row), answer, Generation("s/0", 0, answer, ended))


# --- which tasks there are --------------------------------------------------------------------------------------


def test_the_claims_benchmarks_have_tasks() -> None:
    wanted = {
        check.benchmark
        for claim in load_claims()
        for check in claim.checks
        if isinstance(check, BenchmarkCheck) and claim.subject == "qwen2.5-omni-7b"
    }
    seen = {
        "mmmu", "mmmu-pro", "mathvista", "mmbench-v1.1-en", "mmstar", "video-mme", "mvbench", "egoschema", "omnibench",
    }  # fmt: skip
    assert seen <= wanted and seen <= {*task_names()}
    # the published figures by kind and with subtitles are named the same way
    assert {"omnibench-speech", "omnibench-sound-event", "omnibench-music", "video-mme-subtitles"} <= {*VISION_TASKS}


@pytest.mark.parametrize("name", VISION_TASKS)
def test_missing_rows_are_one_sentence_that_says_what_is_wanted(name: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r" not on this machine.*put .+ into a folder .*--data-dir FOLDER"):
        list(load_task(name, data_dir=tmp_path).samples())
    with pytest.raises(DatasetError, match="There is no data folder"):
        load_task(name, data_dir=tmp_path / "nowhere").questions()


# --- MMMU -------------------------------------------------------------------------------------------------------

MMMU_ROW: dict[str, Any] = {
    "id": "validation_Art_Theory_1", "question": "Which is it, <image 1> or <image 2>?",
    "options": "['a cube', 'a cone']",
    "question_type": "multiple-choice", "answer": "B", "image_1": {"bytes": picture(), "path": None},
    "image_2": {"bytes": picture("blue"), "path": None}, "image_3": None,
}  # fmt: skip


def test_mmmu_images_come_first_in_order(tmp_path: Path) -> None:
    parquet(tmp_path / "MMMU/Art_Theory/validation-00000-of-00001.parquet", [MMMU_ROW])
    opened = MMMU_ROW | {
        "id": "validation_Math_2",
        "question_type": "open",
        "options": "[]",
        "answer": "['7', 'seven']",
    }
    parquet(tmp_path / "MMMU/Math/validation-00000-of-00001.parquet", [opened])
    closed, free = samples("mmmu", tmp_path)
    text = "Question: Which is it, <image 1> or <image 2>?\nOptions:\nA. a cube\nB. a cone\n" + SELECT
    assert [*parts(closed)[2:]] == [text] == [closed.messages[0].content]
    assert closed.id == "mmmu/validation_Art_Theory_1" and closed.target == "B"
    assert closed.row["subject"] == "Art_Theory" and closed.row["index2ans"] == {"A": "a cube", "B": "a cone"}
    red, blue = decoded(closed)
    assert (red.pixels[0, 0] == (255, 0, 0)).all() and (blue.pixels[0, 0] == (0, 0, 255)).all()
    assert parts(free)[-1] == "Question: Which is it, <image 1> or <image 2>?" and free.row["answer"] == ["7", "seven"]
    assert [parts(s)[-1] for s in samples("mmmu-cot", tmp_path)] == [text + THINK, str(parts(free)[-1]) + THINK]
    assert scored("mmmu", "(B)", "B", **closed.row).value == 1.0
    assert scored("mmmu", "It is seven.", "", **free.row).value == 1.0


def test_mmmu_guesses_are_told(tmp_path: Path) -> None:
    row = {"question_type": "multiple-choice", "index2ans": {"A": "a cube", "B": "a cone"}, "answer": "B"}
    assert scored("mmmu", "hm", "B", **row).status == "no_answer"
    drawn = scored("mmmu-official", "hm", "B", **row)
    assert drawn.answer in ("A", "B") and drawn.reason == DRAWN
    assert scored("mmmu-official", "(B)", "B", **row).reason is None
    assert scored("mmmu-pro-official", "hm", "B", options=["a", "b"]).reason == DRAWN


def test_a_formula_as_answer_is_no_list(tmp_path: Path) -> None:
    jsonl(tmp_path / "mmmu_val.jsonl", [{**MMMU_ROW, "image_1": "x.png", "image_2": None, "question_type": "open",
                                         "answer": "[H+]"}])  # fmt: skip
    (sample,) = samples("mmmu", tmp_path)
    assert sample.row["answer"] == "[H+]"


def test_mmmu_pro_is_both_settings(tmp_path: Path) -> None:
    row = {
        "question": "<image 1> Which?",
        "options": str([f"o{n}" for n in range(10)]),
        "answer": "J",
        "subject": "Art",
    }
    image = {"bytes": picture(), "path": None}
    parquet(tmp_path / "MMMU_Pro/standard (10 options)/test-00000-of-00001.parquet", [row | {"image_1": image}] * 2)
    with pytest.raises(DatasetError, match="vision"):
        list(load_task("mmmu-pro", data_dir=tmp_path).samples())
    parquet(tmp_path / "MMMU_Pro/vision/test-00000-of-00001.parquet", [row | {"image": image}] * 2)
    both = samples("mmmu-pro", tmp_path)
    assert [s.id.rpartition("/")[0] for s in both] == ["mmmu-pro-standard"] * 2 + ["mmmu-pro-vision"] * 2
    options = "\n".join(f"{letter}. o{n}" for n, letter in enumerate("ABCDEFGHIJ"))
    assert parts(both[0])[1:] == (f"<image 1> Which?\n{options}\n{STANDARD}",)
    assert parts(both[2])[1:] == (VISION,) and "Answer: $LETTER" in VISION
    assert both[2].target == "J" and scored("mmmu-pro", "Answer: J", "J", **both[2].row).value == 1.0
    assert "Think" not in str(parts(samples("mmmu-pro-standard-direct", tmp_path)[0])[-1])
    assert "Think" not in str(parts(samples("mmmu-pro-vision-direct", tmp_path)[0])[-1])


# --- MathVista --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("row", "hint", "end"), [
    ({"question_type": "multi_choice", "answer_type": "text", "choices": ["1", "2"], "precision": None, "unit": None},
     "and provide the correct option letter, e.g., A, B, C, D, at the end.", "Question: Q?\nChoices:\n(A) 1\n(B) 2"),
    ({"question_type": "free_form", "answer_type": "float", "choices": None, "precision": 2.0, "unit": "$"},
     "requiring a floating-point number with two decimal places and provide the final value, e.g., 1.23, 1.34, 1.45, "
     "at the end.", "Question: Q? (Unit: $)"),
    ({"question_type": "free_form", "answer_type": "list", "choices": None, "precision": None, "unit": ""},
     "requiring a Python list as an answer and provide the final list, e.g., [1, 2, 3], [1.2, 1.3, 1.4], at the end.",
     "Question: Q?"),
])  # fmt: skip
def test_mathvista_hints(row: dict[str, Any], hint: str, end: str) -> None:
    assert query(row | {"question": "Q?"}) == f"Hint: Please answer the question {hint}\n{end}"


@needs_shared
def test_mathvista_asks_what_was_asked() -> None:
    """990 queries are the recorded ones; the other ten differ in their choices only, nine in no more than the order."""
    recorded = json.loads(gzip.decompress((MATHVISTA / "results/bard/output_bard.json.gz").read_bytes()))
    task = load_task("mathvista", data_dir=MATHVISTA / "data")
    asked = {s.id.rpartition("/")[2]: s for s in task.samples()}
    assert task.questions() == len(asked) == 1000 and asked.keys() == recorded.keys()
    other = [(parts(asked[k])[1], v["query"]) for k, v in recorded.items() if parts(asked[k])[1] != v["query"]]
    assert len(other) == 10
    for ours, theirs in other:
        assert str(ours).partition("\nChoices:")[0] == theirs.partition("\nChoices:")[0]
    image, _ = parts(asked["1"])
    assert isinstance(image, Media) and image.path == str(MATHVISTA / "data/images/1.jpg")


@needs_shared
@pytest.mark.parametrize(
    ("model", "official", "ours", "same", "refused"), [("bard", 348, 326, 972, 10), ("gpt4", 261, 143, 876, 117)]
)
def test_mathvista_rules_beside_the_official_verdicts(
    model: str, official: int, ours: int, same: int, refused: int
) -> None:
    """`refused`: responses that name no option and were marked right, for the official comparison gives them the one
    with the smallest edit distance."""
    path = MATHVISTA / f"results/{model}/output_{model}.json.gz"
    rows = json.loads(gzip.decompress(path.read_bytes())).values()
    marks, agree, found_none = [], 0, 0
    for row in rows:
        score = scored("mathvista-rules", row["response"], row["answer"], **row)
        agree += bool(score.value) == row["true_false"]
        marks.append(bool(score.value))
        found_none += row["true_false"] and score.status == "no_answer"
        assert scored("mathvista", row["extraction"] or "", row["answer"], **row).value == float(row["true_false"])
    assert (sum(row["true_false"] for row in rows), sum(marks), agree) == (official, ours, same)
    assert found_none == refused


CHOICES = {
    "question_type": "multi_choice",
    "answer_type": "text",
    "choices": ["145°", "yes", "dark red"],
    "precision": None,
}
WHOLE = {"question_type": "free_form", "answer_type": "integer", "choices": None, "precision": None}


@pytest.mark.parametrize(("row", "response", "answer"), [
    (CHOICES, "The correct answer is **(A) 145°**.\n\nSince the bisectors meet, it is.", "A"),
    (CHOICES, "We find\n\\boxed{145°}", "A"),
    (CHOICES, "Let me see.\nDark red", "C"),
    (CHOICES, "It could be (B), but then (C).\nSo I chose the latter.", "C"),
    (CHOICES, "I cannot see the image.", None),
    (CHOICES, "", None),
    (WHOLE, "There are 3 rows of 4, so the answer is 12.", "12"),
    (WHOLE, "The price is $1,234.", "1234"),
    (WHOLE, "\\boxed{-7} and not 8", "-7"),
    (WHOLE, "x = −3", "-3"),
    (WHOLE, "I cannot tell.", None),
    ({**WHOLE, "answer_type": "list"}, "Either [1, 2] or [3, 4].", "[3, 4]"),
    ({**WHOLE, "answer_type": "float", "precision": 1}, "about .5 m", ".5"),
])  # fmt: skip
def test_mathvista_extraction(row: dict[str, Any], response: str, answer: str | None) -> None:
    assert extracted(response, row) == answer


def test_mathvista_compares_what_it_extracts() -> None:
    assert (
        scored("mathvista-rules", "It is 0.46 m.", "0.5", **{**WHOLE, "answer_type": "float", "precision": 1}).value
        == 1
    )
    assert scored("mathvista-rules", "12.9", "12", **WHOLE).value == 1
    none = scored("mathvista-rules", "I cannot see it.", "yes", **CHOICES)
    assert (none.status, none.value, none.scorer) == ("no_answer", 0.0, "mathvista-rules")
    assert scored("mathvista-rules", "So we", "yes", "length", **CHOICES).status == "truncated"


# --- MMBench ----------------------------------------------------------------------------------------------------

ENCODED = base64.b64encode(picture(size=(280, 280))).decode()
MMBENCH_ROWS: list[dict[str, Any]] = [
    {"index": 7, "question": "What?", "hint": "Look.", "A": "ape", "B": "bee", "C": "cat", "D": "nan", "answer": "C",
     "image": ENCODED},
    {"index": 8, "question": "Else?", "hint": "nan", "A": "yes", "B": "no", "C": "", "D": "", "answer": "A",
     "image": "7"},
    {"index": 1000007, "question": "What?", "hint": "Look.", "A": "bee", "B": "cat", "C": "ape", "D": "", "answer": "B",
     "image": "7"},
]  # fmt: skip


def test_mmbench_asks_every_rotation(tmp_path: Path) -> None:
    assert len(ENCODED) > 512
    tsv(tmp_path / "MMBench_DEV_EN.tsv", MMBENCH_ROWS)
    found = samples("mmbench-dev-en", tmp_path)
    assert [s.id for s in found] == [f"mmbench-dev-en/{i}" for i in ("7#0", "7#1", "7#2", "8#0", "8#1")]
    assert [(s.target, s.row["options"]) for s in found] == [
        ("C", ["ape", "bee", "cat"]), ("B", ["bee", "cat", "ape"]), ("A", ["cat", "ape", "bee"]),
        ("A", ["yes", "no"]), ("B", ["no", "yes"]),
    ]  # fmt: skip
    assert parts(found[1])[1] == f"Hint: Look.\nQuestion: What?\nOptions:\nA. bee\nB. cat\nC. ape\n{SELECT}"
    assert parts(found[3])[1] == f"Question: Else?\nOptions:\nA. yes\nB. no\n{SELECT}"
    # the second question has the first one's picture
    assert all(one.use.sha256 == decoded(found[0])[0].use.sha256 for s in found for one in decoded(s))
    plain = samples("mmbench-dev-en-plain", tmp_path)
    assert [(s.id, s.target) for s in plain] == [("mmbench-dev-en-plain/7", "C"), ("mmbench-dev-en-plain/8", "A")]


def test_mmbench_test_set_has_no_answers(tmp_path: Path) -> None:
    hidden = [{k: v for k, v in row.items() if k != "answer"} for row in MMBENCH_ROWS]
    tsv(tmp_path / "MMBench_TEST_EN_V11.tsv", hidden)
    with pytest.raises(DatasetError, match="only the benchmark's server has"):
        load_task("mmbench-v1.1-en", data_dir=tmp_path).questions()
    tsv(tmp_path / "MMBench_TEST_EN_V11.tsv", MMBENCH_ROWS)
    assert load_task("mmbench-v1.1-en", data_dir=tmp_path).questions() == 5
    tsv(tmp_path / "MMBench_TEST_EN_V11.tsv", [{**MMBENCH_ROWS[0], "index": "seven"}])
    with pytest.raises(DatasetError, match="wants a number"):
        load_task("mmbench-v1.1-en", data_dir=tmp_path).questions()


def test_mmstar_asks_each_question_once(tmp_path: Path) -> None:
    tsv(tmp_path / "MMStar.tsv", MMBENCH_ROWS[:2])
    assert [(s.id, s.target) for s in samples("mmstar", tmp_path)] == [("mmstar/7", "C"), ("mmstar/8", "A")]


def table(values: list[list[float | None]], lost: list[list[bool]] | None = None) -> ScoreTable:
    names = ("q/1#0", "q/1#1", "q/1#2", "q/2#0", "q/2#1")
    flags = lost or [[value is None for value in row] for row in values]
    return ScoreTable(names, tuple(map(tuple, values)), tuple(map(tuple, flags)))


def test_one_wrong_rotation_makes_the_question_wrong() -> None:
    made = together(table([[1.0, 1.0, 1.0, 1.0, 0.0], [1.0, 0.0, 1.0, 1.0, 1.0]]))
    assert (made.samples, made.values) == (("q/1", "q/2"), ((1.0, 0.0), (0.0, 1.0)))


def test_a_lost_rotation_leaves_a_question_open_unless_another_is_wrong() -> None:
    made = together(table([[1.0, None, 1.0, 0.0, None], [1.0, 1.0, 0.0, 1.0, 1.0]],
                          [[False, True, False, False, True], [False, False, True, False, False]]))  # fmt: skip
    assert made.values == ((None, 0.0), (0.0, 1.0)) and made.lost == ((True, False), (True, False))
    _, counts = by_question(table([[1.0, None, 1.0, 0.0, None]]), Counts(10, 5, 3, 1, 0, 0, 0, 2))
    assert counts == Counts(planned=4, generated=2, incorrect=1, errored=1)


@given(st.lists(st.lists(st.sampled_from([0.0, 1.0]), min_size=5, max_size=5), min_size=1, max_size=4))
def test_circular_is_never_above_plain(values: list[list[float]]) -> None:
    made, counts = by_question(table([[*row] for row in values]), Counts(5 * len(values), 5 * len(values)))
    for row, small in zip(values, made.values, strict=True):
        assert small == (float(all(row[:3])), float(all(row[3:])))
    assert counts.correct == sum(value == 1 for row in made.values for value in row)
    assert counts.judged == counts.planned == counts.generated == 2 * len(values)


def test_a_circular_run_is_measured_by_question() -> None:
    class Stored:
        def score_table(self, scorer: str, version: str) -> ScoreTable:
            return table([[1.0, 1.0, 1.0, 1.0, 0.0]])

        def counts(self, scorer: str, version: str) -> Counts:
            return Counts(5, 5, correct=4, incorrect=1)

    store: Any = Stored()
    values = {scorer: scoring.measured(store, "1", scorer) for scorer in ("circular", "option")}
    circular, plain = values["circular"][0], values["option"][0]
    assert circular is not None and plain is not None
    assert (circular.value, circular.questions, plain.value, plain.questions) == (0.5, 2, 0.8, 5)
    assert values["circular"][1] == Counts(2, 2, correct=1, incorrect=1)
    assert {"circular", "mmbench-circular"} == CIRCULAR


# --- Video-MME --------------------------------------------------------------------------------------------------

SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Hello</i> there,
I count:

2
00:00:03,000 --> 00:00:04,000
42

3
00:00:04,000 --> 00:00:05,000
42
"""
VIDEO_ROW: dict[str, Any] = {
    "videoID": "abc", "question_id": "001-1", "question": "What?",
    "options": ["A. Up.", "B. Down.", "C. Left.", "D. On."],
    "answer": "B", "duration": "short", "task_type": "Counting Problem",
}  # fmt: skip
ASKED = (
    "Select the best answer to the following multiple-choice question based on the video. Respond with only the letter "
    "(A, B, C, or D) of the correct option.\nWhat?\nA. Up.\nB. Down.\nC. Left.\nD. On.\nThe best answer is:"
)


def test_video_mme_with_and_without_subtitles(tmp_path: Path) -> None:
    folder = tmp_path / "Video-MME"
    parquet(
        folder / "videomme/test-00000-of-00001.parquet", [VIDEO_ROW, {**VIDEO_ROW, "videoID": "no", "question_id": "2"}]
    )
    film(folder / "data/abc.mp4")
    seen, absent = samples("video-mme", tmp_path)
    assert parts(seen)[1] == ASKED and seen.row["options"] == ["Up.", "Down.", "Left.", "On."]
    (read,) = decoded(seen)
    assert read.use.frames >= 4 and read.sound is None
    with pytest.raises(MediaError, match=r"no\.mp4"):
        decoded(absent)
    with pytest.raises(DatasetError, match="subtitle"):
        list(load_task("video-mme-subtitles", data_dir=tmp_path).samples())
    (folder / "subtitle").mkdir()
    (folder / "subtitle/abc.srt").write_text("\ufeff" + SRT, encoding="utf-8")
    told, silent = samples("video-mme-subtitles", tmp_path)
    said = "This video's subtitles are listed below:\nHello there,\nI count:\n42\n"
    assert parts(told)[1] == said + ASKED and parts(silent)[1] == ASKED
    assert (told.row["subtitled"], silent.row["subtitled"]) == (True, False)
    (heard, *_) = samples("video-mme-sound", tmp_path)
    assert isinstance(parts(heard)[0], Media) and parts(heard)[0].sound  # type: ignore[union-attr]  # just asserted


def test_subtitles_keep_what_is_said() -> None:
    assert subtitles(SRT) == "Hello there,\nI count:\n42"
    assert subtitles("1\n00:01.0 --> 00:02.0\n{\\an8}one &amp; two\n") == "one & two"
    assert subtitles("") == "" and subtitles("only words") == "only words"


# --- MVBench ----------------------------------------------------------------------------------------------------


def mvbench(tmp_path: Path, kind: str, **row: Any) -> Sample:
    row = {"video": "v.mp4", "question": "What?", "candidates": ["up", "down"], "answer": "down"} | row
    path = tmp_path / f"MVBench/json/{kind.replace('-', '_')}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([row]), encoding="utf-8")
    (sample,) = samples(f"mvbench-{kind}", tmp_path)
    return sample


def test_mvbench_asks_about_a_piece_of_a_film(tmp_path: Path) -> None:
    film(tmp_path / "MVBench/video/star/Charades_v1_480/v.mp4", frames=40)
    sample = mvbench(tmp_path, "action-sequence", start=2.0, end=6.0)
    system, seen, text = parts(sample)
    assert system == SYSTEM and text == "Question: What?\nOptions:\n(A) up\n(B) down\nOnly give the best option."
    assert isinstance(seen, Media) and (seen.start, seen.end) == (2.0, 6.0) and sample.target == "B"
    assert decoded(sample)[0].use.seconds == pytest.approx(4, abs=0.5)
    whole = parts(mvbench(tmp_path, "state-change", start=2.0, end=6.0))[1]
    assert isinstance(whole, Media) and (whole.start, whole.end) == (None, None)


def test_mvbench_pictures_are_cut_by_their_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "MVBench/video/tvqa/frames_fps3_hq/clip"
    folder.mkdir(parents=True)
    for number in range(1, 31):
        (folder / f"{number:05}.jpg").write_bytes(picture())
    seen = parts(mvbench(tmp_path, "episodic-reasoning", video="clip", start=2.0, end=5.0))[1]
    assert isinstance(seen, Media) and seen.fps == 3.0 and seen.path == ""
    assert [Path(path).stem for path in seen.frames] == [f"{n:05}" for n in range(6, 16)]
    gone = parts(mvbench(tmp_path, "episodic-reasoning", video="gone", start=2.0, end=5.0))[1]
    assert isinstance(gone, Media)
    with pytest.raises(MediaError):
        media.read(gone, MediaLimits())


def test_mvbench_wants_all_kinds(tmp_path: Path) -> None:
    for kind in KINDS:
        mvbench(tmp_path, kind, video=f"{kind}.mp4")
    found = samples("mvbench", tmp_path)
    assert [s.row["subject"] for s in found] == [*KINDS] and len(found) == 20
    (tmp_path / "MVBench/json/state_change.json").unlink()
    with pytest.raises(DatasetError, match="state-change"):
        load_task("mvbench", data_dir=tmp_path).questions()


# --- EgoSchema --------------------------------------------------------------------------------------------------


def test_egoschema_asks_what_has_public_answers(tmp_path: Path) -> None:
    folder = tmp_path / "EgoSchema"
    rows = [
        {"q_uid": name, "question": "Why?", **{f"option {n}": f"reason {n}" for n in range(5)}}
        for name in ("a", "b", "c")
    ]
    folder.mkdir()
    (folder / "questions.json").write_text(json.dumps(rows), encoding="utf-8")
    with pytest.raises(DatasetError, match=r"subset_answers\.json"):
        load_task("egoschema-subset", data_dir=tmp_path).questions()
    (folder / "subset_answers.json").write_text(json.dumps({"c": 4, "a": 0}), encoding="utf-8")
    film(folder / "videos/c.mp4")
    first, last = samples("egoschema-subset", tmp_path)
    assert (first.id, first.target, last.id, last.target) == ("egoschema-subset/a", "A", "egoschema-subset/c", "E")
    assert str(parts(last)[1]).startswith("Why?\nA. reason 0\nB. reason 1\n")
    assert str(parts(last)[1]).endswith("\nAnswer with the option's letter from the given choices directly.")
    assert decoded(last)[0].use.frames >= 4
    with pytest.raises(DatasetError, match="not public"):
        load_task("egoschema", data_dir=tmp_path).questions()
    (folder / "answers.json").write_text(json.dumps({"a": 0, "b": 1}), encoding="utf-8")
    with pytest.raises(DatasetError, match="no answer for c"):
        load_task("egoschema", data_dir=tmp_path).questions()
    (folder / "answers.json").write_text(json.dumps({"a": 0, "b": 1, "c": 2}), encoding="utf-8")
    assert [s.target for s in samples("egoschema", tmp_path)] == ["A", "B", "C"]


def test_egoschema_reads_the_parquet_copy(tmp_path: Path) -> None:
    row = {
        "question_idx": "7",
        "video_idx": "v",
        "question": "Why?",
        "option": [f"{c}. r{c}" for c in "ABCDE"],
        "answer": "3",
    }
    parquet(tmp_path / "EgoSchema/Subset/test-00000-of-00001.parquet", [row])
    (sample,) = samples("egoschema-subset", tmp_path)
    assert (sample.id, sample.target, sample.row["options"][3]) == ("egoschema-subset/7", "D", "rD")


# --- OmniBench --------------------------------------------------------------------------------------------------

OMNI_ROW: dict[str, Any] = {
    "index": 0, "task type": "Action", "audio type": "speech", "question": "What?", "answer": "C three",
    "options": ["A one", "B two", "C three", "D four"],
}  # fmt: skip


def test_omnibench_sound_then_image_then_text(tmp_path: Path) -> None:
    rows = [
        OMNI_ROW
        | {"index": n, "audio type": kind, "image": {"bytes": picture(), "path": "x.png"},
           "audio": {"bytes": sound(), "path": "x.wav"}}
        for n, kind in enumerate(("speech", "Sound Event ", "music", "speech"))
    ]  # fmt: skip
    parquet(tmp_path / "OmniBench/data/train-00000-of-00001.parquet", rows)
    found = samples("omnibench", tmp_path)
    heard, seen, text = parts(found[0])
    assert isinstance(heard, Media) and isinstance(seen, Media) and (heard.kind, seen.kind) == ("audio", "image")
    assert text == (
        "Please answer the following question based on the given image and audio:\nWhat?.\nPlease choose only one "
        "answer from the following options:\nA. A one\nB. B two\nC. C three\nD. D four."
    )
    assert decoded(found[0])[0].use.seconds == pytest.approx(0.5, abs=0.01)
    kinds = {
        name: [s.id for s in samples(f"omnibench-{name}", tmp_path)] for name in ("speech", "sound-event", "music")
    }
    assert kinds == {
        "speech": ["omnibench-speech/0", "omnibench-speech/3"],
        "sound-event": ["omnibench-sound-event/1"],
        "music": ["omnibench-music/2"],
    }


def test_omnibench_reads_the_repositorys_own_files(tmp_path: Path) -> None:
    jsonl(tmp_path / "OmniBench/dataset/batch-5_1142_20240817.jsonl",
          [OMNI_ROW | {"audio_path": "a.wav", "image_path": "i.png"}])  # fmt: skip
    for name, data in (("audio/a.wav", sound()), ("image/i.png", picture())):
        path = tmp_path / "OmniBench/mm_data" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    (sample,) = samples("omnibench", tmp_path)
    assert len(decoded(sample)) == 2 and sample.target == "C"


SINGING = ["A man sings.", "The choir sings.", "A woman sings.", "Nobody sings."]


@pytest.mark.parametrize(("answer", "target", "ours", "official"), [
    ("B", "B", 1, 1),
    ("B. The choir sings.", "B", 1, 1),
    ("The choir sings.", "B", 1, 0),
    ("I hear that in the end the choir sings.", "B", 1, 1),
    # the article is read as a letter, on both sides
    ("C. A woman sings.", "C", 1, 1),
    ("A man sings.", "C", 0, 1),
    ("C", "C", 1, 0),
    ("(C) A woman sings.", "C", 1, 0),
    ("", "B", 0, 0),
])  # fmt: skip
def test_omnibench_both_rules(answer: str, target: str, ours: int, official: int) -> None:
    given = [scored(name, answer, target, options=SINGING).value for name in ("option", "omnibench-official")]
    assert given == [ours, official]


# --- options ----------------------------------------------------------------------------------------------------

ANIMALS = ["a dog", "a hot dog", "the Cat", "7"]


@pytest.mark.parametrize(("answer", "letter"), [
    ("B", "B"), ("(C)", "C"), ("The best answer is: D", "D"), ("Answer: A. a dog", "A"),
    ("a hot dog", "B"), ("It is the cat.", "C"), ("A DOG", "A"), ("a dog and the cat", None), ("hotdogs", None),
    ("17", None), ("7", "D"), ("I think\nthe cat", None), ("", None), ("the cat" + " x" * 400, None),
])  # fmt: skip
def test_option_by_letter_or_text(answer: str, letter: str | None) -> None:
    score = scored("option", answer, letter or "A", options=ANIMALS)
    assert (score.answer, score.value) == (letter, float(letter is not None))
    assert scored("circular", answer, letter or "A", options=ANIMALS).value == score.value


def test_named_option_takes_the_longest() -> None:
    assert named_option("dark red", ["red", "dark red"]) == "B"
    assert named_option("red", ["red", "dark red"]) == "A"
    assert named_option("", [""]) is None


@pytest.mark.parametrize(("answer", "letter"), [
    ("B", "B"), ("(B).", "B"), ("Z", "Z"), ("A or B", None), ("the cat", "C"), ("a hot dog", "B"), ("nothing", None),
    ("I see A dog and the CAT", "A"),
])  # fmt: skip
def test_mmbench_rule(answer: str, letter: str | None) -> None:
    options = ["a wolf", "a hot dog", "the cat", "seven"]
    for name in ("mmbench", "mmbench-circular"):
        assert scored(name, answer, "B", options=options).answer == letter


@pytest.mark.parametrize(("answer", "letter"), [
    ("B", "B"), ("The best answer is B", "B"), ("Both of them", "B"), ("The answer is (C).", "C"), ("no idea", None),
    ("", None), ("The best answer: down", None),
])  # fmt: skip
def test_video_mme_rule(answer: str, letter: str | None) -> None:
    assert scored("video-mme", answer, "B").answer == letter


@pytest.mark.parametrize(("answer", "right"), [
    ("B", 1), ("(B) down", 1), ("b.", 1), ("B) down", 1), ("A", 0), ("down", 0), ("Best option: (B)", 0),
    ("A\nB", 0), ("", 1),
])  # fmt: skip
def test_mvbench_rule(answer: str, right: int) -> None:
    assert scored("mvbench", answer, "B", options=["up", "down"]).value == right


NEEDS: dict[str, Callable[[], dict[str, Any]]] = {
    **dict.fromkeys(("option", "circular", "mmbench", "omnibench-official"), lambda: {"options": ["x (", "y 1"]}),
    **dict.fromkeys(("video-mme", "mvbench"), dict),
    "mathvista-rules": lambda: WHOLE,
}


@pytest.mark.parametrize("scorer", NEEDS)
def test_a_cut_answer_without_an_option_is_truncated(scorer: str) -> None:
    score = scored(scorer, "well, we see", "A", "length", **NEEDS[scorer]())
    assert (score.status, score.value) == ("truncated", 0.0)


@pytest.mark.parametrize("scorer", [*NEEDS, "mathvista-rules: options"])
def test_hostile_outputs_are_judged_in_time(scorer: str) -> None:
    name, _, options = scorer.partition(":")
    row = CHOICES if options else NEEDS[name]()
    for part in (
        "1",
        "1,",
        ".",
        "-",
        "$",
        "x ",
        "x (",
        "y 1",
        "(",
        "A ",
        "A.",
        "is =",
        "[",
        "[1,",
        "\\boxed{",
        "\n",
        "\ud800",
    ):
        began = time.process_time()
        scored(name, part * (200_000 // len(part)), "A", **row)
        assert time.process_time() - began < 1, part


# --- rows and media ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../secret.png", "/etc/passwd", "images/../../secret.png", "..\\secret.png", "a\0b", ""]
)
def test_paths_out_of_the_folder_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="not below"):
        below(tmp_path, name)
    jsonl(tmp_path / "mmmu_val.jsonl", [MMMU_ROW | {"image_1": name, "image_2": "fine.png"}])
    if name:
        with pytest.raises(DatasetError, match="is not read"):
            list(load_task("mmmu", data_dir=tmp_path).samples())


def test_hostile_names_of_films_are_refused(tmp_path: Path) -> None:
    jsonl(tmp_path / "video_mme.jsonl", [VIDEO_ROW | {"videoID": "../../x"}])
    with pytest.raises(DatasetError, match="is not read"):
        list(load_task("video-mme", data_dir=tmp_path).samples())


def test_media_are_bytes_base64_or_paths(tmp_path: Path) -> None:
    data = picture()
    assert medium("image", {"bytes": data, "path": "x"}, tmp_path).data == data
    assert medium("image", {"bytes": None, "path": "x.png"}, tmp_path).path == str(tmp_path / "x.png")
    assert medium("image", str(tmp_path / "a/b.png"), tmp_path).path == str(tmp_path / "a/b.png")
    assert medium("image", ENCODED, tmp_path).data == base64.b64decode(ENCODED)
    assert medium("audio", "!" * 600, tmp_path) == Media("audio")
    with pytest.raises(TypeError):
        medium("image", 7, tmp_path)


def test_a_question_without_its_picture_stays_and_cannot_be_read(tmp_path: Path) -> None:
    nothing = {**MMMU_ROW, "image_1": None, "image_2": None}
    jsonl(tmp_path / "mmmu_val.jsonl", [nothing, {**nothing, "id": "x_y_2", "image_1": "gone.png"}])
    for sample in samples("mmmu", tmp_path):
        with pytest.raises(MediaError):
            decoded(sample)


def test_a_row_of_another_shape_is_named(tmp_path: Path) -> None:
    jsonl(tmp_path / "video_mme.jsonl", [VIDEO_ROW, {**VIDEO_ROW, "answer": "Q"}])
    with pytest.raises(DatasetError, match=r"row 2: video-mme cannot use it .*'Q' is none of 4 options"):
        list(load_task("video-mme", data_dir=tmp_path).samples())
    jsonl(tmp_path / "video_mme.jsonl", [{"question": "?"}])
    with pytest.raises(DatasetError, match="its fields are 'question'"):
        list(load_task("video-mme", data_dir=tmp_path).samples())


def test_a_parquet_file_is_counted_without_its_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet(tmp_path / "MMMU/Art/validation-00000-of-00001.parquet", [MMMU_ROW] * 3)
    monkeypatch.setattr(Source, "rows", lambda _: pytest.fail("all columns were read"))
    assert load_task("mmmu", data_dir=tmp_path).questions() == 3


def test_the_fingerprint_is_over_all_files(tmp_path: Path) -> None:
    for subject in ("Art", "Math"):
        parquet(tmp_path / f"MMMU/{subject}/validation-00000-of-00001.parquet", [MMMU_ROW])
    before = load_task("mmmu", data_dir=tmp_path).dataset_fingerprint()
    parquet(tmp_path / "MMMU/Math/validation-00000-of-00001.parquet", [MMMU_ROW | {"answer": "A"}])
    assert load_task("mmmu", data_dir=tmp_path).dataset_fingerprint() != before


def test_rows_of_tsv_and_of_a_json_object(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text('a\tb\n1\t"two\nlines"\n' + "3\t" + "x" * 200_000 + "\n", encoding="utf-8")
    rows = list(read_rows(tmp_path / "x.tsv"))
    assert rows[0] == {"a": "1", "b": "two\nlines"} and len(rows[1]["b"]) == 200_000
    (tmp_path / "x.json").write_text('{"1": {"a": 2}, "2": {"a": 3}}', encoding="utf-8")
    assert [row["a"] for row in read_rows(tmp_path / "x.json")] == [2, 3]
    (tmp_path / "x.json").write_text('{"1": 2}', encoding="utf-8")
    with pytest.raises(DatasetError, match="JSON list"):
        list(read_rows(tmp_path / "x.json"))


def test_no_two_tasks_share_a_title() -> None:
    titles = Counter(load_task(name).title for name in VISION_TASKS)
    assert max(titles.values()) == 1
