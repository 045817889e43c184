"""Nobody has judged yet: no figure leaves the house, nothing is taken away, and what comes next is said."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from harness import scoring
from harness.claims import find_claim
from harness.comparing import compare
from harness.engines.scripted import Fault, Script, ScriptedEngine
from harness.errors import ConfigError, EngineError, StoreError
from harness.explaining import explain
from harness.judging.ledger import judge_claims
from harness.judging.runs import LocalRun, local_run
from harness.opinions import AGAIN, Judge, ask_judge, open_judge
from harness.records import Generation, Request
from harness.report.exports.chosen import measured_runs
from harness.store import RunStore, database
from harness.tasks.scorers import load_scorer
from harness.tasks.scorers.opinions import OpinionScorer
from tests.stored_runs import put
from tests.test_cli import Harness, harness
from tests.test_opinions import PLAIN, Catching, Judged, answered, registered, scores, scripted
from tests.test_rated_tasks import judged, samples
from tests.test_store import SAMPLES, SPEC, generation, runs_folder, started

__all__ = ["harness", "judged", "runs_folder"]  # fixtures

CHECK = next(i for i, check in enumerate(find_claim("C059").checks) if getattr(check, "benchmark", "") == "mmvet")


def mm_vet_run(judge: Judge | None = None, *, seed: int = 1, score: bool = True) -> LocalRun:
    """Four answers to C059's check, one of them empty: a score of 0 that needs no judge."""
    spec, registration = registered("mmvet", CHECK)
    with RunStore.create_or_resume(replace(spec, seed=seed)) as store:
        store.register([registration])
        store.add_questions(0, SAMPLES)
        answered(store, "one", "two", "", "four")
        task = Judged("mm-vet")
        if judge is not None:
            ask_judge(store, task, judge)
        if score:
            scoring.score_all(store, task)
        found = local_run(store)
    assert found is not None
    return found


def failing(*names: str, text: str = "1.0", model: str = "m") -> Judge:
    """A judge that fails on these questions (on all, where none is named)."""
    fault = Fault(kind="error", samples=names, message="no memory")
    engine = ScriptedEngine(Script(text=text, faults=(fault,)))
    engine.version = "v"
    return Judge(engine, model)


@pytest.mark.parametrize("judge", [None, failing("q0", text="0.0")])
def test_a_run_nobody_has_judged_whole_is_told_as_if_there_were_none(judge: Judge | None) -> None:
    run = mm_vet_run(judge)
    assert run.waits == f"harness judge {run.name} --by MODEL" and run.estimate is None
    claim = find_claim("C059")
    plain, found = (next(v for v in judge_claims([claim], runs) if v.check == CHECK) for runs in ([], [run]))
    told = f"{run.name} was run here and waits: {run.waits}"
    assert replace(found, qualifiers=()) == replace(plain, qualifiers=())
    assert set(found.qualifiers) - set(plain.qualifiers) == {told}


def test_a_figure_of_what_was_not_judged_is_not_exported() -> None:
    runs = [mm_vet_run(), mm_vet_run(scripted(Script(text="1.0"), model="m"), seed=2)]
    left: list[str] = []
    told: Any = SimpleNamespace(runs=[SimpleNamespace(run=run) for run in runs], verdicts=())
    assert [m.name for m in measured_runs(told, {}, left.append)] == [runs[1].name]
    assert left == [f"{runs[0].name}: not judged yet, so there is no figure: {runs[0].waits} comes first."]


def test_an_incident_is_not_exported() -> None:
    run = mm_vet_run(scripted(Script(answers={"q0": "well"}, text="1.0"), model="m"))
    assert run.estimate is not None and run.unreadable == 1 and not run.waits
    left: list[str] = []
    told: Any = SimpleNamespace(runs=[SimpleNamespace(run=run)], verdicts=())
    assert not measured_runs(told, {}, left.append)
    assert left == [f"{run.name}: an incident and no figure: 25.0 % of its generations failed or could not be scored."]


