"""The weights of a checkpoint on a device, in a precision, and what they take there."""

import contextlib
import copy
import io
from dataclasses import dataclass
from typing import Any, Literal

from harness.errors import ModelError
from harness.library.heap import given_back
from harness.library.held import mapped, tensors_of
from harness.library.precisions import METHODS, check_precision
from harness.library.sources import Source, reason

_MADE_ON_LOADING = ("int8", "nf4", "int8-torchao", "int4-torchao", "fp8")


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready for forward calls.

    `device` takes the inputs; `devices` are all that hold weights, by name, `layer_devices` (torch devices) those of
    the decoder's layers in order. `weight_bytes`: all parameters and buffers with their quantization's scales,
    measured; `mapped_bytes` of them are pages of the checkpoint's files, which the system calls free memory although
    they are needed. `quantized`: how many layers are. `compute_dtype`: torch's dtype of the activations.
    """

    model: Any
    device: Any
    devices: tuple[str, ...]
    layer_devices: tuple[Any, ...]
    compute_dtype: Any
    weight_bytes: int
    mapped_bytes: int
    quantized: int
    layers: int
    kv_heads: int
    head_dim: int
    vocab: int


def load_model(
    source: Source,
    *,
    precision: str,
    device: Literal["cpu", "cuda"],
    config: Any,
    attention: str,
    model_class: Any = None,
) -> LoadedModel:
    """The checkpoint's weights on `device`; on "cuda" accelerate spreads them over all GPUs.

    `model_class`: the library's class to load, where it is not the one for causal language models.

    How the library (5.14) loads: safetensors files are mapped, not read whole. Of plain and packed checkpoints up to
    four threads (one per core, if there are fewer) take one tensor after another, of whichever file, and copy it to
    where it belongs, converting it on the way, while the main thread puts them into the model. On a CPU a tensor that
    is in the right precision already is not copied: it stays a page of its file. A precision made while loading is
    made by one thread, tensor by tensor, on the device itself, so that the peak is about the quantized weights and a
    layer (measured on a CPU, where it takes `given_back`).

    Raises ModelError: a precision or device that cannot be, weights that are missing, broken, pickled, come out
    quantized otherwise than reckoned, or do not fit the GPUs; MissingExtra.
    """
    check_precision(precision, device, source, config)
    with given_back() if device == "cpu" else contextlib.nullcontext():
        return _loaded(source, precision, device, config, attention, model_class=model_class)


def _loaded(
    source: Source, precision: str, device: str, config: Any, attention: str, *, model_class: Any
) -> LoadedModel:
    model, told = _read(source, precision, device, config, attention, model_class=model_class)
    # the library fills what a file lacks with random numbers and goes on
    lacking = sorted(told["missing_keys"]) + sorted(str(k) for k in told["mismatched_keys"])
    if lacking:
        raise ModelError(f"The weights of {source.place} lack {len(lacking)} of the model's tensors: {lacking[0]} …")
    devices = _devices(model)
    if device == "cuda" and (elsewhere := {"cpu", "disk"} & set(devices)):
        raise ModelError(
            f"{source.place} at {precision} does not fit the GPU memory here (accelerate put parts of it on "
            f"{' and '.join(sorted(elsewhere))}); use a smaller precision or --device cpu."
        )
    model.eval()
    quantized = _settle(model, precision)
    return described(model, compute_dtype=_dtype(precision), devices=devices, quantized=quantized)


def _devices(model: Any) -> tuple[str, ...]:
    """Where the weights are: `cpu`, `cuda:0`, `disk` …, by name."""
    # the map is kept of several devices alone, and where nothing fits a GPU the library puts all on the CPU in silence
    kept = {str(d) for d in getattr(model, "hf_device_map", {}).values()} & {"cpu", "disk"}
    # what is offloaded stands on meta until it is called
    return tuple(sorted(kept | {str(p.device) for p in model.parameters()} - {"meta"}))


def _read(
    source: Source, precision: str, device: str, config: Any, attention: str, *, model_class: Any
) -> tuple[Any, Any]:
    """The model, and what the library tells of its loading."""
    import torch

    from harness.library.modeling import AutoModelForCausalLM

    config = copy.deepcopy(config)
    options = _options(source, precision, device, config)
    # the library shows a bar for GGUF files whatever it is told
    hush = contextlib.redirect_stderr(io.StringIO()) if "gguf_file" in options else contextlib.nullcontext()
    try:
        with hush:
            model, told = (model_class or AutoModelForCausalLM).from_pretrained(
                source.place,
                config=config,
                revision=source.revision or "main",
                dtype=_dtype(precision),
                device_map="auto" if device == "cuda" else {"": "cpu"},
                attn_implementation=attention,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
                **options,
            )
    except ModelError:
        raise
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"{source.place} at {precision} does not fit the GPU memory here; use a smaller precision or --device cpu."
        ) from error
    except Exception as error:  # the library raises anything from KeyError to its own; all mean this
        raise ModelError(f"The weights of {source.place} cannot be loaded: {reason(source, error)}") from error
    return model, told


def _options(source: Source, precision: str, device: str, config: Any) -> dict[str, Any]:
    """What the loader needs to be told for this precision. `config` is changed for packed weights."""
    method = METHODS[precision]
    if precision in _MADE_ON_LOADING:
        from harness.library.quantizers import quantization_for

        return {"quantization_config": quantization_for(precision, device)}
    if method.weights in ("gptq", "awq"):
        from harness.library.packed_loading import as_packed

        as_packed(config, source.place)
    elif method.weights == "gguf" and source.folder is not None:
        from harness.library.gguf_weights import gguf_file

        return {"gguf_file": gguf_file(source.folder).name}
    return {}


def _settle(model: Any, precision: str) -> int:
    """How many layers are quantized; raises ModelError when it is not those reckoned with."""
    import torch

    if precision in _MADE_ON_LOADING:
        from harness.library.quantizers import check_quantized

        quantized = check_quantized(model, precision)
        if METHODS[precision].extra == "bitsandbytes":
            # it lays its weights out anew at the first call; and what cannot run here fails now
            with torch.inference_mode():
                model(torch.zeros(1, 1, dtype=torch.long, device=model.get_input_embeddings().weight.device))
        return quantized
    if METHODS[precision].weights in ("gptq", "awq"):
        from harness.library.packed_weights import PackedLinear

        return sum(isinstance(module, PackedLinear) for module in model.modules())
    return 0


def described(model: Any, *, compute_dtype: Any, devices: tuple[str, ...], quantized: int = 0) -> LoadedModel:
    """What there is to know of a model in memory. `quantized`: how many layers are."""
    text = model.config.get_text_config()
    found = tuple(tensors_of(model))
    return LoadedModel(
        model=model,
        device=model.get_input_embeddings().weight.device,
        devices=devices,
        layer_devices=tuple(next(layer.parameters()).device for layer in _layers(model)),
        compute_dtype=compute_dtype,
        weight_bytes=sum(t.numel() * t.element_size() for t in found),
        mapped_bytes=mapped(found),
        quantized=quantized,
        layers=int(text.num_hidden_layers),
        kv_heads=_kv_heads(text),
        head_dim=_head_dim(text),
        vocab=int(text.vocab_size),
    )


def _layers(model: Any) -> Any:
    """The decoder's layers, in order; GPT-2 and its kin call them `h`."""
    decoder = model.get_decoder()
    return decoder.layers if hasattr(decoder, "layers") else decoder.h


def _kv_heads(text: Any) -> int:
    return int(getattr(text, "num_key_value_heads", None) or text.num_attention_heads)


def _head_dim(text: Any) -> int:
    return int(getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads)


def _dtype(precision: str) -> Any:
    import torch

    return getattr(torch, METHODS[precision].dtype)
