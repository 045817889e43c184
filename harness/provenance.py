"""What a run was made with: command line without secrets, versions, commit, hardware. Kept with the run, sitting by
sitting; nothing here can stop one.
"""

import importlib.metadata
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import harness
from harness import places
from harness.asking import Watch
from harness.engines import EngineInfo, Live
from harness.library import available
from harness.records import Generation
from harness.records.probes import MachineFacts
from harness.records.sessions import Session
from harness.store import RunStore

# seconds between two notes of how far a sitting has come: what a kill may lose of its time
_EVERY = 30.0
_HIDDEN = "…"
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

_SECRET_NAME = re.compile(
    r"(?:api-?key|token|secret|password|passwd|passphrase|credentials?|(?:^|[-_.])(?:key|auth|authorization|bearer))$",
    re.I,
)
_SECRET_VALUE = re.compile(
    r"\b(?:hf_|api_org_|sk-|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|AKIA|AIza|eyJ)[\w.-]{6,}|\bbearer\s+\S+", re.I
)
_URL_LOGIN = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_QUERY = re.compile(r"([?&;])([^=&;#\s]+)=([^&;#\s]*)")
_ASSIGNED = re.compile(r"(?P<name>-{0,2}[A-Za-z][\w.-]*)(?P<sign>[=:])(?P<value>.*)", re.S)


def command_line(words: Sequence[str]) -> str:
    """A command as it was typed, fit to be published.

    What looks like a secret (values of options and assignments named token, key, password and the like; tokens of
    known services; logins in addresses) is `…`; of paths that begin at the root, at home or above the working folder
    only the file's name is left.
    """
    told, hide = [Path(word).name for word in words[:1]], False
    for word in words[1:]:
        told.append(_HIDDEN if hide and not word.startswith("--") else _harmless(word))
        hide = word.startswith("-") and "=" not in word and _is_secret(word)
    return " ".join(_quoted(word) for word in told)


def _harmless(word: str) -> str:
    assigned = _ASSIGNED.fullmatch(word)
    if assigned and not assigned["value"].startswith("//"):
        name, sign, value = assigned["name"], assigned["sign"], assigned["value"]
        return f"{name}{sign}{_HIDDEN if _is_secret(name) else _harmless_list(value)}"
    word = _URL_LOGIN.sub(_HIDDEN, _SECRET_VALUE.sub(_HIDDEN, word))
    word = _QUERY.sub(lambda m: f"{m[1]}{m[2]}={_HIDDEN if _is_secret(m[2]) else m[3]}", word)
    if word.startswith(("/", "~", "../")):
        return f"…/{Path(word).name}"
    return places.without_folders(word)


def _harmless_list(value: str) -> str:
    """The value of an option, which may be several assignments: a=b,token=c."""
    return ",".join(_harmless(part) for part in value.split(",")) if "=" in value else _harmless(value)


def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _quoted(word: str) -> str:
    plain = word.replace(_HIDDEN, "_")
    return word if shlex.quote(plain) == plain else shlex.quote(word)


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
        system=f"{platform.system()} {platform.release()}",
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
    """How many accelerators an engine uses of those it sees: each replica has one, the omni and whisper models lie on
    one, and another model is spread over all of them."""
    if not info.device.startswith("cuda"):
        return 0
    if replicas != 1:
        return replicas or cards
    return 1 if info.name in ("omni", "whisper") else max(cards, 1)


def new_session(info: EngineInfo, replicas: int, began: datetime) -> Session:
    """A sitting in which nothing is counted yet."""
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
    )


@dataclass(slots=True)
class _Kept:
    """The sitting under way. `began`: monotonic, when its first output was begun; `noted`: when it was last stored."""

    number: int
    session: Session
    began: float
    noted: float


class Sitting:
    """A Watch that keeps the run's sitting while it hands everything on to another.

    Nothing is stored of a start that generates nothing. The clock runs from the beginning of the first output that is
    stored to the end of the last: loading is no part of it.
    """

    def __init__(self, store: RunStore, info: EngineInfo, replicas: int, watch: Watch) -> None:
        self._store = store
        self._info = info
        self._replicas = replicas
        self._watch = watch
        self._kept: _Kept | None = None

    def start(self, total: int, done: int, title: str, live: Callable[[], Live] | None = None, most: int = 0) -> None:
        self._watch.start(total, done, title, live, most)

    def update(self, generation: Generation) -> None:
        """To be called when it has been stored."""
        now = time.monotonic()
        if self._kept is None:
            wall = datetime.fromtimestamp(time.time() - generation.seconds, UTC)
            session = replace(new_session(self._info, self._replicas, wall), seconds=generation.seconds, generated=1)
            self._kept = _Kept(self._store.begin_session(session), session, now - generation.seconds, now)
        else:
            kept = self._kept
            session = kept.session
            kept.session = replace(session, generated=session.generated + 1, seconds=now - kept.began)
            if now - kept.noted > _EVERY:
                self._note(now)
        self._watch.update(generation)

    def finish(self) -> None:
        """Whatever ended it: what it came to is stored."""
        try:
            if self._kept is not None:
                # libraries that were loaded on the way
                self._kept.session = replace(self._kept.session, packages=packages())
                self._note(time.monotonic())
        finally:
            self._watch.finish()

    def _note(self, now: float) -> None:
        assert self._kept is not None
        self._store.keep_session(self._kept.number, self._kept.session)
        self._kept.noted = now
