"""Checkpoints through transformers and accelerate: the tokenizer, what its chat template does, the model.

Only safetensors are read, and no code that comes with a checkpoint is run. Nothing of transformers is imported
before a function here is called.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from harness.errors import ModelError, UnknownName
from harness.records import Message

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
DEVICES = ("auto", "cpu", "cuda")
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
LIBRARIES = ("transformers", "torch", "accelerate", "tokenizers")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a checkpoint is read from: a folder, or a repository of the hub at a commit (None: its newest)."""

    place: str
    revision: str | None = None
    folder: Path | None = None

    @classmethod
    def at(cls, folder: Path) -> "Source":
        return cls(str(folder), folder=folder)


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """What a chat template does.

    `thinking`: "prompt" when the rendered generation prompt ends inside an open <think>, "output" when the
    model has to open it itself, "none" when there are no such tags. `switch`: it takes `enable_thinking`.
    `sha256` is over the template's text; "" when the tokenizer has none.
    """

    sha256: str
    thinking: Literal["prompt", "output", "none"]
    switch: bool


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready for forward calls. `device` takes the inputs; `devices` are all that hold weights."""

    model: Any
    device: Any
    devices: tuple[str, ...]
    kv_bytes_per_token: int


def library_versions() -> dict[str, str]:
    """Versions of the libraries that can change an output."""
    return {name: version(name) for name in LIBRARIES}


def check_precision(precision: str) -> None:
    """Raises ModelError for a precision this door cannot load yet."""
    if precision not in DTYPES:
        raise ModelError(f"precision {precision} is not supported by this engine yet; it loads {', '.join(DTYPES)}.")


def check_folder(folder: Path) -> None:
    """Raises ModelError when a folder is no checkpoint, or one that we refuse to read."""
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder with a checkpoint.")
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} has no config.json, so it is not a checkpoint in the Hugging Face format.")
    if not any(folder.glob("*.safetensors")):
        pickled = sorted(p.name for pattern in PICKLED for p in folder.glob(pattern))
        if pickled:
            raise ModelError(
                f"{folder} has its weights only in pickled form ({pickled[0]}), which can run code when read; "
                "convert them to safetensors."
            )
        raise ModelError(f"{folder} has a config.json but no weights (*.safetensors).")
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, AttributeError) as error:
            raise ModelError(f"{index} is not a weight index.") from error
        missing = sorted(s for s in shards if not (folder / s).is_file())
        if missing:
            raise ModelError(f"{folder} lacks {len(missing)} of {len(shards)} weight files, first {missing[0]}.")


def resolve_device(device: str) -> Literal["cpu", "cuda"]:
    """Raises UnknownName for another word, ModelError when "cuda" is asked for and there is none."""
    if device not in DEVICES:
        raise UnknownName.of("device", device, DEVICES)
    if device == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise ModelError("device cuda was asked for, but torch finds no GPU here; use --device cpu.")
    return "cpu"


def load_tokenizer(source: Source) -> Any:
    """The checkpoint's tokenizer. Raises ModelError when there is none or it cannot be reached."""
    transformers = _transformers()
    try:
        return transformers.AutoTokenizer.from_pretrained(
            source.place, revision=source.revision or "main", trust_remote_code=False
        )
    except Exception as error:  # the library raises anything from KeyError to its own; all mean this
        raise ModelError(f"The tokenizer of {source.place} cannot be loaded: {_reason(source, error)}") from error


def load_config(source: Source) -> Any:
    """The checkpoint's configuration. Raises ModelError when it cannot be read or its architecture is unknown."""
    transformers = _transformers()
    try:
        return transformers.AutoConfig.from_pretrained(
            source.place, revision=source.revision or "main", trust_remote_code=False
        )
    except Exception as error:  # as for the tokenizer
        raise ModelError(f"The config of {source.place} cannot be loaded: {_reason(source, error)}") from error


