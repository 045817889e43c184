"""The one door from YAML to records: strict, and every complaint names file, line, key and the nearest known key.

Files are parsed by libyaml; line numbers are worked out (by composing the file again) only when something is
wrong, so that loading the whole ledger stays fast.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from harness.errors import ConfigError, did_you_mean
from harness.records import Record

R = TypeVar("R", bound=Record)

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # libyaml's loader has no types
    """YAML keeps the last of two equal keys without a word; a claim must not lose a line that way."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key.value!r} stands here twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """The plain data in a YAML file. Raises ConfigError (missing, unreadable, not YAML, duplicate key)."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from error
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}, line {line}: {error.problem or 'not valid YAML'}.") from error
    return data


def read_record(path: Path, record: type[R]) -> R:
    """A file that holds one record (a mapping)."""
    return _build(path, (), read_yaml(path), record)


def read_records(path: Path, record: type[R]) -> tuple[R, ...]:
    """A file that holds a list of records."""
    data = read_yaml(path)
    if not isinstance(data, list):
        raise ConfigError(f"{path}, line 1: expected a list of {record.__name__} entries.")
    return tuple(_build(path, (i,), item, record) for i, item in enumerate(data))


def yaml_files(folder: Path) -> tuple[Path, ...]:
    """The .yaml files of a folder, sorted; a file with another YAML ending is an error, not overlooked."""
    for path in sorted(folder.glob("*.yml")):
        raise ConfigError(f"{path}: configuration files end in .yaml.")
    return tuple(sorted(folder.glob("*.yaml")))


def where(path: Path, keys: Sequence[str | int]) -> str:
    """`file, line N` of the node at `keys` (as far as the path exists), for messages of other rooms."""
    return f"{path}, line {_line(path, keys)}"


def _build(path: Path, at: tuple[str | int, ...], data: Any, record: type[R]) -> R:
    try:
        return record.model_validate(data)
    except ValidationError as error:
        # a mistyped key makes two errors, "unknown" and "missing": the first is the one to mend
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        keys = at + tuple(k for k in first["loc"] if not _is_union_tag(k, data))
        raise ConfigError(_complaint(path, keys, first, record)) from error


def _is_union_tag(key: str | int, data: Any) -> bool:
    """pydantic puts the discriminator's value (`benchmark`, `fact` …) into the location; YAML has no such key."""
    return (
        isinstance(key, str)
        and key in {"benchmark", "structure", "fact", "consistency", "probe"}
        and (isinstance(data, Mapping) and key not in data)
    )


def _complaint(path: Path, keys: tuple[str | int, ...], error: Any, record: type[Record]) -> str:
    place = where(path, keys)
    name = str(keys[-1]) if keys else record.__name__
    if error["type"] == "extra_forbidden":
        return f"{place}: unknown key {name!r}{did_you_mean(name, _known_keys(record))}."
    if error["type"] == "missing":
        return f"{place}: {record.__name__} lacks the key {name!r}."
    if error["type"] == "literal_error":
        given = str(error["input"])
        allowed = error["ctx"]["expected"]
        near = did_you_mean(given, [a.strip(" '") for a in allowed.replace(" or ", ",").split(",")])
        return f"{place}: {name!r} is {given!r}, but must be one of {allowed}{near}."
    return f"{place}: {name!r}: {error['msg'].removeprefix('Value error, ')}."


def _known_keys(record: type[BaseModel]) -> Iterable[str]:
    """Keys of a record and of the records inside it: the nearest one is looked for among all of them."""
    seen: set[type[BaseModel]] = set()
    queue: list[Any] = [record]
    while queue:
        kind = queue.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if kind in seen:
                continue
            seen.add(kind)
            for name, info in kind.model_fields.items():
                yield name
                queue.append(info.annotation)
        else:
            queue.extend(getattr(kind, "__args__", ()))


def _line(path: Path, keys: Sequence[str | int]) -> int:
    """1-based line of the node at `keys`; of the key itself when the last step is a mapping key."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, yaml.YAMLError):
        return 1
    line = 1
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            step = next(((k, v) for k, v in node.value if k.value == str(key)), None)
            if step is None:
                break
            line, node = step[0].start_mark.line + 1, step[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
        else:
            break
    return line
