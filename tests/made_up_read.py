"""Made-up copies of the pinned data sets of text: questions of our own under the columns of each repository."""

import base64
import json
import pickle
import zlib
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
Files = dict[str, Any]


def aime24() -> Files:
    rows = [
        {"id": n, "problem": f"What is {n} + 1?", "solution": "", "answer": f"{n + 1:03}", "url": "", "year": "2024"}
        for n in range(60, 63)
    ]  # fmt: skip
    return {"data/train-00000-of-00001.parquet": rows}


def aime25() -> Files:
    return {"test.jsonl": [{"problem": f"What is {n} + 2?", "answer": str(n + 2), "id": str(n)} for n in range(3)]}


def ceval() -> Files:
    """Branch of parquet files: the splits that are not asked lie beside."""
    made: Files = {}
    for subject in ("accountant", "law"):
        row = {"question": f"{subject}：一加一是多少？", "A": "一", "B": "二", "C": "三", "D": "四", "answer": "B"}
        for split in ("dev", "val", "test"):
            made[f"{subject}/{split}/0000.parquet"] = [{"id": n, **row, "explanation": ""} for n in range(2)]
    return made


def gpqa() -> Files:
    """With columns that are not read, and a line break within a question."""
    rows = [
        {
            "Pre-Revision Question": "", "Question": f"Which of these\nis the number {n}, and no other?",
            "Correct Answer": f"{n}", "Incorrect Answer 1": f"{n + 1}", "Incorrect Answer 2": f"{n + 2}, or so",
            "Incorrect Answer 3": f'"{n + 3}"', "Explanation": "It is.", "Subdomain": "Counting",
            "High-level domain": "Physics", "Record ID": f"rec{n}", "Canary String": "made up",
        }
        for n in range(3)
    ]  # fmt: skip
    return {"gpqa_diamond.csv": rows, "gpqa_main.csv": rows * 2, "README.md": b"made up"}


def gsm8k() -> Files:
    asked = "Ann has {} pears and buys 1,000. How many?"
    rows = [{"question": asked.format(n), "answer": f"She adds.\n#### {n + 1000:,}"} for n in (1, 2)]
    return {"main/test-00000-of-00001.parquet": rows, "main/train-00000-of-00001.parquet": rows}


def humaneval() -> Files:
    rows = [
        {
            "task_id": f"HumanEval/{n}", "prompt": f'def add{n}(a):\n    """Adds {n} to a."""\n',
            "canonical_solution": f"    return a + {n}\n",
            "test": f"def check(candidate):\n    assert candidate(1) == {n + 1}\n", "entry_point": f"add{n}",
        }
        for n in range(2)
    ]  # fmt: skip
    return {"openai_humaneval/test-00000-of-00001.parquet": rows}


def ifeval() -> Files:
    rows = [
        {
            "key": 1000 + n, "prompt": f"Write about the number {n} without commas.",
            "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}],
        }
        for n in range(2)
    ]  # fmt: skip
    return {"ifeval_input_data.jsonl": rows}


def livecodebench() -> Files:
    """Five files; the fourth reaches into the window of `livecodebench`, the fifth begins before that of `-v5`."""
    days = {
        "test.jsonl": ("2023-05-06", "2023-08-01"),
        "test2.jsonl": ("2023-10-01", "2024-01-06"),
        "test3.jsonl": ("2024-02-01", "2024-04-01"),
        "test4.jsonl": ("2024-06-01", "2024-09-21"),
        "test5.jsonl": ("2024-09-28", "2024-11-02", "2025-01-04"),
    }
    return {
        name: [_problem(f"{name.removesuffix('.jsonl')}_{n}", day) for n, day in enumerate(those)]
        for name, those in days.items()
    }


def _problem(name: str, day: str) -> Row:
    case = {"input": "3\n", "output": "9\n", "testtype": "stdin"}
    hidden = pickle.dumps(json.dumps([case | {"input": "4\n", "output": "16\n"}]))
    return {
        "question_title": name, "question_content": "Read n and print its square.", "platform": "atcoder",
        "question_id": name, "contest_id": "c", "contest_date": f"{day}T00:00:00", "starter_code": "",
        "difficulty": "easy", "public_test_cases": json.dumps([case]),
        "private_test_cases": base64.b64encode(zlib.compress(hidden)).decode(), "metadata": "{}",
    }  # fmt: skip


