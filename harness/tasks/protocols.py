"""Protocols: how benchmarks are run under one name."""

from harness import places
from harness.errors import ConfigError, UnknownName
from harness.reading import read_record, where, yaml_files
from harness.records import Protocol


def load_protocol(name: str) -> Protocol:
    """configs/protocols/<name>.yaml. Raises UnknownName (nearest names) or ConfigError."""
    path = places.configs() / "protocols" / f"{name}.yaml"
    if name not in protocol_names():
        raise UnknownName.of("protocol", name, protocol_names())
    protocol = read_record(path, Protocol)
    if protocol.id != name:
        raise ConfigError(f"{where(path, ('id',))}: the file is named {name}, but the protocol {protocol.id!r}.")
    return protocol


def protocol_names() -> tuple[str, ...]:
    """The ids there are, sorted."""
    return tuple(path.stem for path in yaml_files(places.configs() / "protocols"))
