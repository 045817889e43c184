"""The suite `omni` as a user types it: fetched from a played hub, run without network, judged, heard and reported.

The tiny checkpoint of the real architecture stands in for Qwen2.5-Omni-7B's weights, made-up copies for the data sets.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.models import find_model
from harness.tasks.pins import pinned_data
from tests.made_up_sets import repos, small_root
from tests.played_hub import Hub, Repo, playing

pytestmark = pytest.mark.full
MODEL = "qwen2.5-omni-7b"
SMALL = ("--limit", "2", "--device", "cpu", "--precision", "fp32")
# what the suite's claims want and nobody can run, by what is said about it
BLOCKED = {
    "egoschema": "put a copy of egoschema/EgoSchema with answers.json",
    "gsm8k-spoken": "are not published",
    "ifeval-spoken": "are not published",
    "mmbench-v1.1-en": "a column 'answer', which only the benchmark's server has",
    "mmlu-spoken": "are not published",
    "naturalness-zh": "at least twenty people who listen",
    "seed-tts-hard-similarity": "takes no recording to imitate",
    "voicebench": "the mean of seven sets, each a task",
}
SCORED = {
    "gsm8k-cot-boxed", "librispeech-test-other", "mathvista", "mmau", "mmlu-pro", "mmmu", "mmmu-pro", "mmstar",
    "mvbench", "omnibench", "video-mme", "voicebench-ifeval",
}  # fmt: skip
TEXT = ("gsm8k-cot-boxed", "mmlu-pro")
# those that wait for another model, and what a script says in its place
JUDGED = {"mmvet": "0.9", "voicebench-sd-qa": "Yes"}
HEARD = {
    "seed-tts-en": "Two words.", "seed-tts-hard": "今天天气很好。", "seed-tts-single-speaker-en": "Two words.",
    "seed-tts-single-speaker-zh": "今天天气很好。", "seed-tts-zh": "今天天气很好。",
}  # fmt: skip


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)["data"]


@dataclass(frozen=True)
class Box:
    """A machine of its own: its folders, and what its processes are told of them."""

    folder: Path
    env: Mapping[str, str]

    def harness(self, *words: str | Path, well: bool = True) -> Said:
        """The command in a process of its own. `well`: it has to end with 0."""
        done = subprocess.run(
            [sys.executable, "-c", "from harness.cli import main; main()", *map(str, words)],
            env=dict(self.env), capture_output=True, text=True, check=False, cwd=self.folder,
        )  # fmt: skip
        assert not well or done.returncode == 0, done.stderr[-4000:]
        assert "Traceback" not in done.stderr, done.stderr[-4000:]
        return Said(done.returncode, done.stdout, done.stderr)

    def script(self, name: str, text: str) -> str:
        path = self.folder / f"{name}.yaml"
        path.write_text(json.dumps({"text": text}), encoding="utf-8")
        return f"scripted:{path}"


def described(root: Path, checkpoint: Path) -> Path:
    """The configuration, with the checkpoint's own as that of the model it stands in for: another is refused."""
    path = root / "configs" / "models" / f"{MODEL}.yaml"
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    said["architecture"] = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    return root


def box(folder: Path, hub: Hub, made: Mapping[str, Repo], checkpoint: Path) -> Box:
    checkpoints = checkpoint.parent
    named = {
        "HARNESS_ROOT": str(described(small_root(folder / "checkout", made), checkpoint)),
        "HARNESS_RUNS": str(folder / "runs"),
        "HARNESS_CHECKPOINTS": str(checkpoints),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "1000",
    }
    kept = {name: value for name, value in os.environ.items() if name not in ("HARNESS_MODELS", "HARNESS_DATA")}
    return Box(folder, kept | hub.environment(folder / "hub") | named)


def table(rows: Mapping[str, str]) -> str:
    return "\n".join(f"{name:32} {what}" for name, what in sorted(rows.items()))


def did(run: Mapping[str, Any]) -> str:
    """What came of one run, in words."""
    counts = {name: number for name, number in run["counts"].items() if number}
    return f"{run['scorer']}: " + ", ".join(f"{number} {name}" for name, number in counts.items())


