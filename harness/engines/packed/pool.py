"""The memory of the key/value cache: one block per device, in pages that the scheduler numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from harness.engines.schedule.jobs import Copy
from harness.engines.shortage import out_of_memory
from harness.errors import EngineError

# bytes moved in one operation, so that moving needs little memory of its own
_AT_ONCE = 2**26
# the largest number of float8_e4m3fn; beyond it a cast gives NaN
_FP8_MOST = 448.0


class Pool:
    """Keys and values of `pages` pages of `page` tokens for every layer: per layer [pages, heads, page, head size].

    Pages are reserved at once and become real memory when they are first used: on a GPU the block is allocated, on a
    CPU the system gives it page by page.
    """

    def __init__(
        self, layer_devices: Sequence[torch.device], heads: int, size: int, pages: int, page: int, dtype: torch.dtype
    ) -> None:
        self.page = page
        self.dtype = dtype
        self._blocks: dict[torch.device, torch.Tensor] = {}
        self._places: list[tuple[torch.device, int]] = []
        counts: dict[torch.device, int] = {}
        for device in layer_devices:
            self._places.append((device, counts.get(device, 0)))
            counts[device] = counts.get(device, 0) + 1
        try:
            for device, layers in counts.items():
                shape = (layers, 2, pages, heads, page, size)
                self._blocks[device] = torch.empty(shape, dtype=dtype, device=device)
        except RuntimeError as error:  # torch's out of memory is one
            raise EngineError(f"There is no memory for a cache of {pages * page:,} tokens: {error}.") from error
        moved = max(block[:, :, 0].nbytes for block in self._blocks.values())
        self._at_once = max(1, _AT_ONCE // moved)

    def layer(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of one layer, both [pages, heads, page, head size]."""
        device, place = self._places[number]
        block = self._blocks[device]
        return block[place, 0], block[place, 1]

    def copy(self, copies: Sequence[Copy]) -> None:
        """Copies and empties whole pages, with the effect of doing so one after the other. Where there is no memory
        for the copies of many, they are moved page by page, which needs none.

        Raises EngineError when memory runs out even so: the copies are not asked for again, so nobody knows then which
        page holds what.
        """
        try:
            batch: list[Copy] = []
            written: set[int] = set()
            for source, target in copies:
                # all of a batch is read before any of it is written
                if source in written or target in written or len(batch) == self._at_once:
                    self._copy(batch)
                    batch, written = [], set()
                batch.append((source, target))
                written.add(target)
            self._copy(batch)
        except RuntimeError as error:  # torch has no class of its own for a CPU's lack of memory
            raise EngineError(
                f"Pages of the cache could not be moved ({error}): start again with fewer rows."
            ) from error

    def _copy(self, batch: Sequence[Copy]) -> None:
        for block in self._blocks.values():
            try:
                _together(block, batch)
                continue
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
            # nothing is written before all is read, so nothing has been written yet
            _one_by_one(block, batch)

    def stored(self, values: torch.Tensor) -> torch.Tensor:
        """Values in the precision in which they are kept."""
        if self.dtype == torch.float8_e4m3fn:
            values = values.clamp(-_FP8_MOST, _FP8_MOST)
        return values.to(self.dtype)


def _together(block: torch.Tensor, batch: Sequence[Copy]) -> None:
    """All of a batch in as few operations as there can be. `block` [layers, 2, pages, heads, page, head size]."""
    emptied = torch.tensor([target for source, target in batch if source is None], dtype=torch.long).to(block.device)
    pairs = [(source, target) for source, target in batch if source is not None]
    if pairs:
        sources, targets = torch.tensor(pairs, device=block.device).T
        block[:, :, targets] = block[:, :, sources]
    if len(emptied):
        block[:, :, emptied] = 0


def _one_by_one(block: torch.Tensor, batch: Sequence[Copy]) -> None:
    for source, target in batch:
        if source is None:
            block[:, :, target] = 0
        else:
            block[:, :, target] = block[:, :, source]
