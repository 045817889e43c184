"""What a report is to be about: from names that were typed to everything there is to tell of them."""

from collections.abc import Callable
from dataclasses import dataclass

from harness import claims, plan
from harness.errors import HarnessError, UnknownName
from harness.gathering import Publication, gather
from harness.records import Claim
from harness.store import RunStore, find_run


def unheard(sentence: str) -> None:
    """For when nobody wants to know what was left out."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is to be about. `targets`: claims, models and suites; without any, and without `runs`, the claims
    of all articles. `runs`: names of stored runs; the claims registered with them come in. `everything`: all claims
    there are, our own too. `recorded`: without this machine's runs and probes."""

    targets: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    everything: bool = False
    recorded: bool = False

    @classmethod
    def of(cls, names: tuple[str, ...], *, recorded: bool = False) -> "Asked":
        """Parts what was typed into runs and the rest. Raises UnknownName for what is neither."""
        targets, runs = [], []
        for name in names:
            try:
                plan.claims_of([name])
                targets.append(name)
            except UnknownName as unknown:
                try:
                    runs.append(find_run(name))
                except UnknownName:
                    raise unknown from None
        if runs and recorded:
            raise HarnessError(f"--recorded leaves this machine's runs out, and {runs[0]} is one: give one of the two.")
        return cls(tuple(targets), tuple(runs), recorded=recorded)

    def gathered(self, left_out: Callable[[str], None] = unheard) -> Publication:
        """All that there is to tell about it."""
        return gather(self._claims(), runs=self.runs, recorded=self.recorded, left_out=left_out)

    def _claims(self) -> tuple[Claim, ...]:
        """Those of the targets, then those registered with the runs; each once."""
        if self.everything:
            return claims.load_claims()
        named = plan.claims_of(list(self.targets)) if self.targets or not self.runs else ()
        known = {claim.id for claim in named}
        fed: dict[str, None] = {}
        for run in self.runs:
            with RunStore.open(run) as store:
                fed |= {r.claim: None for r, _ in store.registrations() if r.claim not in known}
        return (*named, *(plan.claims_of(list(fed)) if fed else ()))