@dataclass(frozen=True)
class Suite:
    box: Box
    fetched: Any
    told: Said

    @property
    def runs(self) -> dict[str, Any]:
        return {run["spec"]["task"]: run for run in self.told.data["runs"]}


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory, tiny_omni_trained: Path) -> Suite:
    """Fetched while the hub is there, run when it is gone."""
    folder = tmp_path_factory.mktemp("suite")
    made = repos(folder / "made")
    published = find_model(MODEL).repository
    assert published is not None and published.revision is not None
    files: dict[str, bytes | Path] = {path.name: path for path in sorted(tiny_omni_trained.iterdir())}
    weights = {f"models/{published.hub}": Repo(published.revision, files)}
    with playing({**made, **weights}) as hub:
        here = box(folder, hub, made, tiny_omni_trained)
        fetched = here.harness("fetch", "--suite", "omni", "--json").data
    return Suite(here, fetched, here.harness("run", MODEL, "--suite", "omni", *SMALL, "--json"))


def test_weights_and_data_of_a_suite_are_fetched_together(suite: Suite) -> None:
    states = {line["name"]: line["state"] for line in suite.fetched["things"]}
    assert len(states) == 15 and {*states.values()} == {"fetched"} and "Qwen2.5-Omni-7B" in states
    assert {name for names in suite.fetched["elsewhere"].values() for name in names} == {*BLOCKED}


def test_every_task_of_the_suite_runs_or_says_why_not(suite: Suite) -> None:
    lines = suite.told.err.splitlines()
    why = {name: next((x for x in lines if x.startswith(f"Not run, {MODEL} on {name}: ")), "") for name in BLOCKED}
    rows = {name: did(run) for name, run in suite.runs.items()} | {name: f"not run: {x}" for name, x in why.items()}
    sys.stdout.write(f"\n{table(rows)}\n")
    assert all(said in why[name] for name, said in BLOCKED.items()), table(rows)
    assert {*suite.runs} == SCORED | {*JUDGED} | {*HEARD}, table(rows)
    for name, run in suite.runs.items():
        counts = run["counts"]
        assert counts["planned"] == counts["generated"] == 2 and not counts["errored"], table(rows)
        assert counts["unscored"] == (0 if name in SCORED else 2), table(rows)
        assert run["spec"]["dataset"].startswith("hub:") and run["spec"]["protocol"] == "omni-official"
    # what comes next is said of each that waits, and the first of the commands is typed below
    for name in (*JUDGED, *HEARD):
        verb = "judge" if name in JUDGED else "listen"
        assert any(f"harness {verb} {suite.runs[name]['name']} --" in line for line in lines)


def test_media_reach_the_model(suite: Suite) -> None:
    given = {name: {use["kind"]: use["count"] for use in run["media"]} for name, run in suite.runs.items()}
    assert given["omnibench"] == {"audio": 2, "image": 2} and given["mmmu"] == {"image": 3}
    assert given["video-mme"] == given["mvbench"] == {"video": 2} and given["voicebench-ifeval"] == {"audio": 2}
    assert all(bool(uses) != (name.startswith("seed-tts") or name in TEXT) for name, uses in given.items()), given


@pytest.mark.parametrize("task", JUDGED)
def test_what_waits_for_a_judge_is_judged(suite: Suite, task: str) -> None:
    run = suite.runs[task]["name"]
    done = suite.box.harness("judge", run, "--by", suite.box.script(task, JUDGED[task]), "--json").data
    assert done["asked"]["asked"] >= 2 and not done["asked"]["failed"]
    scored = suite.box.harness("score", run, "--json").data
    assert scored["counts"]["unscored"] == scored["counts"]["errored"] == 0
    assert scored["estimate"]["value"] == pytest.approx({"mmvet": 0.9}.get(task, 1.0))


def test_mathvista_may_be_judged_as_well(suite: Suite) -> None:
    run = suite.runs["mathvista"]["name"]
    suite.box.harness("judge", run, "--by", suite.box.script("mathvista", "7"))
    scored = suite.box.harness("score", run, "--scorer", "mathvista-extracted", "--json").data
    # one of the two is seven
    assert scored["scorer"] == "mathvista-extracted" and scored["estimate"]["value"] == 0.5


