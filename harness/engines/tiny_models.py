"""The tiny checkpoints with what the trained one is to know: the sums of harness.tasks.sums."""

from collections.abc import Callable
from pathlib import Path

from harness import places
from harness.tasks.sums import SUMS, answer_text, prompt_of


def ensure_tiny_checkpoints(progress: Callable[[str], None] | None = None) -> Path:
    """The folder with all tiny checkpoints (places.checkpoints()); makes what is missing, under a minute.

    Raises ModelError when the training does not come close enough to what it is to learn.
    """
    from harness.library.tiny import make_tiny_checkpoints
    from harness.library.tiny_training import Lesson

    lessons = tuple(
        Lesson(
            prompt_of(item),
            ((answer_text(item, True), item.right_share), (answer_text(item, False), 1 - item.right_share)),
        )
        for item in SUMS
    )
    folder = places.checkpoints()
    make_tiny_checkpoints(folder, lessons, progress=progress)
    return folder
