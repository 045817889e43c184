"""Engines by name. Each loads its libraries when it is opened, none when this is imported."""

from pathlib import Path

from harness.engines.base import Engine, EngineInfo, failed
from harness.errors import UnknownName
from harness.records import ModelSpec

ENGINE_NAMES: tuple[str, ...] = ("transformers", "scripted")

__all__ = ["ENGINE_NAMES", "Engine", "EngineInfo", "failed", "open_engine"]


def open_engine(
    name: str,
    *,
    spec: ModelSpec,
    folder: Path | None,
    precision: str,
    device: str = "auto",
    rows: int | None = None,
) -> Engine:
    """The engine `name` for one model.

    `folder` holds the checkpoint; None takes it from `spec.repository` (hub cache or network). For
    `scripted` it is ignored; its script is named after a colon: `scripted:path/to/script.yaml`.
    `device` is "auto", "cpu" or "cuda"; `rows` bounds how many requests run at once (None: by device).
    The weights are loaded at the first generation, so that prompts can be rendered and counted before.

    Raises UnknownName (engine, device), ConfigError (script), ModelError (checkpoint, precision, device).
    """
    kind, _, script = name.partition(":")
    if kind == "scripted":
        from harness.engines.scripted import open_scripted

        return open_scripted(spec, precision=precision, script=Path(script) if script else None)
    if name == "transformers":
        from harness.engines.transformers_engine import open_transformers

        return open_transformers(spec, folder=folder, precision=precision, device=device, rows=rows)
    raise UnknownName.of("engine", name, ENGINE_NAMES)
