"""A key/value cache in which every row is a request of its own length.

Row r of a layer holds its tokens at columns 0 .. length-1. New rows are written as a block behind the active
ones; a leaving row's place is taken by the last one. It is one rectangle, made anew when rows or columns are
lacking: many short rows or a few long ones fit the same memory. Imported lazily: it needs torch and transformers.
"""

from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

PAGE = 256


class RowCache(Cache):  # type: ignore[misc]  # transformers is not type-checked
    """The cache of a running batch of at most `rows` rows, for models whose layers all attend to the whole sequence.

    `cells` (rows x columns) is what it may take; it is exceeded only as far as the rows asked for need it. Before
    a forward call, `begin_prefill` or `begin_decode` says what the call does with it.
    """

    def __init__(self, layers: int, rows: int, cells: int) -> None:
        self.rows = rows
        self.cells = cells
        self.first = 0
        self.positions: torch.Tensor | None = None
        self.columns = 0
        super().__init__(layers=[_RowLayer(self) for _ in range(layers)])

    def begin_prefill(self, first: int, columns: int) -> None:
        """The next call computes prompts [n, length] from their start, for rows first .. first+n-1.

        `columns`: as many as any row has then, the new ones included.
        """
        self.first, self.positions, self.columns = first, None, columns

    def begin_decode(self, positions: torch.Tensor, longest: int) -> None:
        """The next call computes one token for each of the rows 0 .. n-1, at column positions[r] (longest: max)."""
        self.positions, self.columns = positions, longest + 1

    def shape(self, rows: int, columns: int) -> tuple[int, int]:
        """Rows and columns of a rectangle for so many: longer by half, so that copying stays rare, where that fits."""
        longer = _pages(columns + columns // 2)
        wanted = longer if rows * longer <= self.cells else _pages(columns)
        return max(rows, min(self.rows, self.cells // wanted)), wanted

    def clear(self, row: int) -> None:
        """Forgets what a row holds. What is not finite must go: not even a masked column may hold a NaN."""
        for layer in self.layers:
            if layer.is_initialized:
                layer.keys[row] = 0
                layer.values[row] = 0

    def move(self, source: int, target: int, length: int) -> None:
        """Row `target` becomes a copy of the first `length` columns of row `source`."""
        for layer in self.layers:
            if layer.is_initialized:
                layer.keys[target, :, :length] = layer.keys[source, :, :length]
                layer.values[target, :, :length] = layer.values[source, :, :length]


class _RowLayer(DynamicLayer):  # type: ignore[misc]  # transformers is not type-checked
    """One layer: keys and values [rows, heads, columns, head size]."""

    def __init__(self, owner: RowCache) -> None:
        super().__init__()
        self.owner = owner

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        _, heads, _, size = key_states.shape
        self.keys = key_states.new_zeros(0, heads, 0, size)
        self.values = value_states.new_zeros(0, heads, 0, value_states.shape[3])
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        owner = self.owner
        count, _, length, _ = key_states.shape
        if owner.positions is None:
            self._reserve(owner.first, owner.first + count)
            block = slice(owner.first, owner.first + count)
            self.keys[block, :, :length] = key_states
            self.values[block, :, :length] = value_states
            return key_states, value_states
        self._reserve(count, count)
        at = owner.positions.to(self.keys.device)
        row = torch.arange(count, device=self.keys.device)
        self.keys[row, :, at] = key_states[:, :, 0]
        self.values[row, :, at] = value_states[:, :, 0]
        return self.keys[:count, :, : owner.columns], self.values[:count, :, : owner.columns]

    def get_seq_length(self) -> int:
        return 0 if self.owner.positions is None else self.owner.columns - 1

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return (query_length if self.owner.positions is None else self.owner.columns), 0

    def _reserve(self, held: int, rows: int) -> None:
        """Room for `rows` rows and the owner's columns; the first `held` rows keep what they hold."""
        columns = self.owner.columns
        if rows <= self.keys.shape[0] and columns <= self.keys.shape[2]:
            return
        wanted = self.owner.shape(rows, columns)
        for name in ("keys", "values"):
            old = getattr(self, name)
            new = old.new_zeros(wanted[0], old.shape[1], wanted[1], old.shape[3])
            held, kept = min(held, old.shape[0]), min(columns, old.shape[2])
            new[:held, :, :kept] = old[:held, :, :kept]
            setattr(self, name, new)


def _pages(columns: int) -> int:
    return -(-columns // PAGE) * PAGE


def plain_cache(config: Any) -> Any:
    """transformers' own growing cache, for one forward call after another over the same rows."""
    return DynamicCache(config=config)
