"""Scored runs of this machine."""

from dataclasses import dataclass

from harness import scoring
from harness.errors import StoreError
from harness.records import Counts, Estimate, Registration, RunSpec
from harness.store import RunStore, run_names


@dataclass(frozen=True, slots=True)
class LocalRun:
    """A scored run of this machine, as far as judging needs it. `registrations`: with generations made before."""

    name: str
    spec: RunSpec
    scorer: str
    estimate: Estimate | None
    counts: Counts
    registrations: tuple[tuple[Registration, int], ...]


def local_runs() -> tuple[LocalRun, ...]:
    """Every scored run below the runs folder. A folder that cannot be read is left out (`harness doctor` names it)."""
    found = []
    for name in run_names():
        try:
            with RunStore.open(name) as store:
                run = local_run(store)
        except StoreError:
            continue
        if run is not None:
            found.append(run)
    return tuple(found)


def local_run(store: RunStore) -> LocalRun | None:
    """The run as scored by its judging scorer; None if it was not scored yet."""
    judge = store.judge()
    if judge is None:
        return None
    scorer, version = judge
    value, counts = scoring.measured(store, version, scorer)
    return LocalRun(store.name, store.spec, scorer, value, counts, store.registrations())
