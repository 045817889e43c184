"""Questions about images, sounds and films: a page each, rows and media from a local folder."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness.tasks.base import Task
from harness.tasks.vision.egoschema import EgoSchema, EgoSchemaAll
from harness.tasks.vision.mathvista import MathVista
from harness.tasks.vision.mm_vet import MmVet
from harness.tasks.vision.mmbench import MmBench, MmBenchPlain, MmBenchTest
from harness.tasks.vision.mmmu import Mmmu
from harness.tasks.vision.mmmu_pro import MMMU_PRO_TASKS
from harness.tasks.vision.mmstar import MmStar
from harness.tasks.vision.mvbench import MVBENCH_TASKS
from harness.tasks.vision.omnibench import OMNIBENCH_TASKS
from harness.tasks.vision.video_mme import VideoMme

VISION_TASKS: dict[str, Callable[[Path | None], Task]] = {
    "egoschema": EgoSchemaAll,
    "egoschema-subset": EgoSchema,
    "mathvista": MathVista,
    "mmbench-dev-en": MmBench,
    "mmbench-dev-en-plain": MmBenchPlain,
    "mmbench-v1.1-en": MmBenchTest,
    "mmmu": Mmmu,
    "mmmu-cot": partial(Mmmu, think=True),
    **MMMU_PRO_TASKS,
    "mmstar": MmStar,
    "mmvet": MmVet,
    **MVBENCH_TASKS,
    **OMNIBENCH_TASKS,
    "video-mme": VideoMme,
    "video-mme-sound": partial(VideoMme, sound=True),
    "video-mme-subtitles": partial(VideoMme, subtitles=True),
}

__all__ = ["VISION_TASKS"]
