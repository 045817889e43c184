"""What a run asked, kept beside its outputs: a report shows it without the dataset."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import PurePath

from harness.records.media import Media
from harness.records.runs import Message


@dataclass(frozen=True, slots=True)
class Question:
    """One sample as its run asked it. `id` is the sample's.

    `messages` as they go into the chat template (the protocol's system prompt included), or `prompt`, the raw text.
    Media in them are named, not held: see `named`. `target` is the right answer as text.
    """

    id: str
    messages: tuple[Message, ...]
    prompt: str | None
    choices: tuple[str, ...]
    target: str


def named(media: Media) -> Media:
    """The same medium without its content and without this machine's folders: file names, or `sha256:` with the first
    16 digits over the bytes, as in MediaUse."""
    if media.data:
        return replace(media, data=b"", path=f"sha256:{hashlib.sha256(media.data).hexdigest()[:16]}")
    frames = tuple(PurePath(frame).name for frame in media.frames)
    return replace(media, path=PurePath(media.path).name, frames=frames)
