"""The tiny checkpoints with what the trained ones are to know: the sums of harness.tasks.sums, and small media."""

from collections.abc import Callable
from pathlib import Path

from harness import places
from harness.errors import MissingExtra
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


def ensure_all_tiny(progress: Callable[[str], None] | None = None) -> Path:
    """The folder with every tiny checkpoint; one that needs an extra that is not installed is left out, and said so.

    Raises ModelError when a training does not come close enough.
    """
    folder = ensure_tiny_checkpoints(progress)
    ensure_tiny_whisper(progress)
    ensure_tiny_omni(progress)
    try:
        ensure_tiny_omni_trained(progress)
    except MissingExtra as error:
        if progress:
            progress(f"tiny-omni-trained is left out: {error}")
    return folder


def ensure_tiny_whisper(progress: Callable[[str], None] | None = None) -> Path:
    """The folder of tiny-whisper, the ear with random weights; made when it is not there (seconds)."""
    from harness.library.tiny_whisper import make_tiny_whisper

    return make_tiny_whisper(places.checkpoints(), progress=progress)


def ensure_tiny_speaker(progress: Callable[[str], None] | None = None) -> Path:
    """The folder of tiny-speaker, which tells voices apart by random weights; made when it is not there (seconds)."""
    from harness.library.tiny_speaker import make_tiny_speaker

    return make_tiny_speaker(places.checkpoints(), progress=progress)


def ensure_tiny_omni(progress: Callable[[str], None] | None = None) -> Path:
    """The folder of tiny-omni, the small Qwen2.5-Omni with random weights; made when it is not there (seconds)."""
    from harness.library.omni.tiny import make_tiny_omni

    return make_tiny_omni(places.checkpoints(), progress=progress)


def ensure_tiny_omni_trained(progress: Callable[[str], None] | None = None) -> Path:
    """The folder of tiny-omni-trained, which sees colours, hears tones and words, and watches a motion.

    Made when it is not there, under a minute of one core. Raises ModelError when the training does not come close
    enough, MissingExtra.
    """
    from harness.library.omni.tiny import make_tiny_omni_trained

    return make_tiny_omni_trained(places.checkpoints(), progress=progress)
