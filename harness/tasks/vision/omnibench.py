"""OmniBench: 1,142 questions that need an image and a sound together, with four options.

Title     OmniBench: Towards The Future of Universal Omni-Language Models
Paper     arXiv:2409.15272
Dataset   m-a-p/OmniBench, pinned; or data/*.parquet of a local copy in the folder OmniBench, or GitHub's
          dataset/batch-5_1142_20240817.jsonl with mm_data/image and mm_data/audio
Licence   see the dataset's page; the sounds and images are taken from films and recordings of others

Prompt: that of multimodal-art-projection/OmniBench (inference/demo_api_call.py at 4e1b76e), sound and image before it
in this order, as the Qwen team puts media before text. Media behind the text, or a sound that was dropped, cost more
than ten points elsewhere (Daily-Omni, pull request 3). The maker says that its figures were made with the open program
(Qwen2.5-Omni issue 113), greedily and without a repetition penalty (issue 171); users got 36.9 to 47 (issues 113, 171,
329).

Sets: `omnibench`, and by kind of sound `omnibench-speech` (771), `omnibench-sound-event` (265) and `omnibench-music`
(106). Scorers: `option` is ours; `omnibench-official` the rule of the open program, which marks some options right for
another one's sake (see there). The published figures are of that second kind.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness.records import Sample, turn
from harness.tasks.base import Task
from harness.tasks.rows import Row
from harness.tasks.scorers.choice import LETTERS
from harness.tasks.vision.base import MediaTask, lettered, text_of
from harness.tasks.vision.folder import medium

PROMPT = (
    "Please answer the following question based on the given image and audio:\n{}.\n"
    "Please choose only one answer from the following options:\n{}."
)
# the set's name behind omnibench- → the field "audio type"
SOUNDS = {"speech": "speech", "sound-event": "sound event", "music": "music"}
_JSONL = "batch-5_1142_20240817.jsonl"


class OmniBench(MediaTask):
    """Rows are {"question", "options", "answer" (the option's text), "audio type", "image", "audio"}, or with
    "image_path" and "audio_path" in place of the last two. The hub's rows have all four, and the media in the rows."""

    scorers = ("option", "omnibench-official")
    patterns = ("OmniBench/data/*.parquet", f"OmniBench/dataset/{_JSONL}", f"dataset/{_JSONL}", "omnibench.jsonl")
    wanted = "a copy of m-a-p/OmniBench with data/*.parquet (or dataset/batch-5_1142_20240817.jsonl and mm_data/)"
    filters = ("audio type",)

    def __init__(self, data_dir: Path | None = None, *, sounds: str | None = None) -> None:
        super().__init__(data_dir)
        self.id = f"omnibench-{sounds}" if sounds else "omnibench"
        self.title = "OmniBench" + (f", {SOUNDS[sounds]}" if sounds else "")
        self._sounds = SOUNDS[sounds] if sounds else None

    def keeps(self, row: Row) -> bool:
        return self._sounds is None or text_of(row, "audio type").lower() == self._sounds

    @property
    def _media(self) -> Path:
        """The folder of mm_data: beside the folder `dataset`, else beside the rows."""
        return (self.beside.parent if self.beside.name == "dataset" else self.beside) / "mm_data"

    def asked(self, index: int, row: Row) -> Sample:
        options = [str(option) for option in row["options"]]
        media = []
        for kind in ("audio", "image"):
            held = row.get(kind)
            value, folder = (held, self.beside) if held else (row[f"{kind}_path"], self._media / kind)
            media.append(medium("audio" if kind == "audio" else "image", value, folder))
        return Sample(
            f"{self.id}/{text_of(row, 'index') or index}",
            LETTERS[options.index(str(row["answer"]))],
            messages=(turn("user", *media, PROMPT.format(row["question"], lettered(options))),),
            row={"options": options, "sound": text_of(row, "audio type").lower(), "subject": text_of(row, "task type")},
        )


OMNIBENCH_TASKS: dict[str, Callable[[Path | None], Task]] = {
    "omnibench": OmniBench,
    **{f"omnibench-{name}": partial(OmniBench, sounds=name) for name in SOUNDS},
}
