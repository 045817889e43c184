"""What a run was made with: command line without secrets, versions, commit, hardware. Kept with the run, sitting by
sitting; nothing here can stop one.
"""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import harness
from harness.asking import Watch
from harness.discretion import command_line
from harness.engines import EngineInfo, Live
from harness.library import available
from harness.records import Generation
from harness.records.probes import MachineFacts
from harness.records.sessions import Purpose, Session
from harness.store import RunStore

# seconds between two notes of how far a sitting has come, at most and at least: what a kill may lose of its time, and
# what writing to the disk may take of it
_EVERY, _SOONEST = 30.0, 0.25
_ALWAYS = ("torch", "transformers", "accelerate", "tokenizers", "lm-eval", "datasets", "numpy")
# distributions of the extras, by the module that shows they are in use
_IN_USE = {
    "av": "av", "bitsandbytes": "bitsandbytes", "gguf": "gguf", "jiwer": "jiwer", "opencc": "opencc", "PIL": "pillow",
    "reasoning_gym": "reasoning-gym", "safetensors": "safetensors", "soundfile": "soundfile", "soxr": "soxr",
    "torchao": "torchao", "torchvision": "torchvision", "tree_sitter": "tree-sitter",
    "whisper_normalizer": "whisper-normalizer",
}  # fmt: skip
# what of a checkout can change an output or a verdict; a report that has just been written cannot
_MATTERS = ("harness", "configs", "seeds", "pyproject.toml", "constraints.txt")


def version() -> str:
    """The harness's own; "" where it is not installed."""
    try:
        return importlib.metadata.version("qwen-claim-harness")
    except importlib.metadata.PackageNotFoundError:
        return ""


@cache
def checkout() -> tuple[str | None, bool | None]:
    """Commit of the checkout that this package is imported from, and whether files that matter differ from it.

    (None, None) where it is no checkout, or git is not there or refuses.
    """
    return checkout_of(Path(harness.__file__).resolve().parent.parent)


def checkout_of(folder: Path) -> tuple[str | None, bool | None]:
    """As `checkout`, of a folder: it must itself be the top of the checkout, not lie in another project's."""
    if not (folder / ".git").exists():
        return None, None
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None, None
    changes = _git(folder, "status", "--porcelain", "--", *(name for name in _MATTERS if (folder / name).exists()))
    return commit.strip(), None if changes is None else bool(changes.strip())


def _git(folder: Path, *words: str) -> str | None:
    program = shutil.which("git")
    if program is None:
        return None
    # no lock: somebody may be working in the checkout
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            [program, "-C", str(folder), *words], capture_output=True, text=True, timeout=20, check=False,
            env=environment,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def packages() -> tuple[tuple[str, str], ...]:
    """(name, version) of the libraries that make outputs, and of the extras that this process has loaded."""
    names = [*_ALWAYS, *sorted(name for module, name in _IN_USE.items() if module in sys.modules)]
    return tuple((name, found) for name in names if (found := _version_of(name)) is not None)


@cache
def _version_of(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def processor() -> str:
    """The CPU's name where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Model")):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine() or "unknown processor"


def hardware(device: str) -> MachineFacts:
    """The machine, with its accelerators if `device` (of EngineInfo) is one."""
    cards = _cards() if device.startswith("cuda") else ()
    return MachineFacts(
        system=platform.system(),
        processor=processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_gb=round(available.total() / 1e9, 1),
        cards=tuple(name for name, _ in cards),
        card_gb=tuple(round(size / 1e9, 1) for _, size in cards),
    )


def _cards() -> tuple[tuple[str, int], ...]:
    """(name, bytes) of every GPU this process sees. An engine on one has loaded torch; nobody else is made to."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return ()
    found = (torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count()))
    return tuple((str(card.name), int(card.total_memory)) for card in found)


def used_devices(info: EngineInfo, replicas: int, cards: int) -> int:
    """How many accelerators an engine uses of those it sees: each replica has one, whisper and speaker models lie on
    one, and another model is spread over all of them."""
    if not info.device.startswith("cuda"):
        return 0
    if replicas != 1:
        return replicas or cards
    return 1 if info.name in ("whisper", "speaker") else max(cards, 1)


