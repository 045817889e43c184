"""Scored runs of this machine."""

from collections.abc import Callable
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

    @property
    def rehearsal(self) -> bool:
        """Whether the engine that stands in for a model answered: no model was run, so it is evidence of nothing."""
        return self.spec.engine == "scripted"


def local_runs(left_out: Callable[[str], None] = lambda _: None) -> tuple[LocalRun, ...]:
    """Every scored run below the runs folder.

    Why a folder that cannot be read is left out goes to `left_out`, one sentence each.
    """
    found = []
    for name in run_names():
        try:
            with RunStore.open(name) as store:
                run = local_run(store)
        except StoreError as error:
            left_out(str(error))
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
