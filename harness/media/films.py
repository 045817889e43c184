"""Films: frames chosen and resized as qwen-omni-utils does, from a file or from single images, and their sound."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from harness.errors import MediaError
from harness.media.checks import needed
from harness.media.choosing import Choice, all_of, chosen, frame_count, piece_of
from harness.media.content import content_hash, name_of, opened
from harness.media.decoded import Film, Sound
from harness.media.pictures import load_rgb, resized_once_rounded
from harness.media.shots import Shots
from harness.media.sizes import STEP, frame_size
from harness.media.sounds import heard
from harness.media.timeline import Timeline, timeline_of
from harness.media.tracks import container_of, track_blocks
from harness.records import Media, MediaLimits, MediaUse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image


def read_film(media: Media, limits: MediaLimits) -> Film:
    """The film, or the piece of it from start to end. Raises MediaError, MissingExtra."""
    needed("PIL", "Reading films")
    return _from_images(media, limits) if media.frames else _from_file(media, limits)


def film_seconds(media: Media) -> float:
    """How long the whole film is, by its packets; none is decoded. Raises MediaError, MissingExtra."""
    if media.frames:
        return len(media.frames) / (media.fps or math.inf)
    with opened(media) as file:
        return timeline_of(file, name_of(media)).seconds


@dataclass(frozen=True, slots=True)
class _Taken:
    """Resized frames, uint8 [t, height, width, 3], and the (height, width) they had."""

    frames: "NDArray[np.uint8]"
    source: tuple[int, int]


def _from_file(media: Media, limits: MediaLimits) -> Film:
    name = name_of(media)
    with opened(media) as file:
        timeline = timeline_of(file, name)
        first, last = piece_of(timeline.total, timeline.fps, media.start, media.end, name)
        choice = chosen(first, last, timeline.fps, limits)
        try:
            taken = _from_container(file, timeline, choice, limits, leaps=True, name=name)
        except MediaError:  # before the file is blamed: not every container leaps to where it should
            taken = _from_container(file, timeline, choice, limits, leaps=False, name=name)
        sound = heard(track_blocks(file, media, timeline.origin), media, limits) if media.sound else None
    return _film(media, taken, choice, sound, (timeline.total, timeline.seconds))


def _from_container(
    file: BinaryIO, timeline: Timeline, choice: Choice, limits: MediaLimits, *, leaps: bool, name: str
) -> _Taken:
    with container_of(file, name) as container:
        shots = Shots(container, timeline, name, leaps=leaps)
        return _taken(
            (shots.at(timeline.shown(number)) for number in choice.numbers), len(choice.numbers), limits, name
        )


def _from_images(media: Media, limits: MediaLimits) -> Film:
    """All of the images where the limits allow as many, otherwise those that would be taken of such a film."""
    name, fps = name_of(media), media.fps or 0.0
    if not 0 < fps < math.inf:
        raise MediaError(f"{name} does not say its frames per second (fps): nothing else tells how long it is.")
    if media.sound:
        raise MediaError(f"{name} is made of single images, which have no sound track.")
    first, last = piece_of(len(media.frames), fps, media.start, media.end, name)
    total = last - first + 1
    fits = frame_count(total, fps, limits) >= total // STEP * STEP and total <= limits.max_frames // STEP * STEP
    choice = all_of(first, last, fps) if fits else chosen(first, last, fps, limits)
    taken = _taken(_images(media, choice), len(choice.numbers), limits, name)
    return _film(media, taken, choice, None, (len(media.frames), len(media.frames) / fps))


def _images(media: Media, choice: Choice) -> "Iterator[Image.Image]":
    for number in choice.numbers:
        path = media.frames[number]
        with opened(Media("image", path=path)) as file:
            yield load_rgb(file, path)


def _taken(images: "Iterable[Image.Image]", count: int, limits: MediaLimits, name: str) -> _Taken:
    """The images as frames of the first one's shape: they share the film's pixels, so `count` decides their size."""
    import numpy as np

    frames: NDArray[np.uint8] | None = None
    source = (0, 0)
    previous: Image.Image | None = None
    for number, image in enumerate(images):
        if frames is None:
            source = (image.height, image.width)
            height, width = frame_size(image.height, image.width, count, limits, name)
            frames = np.empty((count, height, width, 3), np.uint8)
        if (image.height, image.width) != source:
            sizes = f"{source[1]}x{source[0]}, later ones {image.width}x{image.height}"
            raise MediaError(f"{name} has frames of several sizes: the first {sizes}.")
        frames[number] = frames[number - 1] if image is previous else resized_once_rounded(image, height, width)
        previous = image
    assert frames is not None  # `count` is at least two
    return _Taken(frames, source)


def _film(media: Media, taken: _Taken, choice: Choice, sound: Sound | None, whole: tuple[int, float]) -> Film:
    """`whole`: how many frames and seconds there are outside the piece too."""
    count, height, width, _ = taken.frames.shape
    use = MediaUse(
        kind="video",
        sha256=content_hash(media)[:16],
        width=width,
        height=height,
        frames=count,
        seconds=choice.seconds,
        source_width=taken.source[1],
        source_height=taken.source[0],
        source_frames=whole[0],
        source_seconds=whole[1],
    )
    return Film(frames=taken.frames, fps=choice.fps, sound=sound, use=use)
