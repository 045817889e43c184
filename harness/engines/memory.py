"""How large a batch the memory allows: pages of the cache beside weights and activations, measured where possible."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from harness.engines import capacity
from harness.engines.base import Setup, Sizing
from harness.engines.capacity import Device, Shape
from harness.engines.packed.pool import Pool
from harness.engines.packed.step import PackedStep
from harness.engines.schedule import CHUNK, LEAST_CHUNK, PAGE, ROWS, Job, Limits, Part
from harness.engines.schedule.limits import CACHE_SHARE, SHARED
from harness.engines.shortage import out_of_memory
from harness.errors import EngineError
from harness.library.attention import forward
from harness.library.available import available
from harness.library.checkpoints import LoadedModel

_REMEDY = "use fewer rows (--rows), a smaller precision, or a device with more memory"
# of cards by number: the most that was handed out and taken before torch's counts were begun anew here
_before: dict[int, tuple[int, int]] = {}


def limits_for(
    loaded: LoadedModel, setup: Setup, *, context: int, kv_dtype: torch.dtype, reserved: int = 0
) -> tuple[Limits, Sizing]:
    """The limits of a batch on a loaded model, and the sums behind them.

    `context` in tokens bounds what one sequence can need; `reserved`: bytes of each device for what else is computed
    there. Raises EngineError when not even one page fits beside the smallest call.
    """
    kind = loaded.device.type
    most_rows = setup.rows or ROWS[kind]
    shape = Shape(
        heads=int(loaded.model.config.get_text_config().num_attention_heads),
        kv_heads=loaded.kv_heads,
        size=loaded.head_dim,
        computed=int(loaded.compute_dtype.itemsize),
        kept=int(kv_dtype.itemsize),
        cpu=kind == "cpu",
    )
    beside = shape.beside(most_rows, context)
    chunk = CHUNK[kind]
    while True:
        devices = _fitting(loaded, most_rows, min(chunk, context))
        pages = 0
        if devices is not None:
            pages = capacity.pages_for(
                devices, shape, beside=beside + reserved, share=setup.share, part=CACHE_SHARE[kind]
            )
        if pages >= 1 or chunk <= LEAST_CHUNK:
            break
        # beside weights that nearly fill a device there is room for smaller calls, which are slower and no less right
        chunk //= 2
    if devices is None:
        raise EngineError(f"The weights leave no memory for a call of {chunk} tokens: {_REMEDY}.")
    activations = max(device.forward for device in devices) + beside
    if pages < 1:
        taken = (activations + reserved) / 1e9
        raise EngineError(f"The weights leave no memory for a cache (activations take {taken:.1f} GB): {_REMEDY}.")
    # as many as could ever be needed, and room for kept prompts beside them
    most = most_rows * -(-context // PAGE)
    pages = min(pages, most + -(-most // SHARED))
    limits = Limits(rows=min(most_rows, pages), pages=pages, shared=-(-pages // SHARED), chunk=chunk)
    sizing = Sizing(
        device=kind,
        weights=loaded.weight_bytes,
        kv_per_token=shape.page // PAGE * loaded.layers,
        activations=activations,
        kv_capacity=pages * PAGE,
        rows=limits.rows,
    )
    return limits, sizing


def pool_for(loaded: LoadedModel, limits: Limits, kv_dtype: torch.dtype) -> Pool:
    """The cache's memory. Raises EngineError when it cannot be had."""
    return Pool(loaded.layer_devices, loaded.kv_heads, loaded.head_dim, limits.pages, limits.page, kv_dtype)


def _fitting(loaded: LoadedModel, rows: int, tokens: int) -> tuple[Device, ...] | None:
    """See _devices; None where such a call takes more memory than there is."""
    try:
        return _devices(loaded, rows, tokens)
    except (RuntimeError, EngineError) as error:
        # an EngineError is that of a cache for which there is no memory
        if isinstance(error, RuntimeError) and not out_of_memory(error):
            raise
    # behind the handler: until its end the error holds on to what the call has taken
    torch.cuda.empty_cache()
    return None


def _devices(loaded: LoadedModel, rows: int, tokens: int) -> tuple[Device, ...]:
    """Every device that holds layers: what is free there, and what calls of so many tokens take."""
    layers: dict[torch.device, int] = {}
    for device in loaded.layer_devices:
        layers[device] = layers.get(device, 0) + 1
    if loaded.device.type != "cuda":
        # pages of the weights' files count as available, and are needed all the same
        free = max(available() - loaded.mapped_bytes, 0)
        return (Device(free, sum(layers.values()), _reckoned(loaded, rows, tokens)),)
    drawing, weighing = capacity.logits(loaded.vocab, rows, tokens, int(loaded.compute_dtype.itemsize))
    few, all_kept = _measured(loaded, tokens, min(rows, tokens)), _measured(loaded, tokens, tokens)
    # the logits that come with the second call are in what was measured
    slab = weighing - tokens * loaded.vocab * int(loaded.compute_dtype.itemsize)
    torch.cuda.empty_cache()
    return tuple(
        Device(torch.cuda.mem_get_info(device)[0], count, max(few[device] + drawing, all_kept[device] + slab))
        for device, count in layers.items()
    )


def _reckoned(loaded: LoadedModel, rows: int, tokens: int) -> int:
    """Bytes of a call by formula: for every token the inputs and outputs of one layer (about 8 times the hidden size
    and 3 times the inner one, of all experts it visits), and logits."""
    config = loaded.model.config.get_text_config()
    computed = int(loaded.compute_dtype.itemsize)
    # GPT-2 and its kin do not name the inner width of their layers: four times the outer one
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    visited = (getattr(config, "num_experts_per_tok", None) or 0) * (
        getattr(config, "moe_intermediate_size", None) or 0
    )
    widths = 8 * config.hidden_size + 3 * max(inner, visited)
    return tokens * int(widths) * computed + max(capacity.logits(loaded.vocab, rows, tokens, computed))


def _measured(loaded: LoadedModel, tokens: int, keep: int) -> Mapping[torch.device, int]:
    """Bytes that a call of so many tokens, with logits of the first `keep`, takes at most on each device."""
    pages = -(-tokens // PAGE)
    pool = Pool(loaded.layer_devices, loaded.kv_heads, loaded.head_dim, pages, PAGE, loaded.compute_dtype)
    job = Job([0] * tokens, tokens, tokens, pages=list(range(pages)))
    packed = PackedStep(pool, [Part(job, 0, tokens)], 0, pages, {})
    devices = set(loaded.layer_devices)
    before = {}
    for device in devices:
        _before[device.index or 0] = most_on(device.index or 0)
        torch.cuda.reset_peak_memory_stats(device)
        before[device] = torch.cuda.memory_allocated(device)
    with torch.inference_mode():
        at = loaded.device
        forward(loaded.model, packed.ids.to(at), packed.positions.to(at), range(keep), packed)
    for device in devices:
        torch.cuda.synchronize(device)
    return {device: int(torch.cuda.max_memory_allocated(device) - before[device]) for device in devices}


def most_on(card: int) -> tuple[int, int]:
    """Bytes that torch has handed out at most on a card since the program began, and had taken from it for that."""
    used, taken = _before.get(card, (0, 0))
    return max(used, int(torch.cuda.max_memory_allocated(card))), max(taken, int(torch.cuda.max_memory_reserved(card)))
