"""Fetching a checkpoint from the hub at its commit. The only place of the project that asks the network for weights."""

import os
from collections.abc import Sequence
from pathlib import Path

from harness.errors import ModelError
from harness.network import offline_if_unreachable
from harness.records import ModelSpec

# Never *.bin, *.pt: pickled files can run code. spk_dict.pt (voices of Qwen2.5-Omni) is read with weights_only.
_WEIGHTS = ("*.safetensors", "*.json", "*.txt", "*.jinja", "tokenizer.model", "spk_dict.pt")
_CONFIG = ("config.json", "generation_config.json", "model.safetensors.index.json")


def fetch_weights(spec: ModelSpec) -> Path:
    """The folder of the repository's snapshot, downloaded as far as it is not there; its name is the commit.

    Raises ModelError: no repository, no network and nothing in the cache, a gated or missing repository.
    """
    return _snapshot(spec, _WEIGHTS)


def fetch_config(spec: ModelSpec) -> Path:
    """As fetch_weights, but only the configuration and the weight index: some kilobytes."""
    return _snapshot(spec, _CONFIG)


def weights_name(spec: ModelSpec, folder: Path) -> str | None:
    """`hub:<repo>@<commit>` if the folder is a snapshot of the model's repository, else None."""
    if spec.repository is None or folder.parent.name != "snapshots":
        return None
    cached = "models--" + spec.repository.hub.replace("/", "--")
    return f"hub:{spec.repository.hub}@{folder.name}" if folder.parent.parent.name == cached else None


def _snapshot(spec: ModelSpec, patterns: Sequence[str]) -> Path:
    if spec.repository is None:
        raise ModelError(f"{spec.name} names no repository to fetch from.")
    from httpx import HTTPError
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError

    repo, revision = spec.repository.hub, spec.repository.revision
    wanted = f"{repo}@{revision[:12] if revision else 'main'}"
    try:
        with offline_if_unreachable():
            return Path(snapshot_download(repo, revision=revision, allow_patterns=list(patterns)))
    except GatedRepoError as error:
        raise ModelError(f"{repo} is gated: accept its licence on the hub and log in with `hf auth login`.") from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"There is no repository {repo} on the hub (or it is private and you are not logged in)."
        ) from error
    except (LocalEntryNotFoundError, HTTPError, OSError) as error:
        offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") else ""
        raise ModelError(
            f"{wanted} is not on this machine and the hub cannot be reached{offline}: allow network once, or put the "
            f"checkpoint's folder at $HARNESS_MODELS/{spec.id}."
        ) from error
