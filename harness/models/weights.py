"""Where a checkpoint's weights lie, what their headers say, and a fingerprint to recognise them by. No network.

safetensors (8 bytes header length, JSON header, data) is read here by hand: the headers of a 65 GB checkpoint
take milliseconds, and no library that could load the data is needed.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from harness import places
from harness.errors import ModelError
from harness.library.architectures import config_from
from harness.library.sources import gguf_files
from harness.models.shape import language_config, native_precision_of
from harness.records import ModelSpec

_INDEX = "model.safetensors.index.json"
_PICKLED = ("*.bin", "*.pt", "*.pth")
_HEADER_LIMIT = 100_000_000  # the format's own limit
_BYTES = {"F64": 8, "F32": 4, "BF16": 2, "F16": 2, "I64": 8, "I32": 4, "I16": 2, "U8": 1, "I8": 1, "BOOL": 1}
_DTYPES = {"fp32": "F32", "bf16": "BF16", "fp16": "F16", "fp8": "F8_E4M3"}

# What decides, beside the weights, what a checkpoint answers. spk_dict.pt holds the voices of Qwen2.5-Omni.
_SMALL_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.json",
    "chat_template.jinja",
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
    "spk_dict.pt",
    _INDEX,
)
# what makes a language model another one, however its weights are stored
_SHAPE = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
_SAMPLES = 16
_SAMPLE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class WeightIndex:
    """What the headers of a folder's safetensors files say.

    `parameters`: tensor name -> elements; empty when some shard is missing and only the index file is there.
    `dtypes`: dtype as safetensors names it -> elements. `total` elements, `bytes` of data.
    """

    parameters: Mapping[str, int]
    dtypes: Mapping[str, int]
    total: int
    bytes: int
    files: tuple[str, ...]

    @property
    def dtype(self) -> str:
        """The dtype of most elements."""
        return max(self.dtypes, key=lambda name: self.dtypes[name])


def locate_folder(spec: ModelSpec) -> Path | None:
    """The folder of this model with a config.json, weights or not; None if there is none on this machine.

    Looked for in this order: the folder the spec names (`local`), `$HARNESS_MODELS/<id>`, the hub cache at the
    pinned revision (`main` if none is pinned). The first two are somebody's explicit choice: if there is a
    folder without config.json, ModelError is raised instead of looking on. It is raised as well for a folder with
    another model: what that does would be told of this one.
    """
    for folder in _chosen_folders(spec):
        if folder.is_dir():
            _refuse_another(spec, folder, config_from(folder))
            return folder
    found = _cached_snapshot(spec)
    if found is not None:
        _refuse_another(spec, found, config_from(found))
    return found


def _refuse_another(spec: ModelSpec, folder: Path, config: Mapping[str, Any]) -> None:
    recorded, found = language_config(spec.architecture or {}), language_config(config)
    for name in _SHAPE:
        if name in recorded and found.get(name, recorded[name]) != recorded[name]:
            raise ModelError(
                f"{folder} is not {spec.name}: its {name} is {found[name]}, not {recorded[name]}. Another model is run "
                "by its folder's path, under its own name."
            )


def locate_weights(spec: ModelSpec) -> Path | None:
    """The folder with this model's config.json and all its safetensors files; None if it is not here.

    Raises ModelError for an explicitly chosen folder (see locate_folder) with pickled weights only, or with
    shards missing. An unfinished download in the hub cache is None, as if nothing were there.
    """
    folder = locate_folder(spec)
    if folder is None or folder not in _chosen_folders(spec):
        return folder if folder is not None and not missing_weights(folder) else None
    refuse_pickled(folder)
    missing = missing_weights(folder)
    if missing and any(folder.glob("*.safetensors")):
        raise ModelError(f"{folder} lacks {missing[0]} ({len(missing)} weight files missing): finish the download.")
    return None if missing else folder


def refuse_pickled(folder: Path) -> None:
    """Raises ModelError if the folder's only weights are pickled: loading those runs code from the checkpoint."""
    if any(folder.glob("*.safetensors")) or gguf_files(folder):
        return
    pickled = sorted(path.name for pattern in _PICKLED for path in folder.glob(pattern))
    if [name for name in pickled if name != "spk_dict.pt"]:
        raise ModelError(
            f"{folder} has only pickled weights ({pickled[0]}), which can run code when loaded: "
            "safetensors are needed; convert them first."
        )


def missing_weights(folder: Path) -> tuple[str, ...]:
    """The safetensors files that should be there and are not; none of a folder with a GGUF file instead."""
    if gguf_files(folder) and not any(folder.glob("*.safetensors")):
        return ()
    return tuple(name for name in _shards(folder) or ("model.safetensors",) if not (folder / name).is_file())


