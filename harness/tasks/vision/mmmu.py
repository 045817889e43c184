"""MMMU: questions of thirty college subjects with one or more images, multiple choice or open; 900 for validation.

Title     MMMU: A Massive Multi-discipline Multimodal Understanding and Reasoning Benchmark for Expert AGI
Paper     arXiv:2311.16502
Dataset   MMMU/MMMU, split validation, pinned; or a local copy in the folder MMMU
Licence   Apache-2.0

Prompt: the one that the Qwen team contributed to VLMEvalKit (vlmeval/vlm/qwen2_vl/prompt.py at 2aa7214) and uses in
QwenLM/Qwen3-VL (evaluation/mmmu/run_mmmu.py at f275fd2): all images first, then question and options; the marks
<image 1> stay in the text. That script can add one more sentence (--use-cot); which of the two Qwen2.5-Omni's 59.2
was made with is not stated. Without it users get 50 to 52 (Qwen2.5-Omni issue 329, VLMEvalKit issue 988), so both are
here: `mmmu`, and `mmmu-cot` with the sentence.

Scorers: `mmmu` is the official rule (MMMU-Benchmark/MMMU, mmmu/utils/eval_utils.py) without its guesses: an answer
that names no option is none. `mmmu-official` draws a letter there, from a seed of the question's own; as many as
`mmmu` counts as no answer. The Qwen team's script asks a language model instead of drawing.
"""

from pathlib import Path

from harness.records import Media, Sample, turn
from harness.tasks.rows import Row
from harness.tasks.scorers.choice import LETTERS, option_texts
from harness.tasks.vision.base import SELECT, MediaTask, lettered, text_of
from harness.tasks.vision.folder import medium

# what run_mmmu.py appends with --use-cot
THINK = (
    " If you are uncertain or the problem is too complex, make a reasoned guess based on the information provided. "
    "Avoid repeating steps indefinitely—provide your best guess even if unsure. Determine whether to think step by "
    "step based on the difficulty of the question, considering all relevant information before answering."
)


class Mmmu(MediaTask):
    """Rows are {"question", "options" (a list, or one written in Python), "question_type", "answer", "image_1" … 7}."""

    scorers = ("mmmu", "mmmu-official")
    patterns = ("MMMU/*/validation-*.parquet", "mmmu_val.parquet", "mmmu_val.jsonl", "mmmu_val.jsonl.gz")
    wanted = "a copy of MMMU/MMMU (Accounting/validation-00000-of-00001.parquet and the other subjects)"

    def __init__(self, data_dir: Path | None = None, *, think: bool = False) -> None:
        super().__init__(data_dir)
        self.id = "mmmu-cot" if think else "mmmu"
        self.title = "MMMU, validation" + (", asked to think where it helps" if think else "")
        self._end = THINK if think else ""

    def asked(self, index: int, row: Row) -> Sample:
        closed = row["question_type"] == "multiple-choice"
        options = option_texts(row) if closed else []
        text = f"Question: {row['question']}"
        if closed:
            text += f"\nOptions:\n{lettered(options)}\n{SELECT}"
        return Sample(
            f"{self.id}/{text_of(row, 'id') or index}",
            str(row["answer"]),
            messages=(turn("user", *images_of(row, self.beside), text + self._end),),
            row={
                "question_type": "multiple-choice" if closed else "open",
                "index2ans": dict(zip(LETTERS, options, strict=False)),
                "answer": _answers(row["answer"]),
                "subject": _subject(text_of(row, "id")) or text_of(row, "subfield"),
            },
        )


def images_of(row: Row, folder: Path) -> list[Media]:
    """image_1 to image_7, those that are there; one without content where none is."""
    found = [medium("image", row[f"image_{n}"], folder) for n in range(1, 8) if row.get(f"image_{n}")]
    return found or [Media("image")]


def _subject(name: str) -> str:
    """Art_Theory of validation_Art_Theory_12."""
    return "_".join(name.split("_")[1:-1])


def _answers(answer: object) -> str | list[str]:
    """A letter, or what an open question accepts: one text, or several as a list (also one written in Python)."""
    try:
        return option_texts({"options": answer}) if str(answer).startswith("[") else str(answer)
    except ValueError:
        # an interval, a formula
        return str(answer)
