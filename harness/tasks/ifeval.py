"""IFEval: 541 prompts with instructions that a program can check ("at least 300 words", "no commas").

Title     Instruction-Following Evaluation for Large Language Models
Paper     arXiv:2311.07911
Dataset   google/IFEval, pinned; or QwenLM/QwQ's eval/data/ifeval.jsonl
Licence   Apache-2.0

The prompt is the row's own, as one user message; one sample a prompt. Not lm-eval's `ifeval`, which stops at 1,280
tokens. The checkers are Google's, as lm-eval ships them. For two of the 541 prompts the letter to count is '#' or
'!', for which the checker draws a random letter from the alphabet instead. The draw is seeded with the prompt here,
so that scoring twice gives the same; those two prompts still say little about a model. Language detection, random
inside, is seeded as well.
"""

from collections.abc import Mapping
from typing import Any

from harness.errors import DatasetError, UnknownName
from harness.records import Generation, Message, Sample, Score
from harness.tasks import punkt
from harness.tasks.base import FileTask, judged, unscored
from harness.tasks.rows import Dataset

# Nothing is extracted: the whole answer (without the thinking) is checked. Loose tries it also without its first
# line, its last line and its asterisks.
SCORERS = ("prompt_strict", "prompt_loose", "inst_strict", "inst_loose")


class IFEval(FileTask):
    """Rows are {"prompt", "instruction_id_list", "kwargs"}; prompt: all instructions followed; inst: which share."""

    id = "ifeval"
    title = "IFEval"
    scorers = SCORERS
    default_protocol = "qwq-official"
    dataset = Dataset(
        files=("ifeval.jsonl", "ifeval.jsonl.gz", "ifeval_input_data.jsonl"),
        repo="google/IFEval",
        revision="966cd89545d6b6acfd7638bc708b98261ca58e84",
        file="ifeval_input_data.jsonl",
        split="train",
    )

    @property
    def version(self) -> str:
        return "1+punkt" if punkt.installed() else "1+punkt-standin"

    def sample_of(self, index: int, row: Mapping[str, Any]) -> Sample:
        fields = {name: row.get(name) for name in ("prompt", "instruction_id_list", "kwargs")}
        missing = [name for name, value in fields.items() if value is None]
        if missing or len(fields["kwargs"] or ()) != len(fields["instruction_id_list"] or ()):
            problem = f"lacks {missing[0]!r}" if missing else "has not one entry of 'kwargs' per instruction"
            raise DatasetError(f"{self.source.path}, row {index + 1}: {problem}, so it is no IFEval row.")
        return Sample(f"{self.id}/{index}", "", messages=(Message("user", str(row["prompt"])),), row=fields)

    def score(self, sample: Sample, answer: str, generation: Generation, scorer: str) -> Score:
        if scorer not in SCORERS:
            raise UnknownName.of("scorer of ifeval", scorer, SCORERS)
        from harness.tasks.lm_eval_bridge import ifeval_followed

        unit, rule = scorer.split("_")
        try:
            followed = ifeval_followed(sample.row, answer, loose=rule == "loose")
        except Exception as error:  # noqa: BLE001  # a checker that fails says nothing about the model
            return unscored(generation, scorer, f"{type(error).__name__}: {error}")
        failed = [name for name, ok in zip(sample.row["instruction_id_list"], followed, strict=True) if not ok]
        value = float(not failed) if unit == "prompt" else 1 - len(failed) / len(followed)
        return judged(generation, scorer, value, "" if answer.strip() else None, ", ".join(failed) or None)
