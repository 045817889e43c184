"""EgoSchema: questions with five options about three minutes seen with somebody's eyes; the 500 with public answers.

Title     EgoSchema: A Diagnostic Benchmark for Very Long-form Video Language Understanding
Paper     arXiv:2308.09126
Dataset   `egoschema-subset`: lmms-lab/egoschema, pinned; or a local copy of it or of egoschema/EgoSchema
          (questions.json, subset_answers.json, videos/<q_uid>.mp4) in the folder EgoSchema
Licence   the films under Ego4D's licence, which has to be signed

The benchmark has no prompt for chat models; this is lmms-eval's (lmms_eval/tasks/egoschema/utils.py at 147ad5c).
Scorer: `option`; officially the number of the option is handed in to a server.

Qwen2.5-Omni's 68.6 is for all 5,031 questions. Their answers are not public but for these 500:
`egoschema-subset` is no measurement of that figure. `egoschema` reads answers.json beside the questions,
for who has the rest, and says what is missing for who has not.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from harness.errors import DatasetError
from harness.records import Media, Sample, turn
from harness.tasks.rows import Row
from harness.tasks.scorers.choice import LETTERS
from harness.tasks.vision.base import MediaTask, lettered, text_of
from harness.tasks.vision.folder import first_there

REQUEST = "Answer with the option's letter from the given choices directly."
_PARQUET = "EgoSchema/Subset/test-*.parquet"


class EgoSchema(MediaTask):
    """Rows are {"q_uid", "question", "option 0" … "option 4"}, their answers {q_uid: number of the option, from 0} in
    another file; or {"video_idx", "question", "option" ("A. …"), "answer"}."""

    id = "egoschema-subset"
    title = "EgoSchema, the 500 with public answers"
    scorers = ("option",)
    patterns: tuple[str, ...] = ("EgoSchema/questions.json", _PARQUET, "egoschema_subset.jsonl")
    wanted = "a copy of egoschema/EgoSchema (questions.json, subset_answers.json, videos/)"
    answers = "subset_answers.json"

    def dataset_fingerprint(self) -> str:
        """That of the questions, and `+sha256:<of the answers' bytes>` where they are a file of their own."""
        import hashlib

        # what is still to come is named by its pin: 106 GB are not fetched for a name
        if self._awaited() or not self._apart:
            return super().dataset_fingerprint()
        return f"{self.source.fingerprint}+sha256:{hashlib.sha256(self._answers_file.read_bytes()).hexdigest()}"

    @property
    def _apart(self) -> bool:
        return self.source.path.name == "questions.json"

    @property
    def _answers_file(self) -> Path:
        path = self.beside / self.answers
        if not path.is_file():
            raise DatasetError(f"{self.id} wants {self.wanted}: there is no {path}.")
        return path

    @cached_property
    def _answers(self) -> Mapping[str, Any]:
        try:
            found = json.loads(self._answers_file.read_bytes())
        except ValueError as error:
            raise DatasetError(f"{self._answers_file}: not valid JSON ({error}).") from error
        if not isinstance(found, dict):
            raise DatasetError(f"{self._answers_file}: expected an object of answers by q_uid.")
        return found

    def keeps(self, row: Row) -> bool:
        return not self._apart or str(row.get("q_uid")) in self._answers

    @cached_property
    def _count(self) -> int:
        return sum(1 for row in self.source.column("q_uid") if self.keeps(row))

    def samples(self, limit: int | None = None) -> Iterator[Sample]:
        kept = (pair for pair in enumerate(self.source.rows()) if self.keeps(pair[1]))
        yield from (self.sample_of(index, row) for index, row in islice(kept, limit))

    def asked(self, index: int, row: Row) -> Sample:
        if self._apart:
            name = text_of(row, "q_uid")
            options = [str(row[f"option {n}"]).strip() for n in range(5)]
            right = int(self._answers[name])
        else:
            name = text_of(row, "video_idx")
            options = [_unlettered(n, str(option)) for n, option in enumerate(row["option"])]
            right = int(row["answer"])
        if not name or not 0 <= right < len(options):
            raise ValueError(f"the answer {right} is none of {len(options)} options")
        folder = self.beside.parent if self.beside.name == "Subset" else self.beside
        places = (f"{place}/{name}.{ending}" for place in ("videos", ".") for ending in ("mp4", "MP4"))
        return Sample(
            f"{self.id}/{text_of(row, 'question_idx') or name}",
            LETTERS[right],
            messages=(
                turn(
                    "user",
                    Media("video", path=str(first_there(folder, *places))),
                    f"{str(row['question']).strip()}\n{lettered(options)}\n{REQUEST}",
                ),
            ),
            row={"options": options},
        )


class EgoSchemaAll(EgoSchema):
    """All 5,031, for who has their answers."""

    id = "egoschema"
    title = "EgoSchema"
    patterns = ("EgoSchema/questions.json",)
    wanted = (
        "a copy of egoschema/EgoSchema with answers.json, {q_uid: number} for all 5,031 questions, which are not "
        "public (egoschema-subset are the 500 that are)"
    )
    answers = "answers.json"

    def keeps(self, row: Row) -> bool:
        """Every question. Raises DatasetError for one without an answer: the figure is over all of them."""
        if str(row.get("q_uid")) not in self._answers:
            raise DatasetError(f"{self._answers_file} has no answer for {row.get('q_uid')}: {self.id} wants all.")
        return True


def _unlettered(number: int, option: str) -> str:
    return option.strip().removeprefix(f"{LETTERS[number]}.").strip()