@pytest.mark.parametrize("task", HEARD)
def test_what_waits_for_an_ear_is_heard(suite: Suite, task: str) -> None:
    run = suite.runs[task]["name"]
    done = suite.box.harness("listen", run, "--ear", suite.box.script(task, HEARD[task]), "--json").data
    assert done["listened"]["heard"] == 2
    scored = suite.box.harness("score", run, "--json").data
    assert scored["counts"]["unscored"] == scored["counts"]["errored"] == 0
    # the recordings that are to be imitated were fetched too, and a fixed voice imitates none
    voices = suite.box.harness("listen", run, "--speaker", "bands", well=False)
    imitated = "single-speaker" not in task
    assert (voices.code == 0) == imitated and ("2 voices compared" in voices.err) == imitated, voices.err


def test_the_report_tells_it_all(suite: Suite) -> None:
    found = suite.box.harness("report", "--suite", "omni", "--json").data
    assert {verdict["claim"] for verdict in found} >= {"C051", "C053", "C059", "C114"}
    # a part of the questions decides nothing
    assert not [v for v in found if v["evidence"] == "measured" and v["outcome"] in ("reproduced", "higher", "lower")]
    out = suite.box.folder / "site"
    suite.box.harness("report", "--suite", "omni", "--out", out)
    assert (out / "index.html").is_file()


# --- every pinned task, with no fetch before


@pytest.fixture(scope="module")
def all_tasks(tmp_path_factory: pytest.TempPathFactory, tiny_omni_trained: Path) -> Iterator[tuple[Box, Hub]]:
    """A hub that stays, and the weights in a folder of the user's."""
    folder = tmp_path_factory.mktemp("tasks")
    made = repos(folder / "made")
    with playing(made) as hub:
        here = box(folder, hub, made, tiny_omni_trained)
        (folder / "models").mkdir()
        shutil.copytree(tiny_omni_trained, folder / "models" / MODEL)
        yield Box(folder, {**here.env, "HARNESS_MODELS": str(folder / "models")}), hub


def test_every_pinned_task_is_fetched_generated_and_scored(all_tasks: tuple[Box, Hub]) -> None:
    here, _ = all_tasks
    names = [task for data in pinned_data() for task in data.tasks]
    words = [word for name in names for word in ("--task", name)]
    told = here.harness("run", MODEL, *words, *SMALL, "--max-tokens", "64", "--repeats", "1", "--json", well=False)
    runs = {run["spec"]["task"]: run for run in told.data["runs"]}
    rows = table({name: did(run) for name, run in runs.items()})
    sys.stdout.write(f"\n{rows}\n")
    assert {*runs} == {*names}
    # the only one that has nothing to judge makes it no success
    pose = "mvbench-fine-grained-pose"
    assert (
        told.code == 1 and told.err.splitlines()[-1] == f"Nothing that {runs[pose]['name']} generated could be scored."
    )
    for name, run in runs.items():
        counts = run["counts"]
        assert counts["generated"] == counts["planned"] in (1, 2), rows
        assert counts["errored"] == (2 if name == pose else 0), rows
        waits = name.startswith("seed-tts") or name in (*JUDGED, *(f"voicebench-{x}eval" for x in ("alpaca", "common")))
        assert counts["unscored"] == (2 if waits or name == "voicebench-wildvoice" else 0), rows


def test_a_plan_asks_nobody(all_tasks: tuple[Box, Hub], tmp_path: Path) -> None:
    here, hub = all_tasks
    asked = len(hub.asked)
    fresh = Box(here.folder, {**here.env, "HF_HUB_CACHE": str(tmp_path / "hub")})
    told = fresh.harness("plan", "--suite", "omni", *SMALL)
    assert len(hub.asked) == asked and "or now with harness fetch" in told.out + told.err


def test_rows_that_cannot_be_used_are_known_when_they_are_here(all_tasks: tuple[Box, Hub], tmp_path: Path) -> None:
    here, _ = all_tasks
    fresh = Box(here.folder, {**here.env, "HF_HUB_CACHE": str(tmp_path / "hub"), "HARNESS_RUNS": str(tmp_path)})
    words = ("--device", "cpu", "--precision", "fp32", "--max-tokens", "16", "--json")
    (run,) = fresh.harness("run", MODEL, "--task", "mmlu-redux", *words).data["runs"]
    assert run["counts"]["planned"] == run["counts"]["generated"] == run["estimate"]["questions"] == 4
    assert "subset" not in [deviation["name"] for deviation in run["spec"]["deviations"]]