def load_model(source: Source, *, precision: str, device: str) -> LoadedModel:
    """The checkpoint's weights on `device` ("auto", "cpu", "cuda"), spread over all GPUs by accelerate.

    Raises ModelError: precision, device, weights that are missing, broken or do not fit the GPUs.
    """
    check_precision(precision)
    where = resolve_device(device)
    if source.folder is not None:
        check_folder(source.folder)
    transformers = _transformers()
    import torch

    try:
        model, told = transformers.AutoModelForCausalLM.from_pretrained(
            source.place,
            revision=source.revision or "main",
            dtype=getattr(torch, DTYPES[precision]),
            device_map="auto" if where == "cuda" else {"": "cpu"},
            # one attention everywhere: the row cache hands it a boolean mask
            attn_implementation="sdpa",
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:  # as for the tokenizer
        raise ModelError(f"The weights of {source.place} cannot be loaded: {_reason(source, error)}") from error
    # the library fills what a file lacks with random numbers and goes on
    lacking = sorted(told["missing_keys"]) + sorted(str(k) for k in told["mismatched_keys"])
    if lacking:
        raise ModelError(f"The weights of {source.place} lack {len(lacking)} of the model's tensors: {lacking[0]} …")
    devices = tuple(sorted({str(d) for d in getattr(model, "hf_device_map", {"": where}).values()}))
    if where == "cuda" and (elsewhere := {"cpu", "disk"} & set(devices)):
        raise ModelError(
            f"{source.place} at {precision} does not fit the GPU memory here (accelerate put parts of it on "
            f"{' and '.join(sorted(elsewhere))}); use a smaller precision or --device cpu."
        )
    model.eval()
    return LoadedModel(model, model.get_input_embeddings().weight.device, devices, _kv_bytes(model))


def end_tokens(source: Source, tokenizer: Any) -> frozenset[int]:
    """Ids that end an output: those of generation_config.json (a number or a list) and the tokenizer's own."""
    transformers = _transformers()
    ids = {tokenizer.eos_token_id}
    try:
        config = transformers.GenerationConfig.from_pretrained(source.place, revision=source.revision or "main")
    except OSError:
        config = None  # many checkpoints have no such file; the tokenizer's own remains
    if config is not None:
        named = config.eos_token_id
        ids |= set(named) if isinstance(named, list | tuple) else {named}
    return frozenset(int(i) for i in ids if i is not None)


def context_of(config: Any) -> int | None:
    """Longest sequence in tokens the configuration was made for, stretched rotary embeddings included."""
    text = config.get_text_config()
    limit = getattr(text, "max_position_embeddings", None)
    rope = getattr(text, "rope_parameters", None) or {}
    original, factor = rope.get("original_max_position_embeddings"), rope.get("factor")
    if limit and original and factor:
        return max(int(limit), int(original * factor))
    return int(limit) if limit else None


def only_full_attention(config: Any) -> bool:
    """Whether every layer attends to the whole sequence, which the row cache of the engine relies on."""
    text = config.get_text_config()
    kinds = getattr(text, "layer_types", None) or ["full_attention"]
    return all(kind == "full_attention" for kind in kinds)


def render_messages(tokenizer: Any, messages: Sequence[Message], **switches: bool) -> str:
    """The conversation up to where the assistant speaks; `switches` go to the template (enable_thinking).

    Raises ModelError when the tokenizer has no chat template or the template refuses the conversation.
    """
    if not tokenizer.chat_template:
        raise ModelError("The tokenizer has no chat template; use a protocol with chat_template: false.")
    turns = [{"role": m.role, "content": m.content} for m in messages]
    import jinja2

    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, **switches))
    except jinja2.TemplateError as error:
        raise ModelError(f"The chat template refuses this conversation: {error}.") from error


def template_facts(tokenizer: Any) -> TemplateFacts:
    """What the tokenizer's chat template does, found out by rendering it."""
    template = tokenizer.chat_template
    if not template:
        return TemplateFacts("", "none", switch=False)
    text = template if isinstance(template, str) else json.dumps(template, sort_keys=True)
    prompt = render_messages(tokenizer, (Message("user", "1 + 1 = ?"),))
    thinking: Literal["prompt", "output", "none"] = "none"
    if prompt.rfind("<think>") > prompt.rfind("</think>"):
        thinking = "prompt"
    elif "</think>" in text:
        thinking = "output"
    return TemplateFacts(hashlib.sha256(text.encode()).hexdigest(), thinking, switch="enable_thinking" in text)


@cache
def _transformers() -> Any:
    """The library, quiet: its progress bars and advice do not belong on our screen."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def _reason(source: Source, error: Exception) -> str:
    """The end of a sentence about why loading failed."""
    if source.folder is None:
        at = f" at {source.revision}" if source.revision else ""
        return (
            f"the hub repository{at} is neither in the local cache nor reachable; download it with "
            f"`hf download {source.place}` and pass the folder ({type(error).__name__})."
        )
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {(lines[0] if lines else 'no reason given').rstrip('.')}."


def _kv_bytes(model: Any) -> int:
    """Bytes one token takes in the key/value cache of all layers."""
    text = model.config.get_text_config()
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return int(2 * text.num_hidden_layers * heads * size * model.dtype.itemsize)
