"""Protocols: settings of single tasks, names that must exist, and what of it a plan records and shows."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stored_runs import put

from harness import plan
from harness.errors import ConfigError
from harness.explaining import explain
from harness.media import write_wav
from harness.records import Protocol, Sampling, Speech
from harness.specs import spec_hash
from harness.store import RunStore, run_names
from harness.tasks import load_protocol, protocol_names, protocols, task_names
from tests.test_cli import Harness, harness

__all__ = ["harness"]  # a fixture

HEAD = "id: mine\ntitle: t\nsource: ours\nsampling: {temperature: 0.6, top_p: 0.95, max_tokens: 100}\n"


def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, repeats: str = "{default: 1}") -> Protocol:
    """The protocol of such a file; lm-eval is taken to have no tasks, where nobody has asked for them."""
    if "arc_easy" not in text:
        monkeypatch.setattr(protocols, "shipped", lambda: tmp_path / "none")
    folder = tmp_path / "configs" / "protocols"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(f"{HEAD}repeats: {repeats}\n{text}", encoding="utf-8")
    monkeypatch.setenv("HARNESS_ROOT", str(tmp_path))
    return load_protocol("mine")


def planned(task: str, **options: Any) -> plan.PlannedRun:
    asked = plan.Options(protocol="omni-official", tasks=(task,), device="cpu", **options)
    (run,) = [run for run in plan.make_plan(["qwen2.5-omni-7b"], None, asked).runs if run.task == task]
    return run


def test_what_differs_for_a_task_is_merged_and_the_rest_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "samplings:\n  aime24: {temperature: 0.0}\n  ifeval: {top_k: 20}\nmax_tokens: {default: 50, aime24: 70}\n"
    protocol = written(tmp_path, monkeypatch, text)
    assert protocol.sampling_of("aime24") == Sampling(temperature=0.0, top_p=0.95, max_tokens=70)
    assert protocol.sampling_of("ifeval") == Sampling(temperature=0.6, top_p=0.95, top_k=20, max_tokens=50)
    assert protocol.sampling_of("math-500") == Sampling(temperature=0.6, top_p=0.95, max_tokens=50)


def test_without_limits_by_task_the_samplings_own_holds() -> None:
    protocol = load_protocol("greedy")
    assert protocol.sampling_of("ifeval") == protocol.sampling and not protocol.max_tokens


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("samplings: {aime244: {temperature: 1}}", r"line 6: 'samplings' names the task 'aime244'.*nearest: 'aime24'"),
        ("max_tokens: {default: 9, aime244: 9}", r"line 6: 'max_tokens' names the task 'aime244'.*nearest: 'aime24'"),
        ("system_prompts: {ifevl: You}", r"line 6: 'system_prompts' names the task 'ifevl'.*nearest: 'ifeval'"),
        ("samplings: {default: {temperature: 1}}", "'samplings' names the task 'default', which there is not"),
        ("samplings: {ifeval: {temprature: 1}}", r"line 6: unknown key 'temprature'; nearest: 'temperature'"),
        (
            "samplings: {ifeval: {max_tokens: 9}}",
            "'samplings': the output tokens of 'ifeval' belong under 'max_tokens'",
        ),
        ("samplings: {ifeval: {}}", "'samplings': 'ifeval' has no setting that differs; leave it out"),
        ("samplings: {ifeval: {temperature: -1}}", "'temperature' is -1: .*greater than or equal to 0"),
    ],
)
def test_a_mistake_names_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=rf"mine\.yaml, .*{complaint}"):
        written(tmp_path, monkeypatch, text + "\n")


def test_repeats_of_a_mistyped_task_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"line 5: 'repeats' names the task 'aime-24'.*nearest: 'aime24'"):
        written(tmp_path, monkeypatch, "", "{default: 1, aime-24: 64}")


def test_tasks_of_lm_eval_and_of_the_folder_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "configs" / "tasks").mkdir(parents=True)
    (tmp_path / "configs" / "tasks" / "own.yaml").write_text("task: my_sums\n", encoding="utf-8")
    protocol = written(tmp_path, monkeypatch, "samplings: {arc_easy: {top_k: 5}, my_sums: {top_k: 6}}\n")
    assert [protocol.sampling_of(name).top_k for name in ("arc_easy", "my_sums", "ifeval")] == [5, 6, 0]


def test_the_protocols_here_name_tasks_of_ours_alone() -> None:
    known = {*task_names(), "default"}
    for name in protocol_names():
        p = load_protocol(name)
        assert {*p.samplings, *p.max_tokens, *p.repeats, *p.system_prompts} <= known


def test_two_sets_of_voicebench_are_drawn_and_the_others_are_greedy() -> None:
    drawn = [name for name in task_names() if planned_sampling(name).temperature]
    assert drawn == ["voicebench-alpacaeval", "voicebench-commoneval"]


def planned_sampling(task: str) -> Sampling:
    return load_protocol("omni-official").sampling_of(task)


def test_what_is_drawn_is_drawn_by_the_librarys_defaults() -> None:
    transformers = pytest.importorskip("transformers")
    usual = transformers.GenerationConfig()._get_default_generation_params()
    for name in ("voicebench-alpacaeval", "voicebench-commoneval"):
        found = planned_sampling(name)
        assert {key: getattr(found, key) for key in ("temperature", "top_p", "top_k", "repetition_penalty")} == {
            key: usual[key] for key in ("temperature", "top_p", "top_k", "repetition_penalty")
        }
        assert (found.min_p, found.presence_penalty, found.max_tokens) == (0.0, 0.0, 2048)


def test_the_plan_draws_each_task_as_its_protocol_has_it() -> None:
    alpaca, wild = planned("voicebench-alpacaeval"), planned("voicebench-wildvoice")
    assert alpaca.sampling == Sampling(temperature=1.0, top_k=50, max_tokens=2048)
    assert wild.sampling == Sampling(max_tokens=2048)
    shorter = planned("voicebench-alpacaeval", max_tokens=64)
    assert shorter.sampling == Sampling(temperature=1.0, top_k=50, max_tokens=64)
    assert [d.name for d in shorter.deviations] == ["max_tokens"] and not alpaca.deviations


def test_a_run_as_its_protocol_has_it_differs_in_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_RUNS", str(tmp_path))
    drawn = planned_sampling("voicebench-alpacaeval")
    settings: dict[str, Any] = {"task": "voicebench-alpacaeval", "protocol": "omni-official", "repeats": 1}
    assert explain(put([[1.0]], sampling=drawn, **settings)).settings == ()
    greedy = explain(put([[1.0]], sampling=Sampling(max_tokens=2048), **settings)).settings
    assert {(s.name, s.protocol, s.run) for s in greedy} == {("temperature", "1.0", "0.0"), ("top_k", "50", "0")}


def test_the_merged_sampling_is_in_the_specification_of_the_run(harness: Harness, tmp_path: Path) -> None:
    sound = Speech(bytes(3200), 16000)
    for name in ("voicebench-alpacaeval", "voicebench-wildvoice"):
        write_wav(tmp_path / f"{name}.wav", sound)
        row = json.dumps({"audio": f"{name}.wav", "prompt": "How are you?"})
        (tmp_path / f"{name}.jsonl").write_text(row + "\n", encoding="utf-8")
    asked = ["--task", "voicebench-alpacaeval", "--task", "voicebench-wildvoice", "--data-dir", tmp_path]
    said = harness("run", "qwen2.5-omni-7b", "--protocol", "omni-official", "--engine", "scripted", *asked, "--quiet")
    assert said.code == 0, said.err
    specs = {}
    for name in run_names():
        with RunStore.open(name) as store:
            specs[store.spec.task] = store.spec
    drawn, greedy = specs["voicebench-alpacaeval"], specs["voicebench-wildvoice"]
    assert drawn.sampling == Sampling(temperature=1.0, top_k=50, max_tokens=2048)
    assert greedy.sampling == Sampling(max_tokens=2048)
    assert spec_hash(drawn) != spec_hash(replace(drawn, sampling=greedy.sampling)), "another plan is another run"


def test_the_plan_says_what_is_drawn_otherwise(harness: Harness) -> None:
    asked = ["plan", "qwen2.5-omni-7b", "--protocol", "omni-official", "--device", "cpu"]
    asked += ["--task", "voicebench-alpacaeval", "--task", "voicebench-wildvoice"]
    said = "drawn at temperature 1, top_k 50, 2,048 tokens, unlike most of omni-official."
    out = " ".join(harness(*asked).out.split())
    assert f"qwen2.5-omni-7b on voicebench-alpacaeval: {said}" in out and "on voicebench-wildvoice: drawn" not in out
    lines = json.loads(harness(*asked, "--json").out)["data"]["runs"]
    assert {line["task"]: line["drawn"] for line in lines} == {
        "voicebench-alpacaeval": said,
        "voicebench-wildvoice": "",
    }
