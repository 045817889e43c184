"""Tasks whose rows lie in folders, and the media that rows name.

A user's folder is laid out as the set's makers publish it, or as the pinned repository is. What a model was given of
each medium is on record with its answer (`MediaUse`, with a hash of the content).
"""

import base64
import binascii
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from harness.errors import DatasetError
from harness.records import Media, MediaKind
from harness.tasks.base import FileTask
from harness.tasks.sources import Source, local_source


class FolderTask(FileTask):
    """A task whose rows lie in one file or several of a folder, or of a pinned data set.

    `patterns`: glob patterns below the data folder, the first with a file wins; `wanted`: the same in words, for whom
    it is missing.
    """

    version = "1"
    default_protocol = "omni-official"
    patterns: tuple[str, ...]
    wanted: str

    @cached_property
    def local(self) -> Source | None:
        return local_source(self.patterns, self._data_dir, self.wanted)

    @property
    def instead(self) -> str:
        return (
            f"put {self.wanted} into a folder ({' or '.join(self.patterns)}) and pass --data-dir FOLDER (or set "
            "HARNESS_DATA=FOLDER)"
        )


def below(folder: Path, name: str) -> Path:
    """The path that a row names, below `folder`. Raises DatasetError for one that leads out of it.

    Links in the folder are the user's own and are followed.
    """
    parts = (*PurePosixPath(name).parts, *PureWindowsPath(name).parts)
    path = Path(os.path.normpath(folder / name))
    if not name or "\0" in name or ".." in parts or not path.is_relative_to(os.path.normpath(folder)):
        raise DatasetError(f"A row names the file {name!r}, which is not below {folder}: it is not read.")
    return path


def first_there(folder: Path, *names: str) -> Path:
    """The first of the places below `folder` where something is; the first of all where nothing is.

    Raises DatasetError for a name that leads out of the folder.
    """
    places = [below(folder, name) for name in names]
    return next((place for place in places if place.exists()), places[0])


def medium(kind: MediaKind, value: object, folder: Path) -> Media:
    """The medium in a field: {"bytes", "path"} as in parquet files, bytes, base64, or a path below `folder`.

    An empty field gives a medium without content: the question stays, and its answer is counted as an error.
    Raises DatasetError for a path that leads out of the folder, TypeError for a value of another kind.
    """
    if isinstance(value, Mapping):
        fields: Mapping[str, Any] = value
        value = fields.get("bytes") or fields.get("path")
    if value is None or value == "" or value == b"":
        return Media(kind)
    if isinstance(value, bytes | bytearray):
        return Media(kind, data=bytes(value))
    if not isinstance(value, str):
        raise TypeError(f"a medium is bytes or a path, not {type(value).__name__}")
    if len(value) > _LONGEST_NAME:
        return Media(kind, data=_decoded(value))
    return Media(kind, path=str(below(folder, value)))


# more than a path has, and less than any picture
_LONGEST_NAME = 512


def _decoded(text: str) -> bytes:
    """base64; what is none is nothing, so that the question is counted as an error."""
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return b""