def test_what_was_not_judged_is_neither_explained_nor_compared() -> None:
    first, second = mm_vet_run(), mm_vet_run(scripted(Script(text="1.0")), seed=2)
    with pytest.raises(StoreError, match=rf"not judged yet.*: {first.waits} comes first"):
        explain(first.name)
    with pytest.raises(StoreError, match=rf"{first.name} is not judged yet: {first.waits} comes first"):
        compare(first.name, second.name)


def test_runs_by_two_judges_are_compared_once_one_was_asked_about_both() -> None:
    kind, strict = scripted(Script(text="1.0"), model="a"), scripted(Script(text="0.1"), model="b")
    first, second = mm_vet_run(kind), mm_vet_run(strict, seed=2)
    with pytest.raises(StoreError, match="harness judge RUN --by MODEL asks one model about each of them"):
        compare(first.name, second.name)
    with RunStore.open(second.name, write=True) as store:
        ask_judge(store, Judged("mm-vet"), kind)
        scoring.score_all(store, Judged("mm-vet"))
    assert compare(first.name, second.name).same == 4


def test_no_other_scorer_has_a_mean_over_nothing() -> None:
    """An error rate over answers that nobody listened to would be 100 %."""
    for reason in ("not transcribed yet: harness listen RUN --ear whisper-large-v3", "the grader crashed"):
        name = put([[1.0, 0.0]], seed=len(reason))
        with RunStore.open(name, write=True) as store:
            from harness.records import Score

            lost = [Score(q, 0, "wer-seed-tts", "unscored", None, reason=reason) for q in ("q0", "q1")]
            store.add_scores(lost, "1, unheard")
            found = local_run(store)
            assert found is not None and found.others == () and found.estimate is not None
            other = local_run(store, "wer-seed-tts")
            assert other is not None
            assert (other.estimate is None) == bool(other.waits) == reason.startswith("not transcribed")


def test_the_command_line_says_what_comes_next(harness: Harness, judged: tuple[str, Path], tmp_path: Path) -> None:
    name, data = judged
    waits = f"{name} waits for another model: harness judge {name} --by MODEL comes next."
    said = harness("score", name, "--data-dir", data)
    assert said.code == 0 and waits in said.err and "not judged yet" in said.err and "%" not in said.err
    assert json.loads(harness("score", name, "--data-dir", data, "--json").out)["data"]["waits"]
    script = tmp_path / "judge.yaml"
    script.write_text(yaml.safe_dump({"text": "maybe"}), encoding="utf-8")
    asked = harness("judge", name, "--by", f"scripted:{script}", "--data-dir", data)
    assert asked.code == 0 and "36 opinions" in asked.err and "27 of them again" in asked.err
    assert "9 cannot be read" in asked.err
    after = harness("score", name, "--data-dir", data)
    assert "3 opinions that cannot be read" in after.err and waits not in after.err


def test_a_run_that_wants_a_judge_ends_well_and_its_plan_says_so(harness: Harness, tmp_path: Path) -> None:
    rows = [{"audio": "a.wav", "prompt": f"Who was it, {i}?", "reference": "Ada"} for i in range(2)]
    samples("voicebench-sd-qa", tmp_path, "voicebench-sd-qa.jsonl", rows)
    script = tmp_path / "answers.yaml"
    script.write_text(yaml.safe_dump({"text": "It was Ada."}), encoding="utf-8")
    asked = ["qwen2.5-omni-7b", "--task", "voicebench-sd-qa", "--engine", f"scripted:{script}", "--data-dir", tmp_path]
    plan = harness("plan", *asked)
    assert plan.code == 0 and "harness judge RUN --by MODEL follows the run." in plan.err
    said = harness("run", *asked, "--repeats", "1")
    assert said.code == 0 and "could be scored" not in said.err, said.err
    assert "waits for another model: harness judge" in said.err


