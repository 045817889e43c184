"""Named sets of claims that are run together."""

from functools import cache
from pathlib import Path

from harness import places, reading
from harness.errors import ConfigError, UnknownName
from harness.records import Suite


def suite_names() -> tuple[str, ...]:
    """The suites there are, sorted."""
    return tuple(path.stem for path in reading.yaml_files(_folder()))


def load_suite(name: str) -> Suite:
    """The suite of this name. Raises UnknownName, or ConfigError if the file is not a suite of this name."""
    if name not in (known := suite_names()):
        raise UnknownName.of("suite", name, known)
    return _suite(_folder() / f"{name}.yaml")


def _folder() -> Path:
    return places.configs() / "suites"


@cache
def _suite(path: Path) -> Suite:
    suite = reading.read_record(path, Suite)
    if suite.id != path.stem:
        raise ConfigError(f"{reading.where(path, ('id',))}: the id is {suite.id!r}, so the file is misnamed.")
    return suite
