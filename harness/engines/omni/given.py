"""What a batch is given of one conversation with media: rows of embeddings, positions, numbers for the scheduler."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.library.omni.records import Prompt
from harness.records import MediaUse

if TYPE_CHECKING:
    import torch

AXES = 3


# media whose numbers are remembered, about 4 MB: more than a cache keeps prompts of
REMEMBERED = 2**14


class Numbers:
    """Numbers beyond the vocabulary, a stretch for every medium: the same again for the same medium, never another's.

    A medium that was not asked for while `most` others were gets new ones, and shares nothing with what it was.
    """

    def __init__(self, first: int, most: int = REMEMBERED) -> None:
        self._next = first
        self._most = most
        self._begins: OrderedDict[tuple[str, int], int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._begins)

    def begin(self, medium: str, count: int) -> int:
        """The first of the medium's `count` numbers."""
        found = self._begins.pop((medium, count), None)
        if found is None:
            found = self._next
            self._next += count
        self._begins[medium, count] = found
        if len(self._begins) > self._most:
            self._begins.popitem(last=False)
        return found

    def tokens(self, prompt: Prompt, media: Sequence[str]) -> list[int]:
        """The prompt's ids with the media's numbers in place of their placeholders. `media`: a name for each."""
        tokens = list(prompt.ids)
        counts = [0] * len(media)
        for span in prompt.media_spans:
            counts[span.medium] += span.count
        at = [self.begin(name, count) for name, count in zip(media, counts, strict=True)]
        for span in prompt.media_spans:
            tokens[span.start : span.start + span.count] = range(at[span.medium], at[span.medium] + span.count)
            at[span.medium] += span.count
        return tokens


@dataclass(frozen=True, slots=True)
class Given:
    """The prompt of one job (see harness.engines.packed.inputs). `embeds[i]` belongs to `prompt.media_spans[i]`.

    `held`: what keeps the embeddings in memory for others, as long as this is there.
    """

    prompt: Prompt
    embeds: tuple[torch.Tensor, ...]
    held: tuple[object, ...] = ()

    @property
    def ids(self) -> Sequence[int]:
        return self.prompt.ids

    @property
    def uses(self) -> tuple[MediaUse, ...]:
        return self.prompt.uses

    @property
    def axes(self) -> int:
        return AXES

    def rows(self, start: int, end: int) -> Sequence[tuple[int, torch.Tensor]]:
        """See Inputs."""
        found = []
        for span, rows in zip(self.prompt.media_spans, self.embeds, strict=True):
            first, last = max(start, span.start), min(end, span.start + span.count)
            if first < last:
                found.append((first, rows[first - span.start : last - span.start]))
        return found

    def positions(self, places: Sequence[int]) -> Sequence[Sequence[int]]:
        """Time, height and width; text behind the prompt moves on by one on all three."""
        length, delta = len(self.prompt.ids), self.prompt.delta
        if min(places) >= length:
            return [[place + delta for place in places]] * AXES
        import torch

        at = torch.tensor(places)
        inside = self.prompt.positions[:, at.clamp(max=length - 1)]
        found: list[list[int]] = torch.where(at < length, inside, at + delta).tolist()
        return found
