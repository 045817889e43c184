"""Protocols: how benchmarks are run under one name."""

from pathlib import Path

from harness import places
from harness.errors import ConfigError, UnknownName, did_you_mean
from harness.reading import read_record, where, yaml_files
from harness.records import Protocol
from harness.tasks.catalogue import TASKS, task_names
from harness.tasks.task_files import names_in, shipped

_ANY = "default"
# what a protocol sets task by task
_BY_TASK = ("samplings", "max_tokens", "repeats", "system_prompts")


def load_protocol(name: str) -> Protocol:
    """configs/protocols/<name>.yaml.

    Raises UnknownName (nearest names) or ConfigError, also for a task in it that there is not: a setting for a
    mistyped one would do nothing, and nobody would see that.
    """
    path = places.configs() / "protocols" / f"{name}.yaml"
    if name not in protocol_names():
        raise UnknownName.of("protocol", name, protocol_names())
    protocol = read_record(path, Protocol)
    if protocol.id != name:
        raise ConfigError(f"{where(path, ('id',))}: the file is named {name}, but the protocol {protocol.id!r}.")
    _check_tasks(path, protocol)
    return protocol


def protocol_names() -> tuple[str, ...]:
    """The ids there are, sorted."""
    return tuple(path.stem for path in yaml_files(places.configs() / "protocols"))


def _check_tasks(path: Path, protocol: Protocol) -> None:
    """Raises ConfigError for a name that is neither ours, nor in configs/tasks, nor lm-eval's."""
    strange = [(field, task) for field in _BY_TASK for task in getattr(protocol, field) if not _ours(field, task)]
    if not strange:
        return
    # thousands of files are looked through only where a name is not one of ours
    known = {*task_names(), *names_in(shipped())}
    for field, task in strange:
        if task not in known:
            near = did_you_mean(task, sorted(task_names())) or did_you_mean(task, sorted(known))
            raise ConfigError(
                f"{where(path, (field, task))}: {field!r} names the task {task!r}, which there is not{near}."
            )


def _ours(field: str, task: str) -> bool:
    return task in TASKS or (task == _ANY and field in ("max_tokens", "repeats"))
