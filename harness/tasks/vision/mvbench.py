"""MVBench: twenty kinds of questions about short films, 200 of each.

Title     MVBench: A Comprehensive Multi-modal Video Understanding Benchmark
Paper     arXiv:2311.17005
Dataset   OpenGVLab/MVBench, pinned; or json/<kind>.json, and the films unpacked below video/, of a local copy in the
          folder MVBench
Licence   MIT; the films have licences of their own, and some are to be fetched from their makers

Prompt: that of OpenGVLab/Ask-Anything (video_chat2/mvbench.ipynb): a system sentence, film, question with options, and
"Only give the best option."; there, the answer is then begun with "Best option:(", which a chat template has no place
for. The system sentence stands before the film here, for the protocol has a system prompt of its own.

Five kinds ask about a piece of the film (`start`, `end`); episodic reasoning has single pictures, three a second. The
figure is the mean over all 4,000; the kinds are tasks of their own (`mvbench-action-sequence`, …).

Scorers: `option` is ours, `mvbench` the official rule.
"""

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from itertools import islice
from pathlib import Path

from harness.errors import DatasetError
from harness.records import Media, Sample, turn
from harness.tasks.base import Task
from harness.tasks.rows import Row, read_rows
from harness.tasks.scorers.choice import LETTERS
from harness.tasks.vision.base import MediaTask, lettered, text_of
from harness.tasks.vision.folder import below, first_there

SYSTEM = (
    "Carefully watch the video and pay attention to the cause and sequence of events, the detail and movement of "
    "objects, and the action and pose of persons. Based on your observations, select the best option that accurately "
    "addresses the question.\n"
)
REQUEST = "\nOnly give the best option."
# the kind of question → the folder of its films below video/
KINDS = {
    "action-sequence": "star/Charades_v1_480",
    "action-prediction": "star/Charades_v1_480",
    "action-antonym": "ssv2_video",
    "fine-grained-action": "Moments_in_Time_Raw/videos",
    "unexpected-action": "FunQA_test/test",
    "object-existence": "clevrer/video_validation",
    "object-interaction": "star/Charades_v1_480",
    "object-shuffle": "perception/videos",
    "moving-direction": "clevrer/video_validation",
    "action-localization": "sta/sta_video",
    "scene-transition": "scene_qa/video",
    "action-count": "perception/videos",
    "moving-count": "clevrer/video_validation",
    "moving-attribute": "clevrer/video_validation",
    "state-change": "perception/videos",
    "fine-grained-pose": "nturgbd",
    "character-order": "perception/videos",
    "egocentric-navigation": "vlnqa",
    "episodic-reasoning": "tvqa/frames_fps3_hq",
    "counterfactual-inference": "clevrer/video_validation",
}
_CUT = frozenset({"action-sequence", "action-prediction", "object-interaction", "action-localization"})
_PICTURES = "episodic-reasoning"
_PICTURES_FPS = 3.0


class MvBench(MediaTask):
    """One kind, or all of them: rows are {"video", "question", "candidates", "answer"} and, of some, "start", "end"."""

    scorers = ("option", "mvbench")

    def __init__(self, data_dir: Path | None = None, *, kind: str | None = None) -> None:
        super().__init__(data_dir)
        self.id = f"mvbench-{kind}" if kind else "mvbench"
        self.title = "MVBench" + (f", {kind.replace('-', ' ')}" if kind else "")
        self._kinds = (kind,) if kind else tuple(KINDS)
        name = kind.replace("-", "_") if kind else "*"
        self.patterns = (f"MVBench/json/{name}.json", f"json/{name}.json")
        self.wanted = f"a copy of OpenGVLab/MVBench with json/{name}.json and its films below video/"

    @cached_property
    def _files(self) -> dict[str, Path]:
        """Every kind's file of rows. Raises DatasetError where one is missing."""
        found = {path.stem.replace("_", "-"): path for path in self.source.files}
        missing = [kind for kind in self._kinds if kind not in found]
        if missing:
            raise DatasetError(f"{self.beside} has no rows of {', '.join(missing)}: {self.id} wants {self.wanted}.")
        return found

    @cached_property
    def _count(self) -> int:
        return sum(1 for kind in self._kinds for _ in read_rows(self._files[kind]))

    def samples(self, limit: int | None = None) -> Iterator[Sample]:
        """Kind after kind, in the paper's order."""
        yield from islice(self._all(), limit)

    def _all(self) -> Iterator[Sample]:
        for kind in self._kinds:
            for index, row in enumerate(read_rows(self._files[kind])):
                yield self.sample_of(index, {**row, "kind": kind})

    def asked(self, index: int, row: Row) -> Sample:
        options = [str(option) for option in row["candidates"]]
        kind = str(row["kind"])
        text = f"Question: {row['question']}\nOptions:\n{lettered(options, '({}) {}')}{REQUEST}"
        return Sample(
            f"{self.id}/{kind}/{index}",
            LETTERS[options.index(str(row["answer"]))],
            messages=(turn("user", SYSTEM, self._film(kind, row), text),),
            row={"options": options, "subject": kind},
        )

    def _film(self, kind: str, row: Row) -> Media:
        name, folder = text_of(row, "video"), KINDS[kind]
        films = self.beside.parent / "video"
        # what was added in June 2024 lies in a folder of its own, unless it was moved
        path = first_there(films, f"{folder}/{name}", f"data0613/{folder}/{name}")
        if kind == _PICTURES:
            return _pictures(path, row)
        cut = kind in _CUT and row.get("start") is not None and row.get("end") is not None
        start, end = (float(row["start"]), float(row["end"])) if cut else (None, None)
        return Media("video", path=str(path), start=start, end=end)


def _pictures(folder: Path, row: Row) -> Media:
    """The pictures from `start` to `end` seconds: they are numbered from 1, three a second. Without any, the folder
    itself stands there as a film, which cannot be read and is counted."""
    names = sorted(path.name for path in folder.glob("*.jpg")) if folder.is_dir() else []
    first = max(round(float(row["start"]) * _PICTURES_FPS), 1) if row.get("start") is not None else 1
    last = round(float(row["end"]) * _PICTURES_FPS) if row.get("end") is not None else len(names)
    shown = tuple(str(below(folder, name)) for name in names[first - 1 : last])
    return Media("video", frames=shown, fps=_PICTURES_FPS) if shown else Media("video", path=str(folder))


MVBENCH_TASKS: dict[str, Callable[[Path | None], Task]] = {
    "mvbench": MvBench,
    **{f"mvbench-{kind}": partial(MvBench, kind=kind) for kind in KINDS},
}