# --- judges that fail


def test_a_judge_that_fails_does_not_take_the_place_of_a_good_one() -> None:
    task = Judged("mm-vet")
    with started(PLAIN) as store:
        answered(store)
        ask_judge(store, task, scripted(Script(text="0.9")))
        assert {s.value for s in scores(store, task).values()} == {0.9}
        with pytest.raises(EngineError, match="failed on all of 4 requests: no memory"):
            ask_judge(store, task, failing())
        done = ask_judge(store, task, failing("q3"))
        assert (done.asked, done.failed, done.chosen) == (3, 1, False)
        assert store.judge() is not None, "its scores are still there"
        assert {s.value for s in scores(store, task).values()} == {0.9}
        mended = Judge(ScriptedEngine(Script(text="1.0")), "m")
        mended.engine.version = "v"  # type: ignore[misc]  # a plain attribute of this engine
        assert ask_judge(store, task, mended).chosen
        assert {s.value for s in scores(store, task).values()} == {1.0}


class Moody(ScriptedEngine):
    """Gives the form asked for only when it is asked for the n-th time about q1."""

    def __init__(self, good: int) -> None:
        super().__init__(Script(text="0.7"))
        self.version = "v"
        self.asked: list[Request] = []
        self._good = good

    def generate(self, requests: Iterable[Request], on_text: object = None) -> Iterator[Generation]:
        for request in requests:
            self.asked.append(request)
            times = sum(r.sample_id == request.sample_id for r in self.asked)
            text = "Well, it depends." if request.sample_id == "q1" and times < self._good else "0.7"
            yield Generation(request.sample_id, request.repeat, text, "stop")


def test_a_reply_that_cannot_be_read_is_asked_for_again_and_all_are_kept() -> None:
    task = Judged("mm-vet")
    for repeat, good in enumerate((3, 99)):
        with started(replace(PLAIN, seed=repeat)) as store:
            answered(store)
            engine = Moody(good)
            done = ask_judge(store, task, Judge(engine, "m"))
            tries = min(good, 1 + AGAIN)
            assert (done.asked, done.again, done.unreadable) == (3 + tries, tries - 1, good > 4)
            mine = [r for r in engine.asked if r.sample_id == "q1"]
            assert len({r.seed for r in mine}) == tries and len({r.repeat for r in mine}) == tries
            assert [r.sampling.temperature for r in mine] == [0.0, 0.5, 1.0, 1.0][:tries], "greedily it says the same"
            kept = store.opinions(done.judge, "q1", 0)
            assert [o.text for o in kept] == (["Well, it depends."] * (tries - 1) + ["0.7"] if good < 99 else
                                              ["Well, it depends."] * 4)  # fmt: skip
            found = scores(store, task)["q1"]
            assert found.value == (0.7 if good < 99 else None)
            again = ask_judge(store, task, Judge(engine, "m"))
            assert (again.asked, again.unreadable) == (0, good > 4)
            run = local_run(store, "mm-vet")
            assert run is not None and run.unreadable == (good > 4) and not run.waits, "not asked is another thing"


def test_a_reply_that_is_replaced_undoes_what_was_made_of_it() -> None:
    from harness.store.opinions import Opinion

    task = Judged("mm-vet")
    with started(PLAIN) as store:
        answered(store)
        done = ask_judge(store, task, scripted(Script(text="0.9")))
        scores(store, task)
        store.add_opinion(Opinion("q1", 0, done.judge, 0, "0.1", 0.0))
        run = local_run(store)
        assert run is not None and run.estimate is None and run.waits == f"harness score {store.name}"
        assert scores(store, task)["q1"].value == 0.1


