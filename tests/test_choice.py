"""Letters of multiple-choice answers: ours, the official rules, and the tasks that ask for them."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import DatasetError
from harness.records import Generation, Sample, Score
from harness.tasks import load_task
from harness.tasks.choices import REQUEST, letter_index, option_order, prompt
from harness.tasks.rows import read_rows
from harness.tasks.scorers import load_scorer
from harness.tasks.scorers.choice import LETTERS, chosen_letter, option_texts
from harness.tasks.scorers.choice_rules import guess, mmmu_letter, open_answers, open_equal

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
CASES = Path(__file__).parent / "cases"
LIGHTEVAL = SHARED / "huggingface__lighteval" / "conformance"
needs_shared = pytest.mark.skipif(not LIGHTEVAL.is_dir(), reason="the folder of shared data is not beside the checkout")


def scored(scorer: str, output: str, target: str, **row: Any) -> Score:
    sample = Sample("q/0", target, row=row)
    return load_scorer(scorer).score(sample, output, Generation("q/0", 0, output, "stop"))


def four(scorer: str, output: str, target: str = "C") -> Score:
    return scored(scorer, output, target, options=["one", "two", "three", "four"])


# --- ours -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", json.loads((CASES / "choice_letters.json").read_text("utf-8")), ids=lambda c: c["from"]
)
def test_letters(case: dict[str, Any]) -> None:
    assert chosen_letter(case["output"], LETTERS[: case["options"]]) == case["expected"]


def test_no_letter_is_no_answer_and_nothing_is_guessed() -> None:
    none = four("choice", "I do not know.")
    assert (none.status, none.value, none.answer) == ("no_answer", 0.0, None)
    # the text of an option is no letter
    assert four("choice", "It is three, of course.").status == "no_answer"
    assert four("choice", "The answer is (B).").status == "incorrect"
    assert four("choice", "The answer is (C).").value == 1.0


@given(st.sampled_from(LETTERS), st.integers(2, 26))
def test_only_letters_of_options_count(letter: str, options: int) -> None:
    allowed = LETTERS[:options]
    for form in ('{{"answer": "{}"}}', "\\boxed{{{}}}", "The answer is ({}).", "Answer: {}"):
        assert chosen_letter(form.format(letter), allowed) == (letter if letter in allowed else None)


@given(st.text(alphabet="AB \n\\{}()\"':answerisboxed.", max_size=60))
def test_any_text_gives_an_option_or_none(text: str) -> None:
    assert chosen_letter(text, "AB") in ("A", "B", None)
    for name in ("choice", "mmlu-pro", "mmlu-pro-first", "gpqa", "mmmu-pro", "mmmu-pro-official"):
        assert scored(name, text, "A", options=["x", "y"]).status in ("correct", "incorrect", "no_answer")


def test_options_are_a_list_or_one_written_out() -> None:
    assert option_texts({"options": ["a", 2]}) == ["a", "2"]
    assert option_texts({"options": "['a', \"b's\"]"}) == ["a", "b's"]
    for wrong in ("[", "'a'", [], ["x"] * 27, None, "open('x')"):
        with pytest.raises(ValueError, match=r"list|options|malformed"):
            option_texts({"options": wrong})


# --- official rules ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "first", "chain"),
    [
        ("The answer is (B). The answer is (C).", "B", "B"),
        ("answer is B", "B", "B"),
        ("The answer is (Z). Answer: C", None, "C"),
        ("Answer: A or answer: D\nAnswer: C", None, "D"),
        ("Answer:\n\nAnswer: C", None, "A"),
        ("no Answer:\nanswer: B", None, "B"),
        ("It must be B, not C because", None, "C"),
        ("BC", None, None),
        ("I cannot say.", None, "I"),
        ("", None, None),
    ],
)
def test_mmlu_pro_chain(output: str, first: str | None, chain: str | None) -> None:
    assert scored("mmlu-pro-first", output, "C").answer == first
    assert scored("mmlu-pro", output, "C").answer == chain


def reference_labelled(text: str) -> str | None:
    """The official pattern as published, which takes quadratic time on long lines."""
    found = re.search(r".*[aA]nswer:\s*([A-J])", text)
    return found[1] if found else None


@given(st.lists(st.sampled_from(["Answer:", "answer:", " ", "\n", "A", "C", "x", "nswer:"]), max_size=14).map("".join))
def test_mmlu_pro_label_is_found_as_by_the_published_pattern(text: str) -> None:
    from harness.tasks.scorers.choice_rules import _labelled

    assert _labelled(text) == reference_labelled(text)


@pytest.mark.parametrize(
    ("output", "letter"),
    [
        ("The answer is (C). I mean (D).", "C"),
        ("(B) is wrong, so Answer: (A)", "A"),
        ("answer is (x). Answer: (D)", "D"),
        ("Clearly (B)", "B"),
        ("(E) or (B)", None),
        ("C", None),
    ],
)
def test_gpqa_patterns(output: str, letter: str | None) -> None:
    assert four("gpqa", output).answer == letter


OPTIONS = {"A": "red", "B": "dark blue", "C": "green"}


@pytest.mark.parametrize(
    ("output", "letter"),
    [
        ("(A) or rather (C)", "C"),
        ("I say B .", "B"),
        ("B.", "B"),
        ("A B C", "C"),
        ("the thing is certainly dark Blue today", "B"),
        ("the thing is dark blue", None),
        ("green, then red, and then green and red", "A"),
        ("nothing of that sort is to be seen", None),
        ("", None),
    ],
)
def test_mmmu_letters(output: str, letter: str | None) -> None:
    assert mmmu_letter(output, OPTIONS, (" {} ",)) == letter


def test_mmmu_official_guesses_the_same_each_time() -> None:
    row = {"question_type": "multiple-choice", "index2ans": OPTIONS, "answer": "B"}
    assert scored("mmmu", "none", "B", **row).status == "no_answer"
    drawn = {scored("mmmu-official", "none", "B", **row).answer for _ in range(5)}
    assert drawn == {guess("q/0", 0, OPTIONS)}
    assert {guess(f"q/{i}", 0, OPTIONS) for i in range(40)} == set(OPTIONS)
    # a recorded draw is taken, but only where there is no answer
    assert scored("mmmu-official", "none", "B", **row, drawn="C").answer == "C"
    assert scored("mmmu-official", "(A)", "B", **row, drawn="C").answer == "A"


@pytest.mark.parametrize(
    ("output", "right", "equal"),
    [
        ("The result is 1,234.50", "1234.5", True),
        ("x = 3.14159", "3.14", True),
        ("x = 2\nso the total is 7", "2", False),
        ("x = 2\ny = 7", "7", True),
        ("It is a bell curve.", "bell curve", True),
        ("1e3", "1000", True),
        ("-5", "5", False),
        ("Answer C", "C", True),
        ("It is disc", "C", False),
        ("the answer is c major", "C", True),
        ("", "0", False),
        ("nan", "0", False),
        ("9" * 2000, "9", False),
    ],
)
def test_mmmu_open_answers(output: str, right: str, equal: bool) -> None:
    assert open_equal(open_answers(output), [right]) == equal


def test_mmmu_open_questions_may_have_several_right_answers() -> None:
    row = {"question_type": "open", "answer": ["blue", "azure"]}
    assert scored("mmmu", "It is azure.", "", **row).value == 1.0
    assert scored("mmmu", "It is red.", "", **row).status == "incorrect"
    assert scored("mmmu", "", "", **row).status == "no_answer"


@pytest.mark.parametrize(
    ("output", "letter"),
    [
        ("Answer: C", "C"),
        ("Answer: (B) two", "B"),
        ("Answer: A or B. Then (B)", "B"),
        ("D is it", "D"),
        ("It is C.", "C"),
        ("A. is wrong, B. too", "A"),
        ("certainly the third of the four: three", "C"),
        ("?", None),
    ],
)
def test_mmmu_pro_letters(output: str, letter: str | None) -> None:
    assert four("mmmu-pro", output).answer == letter


# --- conformance ------------------------------------------------------------------------------------------------


def explained(part: str) -> set[int]:
    entries = yaml.safe_load((CASES / "choice_conformance.yaml").read_text("utf-8"))[part]
    assert all(entry["cause"] for entry in entries)
    return {case for entry in entries for case in entry["cases"]}


@needs_shared
def test_lighteval_letters() -> None:
    cases = json.loads((LIGHTEVAL / "extractive_match_cases.json").read_text("utf-8"))
    letters = [case for case in cases if case["test"] in ("test_extraction_abc", "test_multilingual_extraction_abc")]
    differing = set()
    for number, case in enumerate(letters):
        # the letter of a gold text is its bracketed one, else the one that stands alone
        gold = re.search(r"\(([A-D])\)|\b([A-D])\b", case["gold"])
        assert gold is not None
        value = four("choice", case["pred"], gold[1] or gold[2]).value
        differing |= {number} if value != case["expected"] else set()
    assert len(letters) == 8 and differing == explained("letters")


@needs_shared
@pytest.mark.parametrize(
    ("file", "scorer", "cases"),
    [("gpqa_instruct_metric", "choice", 21), ("exact_match", "exact-match", 2), ("f1_score", "f1", 7)],
)
def test_lighteval_metrics(file: str, scorer: str, cases: int) -> None:
    suite = json.loads((LIGHTEVAL / "metric_cases" / f"{file}.json").read_text("utf-8"))["test_cases"]
    differing = set()
    for number, case in enumerate(suite):
        choices, place = case["doc"]["choices"], case["doc"]["gold_index"]
        target = choices[place[0] if isinstance(place, list) else place]
        (output,) = case["model_response"]["text"]
        (expected,) = case["expected_output"].values()
        value = scored(scorer, output, target, options=choices).value
        assert value is not None
        differing |= {number} if abs(value - expected) > case["tolerance"] else set()
    assert len(suite) == cases
    assert differing == (explained(file) if file == "gpqa_instruct_metric" else set())


# --- recorded outputs -------------------------------------------------------------------------------------------

MMLU_PRO = SHARED / "TIGER-AI-Lab__MMLU-Pro" / "eval_results"
MMMU = SHARED / "MMMU-Benchmark__MMMU"


@needs_shared
@pytest.mark.parametrize(
    ("file", "output", "scorer", "without", "rows", "right"),
    [
        ("model_outputs_Qwen1.5-110B_5shots", "generated_text", "mmlu-pro-first", 726, 12032, 5920),
        ("model_outputs_gemini-1.5-flash-002_5shots", "model_outputs", "mmlu-pro", 71, 12012, 7699),
    ],
)
def test_mmlu_pro_letters_are_the_recorded_ones(
    file: str, output: str, scorer: str, without: int, rows: int, right: int
) -> None:
    counts: Counter[str] = Counter()
    for row in read_rows(MMLU_PRO / f"{file}.json.gz"):
        score = scored(scorer, row[output], row["answer"])
        assert score.answer == row["pred"], row["question_id"]
        counts += Counter(rows=1, right=int(score.value or 0), without=score.answer is None)
    assert counts == {"rows": rows, "right": right, "without": without}


@needs_shared
@pytest.mark.parametrize(
    ("file", "output", "differences"),
    [
        # none: several letters ("(A) and (B)"), or a word ("(B"); ours: "Answer: J. True, True", which the first level
        # does not know; another: the last of several answers and not the first
        ("model_outputs_Qwen1.5-110B_5shots", "generated_text", {"none": 85, "only ours": 15, "another": 4}),
        # none: the official third level reads "I" out of "I cannot" and "A" out of a running text
        ("model_outputs_gemini-1.5-flash-002_5shots", "model_outputs", {"none": 412, "another": 100}),
    ],
)
def test_ours_differs_from_the_recorded_letters_for_known_causes(
    file: str, output: str, differences: dict[str, int]
) -> None:
    found: Counter[str] = Counter()
    several = refused = last = 0
    for row in read_rows(MMLU_PRO / f"{file}.json.gz"):
        text, recorded = row[output], row["pred"]
        ours = scored("choice", text, row["answer"], options=row["options"]).answer
        if ours == recorded:
            continue
        found["none" if ours is None else "only ours" if recorded is None else "another"] += 1
        several += ours is None and bool(re.search(r"\([A-J]\)?,? ?(?:and|or|&)? ?\(?[A-J]\b", text))
        refused += ours is None and recorded in ("A", "I")
        last += ours is not None and recorded is not None and text.rfind(f"({ours})") > text.find(f"({recorded})")
    assert found == differences
    assert several + refused > 0.8 * found["none"] and last >= 0.9 * found["another"]


@needs_shared
def test_mmmu_letters_are_the_recorded_ones() -> None:
    parsed = json.loads((MMMU / "mmmu/example_outputs/qwen_vl/total_val_output.json").read_text("utf-8"))
    values: Counter[str] = Counter()
    drawn = []
    for path in sorted((MMMU / "mmmu/example_outputs/qwen_vl").glob("*/output.json")):
        for row in read_rows(path):
            fields = {k: row[k] for k in ("question_type", "index2ans", "answer") if k in row}
            ours = scored("mmmu", row["response"], "", **fields)
            official = scored("mmmu-official", row["response"], "", **fields, drawn=parsed[row["id"]])
            values["mmmu"] += int(ours.value or 0)
            values["mmmu-official"] += int(official.value or 0)
            if row["question_type"] == "multiple-choice":
                assert official.answer == parsed[row["id"]]
                drawn += [row["id"]] if ours.answer is None else []
    assert values == {"mmmu": 309, "mmmu-official": 325} and len(drawn) == 48
    assert round(values["mmmu-official"] / 900, 4) == 0.3611


@needs_shared
def test_mmmu_pro_letters_are_the_recorded_ones() -> None:
    right = ours = rows = 0
    for row in read_rows(MMMU / "mmmu-pro/output/gpt-4o_standard10_options_cot.jsonl.gz"):
        score = scored("mmmu-pro", row["response"], row["answer"], options=row["options"])
        assert score.answer == row["pred_indexs"] and bool(score.value) == row["if_right"]
        right += row["if_right"]
        ours += int(scored("choice", row["response"], row["answer"], options=row["options"]).value or 0)
        rows += 1
    assert (rows, right) == (1730, 952) and abs(ours - right) < 0.005 * rows


# --- hostile outputs --------------------------------------------------------------------------------------------

SCORERS: dict[str, Callable[[], dict[str, Any]]] = {
    "choice": lambda: {"options": ["x", "y"]},
    "mmlu-pro": dict,
    "mmlu-pro-first": dict,
    "gpqa": dict,
    "mmmu-pro-official": lambda: {"options": ["x", "y"]},
    "mmmu-official": lambda: {"question_type": "multiple-choice", "index2ans": {"A": "x"}, "answer": "A"},
    "mmmu": lambda: {"question_type": "open", "answer": "7"},
}


def hostile(size: int) -> Iterator[str]:
    """Texts of `size` characters that patterns with a choice of how to match would take very long over."""
    for part in (
        "1", "1,", "1e", "-", ".", "1.", "1" * 50 + "x", "answer is ", "Answer: ", '"answer": ', "\\boxed{", "\\text ",
        "(", "A ", "A, ", " \n", "\t", "so is = ", "\ud800\x00", "\\boxed{\\text ", "{",
    ):  # fmt: skip
        yield (part * (size // len(part) + 1))[:size]
    yield "\\boxed{" + "\\text " * (size // 6) + "}"
    yield '"answer"' + " " * size + "x"


@pytest.mark.parametrize("scorer", SCORERS)
def test_hostile_outputs_are_judged_in_time(scorer: str) -> None:
    for text in hostile(200_000):
        began = time.process_time()
        scored(scorer, text, "A", **SCORERS[scorer]())
        assert time.process_time() - began < 1, text[:20]


@pytest.mark.full
@pytest.mark.parametrize("scorer", SCORERS)
def test_ten_megabytes_are_judged_in_time(scorer: str) -> None:
    """Fifty times as long takes about fifty times as long, not 2,500 times."""
    for text in hostile(10_000_000):
        began = time.process_time()
        scored(scorer, text, "A", **SCORERS[scorer]())
        assert time.process_time() - began < 30, text[:20]


# --- tasks ------------------------------------------------------------------------------------------------------

GPQA_ROW = {
    "Question": " What is it? ", "Correct Answer": "right\n", "Incorrect Answer 1": "w1", "Incorrect Answer 2": "w2",
    "Incorrect Answer 3": "w3",
}  # fmt: skip


def task_with(tmp_path: Path, name: str, file: str, rows: list[dict[str, Any]]) -> Any:
    (tmp_path / file).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return load_task(name, data_dir=tmp_path)


def test_prompt_has_question_options_and_request() -> None:
    assert prompt("Q?", ["x", "y"]) == f"Q?\n\n(A) x\n(B) y\n\n{REQUEST}"
    assert '"answer": "C"' in REQUEST and "only the choice letter" in REQUEST


def test_gpqa_options_are_shuffled_by_the_question_alone(tmp_path: Path) -> None:
    rows = [GPQA_ROW | {"Question": f"Question {i}?"} for i in range(400)]
    task = task_with(tmp_path, "gpqa-diamond", "gpqa_diamond.jsonl", rows)
    samples = list(task.samples())
    assert task.questions() == 400 and [s.id for s in samples[:2]] == ["gpqa-diamond/0", "gpqa-diamond/1"]
    for sample in samples:
        place = LETTERS.index(sample.target)
        # the order is on record, and undoing it gives the row's
        assert sample.row["options"][place] == "right" and sample.row["order"][place] == 0
        assert sorted(sample.row["order"]) == [0, 1, 2, 3]
        assert f"({sample.target}) right\n" in sample.messages[0].content
    places = Counter(sample.target for sample in samples)
    assert set(places) == set("ABCD") and min(places.values()) > 70
    # neither the row's place in the file nor the other rows matter
    again = task_with(tmp_path, "gpqa-diamond", "gpqa_diamond.jsonl", rows[::-1])
    assert [s.row["order"] for s in again.samples()] == [s.row["order"] for s in samples[::-1]]
    assert option_order("What is it?", ("right", "w1", "w2", "w3")) == (1, 3, 2, 0)


def test_equal_options_are_still_told_apart() -> None:
    assert sorted(option_order("Q", ("same", "same", "same"))) == [0, 1, 2]


def test_gpqa_is_scored_by_ours_and_the_official_patterns(tmp_path: Path) -> None:
    task = task_with(tmp_path, "gpqa-diamond", "gpqa_diamond.jsonl", [GPQA_ROW])
    (sample,) = task.samples()
    right = f'{{"answer": "{sample.target}"}}'
    assert task.scorers == ("choice", "gpqa")
    assert task.score(sample, right, Generation(sample.id, 0, right, "stop"), "choice").value == 1.0
    assert task.score(sample, right, Generation(sample.id, 0, right, "stop"), "gpqa").status == "no_answer"


def test_mmlu_pro_rows(tmp_path: Path) -> None:
    rows = [
        {"question": "Q1?", "options": ["x", "y", "z", "N/A", "N/A"], "answer": "C", "category": "law"},
        {"question": "Q2?", "options": ["x", "y"], "answer": "A"},
    ]
    one, two = task_with(tmp_path, "mmlu-pro", "mmlu_pro_test.jsonl", rows).samples()
    assert (one.target, one.row) == ("C", {"options": ["x", "y", "z"], "order": [0, 1, 2], "subject": "law"})
    assert (two.target, two.row["subject"]) == ("A", "")


def test_mmlu_redux_leaves_out_what_has_no_right_answer(tmp_path: Path) -> None:
    row = {"choices": ["w", "x", "y", "z"], "answer": 1}
    rows = [
        row | {"question": "good", "error_type": "ok"},
        row | {"question": "unclear", "error_type": "bad_question_clarity"},
        row | {"question": "mended", "error_type": "wrong_groundtruth", "correct_answer": "3"},
        row | {"question": "mended by letter", "error_type": "wrong_groundtruth", "correct_answer": "C"},
        row | {"question": "beyond", "error_type": "wrong_groundtruth", "correct_answer": "it is both"},
        row | {"question": "unmended", "error_type": "wrong_groundtruth", "correct_answer": None},
    ]
    task = task_with(tmp_path, "mmlu-redux", "mmlu_redux.jsonl", rows)
    assert task.questions() == 3
    assert [(s.id, s.target) for s in task.samples()] == [
        ("mmlu-redux/0", "B"), ("mmlu-redux/2", "D"), ("mmlu-redux/3", "C"),
    ]  # fmt: skip
    assert len(list(task.samples(2))) == 2


@pytest.mark.parametrize(
    ("name", "file", "row"),
    [
        ("gpqa-diamond", "gpqa_diamond.jsonl", {"Question": "Q?"}),
        ("mmlu-pro", "mmlu_pro_test.jsonl", {"question": "Q?", "options": ["x", "y"], "answer": "D"}),
        ("mmlu-pro", "mmlu_pro_test.jsonl", {"question": "Q?", "options": None, "answer": "A"}),
        ("mmlu-pro", "mmlu_pro_test.jsonl", {"question": "", "options": ["x", "y"], "answer": "A"}),
        ("mmlu-redux", "mmlu_redux.jsonl", {"question": "Q?", "choices": ["x"], "answer": 0}),
    ],
)
def test_rows_of_another_shape_are_named(tmp_path: Path, name: str, file: str, row: dict[str, Any]) -> None:
    with pytest.raises(DatasetError, match=rf"{file}, row 1: {name} wants a question"):
        list(task_with(tmp_path, name, file, [row]).samples())


@pytest.mark.parametrize("name", ["gpqa-diamond", "mmlu-pro", "mmlu-redux", "c-eval"])
def test_missing_files_are_named(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    with pytest.raises(DatasetError, match="--data-dir FOLDER"):
        list(load_task(name, data_dir=tmp_path).samples())


def test_letter_index() -> None:
    assert [letter_index(x, 4) for x in ("A", "D", 0, "3", " B ")] == [0, 3, 0, 3, 1]
    for wrong in ("E", 4, -1, "", "AB", None, 1.0, "²"):
        with pytest.raises(ValueError, match="no option"):
            letter_index(wrong, 4)


def test_c_eval_rows(tmp_path: Path) -> None:
    folder = tmp_path / "ceval" / "val"
    folder.mkdir(parents=True)
    (folder / "b_val.csv").write_text("id,question,A,B,C,D,answer\n0,问？,一,二,三,四,C\n", encoding="utf-8")
    (folder / "a_val.csv").write_text('id,question,A,B,C,D,answer\n0,"Q, 1?",w,x,y,z,A\n', encoding="utf-8")
    task = load_task("c-eval", data_dir=tmp_path)
    samples = list(task.samples())
    assert [(s.id, s.target, s.row["subject"]) for s in samples] == [("c-eval/a/0", "A", "a"), ("c-eval/b/0", "C", "b")]
    assert "(C) 三" in samples[1].messages[0].content and task.questions() == 2
    before = task.dataset_fingerprint()
    (folder / "b_val.csv").write_text("id,question,A,B,C,D,answer\n0,问？,一,二,三,四,D\n", encoding="utf-8")
    assert before.startswith("sha256:") and load_task("c-eval", data_dir=tmp_path).dataset_fingerprint() != before


@needs_shared
def test_c_eval_questions_load() -> None:
    task = load_task("c-eval", data_dir=SHARED / "GAIR-NLP__LIMO")
    samples = list(task.samples())
    assert task.questions() == len(samples) == len({s.id for s in samples}) > 600
    assert set(Counter(s.target for s in samples)) == set("ABCD")


@needs_shared
def test_mmlu_pro_questions_load(tmp_path: Path) -> None:
    rows = list(read_rows(MMLU_PRO / "model_outputs_gemini-1.5-flash-002_5shots.json.gz"))
    task = task_with(tmp_path, "mmlu-pro", "mmlu_pro_test.jsonl", rows)
    for sample, row in zip(task.samples(), rows, strict=True):
        assert sample.target == row["answer"] and sample.row["options"] == [str(o).strip() for o in row["options"]]


# forms in which models give a letter beside those of the benchmarks' own prompts; None: no letter, or two of them
FORMS: list[tuple[str, str | None]] = [
    ("The answer is A because it must be.", "A"), ("Answer: A, since nothing else fits", "A"),
    ("The answer is option C", "C"), ("### Answer\nC", "C"), ("**Final Answer**\n\nC", "C"),
    (r"\boxed{\text{Option C}}", "C"), (r"\boxed{c}", "C"), (r"\boxed{\,C\,}", "C"), (r"\boxed{\textit{C}}", "C"),
    ('{"answer": ["C"]}', "C"), ("“answer”: “C”", "C"), (r"\"answer\": \"C\"", "C"), ('"answer"："C"', "C"),
    ('"answer": "C - the third one"', "C"), ("The answer is B, A is too small", "B"),
    ('"answer": "A, C"', None), ('"answer": "A,C"', None), ('"answer": "A" or "B"', None),
    ("The answer is A and B.", None), ("the answer is (A) or (C)", None), ("the answer is a bit longer", None),
    ("Answer: I think so", None), (r"\boxed{E}", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "letter"), FORMS)
def test_forms_in_which_models_answer(text: str, letter: str | None) -> None:
    assert chosen_letter(text, "ABCD") == letter
