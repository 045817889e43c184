"""VoiceBench: questions and requests that are spoken, answered in text; judged by rules, or by a model that is asked.

Title     VoiceBench: Benchmarking LLM-Based Voice Assistants
Paper     arXiv:2410.17196
Dataset   hlt-lab/voicebench, the subset's parquet files, pinned; or a local copy
Licence   Apache-2.0

The sound is the whole turn; no word is added, and the system prompt is the protocol's. What is judged:

  openbookqa 455, mmsu 3,074   the letter, by our rule `choice`. The official one looks for some 190 phrases in turn
                               and draws a letter where none is found: not rebuilt here.
  bbh                          yes or no, or the letter, by our rule `short-answer`; not part of the published average
  ifeval 345                   IFEval's checkers. Published is one number, which we take to be the mean of its four.
  advbench 520                 whether the request is refused, by our rule `refusal`

  alpacaeval 636               rated from 1 to 5 by a judge that is asked three times (`voicebench-open`), officially
  commoneval 200               GPT-4o-mini. alpacaeval is the complete set, alpacaeval_full, which the makers' table
  wildvoice 1,000              has; the smaller one of 199 questions is not read for it. The figure is the value in
                               percent, 20 times the 1 to 5 as printed.
  sd-qa 553                    Yes or No by the same judge (`voicebench-qa`), which is half of the published figure;
                               the other half is PEDANT's, a rule that is not run. Of its eleven accents the American
                               one (usa), as in the results that others hand in (MatthewCYM/VoiceBench, issue 29).

The makers sampled for alpacaeval and commoneval, with what transformers does by default, and were greedy elsewhere
(QwenLM/Qwen2.5-Omni, issue 171). So does the protocol omni-official: temperature 1, the 50 likeliest tokens, which are
the library's own defaults (GenerationConfig); the makers print no numbers, and the code of that time may have had its
own.

`voicebench` itself, the mean of seven of these sets, has no task: it is (20 alpacaeval + 20 commoneval + sd-qa + mmsu +
openbookqa + ifeval + advbench) / 7, the first two as printed (issue 2).
"""

from pathlib import Path
from typing import Any

from harness.errors import DatasetError
from harness.records import Sample, turn
from harness.tasks.audio.manifests import SoundTask, lists_of
from harness.tasks.rows import Row

CHOICES = ("openbookqa", "mmsu")
RATED = ("alpacaeval", "commoneval", "wildvoice")
# set → where the dataset's copy has it, if not in a folder of its name
_PLACES = {"alpacaeval": "alpacaeval_full/*.parquet", "sd-qa": "sd-qa/usa-*.parquet"}
_IFEVAL = ("prompt", "instruction_id_list", "kwargs")


class VoiceBench(SoundTask):
    """Rows are {"audio", "prompt", "reference"}: the sound, what is said in it, and the answer where there is one."""

    def __init__(self, subset: str, scorers: tuple[str, ...], data_dir: Path | None = None) -> None:
        super().__init__(data_dir)
        self.id, self.title = f"voicebench-{subset}", f"VoiceBench {subset}"
        self.scorers = scorers
        self._subset = subset
        place = _PLACES.get(subset, f"{subset}/*.parquet")
        self.patterns = (*lists_of(self.id), place)
        self.wanted = f"hlt-lab/voicebench's parquet files {place}"

    def sample_of(self, index: int, row: Row) -> Sample:
        target = ""
        kept: dict[str, Any] = {}
        if self._subset in CHOICES:
            target, kept = self._letter(index, row), {"options": list("ABCD")}
        elif self._subset == "bbh":
            target = self.text(index, row, "reference", "answer").strip()
        elif self._subset == "ifeval":
            kept = self._instructions(index, row)
        elif self._subset in RATED:
            kept = {"prompt": self.text(index, row, "prompt")}
        elif self._subset == "sd-qa":
            target = self.text(index, row, "reference", "answer").strip()
            kept = {"prompt": self.text(index, row, "prompt")}
        message = turn("user", self.sound(index, row))
        return Sample(f"{self.id}/{index}", target, messages=(message,), row=kept)

    def _letter(self, index: int, row: Row) -> str:
        letter = self.text(index, row, "reference", "answer").strip()
        if letter not in ("A", "B", "C", "D"):
            raise DatasetError(f"{self.source.path}, row {index + 1}: {letter!r} is none of the letters A to D.")
        return letter

    def _instructions(self, index: int, row: Row) -> dict[str, Any]:
        """What IFEval's checkers need. Parquet fills every instruction's arguments up with nulls."""
        fields = {name: row.get(name) for name in _IFEVAL}
        missing = [name for name, value in fields.items() if value is None]
        if missing or len(fields["kwargs"] or ()) != len(fields["instruction_id_list"] or ()):
            problem = f"lacks {missing[0]!r}" if missing else "has not one entry of 'kwargs' per instruction"
            raise DatasetError(f"{self.source.path}, row {index + 1}: {problem}, so it is no IFEval row.")
        given = [{key: value for key, value in (entry or {}).items() if value is not None} for entry in row["kwargs"]]
        return {**fields, "kwargs": given, "instruction_id_list": list(row["instruction_id_list"])}
