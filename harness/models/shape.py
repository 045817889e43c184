"""What can be read off a config.json by looking: layers, experts, context, modalities. Plain dictionaries only."""

from collections.abc import Mapping
from typing import Any

from harness.errors import ModelError
from harness.records import Modalities, Precision

_DTYPES: dict[str, Precision] = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}


def language_config(architecture: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part that describes the language model: nested in multimodal configs, the whole config otherwise."""
    inner = architecture.get("thinker_config", architecture)
    found: Mapping[str, Any] = inner.get("text_config", inner)
    return found


def number(config: Mapping[str, Any], *names: str) -> int:
    """The first of `names` that the config has, as an integer. Raises ModelError if it has none of them."""
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    raise ModelError(f"The config of this {config.get('model_type', '')} model lacks the number {names[0]!r}.")


def head_dim(config: Mapping[str, Any]) -> int:
    """Width of one attention head: stated (Qwen3), or hidden size divided among the heads (Qwen2)."""
    stated = config.get("head_dim")
    if isinstance(stated, int):
        return stated
    return number(config, "hidden_size") // number(config, "num_attention_heads")


def experts_of(architecture: Mapping[str, Any]) -> tuple[int, int]:
    """(routed experts per layer, those active per token); (0, 0) for a dense model."""
    config = language_config(architecture)
    for name in ("num_experts", "n_routed_experts", "num_local_experts"):
        if config.get(name):
            return number(config, name), number(config, "num_experts_per_tok")
    return 0, 0


def context_of(architecture: Mapping[str, Any]) -> int | None:
    """Positions the config declares; a maker's card may promise more (by YaRN), and ModelSpec.context says so."""
    value = language_config(architecture).get("max_position_embeddings")
    return value if isinstance(value, int) else None


def modalities_of(architecture: Mapping[str, Any]) -> Modalities:
    """What goes in and what comes out, from the parts the architecture has.

    In: text always; images by a vision tower, video by one with a token for video; audio by an audio tower. Out:
    text; speech by a talker with a part that turns its codes into sound. No part here draws images.
    """
    inner = architecture.get("thinker_config", architecture)
    takes = ["text"]
    if "vision_config" in inner:
        takes.append("image")
        if any(key in inner for key in ("video_token_index", "video_token_id")):
            takes.append("video")
    if "audio_config" in inner:
        takes.append("audio")
    gives = ["text"]
    if "talker_config" in architecture and "token2wav_config" in architecture:
        gives.append("speech")
    return Modalities.model_validate({"takes": tuple(takes), "gives": tuple(gives)})


def native_precision_of(architecture: Mapping[str, Any]) -> Precision | None:
    """The precision the weights are stored in, if the config says so in a way we know."""
    quantized = architecture.get("quantization_config")
    if isinstance(quantized, Mapping):
        known: dict[object, Precision] = {"fp8": "fp8", "gptq": "gptq-int4", "awq": "awq-int4"}
        return known.get(quantized.get("quant_method"))
    inner = architecture.get("thinker_config", architecture)
    name = architecture.get("dtype") or architecture.get("torch_dtype") or inner.get("torch_dtype")
    return _DTYPES.get(str(name))
