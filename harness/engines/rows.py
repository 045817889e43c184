"""Requests side by side in one batch: each row has its own length, settings, random numbers and end.

A prompt but its last token is computed when the request is admitted; that last token is the first input of
the ordinary step, so every token, the first included, comes out of the same forward call.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.engines.base import failed
from harness.engines.decoding import Settings, next_tokens, penalize, settings_of
from harness.records import Generation, Request

if TYPE_CHECKING:
    from torch import Tensor

# tokens, padding included, of one forward call over prompts
PREFILL_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Text:
    """How token ids become text: the decoder, the ids that end an output, the ids that are not text."""

    decode: Callable[[list[int]], str]
    ends: frozenset[int]
    special: frozenset[int]


@dataclass(slots=True)
class Row:
    """A request on its way. `cached` tokens are in the cache; `last` is the token that goes in next."""

    request: Request
    prompt: Sequence[int]
    began: float
    uniform: Callable[[], float]
    cached: int
    last: int
    visible: list[int] = field(default_factory=list)
    tokens: int = 0
    seen: Tensor | None = None
    written: Tensor | None = None
    ended: Generation | None = None


def new_row(request: Request, prompt: Sequence[int]) -> Row:
    """A row for a request whose prompt has at least one token.

    The random numbers are Python's Mersenne twister: the same on every device and in every version.
    """
    draw = random.Random(request.seed).random
    return Row(request, prompt, time.perf_counter(), draw, cached=len(prompt) - 1, last=prompt[-1])


class Rows:
    """The running batch over one model; `limit` is the most rows it ever holds. Call it in inference mode.

    `cells` is how many tokens the cache may hold, the empty places of its rectangle included.
    """

    def __init__(self, loaded: Any, text: Text, limit: int, cells: int) -> None:
        from harness.library.row_cache import RowCache

        self.active: list[Row] = []
        self._model = loaded.model
        self._device = loaded.device
        self._text = text
        self._settings: Settings | None = None
        layers = loaded.model.config.get_text_config().num_hidden_layers
        self._cache = RowCache(layers, limit, cells)

    def admit(self, rows: list[Row]) -> None:
        """Computes the prompts of new rows, in groups of similar length, and adds them to the batch."""
        group: list[Row] = []
        for row in sorted(rows, key=lambda r: r.cached):
            if group and (len(group) + 1) * row.cached > PREFILL_TOKENS:
                self._prefill(group)
                group = []
            group.append(row)
        if group:
            self._prefill(group)
        self._settings = None

    def _prefill(self, group: list[Row]) -> None:
        """Right padding: under a causal mask no token sees what stands behind it, so padding changes nothing."""
        import torch

        length = max(row.cached for row in group)
        if length:
            ids = torch.zeros(len(group), length, dtype=torch.long)
            for i, row in enumerate(group):
                ids[i, : row.cached] = torch.tensor(row.prompt[: row.cached])
            longest = max(length, *(row.cached for row in self.active), 0)
            self._cache.begin_prefill(len(self.active), longest)
            self._model(input_ids=ids.to(self._device), past_key_values=self._cache, use_cache=True, logits_to_keep=1)
        self.active.extend(group)

    def step(self) -> list[Generation]:
        """One token for every row; the generations that ended with it."""
        import torch

        logits = self._logits()
        settings = self._settings = self._settings or settings_of(
            [row.request.sampling for row in self.active], logits.device
        )
        # a NaN anywhere in a row comes out as its maximum
        finite = torch.isfinite(logits.amax(-1)).tolist()
        if settings.penalized:
            logits = self._penalized(logits, settings)
        uniforms = [row.uniform() if row.request.sampling.temperature else 0.0 for row in self.active]
        tokens = next_tokens(logits, settings, uniforms).tolist()
        for place, (row, token, good) in enumerate(zip(self.active, tokens, finite, strict=True)):
            if good:
                self._take(row, token)
            else:
                # whoever gets this place next would otherwise fail as well
                self._cache.clear(place)
                row.ended = failed(
                    row.request,
                    f"the model's output after {row.tokens} tokens is not finite (NaN or infinite logits)",
                    prompt_tokens=len(row.prompt),
                    seconds=time.perf_counter() - row.began,
                )
        return self._retire()

    def _logits(self) -> Tensor:
        """Logits [rows, vocabulary] in float32 after each row's `last` token, which enters the cache."""
        import torch

        device = self._device
        positions = torch.tensor([row.cached for row in self.active], device=device)
        longest = max(row.cached for row in self.active)
        self._cache.begin_decode(positions, longest)
        mask = torch.arange(longest + 1, device=device)[None] <= positions[:, None]
        out = self._model(
            input_ids=torch.tensor([[row.last] for row in self.active], device=device),
            attention_mask=mask[:, None, None],
            position_ids=positions[:, None],
            past_key_values=self._cache,
            use_cache=True,
        )
        logits: Tensor = out.logits[:, -1].float()
        return logits

    def _penalized(self, logits: Tensor, settings: Settings) -> Tensor:
        import torch

        for row in self.active:
            if row.seen is None:
                row.written = torch.zeros(logits.shape[1], dtype=torch.bool, device=logits.device)
                row.seen = row.written.clone()
                row.seen[torch.tensor(row.prompt, device=logits.device)] = True
            elif row.written is not None:
                row.seen[row.last] = row.written[row.last] = True
        seen = torch.stack([row.seen for row in self.active if row.seen is not None])
        written = torch.stack([row.written for row in self.active if row.written is not None])
        return penalize(logits, settings, seen, written)

    def _take(self, row: Row, token: int) -> None:
        """Adds a token to a row and ends it at an end token, a stop string, or max_tokens, in this order."""
        row.cached += 1
        row.last = token
        row.tokens += 1
        sampling = row.request.sampling
        if token in self._text.ends:
            row.ended = self._ended(row, self._text.decode(row.visible), "stop")
            return
        if token not in self._text.special:
            row.visible.append(token)
        cut = self._stopped(row, sampling.stop) if sampling.stop else None
        if cut is not None:
            row.ended = self._ended(row, cut, "stop")
        elif row.tokens >= sampling.max_tokens:
            row.ended = self._ended(row, self._text.decode(row.visible), "length")

    def _stopped(self, row: Row, stops: Sequence[str]) -> str | None:
        """The text before the first stop string, once one is complete.

        Every token of the list stands for at least one byte, so a stop string of n bytes lies within the last
        n tokens; the whole text is decoded only when those contain one. An empty stop string ends nothing.
        """
        stops = [s for s in stops if s]
        if not stops:
            return None
        window = max(len(s.encode()) for s in stops)
        tail = self._text.decode(row.visible[-window:])
        if not any(s in tail for s in stops):
            return None
        text = self._text.decode(row.visible)
        found = [at for s in stops if (at := text.find(s)) >= 0]
        return text[: min(found)] if found else None

    def _ended(self, row: Row, text: str, reason: Any) -> Generation:
        return Generation(
            sample_id=row.request.sample_id,
            repeat=row.request.repeat,
            text=text,
            finish_reason=reason,
            prompt_tokens=len(row.prompt),
            output_tokens=row.tokens,
            seed=row.request.seed,
            seconds=time.perf_counter() - row.began,
        )

    def _retire(self) -> list[Generation]:
        """Takes out the rows that ended; the last row moves into each hole."""
        done: list[Generation] = []
        place = 0
        while place < len(self.active):
            row = self.active[place]
            if row.ended is None:
                place += 1
                continue
            done.append(row.ended)
            mover = self.active.pop()
            if mover is not row:
                self._cache.move(len(self.active), place, mover.cached)
                self.active[place] = mover
        if done:
            self._settings = None
        return done
