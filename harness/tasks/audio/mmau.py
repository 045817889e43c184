"""MMAU, test-mini: a thousand questions on sounds, music and speech, up to four options each.

Title     MMAU: A Massive Multi-Task Audio Understanding and Reasoning Benchmark
Paper     arXiv:2410.19168
Dataset   the second release, pinned in a mirror with the sounds in it (TwinkStart/MMAU); or Sakshi113/MMAU's
          mmau-test-mini.json with the folder test-mini-audios beside it, in a local folder.
          The questions were mended once (release 05.15.25): the fingerprint says which file was read. The makers'
          table of March 2025 is about the first release.
Licence   Apache-2.0; the sounds are those of other data sets

`mmau` is all of it, `mmau-sound`, `mmau-music` and `mmau-speech` are its thirds. The makers of Qwen2.5-Omni do not say
how they asked (QwenLM/Qwen2.5-Omni, issue 243), so the request is ours: the sound, the question, lettered options, and
letter and text of one of them wanted. The scorer `mmau` is the official rule, word by word; ours reads a letter where
one is given.
"""

from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path

from harness.records import Sample, turn
from harness.tasks.audio.manifests import SoundTask
from harness.tasks.rows import Row
from harness.tasks.scorers.choice import LETTERS

REQUEST = "{question}\n{options}\nAnswer with the letter of the right option and its text."
PARTS = ("sound", "music", "speech")


class Mmau(SoundTask):
    """Rows are {"audio_id", "question", "choices", "answer", "task"}; the target is the right option's text."""

    scorers = ("mmau-option", "mmau")
    sounds = ("audio", "audio_id")
    patterns = ("mmau-test-mini.json", "mmau-test-mini.json.gz", "mmau-test-mini*.parquet")
    wanted = "MMAU's mmau-test-mini.json with the folder test-mini-audios"

    def __init__(self, part: str = "", data_dir: Path | None = None) -> None:
        super().__init__(data_dir)
        self.id = f"mmau-{part}" if part else "mmau"
        self.title = f"MMAU test-mini{', ' if part else ''}{part}"
        self._part = part

    @cached_property
    def _count(self) -> int:
        return sum(self._part in ("", row.get("task")) for row in self.source.column("task"))

    def samples(self, limit: int | None = None) -> Iterator[Sample]:
        for index, row in islice(self._rows(), limit):
            yield self.sample_of(index, row)

    def _rows(self) -> Iterator[tuple[int, Row]]:
        """The rows of this part, with their numbers in the file."""
        return ((n, row) for n, row in enumerate(self.source.rows()) if self._part in ("", row.get("task")))

    def sample_of(self, index: int, row: Row) -> Sample:
        options, answer = row.get("choices"), row.get("answer")
        if not isinstance(options, list) or not 2 <= len(options) <= len(LETTERS) or answer not in options:
            raise self.misshapen(index, row, "'choices' with the 'answer' among them")
        lines = "\n".join(f"({letter}) {option}" for letter, option in zip(LETTERS, options, strict=False))
        request = REQUEST.format(question=self.text(index, row, "question").strip(), options=lines)
        return Sample(
            f"mmau/{row.get('id', index)}",
            str(answer),
            messages=(turn("user", self.sound(index, row), request),),
            row={"options": [str(option) for option in options], "subject": str(row.get("task") or "")},
        )
