"""How models are called in pictures."""

from functools import cache
from pathlib import Path

from harness import claims, models, places


def model_name(model: str) -> str:
    """`QwQ-32B` for `qwq-32b`; the id itself where nobody spells it otherwise."""
    return _configured(places.configs()).get(model) or claims.published_name(model) or model


@cache
def _configured(folder: Path) -> dict[str, str]:
    assert folder == places.configs()  # the folder is the key only
    return {name: spec.name for name, spec in models.load_models().items()}
