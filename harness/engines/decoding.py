"""From logits to the next token: penalties, filters, and one draw per row. Pure functions of their arguments.

Order as in transformers' generation: repetition penalty, presence penalty, temperature, top-k, top-p, min-p.
All tensors are [rows, vocabulary] or [rows]; torch is imported when a function is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.records import Sampling

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Settings:
    """The sampling settings of the rows of a batch, as tensors. None: no row uses that one."""

    greedy: Tensor
    all_greedy: bool
    temperature: Tensor
    top_k: Tensor | None
    top_p: Tensor | None
    min_p: Tensor | None
    repetition: Tensor | None
    presence: Tensor | None

    @property
    def penalized(self) -> bool:
        return self.repetition is not None or self.presence is not None


def settings_of(rows: Sequence[Sampling], device: object) -> Settings:
    """The settings of some rows, on the device of their logits."""
    import torch

    def column(values: list[float], off: float, dtype: torch.dtype = torch.float64) -> Tensor | None:
        return None if all(v == off for v in values) else torch.tensor(values, dtype=dtype, device=device)[:, None]

    greedy = torch.tensor([s.temperature == 0 for s in rows], device=device)
    return Settings(
        greedy=greedy,
        all_greedy=all(s.temperature == 0 for s in rows),
        temperature=torch.tensor([s.temperature or 1.0 for s in rows], dtype=torch.float64, device=device)[:, None],
        top_k=None if not any(s.top_k for s in rows) else torch.tensor([s.top_k for s in rows], device=device),
        top_p=column([s.top_p for s in rows], 1.0),
        min_p=column([s.min_p for s in rows], 0.0),
        repetition=column([s.repetition_penalty for s in rows], 1.0, torch.float32),
        presence=column([s.presence_penalty for s in rows], 0.0, torch.float32),
    )


def penalize(logits: Tensor, settings: Settings, seen: Tensor, written: Tensor) -> Tensor:
    """Logits after the penalties.

    `seen` marks tokens of prompt and output, `written` tokens of the output (both boolean). The repetition
    penalty (CTRL, arXiv 1909.05858, as transformers and vLLM apply it) divides positive and multiplies
    negative logits of seen tokens; the presence penalty (OpenAI's API) is subtracted once per written token.
    """
    import torch

    if settings.repetition is not None:
        changed = torch.where(logits > 0, logits / settings.repetition, logits * settings.repetition)
        logits = torch.where(seen, changed, logits)
    if settings.presence is not None:
        logits = logits - settings.presence * written
    return logits


def probabilities(logits: Tensor, settings: Settings) -> Tensor:
    """What the non-greedy rows are drawn from: float64, not normalised, 0 for tokens filtered out.

    top_k keeps the k likeliest tokens (and their ties); top_p the fewest likeliest ones that reach that much
    probability; min_p those with at least that fraction of the likeliest one's probability. The likeliest
    token always stays. Each filter is applied to what the one before left.
    """
    import torch

    scaled = logits.double() / settings.temperature
    if settings.top_k is not None:
        size = scaled.shape[-1]
        wanted = torch.where(settings.top_k == 0, size, settings.top_k).clamp(max=size)
        best = scaled.topk(int(wanted.max()), dim=-1).values
        least = best.gather(-1, (wanted - 1)[:, None])
        scaled = scaled.masked_fill(scaled < least, float("-inf"))
    weights = (scaled - scaled.amax(-1, keepdim=True)).exp()
    if settings.top_p is not None:
        ordered, order = weights.sort(dim=-1, descending=True, stable=True)
        before = ordered.cumsum(-1) - ordered
        dropped = before >= settings.top_p * ordered.sum(-1, keepdim=True)
        # 0 < top_p, and nothing stands before the first, so the first always stays
        dropped &= settings.top_p < 1
        weights = weights.masked_fill(torch.zeros_like(dropped).scatter(-1, order, dropped), 0.0)
    if settings.min_p is not None:
        # the likeliest token has weight 1
        weights = weights.masked_fill(weights < settings.min_p, 0.0)
    return weights


def inverse_cdf(weights: Tensor, uniforms: Tensor) -> Tensor:
    """The token ids [rows] at which the running sum of `weights` first exceeds uniform x total.

    Uniforms lie in [0, 1). A token of weight 0 is never taken.
    """
    import torch

    running = weights.cumsum(-1)
    total = running[:, -1:]
    # rounding must not lift the target to the total itself, behind which there is no token
    target = torch.minimum(uniforms[:, None] * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(running, target, right=True)[:, 0]


def next_tokens(logits: Tensor, settings: Settings, uniforms: Sequence[float]) -> Tensor:
    """The next token of every row, after penalties: the likeliest where greedy, else drawn by `uniforms`."""
    import torch

    if settings.all_greedy:
        return logits.argmax(-1)
    drawn = inverse_cdf(
        probabilities(logits, settings), torch.tensor(uniforms, dtype=torch.float64, device=logits.device)
    )
    return torch.where(settings.greedy, logits.argmax(-1), drawn)