def new_session(info: EngineInfo, replicas: int, began: datetime) -> Session:
    """A sitting in which nothing is counted yet; it has not ended."""
    machine = hardware(info.device)
    commit, dirty = checkout()
    return Session(
        started=began.isoformat(timespec="seconds"),
        seconds=0.0,
        generated=0,
        devices=used_devices(info, replicas, len(machine.cards)),
        command=command_line(sys.argv),
        version=version(),
        commit=commit,
        dirty=dirty,
        python=platform.python_version(),
        packages=packages(),
        hardware=machine.line,
        ended=False,
    )


class Notes:
    """A sitting under way, noted in the run from its beginning: what a kill leaves says when it began, and how far it
    had come at the last note. A note is taken with an output, once an eighth of the time has passed since the one
    before, and half a minute at most. The clock runs from the beginning of the first output to the end of the last:
    loading weights is no part of it."""

    def __init__(self, store: RunStore, session: Session) -> None:
        self._store = store
        self._session = session
        self._began = self._noted = time.monotonic()
        self._number = store.begin_session(session)

    def took(self, seconds: float) -> None:
        """To be called when one more output (or opinion, transcript, comparison) is stored. `seconds` it took."""
        now = time.monotonic()
        if not self._session.generated:
            self._begin(max(now - seconds, self._began))
        passed = now - self._began
        self._session = replace(self._session, generated=self._session.generated + 1, seconds=passed)
        if now - self._noted >= max(_SOONEST, min(passed / 8, _EVERY)):
            self._note(now)

    def _begin(self, began: float) -> None:
        """Puts the beginning where that of the first output is."""
        wall = datetime.fromtimestamp(time.time() - (time.monotonic() - began), UTC)
        self._session = replace(self._session, started=wall.isoformat(timespec="seconds"))
        self._began = began

    def end(self) -> None:
        """Whatever ended it: what it came to is stored. Until the last output, or until now where there was none."""
        if not self._session.generated:
            self._session = replace(self._session, seconds=time.monotonic() - self._began)
        # libraries that were loaded on the way
        self._session = replace(self._session, packages=packages(), ended=True)
        self._note(time.monotonic())

    def drop(self) -> None:
        """Forgets it, for nothing was asked for."""
        self._store.drop_session(self._number)

    def _note(self, now: float) -> None:
        self._store.keep_session(self._number, self._session)
        self._noted = now


class Sitting:
    """A Watch that keeps the run's sitting while it hands everything on to another. For starts that have something to
    do."""

    def __init__(self, store: RunStore, info: EngineInfo, replicas: int, watch: Watch) -> None:
        self._store = store
        self._info = info
        self._replicas = replicas
        self._watch = watch
        self._notes: Notes | None = None

    def start(self, total: int, done: int, title: str, live: Callable[[], Live] | None = None, most: int = 0) -> None:
        self._watch.start(total, done, title, live, most)
        self._notes = Notes(self._store, new_session(self._info, self._replicas, datetime.now(UTC)))

    def update(self, generation: Generation) -> None:
        """To be called when it has been stored."""
        assert self._notes is not None  # it was started
        self._notes.took(generation.seconds)
        self._watch.update(generation)

    def finish(self) -> None:
        """Whatever ended it: what it came to is stored."""
        try:
            if self._notes is not None:
                self._notes.end()
        finally:
            self._watch.finish()


@contextmanager
def other_sitting(store: RunStore, purpose: Purpose, by: str, info: EngineInfo) -> Iterator[Callable[[float], None]]:
    """Keeps the sitting of another model with a run's answers, as the run's own are kept.

    `by`: the name its work is stored under. What is given is to be called whenever a piece of it has been stored, with
    the seconds it took. Nothing is kept where none was.
    """
    session = replace(new_session(info, 1, datetime.now(UTC)), purpose=purpose, by=by)
    notes, count = Notes(store, session), 0

    def took(seconds: float) -> None:
        nonlocal count
        count += 1
        notes.took(seconds)

    try:
        yield took
    finally:
        if count:
            notes.end()
        else:
            notes.drop()
