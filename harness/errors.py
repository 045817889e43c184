"""Every exception the harness raises on purpose.

HarnessError            one sentence for the user, exit code 1; never shown with a traceback
├── ConfigError         a YAML file says something we do not understand (file, line, nearest known key)
├── UnknownName         a claim, model, task, suite or run that does not exist (nearest names)
├── HubError            weights or data that cannot be had from the hub: unreachable, gated, damaged, no room
├── ModelError          a checkpoint that cannot be used: no config, pickled weights, does not fit
├── MediaError          an image, sound or film that cannot be read, or is more than its limits allow
├── DatasetError        a dataset that cannot be reached (path or revision wanted, how to provide it)
├── TaskError           a task whose rows or settings make no sense
├── MissingExtra        an optional dependency is not installed (says which extra brings it)
├── SandboxError        code a model wrote cannot be run safely here (says what is missing)
├── EngineError         generation cannot go on (not: one generation failed; that is a stored Generation)
├── StoreError          a run folder that cannot be read or written
│   ├── StorageFull     the disk is full; everything committed so far is kept
│   └── SpecChanged     a resume under another specification (says what differs)
└── Interrupted         Ctrl-C after everything finished was stored (exit code 130)
"""

import difflib
from collections.abc import Iterable


class HarnessError(Exception):
    """Base of all of them; `str(error)` is the one sentence a user reads.

    `run` names the run it ended, if it ended one: what had finished there is stored and can be scored.
    """

    exit_code = 1
    run: str | None = None


class ConfigError(HarnessError):
    """A configuration file is not what we understand."""


class UnknownName(HarnessError):
    """Nothing has the name asked for."""

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str]) -> "UnknownName":
        """`kind` in the singular ("claim"); the message adds the nearest of the known names."""
        return cls(f"There is no {kind} {name!r}{did_you_mean(name, known)}.")


class HubError(HarnessError):
    """What is on the hub cannot be had."""


class ModelError(HarnessError):
    """A checkpoint cannot be used."""


class MediaError(HarnessError):
    """An image, sound or film cannot be read or is too large."""


class DatasetError(HarnessError):
    """A dataset cannot be reached."""


class TaskError(HarnessError):
    """A task's rows or settings make no sense."""


class MissingExtra(HarnessError):
    """An optional dependency is not installed."""

    @classmethod
    def of(cls, what: str, extra: str) -> "MissingExtra":
        """`what` needs the extra; the message is the whole remedy."""
        return cls(f"{what} needs the extra {extra!r}: python -m pip install -c constraints.txt -e '.[{extra}]'.")


class SandboxError(HarnessError):
    """Code a model wrote cannot be run safely here."""


class EngineError(HarnessError):
    """Generation cannot go on."""


class StoreError(HarnessError):
    """A run folder cannot be read or written."""


class StorageFull(StoreError):
    """The disk is full."""


class SpecChanged(StoreError):
    """A resume under another specification."""


class Interrupted(HarnessError):
    """The user stopped the run; what had finished is stored."""

    exit_code = 130


# of two names, the share of characters they have in common from which on one is taken for the other; among thousands
# some are alike by chance
_ALIKE, _ALIKE_AMONG_MANY = 0.5, 0.75
_MANY = 500


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; nearest: 'a', 'b'` (up to three of the known names); all of them where few are known and none is near."""
    by_lower = {k.lower(): k for k in known}
    cutoff = _ALIKE_AMONG_MANY if len(by_lower) > _MANY else _ALIKE
    near = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=cutoff)
    if not near:
        return "; known: " + ", ".join(repr(n) for n in by_lower.values()) if 0 < len(by_lower) <= 12 else ""
    return "; nearest: " + ", ".join(repr(by_lower[n]) for n in near)
