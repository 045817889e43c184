"""What a run was made with: no secret and no folder of the machine gets out, and nothing is lost with a kill."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import engines, places, plan, provenance, runner
from harness.engines import Engine, EngineInfo
from harness.engines.scripted import Fault, Script, ScriptedEngine
from harness.errors import Interrupted
from harness.records import Generation
from harness.store import RunStore

SCRIPTED = plan.Options(engine="scripted", device="cpu", limit=8, repeats=2)
HIDDEN = "…"


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


# -- command lines

TOLD = [
    ("/usr/bin/harness run C082 --max-tokens 4096 --repeats 64", "harness run C082 --max-tokens 4096 --repeats 64"),
    ("harness run C082 --token abc123", "harness run C082 --token …"),
    ("harness run --api-key=abc123 C082", "harness run --api-key=… C082"),
    ("harness run HF_TOKEN=abc123", "harness run HF_TOKEN=…"),
    ("harness run --openai-api-key abc --json", "harness run --openai-api-key … --json"),
    ("harness run --db-password -abc --json", "harness run --db-password … --json"),
    ("harness run --gen temperature=0.6,api_key=abc123", "harness run --gen temperature=0.6,api_key=…"),
    ("harness run token=abc123,x=1", "harness run token=…"),
    ("harness run hf_abcdefghijkl sk-proj-0123456789", "harness run … …"),
    ("harness run 'Authorization: Bearer abc123'", "harness run Authorization:…"),
    ("harness ask http://me:abc123@box:8000/v1", "harness ask http://…@box:8000/v1"),
    ("harness ask --server='https://box/v1?a=1&api_key=abc123'", "harness ask '--server=https://box/v1?a=1&api_key=…'"),
    ("harness replay /home/me/secret/x.yaml --data-dir=/mnt/disk/d", "harness replay …/x.yaml --data-dir=…/d"),
    ("harness run ~/m ../../u/y.yaml --engine scripted:/b/s.y", "harness run …/m …/y.yaml --engine scripted:…/s.y"),
    ("harness run Qwen/QwQ-32B --tasks-dir configs/tasks", "harness run Qwen/QwQ-32B --tasks-dir configs/tasks"),
    ("harness ask 'What is 2 + 3?'", "harness ask 'What is 2 + 3?'"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "told"), TOLD)
def test_a_command_is_told_without_secrets_and_folders(typed: str, told: str) -> None:
    assert provenance.command_line(shlex.split(typed)) == told
    assert provenance.command_line(shlex.split(told)) == told, "and telling it again changes nothing"


SECRET = st.text("abcdefgXYZ0123456789", min_size=8, max_size=20).map(lambda text: f"Zz{text}zZ")
CARRIED = st.sampled_from(
    ["--token {}", "--hf-token={}", "API_KEY={}", "--opts a=1,secret={}", "https://u:{}@h/x", "--u=http://{}@h/x",
     "https://h/x?token={}", "hf_{}", "sk-{}", "--auth 'Bearer {}'", "--kwargs password={},b=2"]
)  # fmt: skip


@given(st.lists(st.tuples(CARRIED, SECRET), min_size=1, max_size=4))
def test_no_secret_is_ever_told(carried: list[tuple[str, str]]) -> None:
    words = ["harness", "run", *(word for form, secret in carried for word in shlex.split(form.format(secret)))]
    told = provenance.command_line(words)
    assert not any(secret in told for _, secret in carried), told


def test_paths_in_sentences_lose_their_folders() -> None:
    text = "/home/me/a/b.png cannot be opened (see file:///home/me/c.txt, '~/d/e.f' and ../g/h.i), 3/4 of http://a/b/c"
    told = "…/b.png cannot be opened (see …/c.txt, '…/e.f' and …/h.i), 3/4 of http://a/b/c"
    assert places.without_folders(text) == told == places.without_folders(told)


# -- checkout and machine


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", "-C", folder, *who, *words], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_commit_and_changes_of_a_checkout(tmp_path: Path) -> None:
    assert provenance.checkout_of(tmp_path) == (None, None)
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "x.py").write_text("1\n")
    git(tmp_path, "init", "-q")
    assert provenance.checkout_of(tmp_path) == (None, None), "no commit yet"
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert provenance.checkout_of(tmp_path) == (commit, False)
    (tmp_path / "notes.txt").write_text("a report\n")
    assert provenance.checkout_of(tmp_path) == (commit, False), "what cannot change an output does not count"
    (tmp_path / "harness" / "y.py").write_text("2\n")
    assert provenance.checkout_of(tmp_path) == (commit, True)
    assert provenance.checkout_of(tmp_path / "harness") == (None, None), "a package within another project's checkout"


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.checkout_of(tmp_path) == (None, None)


def info(name: str = "transformers", device: str = "cuda") -> EngineInfo:
    return EngineInfo(name, "1", device, "bf16", 100, "", "none")


def test_accelerators_that_an_engine_uses() -> None:
    assert provenance.used_devices(info(device="cpu"), 1, 0) == 0
    assert provenance.used_devices(info(device="none"), 1, 4) == 0
    assert provenance.used_devices(info(), 1, 4) == 4, "spread over all"
    assert provenance.used_devices(info("omni"), 1, 4) == 1
    assert provenance.used_devices(info(), 2, 4) == 2
    assert provenance.used_devices(info("omni"), 0, 4) == 4, "one replica for each card"


def test_cards_are_named_where_an_engine_uses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    card = SimpleNamespace(name="NVIDIA H200", total_memory=150_000_000_000)
    cuda = SimpleNamespace(is_available=lambda: True, device_count=lambda: 2, get_device_properties=lambda number: card)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))  # type: ignore[arg-type]  # what is asked of it
    session = provenance.new_session(info(), 1, datetime(2026, 11, 22, 10, 0, 0, 5, tzinfo=UTC))
    assert session.hardware.count("NVIDIA H200 (150 GB)") == 2 and session.devices == 2
    assert session.started == "2026-11-22T10:00:00+00:00"
    assert "NVIDIA" not in provenance.hardware("cpu").line, "nothing ran on them"


def test_packages_of_extras_are_named_once_they_are_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "jiwer", raising=False)
    names = [name for name, _ in provenance.packages()]
    assert {"torch", "transformers", "lm-eval", "numpy"} <= set(names) and "jiwer" not in names
    monkeypatch.setitem(sys.modules, "jiwer", object())  # type: ignore[arg-type]  # its presence is all that is asked
    assert "jiwer" in [name for name, _ in provenance.packages()]


# -- sittings of runs


class Quiet:
    """A Watch that shows nothing."""

    def start(self, total: int, done: int, title: str, live: Any = None, most: int = 0) -> None: ...

    def update(self, generation: Generation) -> None: ...

    def finish(self) -> None: ...


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Engine], None]:
    def put(engine: Engine) -> None:
        monkeypatch.setattr(engines, "open_engine", lambda *_, **__: engine)

    return put


def execute() -> runner.Finished:
    (run,) = plan.make_plan(["S01"], None, SCRIPTED).runs
    return runner.execute(run, SCRIPTED, Quiet(), again="again")


def test_a_stopped_start_has_its_sitting(use: Callable[[Engine], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/harness", "run", "S01", "--token", "abc"])
    use(ScriptedEngine(Script(faults=(Fault(kind="interrupt", samples=("smoke-sums/7",), repeats=(0,)),))))
    with pytest.raises(Interrupted) as stopped:
        execute()
    assert stopped.value.run
    with RunStore.open(stopped.value.run) as store:
        (first,) = store.sessions()
        assert 0 < first.generated == store.generated() < store.spec.questions * store.spec.repeats
        assert first.command == "harness run S01 --token …"


def test_a_sitting_tells_what_it_was_made_with(use: Callable[[Engine], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/harness", "run", "S01", "--token", "abc"])
    use(ScriptedEngine(Script()))
    done = execute()
    with RunStore.open(done.name) as store:
        (kept,) = store.sessions()
        assert store.timed()
    assert kept.command == "harness run S01 --token …"
    assert kept.generated == done.generated and kept.devices == 0 and kept.seconds > 0
    assert dict(kept.packages)["torch"] and kept.python == ".".join(map(str, sys.version_info[:3]))
    assert "cores" in kept.hardware and kept.version and kept.started.endswith("+00:00")
    execute()
    with RunStore.open(done.name) as store:
        assert len(store.sessions()) == 1, "a start that had nothing to do is no sitting"


def test_a_sitting_that_goes_on_with_a_run_stands_beside_the_first(use: Callable[[Engine], None]) -> None:
    engine = ScriptedEngine(Script())
    use(engine)
    done = execute()
    with RunStore.open(done.name, write=True) as store:
        store._db.execute("delete from generation where repeat = 1")
    execute()
    with RunStore.open(done.name) as store:
        first, second = store.sessions()
        assert second.generated == done.spec.questions < first.generated
        assert store.timed(), "the first sitting began with nothing"


def test_a_run_begun_by_an_earlier_version_is_not_timed(use: Callable[[Engine], None]) -> None:
    use(ScriptedEngine(Script()))
    done = execute()
    with RunStore.open(done.name, write=True) as store:
        store._db.execute("delete from session")
        store._db.execute("delete from generation where repeat = 1")
    execute()
    with RunStore.open(done.name) as store:
        assert len(store.sessions()) == 1 and not store.timed()


def test_time_is_stored_while_a_sitting_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill loses half a minute at most."""
    now = [1000.0]
    monkeypatch.setattr(provenance.time, "monotonic", lambda: now[0])
    kept: list[tuple[int, float]] = []

    class Store:
        def begin_session(self, session: Any) -> int:
            kept.append((session.generated, session.seconds))
            return 1

        def keep_session(self, number: int, session: Any) -> None:
            kept.append((session.generated, session.seconds))

    sitting = provenance.Sitting(Store(), info(device="cpu"), 1, Quiet())  # type: ignore[arg-type]  # what it asks of one
    made = Generation("q", 0, "x", "stop", seconds=4.0)
    for passed in (0, 20, 20, 20, 5):
        now[0] += passed
        sitting.update(made)
    assert kept == [(1, 4.0), (3, 44.0)]
    now[0] += 100
    sitting.finish()
    assert kept[-1] == (5, 69.0), "the clock stands still when the last output has come"


