"""The models that the omni bench runs: Qwen2.5-Omni at small and at real sizes, with random weights, made on the spot.

What a call costs depends on the shape alone. Nothing is written but descriptions, where weights are not asked for.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# ids of the tokenizer here in place of the published ones
NAMED = {
    "audio_token_index": "<|AUDIO|>",
    "image_token_index": "<|IMAGE|>",
    "video_token_index": "<|VIDEO|>",
    "audio_start_token_id": "<|audio_bos|>",
    "audio_end_token_id": "<|audio_eos|>",
    "vision_start_token_id": "<|vision_bos|>",
    "vision_end_token_id": "<|vision_eos|>",
}
DTYPES = {"fp32": "float32", "bf16": "bfloat16"}


@dataclass(frozen=True, slots=True)
class Shape:
    """A model and what it is asked. Pixels are of a side, seconds of a sound and of a film (2 frames a second).

    `length`: tokens of every output. `speech`: whether there is a talker. `part`: of the requests, how many plain
    generate does where it only counts how fast it is.
    """

    name: str
    precision: str
    image: int
    sound: float
    frame: int
    film: float
    length: int
    speech: bool
    part: int = 16


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("tiny-omni", "fp32", image=112, sound=2.0, frame=112, film=4.0, length=24, speech=True),
        # the thinker alone
        Shape("mid", "fp32", image=224, sound=3.0, frame=112, film=4.0, length=24, speech=False, part=8),
        # Qwen2.5-Omni-7B as it is, its talker's answers cut at 5 s
        Shape("7b", "bf16", image=448, sound=10.0, frame=224, film=8.0, length=64, speech=True),
    )
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A model in memory. `folder`: its description; `whole`: the thinker with talker and token2wav, where it speaks."""

    shape: Shape
    thinker: Any
    whole: Any
    folder: Path

    @property
    def thinker_folder(self) -> Path:
        """The thinker's description alone, which lm-eval's own backend can read."""
        return self.folder / "thinker"


def make(shape: Shape, device: str, folder: Path) -> Subject:
    """Random weights from seed 0 in the shape's precision on `device`; the description goes below `folder`."""
    import torch

    from harness.library.modeling import transformers
    from harness.library.omni.tiny import omni_tokenizer

    tokenizer = omni_tokenizer()
    config = config_of(shape, tokenizer)
    dtype = getattr(torch, DTYPES[shape.precision])
    kind = "Qwen2_5OmniForConditionalGeneration" if shape.speech else "Qwen2_5OmniThinkerForConditionalGeneration"
    torch.manual_seed(0)
    with torch.device(device):
        model = getattr(transformers, kind)._from_config(config, dtype=dtype, attn_implementation="sdpa").eval()
    place = folder / shape.name
    describe(config, tokenizer, place)
    if not shape.speech:
        describe(config, tokenizer, place / "thinker")
        thinker, whole = model, None
    else:
        describe(config.thinker_config, tokenizer, place / "thinker")
        thinker, whole = model.thinker, model
        # its noise is drawn and its equation solved in fp32
        whole.token2wav.float()
        whole.speaker_map = _voices(config, device)
    thinker.generation_config = transformers.GenerationConfig(
        do_sample=False, pad_token_id=tokenizer.convert_tokens_to_ids("<|endoftext|>")
    )
    thinker.name_or_path = str(place / "thinker")
    return Subject(shape, thinker, whole, place)


def write_weights(subject: Subject) -> Path:
    """The thinker as a checkpoint that can be loaded, in bf16 as the published one, beside its description."""
    import torch
    from safetensors.torch import save_file

    place = subject.folder / "files"
    if place.exists():
        return place
    shutil.copytree(subject.thinker_folder, place)
    tensors = {name: value.to(torch.bfloat16).contiguous() for name, value in subject.thinker.state_dict().items()}
    save_file(tensors, place / "model.safetensors", metadata={"format": "pt"})
    return place


def describe(config: Any, tokenizer: Any, place: Path) -> None:
    """Everything of a checkpoint but its weights, whose file is empty."""
    from safetensors.torch import save_file

    from harness.engines.tiny_models import ensure_tiny_omni

    config.save_pretrained(place)
    tokenizer.save_pretrained(place)
    shutil.copy(ensure_tiny_omni() / "preprocessor_config.json", place)
    save_file({}, place / "model.safetensors", metadata={"format": "pt"})


def config_of(shape: Shape, tokenizer: Any) -> Any:
    """The configuration of a shape, with the ids of the tokenizer here in place of the published ones."""
    from harness.library.modeling import transformers

    if shape.name == "7b":
        parts = _published()
    else:
        from harness.engines.tiny_models import ensure_tiny_omni

        parts = json.loads((ensure_tiny_omni() / "config.json").read_text(encoding="utf-8"))
    if shape.name == "mid":
        for name, changed in _MID_PARTS.items():
            parts["thinker_config"][name] |= changed
    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in NAMED.items()}
    pad = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    # nothing ends an output before its length
    parts["thinker_config"] |= ids | {"pad_token_id": pad, "eos_token_id": None}
    parts["talker_config"] |= ids
    if not shape.speech:
        return transformers.Qwen2_5OmniThinkerConfig(**_plain(parts["thinker_config"]))
    return transformers.Qwen2_5OmniConfig(**_plain(parts))


def _plain(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the library writes about a configuration, and does not take."""
    left_out = ("architectures", "model_type", "transformers_version", "dtype", "torch_dtype")
    return {
        name: _plain(value) if isinstance(value, Mapping) else value
        for name, value in parts.items()
        if name not in left_out
    }


def _published() -> dict[str, Any]:
    """The published configuration, of which the talker's answers are cut and its untrained codes all have a sound."""
    from harness import models

    found = models.find_model("qwen2.5-omni-7b").architecture
    assert found is not None
    parts: dict[str, Any] = json.loads(json.dumps(dict(found)))
    parts["token2wav_config"]["dit_config"] |= {"num_embeds": 8447, "max_position_embeddings": 500}
    parts["thinker_config"]["text_config"].pop("torch_dtype", None)
    return parts


_MID_PARTS: dict[str, dict[str, Any]] = {
    "text_config": {
        "vocab_size": 8064, "hidden_size": 512, "intermediate_size": 1408, "num_hidden_layers": 8,
        "num_attention_heads": 8, "num_key_value_heads": 2,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0, "mrope_section": [8, 12, 12]},
        "layer_types": None, "max_window_layers": 8,
    },
    "audio_config": {
        "d_model": 256, "encoder_layers": 4, "num_hidden_layers": 4, "encoder_attention_heads": 4,
        "encoder_ffn_dim": 1024, "output_dim": 512,
    },
    "vision_config": {
        "depth": 4, "hidden_size": 256, "intermediate_size": 768, "num_heads": 4, "out_hidden_size": 512,
        "fullatt_block_indexes": [3],
    },
}  # fmt: skip


def _voices(config: Any, device: str) -> dict[str, Any]:
    import torch

    draw = torch.Generator().manual_seed(0)
    width = config.token2wav_config.dit_config.enc_emb_dim
    voice = {
        "bos_token": config.thinker_config.text_config.vocab_size - 8,
        "cond": torch.randn(1, width, generator=draw).to(device),
        "ref_mel": torch.randn(1, 300, 80, generator=draw).to(device),
    }
    return {"Chelsie": voice}