def read_index(folder: Path) -> WeightIndex:
    """Names, sizes and dtypes of all tensors, from the safetensors headers.

    When shards are missing but the index file is there, its `total_size` in bytes is divided by the width of the
    config's dtype, and `parameters` is empty. Raises ModelError (no weights, a broken or truncated file).
    """
    if missing_weights(folder):
        return _from_index_file(folder)
    parameters: dict[str, int] = {}
    dtypes: Counter[str] = Counter()
    size = 0
    files = _shards(folder)
    for name in files:
        for tensor, entry in _header(folder / name).items():
            elements = prod(entry["shape"])
            parameters[tensor] = elements
            dtypes[str(entry["dtype"])] += elements
            size += entry["data_offsets"][1] - entry["data_offsets"][0]
    if not parameters:
        raise ModelError(f"{folder} holds safetensors files without any tensor.")
    return WeightIndex(parameters, dict(dtypes), sum(parameters.values()), size, files)


def fingerprint(folder: Path) -> str:
    """sha256 that tells two checkpoints apart in about a second even at 65 GB.

    Hashed whole: config, tokenizer, chat template and the other small files that decide what is answered. Of each
    safetensors file: name, size, header, and 16 samples of 64 KiB spread evenly from the first byte of data to
    the last (a file up to 1 MiB is thereby hashed whole). Weights changed only between the samples, with every
    name, shape and size kept, go unnoticed; any retraining or requantization changes nearly every byte. A GGUF file
    is hashed in the same way; its first 100 MB stand for a header.
    """
    whole = hashlib.sha256()
    for name in _SMALL_FILES:
        path = folder / name
        if path.is_file():
            whole.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    for name in (*_shards(folder), *(path.name for path in gguf_files(folder))):
        path = folder / name
        if path.is_file():
            whole.update(f"{name}\0{path.stat().st_size}\0{_sampled(path)}\0".encode())
    return whole.hexdigest()


def _chosen_folders(spec: ModelSpec) -> tuple[Path, ...]:
    """`local` may be absolute (a folder named on the command line): joining then leaves it as it is."""
    chosen = [places.checkpoints() / spec.local] if spec.local else []
    models = os.environ.get("HARNESS_MODELS")
    if models:
        chosen.append(Path(models).expanduser() / spec.id)
    return tuple(chosen)


def _cached_snapshot(spec: ModelSpec) -> Path | None:
    if spec.repository is None:
        return None
    from huggingface_hub import constants, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    hub, revision = spec.repository.hub, spec.repository.revision
    try:
        found = try_to_load_from_cache(hub, "config.json", cache_dir=constants.HF_HUB_CACHE, revision=revision)
    except HFValidationError as error:
        raise ModelError(f"{hub!r} is not a name the hub allows.") from error
    return Path(found).parent if isinstance(found, str) else None


def _shards(folder: Path) -> tuple[str, ...]:
    """Names of the weight files: as the index lists them; else model.safetensors; else all there are.

    Not simply all: some folders hold the same weights twice (`consolidated.safetensors`) or an adapter.
    """
    index = folder / _INDEX
    if index.is_file():
        return tuple(sorted(set(_read_json(index).get("weight_map", {}).values())))
    if (folder / "model.safetensors").is_file():
        return ("model.safetensors",)
    return tuple(sorted(path.name for path in folder.glob("*.safetensors")))


def _header(path: Path) -> dict[str, Any]:
    """Tensor name -> {dtype, shape, data_offsets}; raises ModelError if the file is broken or cut short."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, _HEADER_LIMIT):
                raise ModelError(f"{path} is no whole safetensors file: its header is cut short.")
            entries: dict[str, Any] = json.loads(file.read(length))
        entries.pop("__metadata__", None)
        end = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ModelError(f"{path} is no safetensors file: its header cannot be read.") from error
    announced = 8 + length + end
    if announced != size:
        raise ModelError(f"{path} has {size} bytes where its header announces {announced}: download it again.")
    return entries


def _from_index_file(folder: Path) -> WeightIndex:
    path = folder / _INDEX
    if not path.is_file():
        raise ModelError(f"{folder} has no safetensors weights.")
    content = _read_json(path)
    files = _shards(folder)
    metadata = content.get("metadata", {})
    dtype = _DTYPES.get(native_precision_of(config_from(folder)) or "")
    size = metadata.get("total_size")
    if not isinstance(size, int | float) or dtype is None:
        raise ModelError(f"{path} does not say how large the weights are, and {files[0]} is not there to count.")
    total = int(metadata.get("total_parameters") or size // _BYTES.get(dtype, 1))
    return WeightIndex({}, {dtype: total}, total, int(size), files)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read as JSON ({error}).") from error
    return content if isinstance(content, dict) else {}


def _sampled(path: Path) -> str:
    size = path.stat().st_size
    digest = hashlib.sha256()
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        start = 8 + min(length, _HEADER_LIMIT, max(size - 8, 0))
        file.seek(0)
        digest.update(file.read(start))
        if size - start <= _SAMPLES * _SAMPLE_BYTES:
            digest.update(file.read())
            return digest.hexdigest()
        step = (size - start - _SAMPLE_BYTES) / (_SAMPLES - 1)
        for i in range(_SAMPLES):
            file.seek(start + round(i * step))
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()
