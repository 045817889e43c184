"""Finding an lm-eval task's YAML by name without loading thousands of them (lm-eval's own index takes 6 to 13 s)."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from harness.errors import TaskError

_NAME = re.compile(rb"""^["']?(task|group)["']?:[ \t]*["']?([^\s"'#\[\]{}]+)""", re.MULTILINE)


def find_yaml(name: str, folder: Path) -> Path | None:
    """The file below `folder` that says `task: <name>`. Raises TaskError if two do."""
    wanted = name.encode()
    found = []
    for path in _files(folder):
        text = path.read_bytes()
        if wanted in text and (b"task", wanted) in _NAME.findall(text):
            found.append(path)
    if len(found) > 1:
        raise TaskError(f"{found[0]} and {found[1]} both define the task {name!r}: rename one of them.")
    return found[0] if found else None


def unreadable(folder: Path) -> str | None:
    """`file, line N: why` of the first file below `folder` that is no YAML: the task looked for may be in it."""
    for path in _files(folder):
        try:
            yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            return f"{path}, line {line}: {error.problem or 'not valid YAML'}"
        except (OSError, ValueError, yaml.YAMLError) as error:
            return f"{path}: {error}"
    return None


def shipped() -> Path:
    """The folder of the task files that lm-eval brings; it need not be imported for that."""
    found = importlib.util.find_spec("lm_eval")
    assert found is not None and found.submodule_search_locations  # it is a dependency, and a package
    return Path(found.submodule_search_locations[0], "tasks")


def names_in(folder: Path) -> tuple[str, ...]:
    """Every task named in the files below `folder`."""
    found = (pair for path in _files(folder) for pair in _NAME.findall(path.read_bytes()))
    return tuple(sorted({name.decode() for kind, name in found if kind == b"task"}))


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(folder.rglob("*.yaml"))) if folder.is_dir() else iter(())
