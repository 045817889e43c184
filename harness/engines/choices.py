"""Log-likelihoods of the choices of one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def choice_logprobs(loaded: Any, context: int, whole: Sequence[Sequence[int]]) -> tuple[tuple[float, bool], ...]:
    """For each choice: the sum of its tokens' log-probabilities (natural log), and whether all are the likeliest.

    `whole` holds the token ids of prompt + choice, each longer than `context`, the prompt's length in tokens;
    what stands from position `context` on is scored given everything before it, as lm-eval does. The tokens
    that all of them begin with are computed once. Call it in inference mode.
    """
    import torch

    from harness.library.row_cache import plain_cache

    model, device = loaded.model, loaded.device
    # position context-1 predicts the first scored token, so it belongs to the second call
    shared = min(_common(whole), context - 1)
    inputs = [list(ids[shared:-1]) for ids in whole]
    longest = max(len(ids) for ids in inputs)
    batch = torch.zeros(len(whole), longest, dtype=torch.long)
    for i, tokens in enumerate(inputs):
        batch[i, : len(tokens)] = torch.tensor(tokens)
    cache = plain_cache(model.config)
    if shared:
        first = torch.tensor([list(whole[0][:shared])], device=device)
        model(input_ids=first, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache.batch_repeat_interleave(len(whole))
    keep = longest - (context - 1 - shared)
    out = model(input_ids=batch.to(device), past_key_values=cache, use_cache=True, logits_to_keep=keep)
    logs = out.logits.float().log_softmax(-1)
    pairs = []
    for row, ids in zip(logs, whole, strict=True):
        wanted = torch.tensor(list(ids[context:]), device=row.device)
        scored = row[: len(wanted)]
        each = scored.gather(-1, wanted[:, None])[:, 0]
        pairs.append((float(each.double().sum()), bool((scored.argmax(-1) == wanted).all())))
    return tuple(pairs)


def _common(whole: Sequence[Sequence[int]]) -> int:
    """How many tokens all of them begin with."""
    count = 0
    for column in zip(*whole, strict=False):
        if len(set(column)) > 1:
            break
        count += 1
    return count
