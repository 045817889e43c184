"""Media as they are typed: files in the order of their options, and pieces of them (`talk.wav@0:10-0:30`)."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import MediaError
from harness.records import Media, MediaKind

# hours and minutes are left out where there are none; only the last number may have decimals
_TIME = re.compile(r"(?:(?:([0-9]{1,3}):)?([0-9]{1,3}):)?([0-9]{1,6}(?:\.[0-9]{1,6})?)")
_SHAPE = "seconds (10-30) or minutes (0:10-0:30), and nothing before or behind the dash for the beginning or the end"


def in_order(
    files: Mapping[MediaKind, Sequence[Path]], order: Sequence[MediaKind], *, sound: bool
) -> tuple[Media, ...]:
    """The media in the order in which their options stand; `sound`: that of the films is heard as well.

    Raises MediaError for a file that is not there, and for a piece that is none.
    """
    left = {kind: iter(paths) for kind, paths in files.items()}
    found = []
    for kind in (*order, *(kind for kind, paths in files.items() for _ in paths)):
        typed = next(left[kind], None)
        if typed is None:
            continue
        path, start, end = split(kind, typed)
        if not path.is_file():
            what = "a folder, not a file" if path.is_dir() else "not there"
            raise MediaError(f"--{kind}: {path} is {what}.")
        found.append(Media(kind, path=str(path), start=start, end=end, sound=sound and kind == "video"))
    return tuple(found)


def split(kind: MediaKind, typed: Path) -> tuple[Path, float | None, float | None]:
    """File, start and end in seconds (None: its own) of what was typed. A name that there is stands for itself,
    whatever is in it.

    Raises MediaError for a piece that is none, empty, or of an image.
    """
    name, mark, piece = str(typed).rpartition("@")
    if not mark or not name or typed.exists():
        return typed, None, None
    path = Path(name)
    times = piece.partition("-")
    if not path.is_file() and not (times[1] and all(_TIME.fullmatch(time) for time in times[::2] if time)):
        # neither a file nor a piece: the @ belongs to the name of a file that is not there
        return typed, None, None
    if kind == "image":
        raise MediaError(f"--image: {typed} is not there, and an image has no pieces: leave out @{piece}.")
    start, end = (_seconds(kind, typed, time) for time in times[::2])
    if not times[1] or (start is None and end is None):
        raise MediaError(f"--{kind}: {piece!r} in {typed} is no piece; give its start and end as {_SHAPE}.")
    if end is not None and end <= (start or 0.0):
        raise MediaError(f"--{kind}: the piece {piece} of {path} ends before it has begun.")
    return path, start, end


def _seconds(kind: MediaKind, typed: Path, time: str) -> float | None:
    """A time in seconds; None where there is none."""
    if not time:
        return None
    match = _TIME.fullmatch(time)
    if match is None:
        raise MediaError(f"--{kind}: {time!r} in {typed} is no time; give the piece's start and end as {_SHAPE}.")
    hours, minutes, seconds = match[1], match[2], float(match[3])
    if (minutes is not None and seconds >= 60) or (hours is not None and int(minutes) >= 60):
        raise MediaError(f"--{kind}: {time} in {typed} is no time: a minute has 60 seconds and an hour 60 minutes.")
    return 3600 * int(hours or 0) + 60 * int(minutes or 0) + seconds
