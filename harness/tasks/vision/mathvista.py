"""MathVista testmini: 1,000 questions of mathematics about figures, charts and photographs.

Title     MathVista: Evaluating Mathematical Reasoning of Foundation Models in Visual Contexts
Paper     arXiv:2310.02255
Dataset   AI4Math/MathVista, split testmini, pinned; or a local copy in the folder MathVista, or GitHub's
          data/testmini.json with data/images/ beside it
Licence   CC BY-SA 4.0

Prompt: the set's own `query`, made as in lupantech/MathVista (evaluation/build_query.py at c8221f0) without examples:
hint, question with its unit, choices; the image before it. 990 of the 1,000 queries recorded with Bard's results are
the same to the letter; the other ten have their choices in another order there, or another choice.

Scorers: officially a language model (GPT-4) takes the answer out of the response. `mathvista-rules` does it by rules,
and its name says so: it is not the published figure's instrument. `mathvista-extracted` has a model do it that you name
(harness judge). The comparison behind both is MathVista's, whose verdicts on recorded extractions the scorer
`mathvista` repeats item by item.
"""

from harness.records import Sample, turn
from harness.tasks.rows import Row
from harness.tasks.vision.base import MediaTask, lettered, text_of
from harness.tasks.vision.folder import medium

OPTION = "provide the correct option letter, e.g., A, B, C, D, at the end"
INTEGER = "requiring an integer answer and provide the final value, e.g., 1, 2, 3, at the end"
ONE_DECIMAL = (
    "requiring a floating-point number with one decimal place and provide the final value, e.g., 1.2, 1.3, 1.4, "
    "at the end"
)
TWO_DECIMALS = (
    "requiring a floating-point number with two decimal places and provide the final value, e.g., 1.23, 1.34, 1.45, "
    "at the end"
)
LIST = "requiring a Python list as an answer and provide the final list, e.g., [1, 2, 3], [1.2, 1.3, 1.4], at the end"


class MathVista(MediaTask):
    """Rows are {"question", "choices", "unit", "precision", "question_type", "answer_type", "answer", "image"}, with
    the image itself in "decoded_image" where they come from a parquet file."""

    id = "mathvista"
    title = "MathVista, testmini"
    scorers = ("mathvista-rules", "mathvista-extracted")
    patterns = (
        "MathVista/data/testmini-*.parquet",
        "MathVista/data/testmini.json",
        "MathVista/data/testmini.json.gz",
        "testmini.json",
        "testmini.json.gz",
        "mathvista_testmini.jsonl",
    )
    wanted = "a copy of AI4Math/MathVista with data/testmini-*.parquet (or testmini.json with its images)"

    def asked(self, index: int, row: Row) -> Sample:
        image = medium("image", row.get("decoded_image") or row["image"], self.beside)
        choices = [str(choice) for choice in row["choices"] or ()]
        precision = row["precision"]
        return Sample(
            f"{self.id}/{text_of(row, 'pid') or index}",
            str(row["answer"]),
            messages=(turn("user", image, query(row)),),
            row={
                "question_type": str(row["question_type"]),
                "answer_type": str(row["answer_type"]),
                "choices": choices or None,
                "precision": None if precision is None else int(precision),
            },
        )


def query(row: Row) -> str:
    """The request for one row. Raises ValueError for a kind of answer that the set has no hint for."""
    unit, choices = text_of(row, "unit"), row["choices"]
    lines = [f"Hint: Please answer the question {_hint(row)}."]
    lines.append(f"Question: {row['question']}" + (f" (Unit: {unit})" if unit else ""))
    if choices:
        lines += ["Choices:", lettered([str(choice) for choice in choices], "({}) {}")]
    return "\n".join(lines).strip()


def _hint(row: Row) -> str:
    if row["question_type"] == "multi_choice":
        return f"and {OPTION}"
    if row["answer_type"] == "float":
        return {1: ONE_DECIMAL, 2: TWO_DECIMALS}[int(row["precision"])]
    return {"integer": INTEGER, "list": LIST}[row["answer_type"]]