def test_a_judges_precision_is_in_its_name() -> None:
    class In(ScriptedEngine):
        precision, kv = "bf16", None

        def describe(self) -> Any:
            return replace(super().describe(), precision=self.precision, kv_precision=self.kv)

    rule = load_scorer("mm-vet")
    assert isinstance(rule, OpinionScorer)
    names = set()
    for precision, kv in (("bf16", None), ("nf4", None), ("bf16", "int8")):
        engine = In(Script(text="1.0"))
        engine.precision, engine.kv = precision, kv  # type: ignore[assignment]  # of this test's engine
        by = Judge(engine, "m").asked("mm-vet", rule.protocol)
        assert precision in by.description and by.precision == precision
        names.add(by.name)
    assert len(names) == 3


def test_a_judge_with_a_short_context_leaves_room_for_the_request() -> None:
    class Small(ScriptedEngine):
        def describe(self) -> Any:
            return replace(super().describe(), context=4096, thinking="prompt")

    for name in ("mm-vet", "voicebench-qa"):
        rule = load_scorer(name)
        assert isinstance(rule, OpinionScorer)
        assert Judge(Small(Script()), "m").sampling(rule.protocol).max_tokens == 2048


def test_a_wording_has_to_name_what_is_asked_about() -> None:
    with started(PLAIN) as store:
        answered(store)
        engine = Catching(Script(text="1.0"))
        with pytest.raises(ConfigError, match=r"lacks \{question\}, \{target\}"):
            ask_judge(store, Judged("mm-vet"), Judge(engine, "m", wording="How good is {answer}?"))
        assert not engine.asked


# --- beside other writers


def test_another_writer_beside_a_judge_harms_neither() -> None:
    """A read that stays open while others write could never write again itself ("database is locked")."""
    task = Judged("mm-vet")
    with started(PLAIN) as store:
        answered(store)

        class Beside(ScriptedEngine):
            def generate(self, requests: Iterable[Request], on_text: object = None) -> Iterator[Generation]:
                for request in requests:
                    with RunStore.open(store.name, write=True) as other:
                        other.note("beside", request.sample_id)
                    yield Generation(request.sample_id, request.repeat, "1.0", "stop")

        assert ask_judge(store, task, Judge(Beside(Script()), "m")).asked == 4


def test_two_judges_do_not_ask_at_once() -> None:
    with started(PLAIN) as store:
        answered(store)
        with (
            RunStore.open(store.name, write=True) as second,
            pytest.raises(StoreError, match="is being written by process"),
        ):
            ask_judge(second, Judged("mm-vet"), scripted())


def test_a_locked_database_is_nothing_to_move_away(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match="is being written by another process: wait for it"),
        database.one_sentence(tmp_path),
    ):
        raise sqlite3.OperationalError("database is locked")


def test_generations_come_whole_and_in_order_while_scores_are_written() -> None:
    with started(replace(SPEC, repeats=30)) as store:
        for repeat in range(25):
            for name in SAMPLES:
                store.add(generation(name, repeat))
        wanted = [(name, repeat) for name in SAMPLES for repeat in range(25)]
        assert [(g.sample_id, g.repeat) for g in store.generations()] == wanted
        from harness.records import Score

        seen = []
        for g in store.generations(unscored_by=("x", "1")):
            seen.append((g.sample_id, g.repeat))
            store.add_scores([Score(g.sample_id, g.repeat, "x", "correct", 1.0)], "1")
        assert seen == wanted and not list(store.generations(unscored_by=("x", "1")))


@pytest.mark.full
def test_a_checkpoint_judges_from_the_command_line(
    harness: Harness, judged: tuple[str, Path], tiny_checkpoints: Path
) -> None:
    name, data = judged
    with open_judge("tiny-qwen2-trained", precision="fp32", device="cpu") as judge:
        model = judge.model
    said = harness("judge", name, "--by", model, "--device", "cpu", "--precision", "fp32", "--data-dir", data)
    assert said.code == 0 and "36 opinions" in said.err and " failed" not in said.err, said.err