def test_the_watch_is_finished_whatever_the_store_says(monkeypatch: pytest.MonkeyPatch) -> None:
    finished = []

    class Store:
        def begin_session(self, session: Any) -> int:
            return 1

        def keep_session(self, number: int, session: Any) -> None:
            raise OSError("full")

    class Watch(Quiet):
        def finish(self) -> None:
            finished.append(1)

    sitting = provenance.Sitting(Store(), info(device="cpu"), 1, Watch())  # type: ignore[arg-type]  # what it asks of one
    sitting.update(Generation("q", 0, "x", "stop"))
    with pytest.raises(OSError, match="full"):
        sitting.finish()
    assert finished == [1]


KILLED = """
import sys
sys.argv = ["harness", "run", "S01"]
from harness import plan, runner, engines
from harness.engines.scripted import Fault, Script, ScriptedEngine
from tests.test_provenance import Quiet, SCRIPTED
class Telling(Quiet):
    def update(self, generation):
        print("stored", flush=True)
engines.open_engine = lambda *_, **__: ScriptedEngine(Script(faults=(Fault(kind="slow", seconds=0.05),)))
(run,) = plan.make_plan(["S01"], None, SCRIPTED).runs
runner.execute(run, SCRIPTED, Telling())
"""


def test_a_killed_start_has_its_sitting(runs: Path) -> None:
    checkout = Path(__file__).resolve().parents[1]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-c", KILLED]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=checkout, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "stored\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    process.wait()
    (folder,) = (path.parent for path in runs.glob("*/run.sqlite"))
    with RunStore.open(folder.name) as store:
        (kept,) = store.sessions()
    assert kept.command == "harness run S01" and kept.generated >= 1
