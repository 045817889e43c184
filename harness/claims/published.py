"""What others have published or what was looked up: figures (`<model>/<id>`) and facts (`<subject>/<property>`)."""

from functools import cache
from pathlib import Path

from harness import places, reading
from harness.errors import ConfigError, UnknownName
from harness.records import Fact, Facts, Figure, Figures


def load_figures() -> dict[str, Figure]:
    """All published figures, keyed `<model>/<figure id>`. Reads every file of configs/references."""
    folder = _references()
    return {f"{p.stem}/{key}": figure for p in reading.yaml_files(folder) for key, figure in _figures(p).items()}


def find_figure(ref: str) -> Figure:
    """The published figure `<model>/<figure id>`; reads that model's file only. Raises UnknownName."""
    return _figure(places.root(), ref)


# this and `_fact`: asked for tens of thousands of times by a long report
@cache
def _figure(root: Path, ref: str) -> Figure:
    model, figure = _split(ref, "published figure")
    path = root / "configs" / "references" / f"{model}.yaml"
    if not path.is_file():
        raise UnknownName.of("file of published figures", model, (p.stem for p in reading.yaml_files(path.parent)))
    known = _figures(path)
    if figure not in known:
        raise UnknownName.of("published figure", ref, (f"{model}/{key}" for key in known))
    return known[figure]


def published_name(model: str) -> str | None:
    """How the file of published figures spells the model's name; None where there is no such file."""
    path = _references() / f"{model}.yaml"
    return _record(path).name if path.is_file() else None


def figures_of(model: str) -> dict[str, Figure]:
    """The published figures of one model, keyed as in `load_figures`; none where it has no file."""
    path = _references() / f"{model}.yaml"
    return {f"{model}/{key}": figure for key, figure in _figures(path).items()} if path.is_file() else {}


def load_facts() -> dict[str, Fact]:
    """All recorded facts, keyed `<subject>/<property>`. Reads every file of configs/facts."""
    return {f"{p.stem}/{key}": fact for p in reading.yaml_files(_facts_folder()) for key, fact in _facts(p).items()}


def find_fact(ref: str) -> Fact:
    """The recorded fact `<subject>/<property>`; reads that subject's file only. Raises UnknownName."""
    return _fact(places.root(), ref)


@cache
def _fact(root: Path, ref: str) -> Fact:
    subject, wanted = _split(ref, "recorded fact")
    path = root / "configs" / "facts" / f"{subject}.yaml"
    if not path.is_file():
        raise UnknownName.of("file of recorded facts", subject, (p.stem for p in reading.yaml_files(path.parent)))
    known = _facts(path)
    if wanted not in known:
        raise UnknownName.of("recorded fact", ref, (f"{subject}/{key}" for key in known))
    return known[wanted]


def _references() -> Path:
    return places.configs() / "references"


def _facts_folder() -> Path:
    return places.configs() / "facts"


def _split(ref: str, kind: str) -> tuple[str, str]:
    owner, slash, name = ref.partition("/")
    # an owner with path parts in it must not lead out of the folder
    if not (slash and owner and name) or "/" in name or owner.startswith("."):
        raise UnknownName(f"There is no {kind} {ref!r}: its name has two parts, as in 'qwq-32b/aime24'.")
    return owner, name


@cache
def _record(path: Path) -> Figures:
    record = reading.read_record(path, Figures)
    _named_as(path, "model", record.model)
    return record


@cache
def _figures(path: Path) -> dict[str, Figure]:
    record = _record(path)
    found: dict[str, Figure] = {}
    for position, figure in enumerate(record.figures):
        if figure.id in found:
            place = reading.where(path, ("figures", position, "id"))
            raise ConfigError(f"{place}: the figure {figure.id!r} is given twice.")
        found[figure.id] = figure
    return found


@cache
def _facts(path: Path) -> dict[str, Fact]:
    record = reading.read_record(path, Facts)
    _named_as(path, "subject", record.subject)
    found: dict[str, Fact] = {}
    for position, fact in enumerate(record.facts):
        if fact.property in found:
            place = reading.where(path, ("facts", position, "property"))
            raise ConfigError(f"{place}: the fact {fact.property!r} is given twice.")
        found[fact.property] = fact
    return found


def _named_as(path: Path, key: str, value: str) -> None:
    if value != path.stem:
        raise ConfigError(f"{reading.where(path, (key,))}: {key!r} is {value!r}, so the file is misnamed.")