def math500() -> Files:
    rows = [
        {
            "problem": f"Halve {n}.", "solution": rf"It is $\boxed{{\frac{{{n}}}{{2}}}}$.",
            "answer": rf"\frac{{{n}}}{{2}}", "subject": "Algebra", "level": 1, "unique_id": f"test/algebra/{n}.json",
        }
        for n in (3, 5, 7)
    ]  # fmt: skip
    return {"test.jsonl": rows}


def math() -> Files:
    """Without a column for the answer."""
    made: Files = {}
    for subject in ("algebra", "number_theory"):
        row = {"problem": "What is $2^3$?", "level": "Level 1", "type": subject, "solution": r"So $\boxed{8}$ it is."}
        made[f"{subject}/test-00000-of-00001.parquet"] = [row, row | {"solution": r"$\boxed{1}$, no: $\boxed{8}$."}]
        made[f"{subject}/train-00000-of-00001.parquet"] = [row]
    return made


def mbpp() -> Files:
    rows = [
        {
            "source_file": "made up", "task_id": n, "prompt": f"Write a function add that adds {n}.",
            "code": f"def add(a):\n    return a + {n}", "test_imports": [],
            "test_list": [f"assert add({k}) == {k + n}" for k in range(3)],
        }
        for n in (2, 3)
    ]  # fmt: skip
    return {"sanitized/test-00000-of-00001.parquet": rows, "full/test-00000-of-00001.parquet": rows}


def mmlu_pro() -> Files:
    rows = [
        {
            "question_id": 70 + n, "question": f"Which is {n}?", "options": [str(n + k) for k in range(count)],
            "answer": "A", "answer_index": 0, "cot_content": "", "category": "math", "src": "made up",
        }
        for n, count in enumerate((10, 4, 3))
    ]  # fmt: skip
    return {"data/test-00000-of-00001.parquet": rows, "data/validation-00000-of-00001.parquet": rows[:1]}


def mmlu_redux() -> Files:
    """Of a subject's three questions one is right, one was mended and one cannot be used."""
    row: Row = {
        "question": "Which is two?", "choices": ["one", "two", "three", "four"], "answer": 1, "error_type": "ok",
        "source": None, "correct_answer": None, "potential_reason": None,
    }  # fmt: skip
    mended = row | {"answer": 0, "error_type": "wrong_groundtruth", "correct_answer": "1"}
    unclear = row | {"question": "Which?", "error_type": "bad_question_clarity"}
    made: Files = {}
    for subject in ("anatomy", "virology"):
        rows = [one | {"source": f"of {subject}"} for one in (row, mended, unclear)]
        made[f"{subject}/data-00000-of-00001.arrow"] = rows
        made[f"{subject}/dataset_info.json"] = b"{}"
        made[f"{subject}/state.json"] = b"{}"
    return made


def olymmath() -> Files:
    rows = [
        {"problem": f"Find $x$ with $x = {n}$.", "answer": str(n), "subject": "Algebra", "unique_id": f"made-up-{n}"}
        for n in (4, 5)
    ]
    return {f"data/OlymMATH-{name}.jsonl": rows for name in ("EN-EASY", "EN-HARD", "ZH-EASY", "ZH-HARD")}


READ: dict[str, Callable[[], Files]] = {
    "aime24": aime24,
    "aime25": aime25,
    "c-eval": ceval,
    "gpqa": gpqa,
    "gsm8k": gsm8k,
    "humaneval": humaneval,
    "ifeval": ifeval,
    "livecodebench": livecodebench,
    "math": math,
    "math-500": math500,
    "mbpp": mbpp,
    "mmlu-pro": mmlu_pro,
    "mmlu-redux": mmlu_redux,
    "olymmath": olymmath,
}
