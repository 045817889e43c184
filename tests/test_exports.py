"""Records for lm-eval, the hub and Every Eval Ever: golden files, their own readers, and the same number everywhere."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UnknownName
from harness.estimates import error_of_interval, estimate, question_error
from harness.gathering.records import (
    UNSTATED,
    CheckStory,
    ClaimStory,
    Cost,
    OutputStory,
    Publication,
    Recorded,
    RunStory,
    SampleStory,
)
from harness.judging.runs import LocalRun
from harness.publishing.writing import content_of
from harness.records import (
    Against,
    Article,
    BenchmarkCheck,
    Claim,
    Counts,
    Deviation,
    Estimate,
    Figure,
    Media,
    Message,
    Place,
    RunSpec,
    Sampling,
    Score,
    ScoreTable,
    Verdict,
    Words,
    turn,
)
from harness.records.sessions import Session
from harness.report.exports import KINDS, Kind, exports
from harness.report.exports.written import Lines
from harness.report.site.page import Page, Streamed

GOLDEN = Path(__file__).parent / "golden" / "exports"
SCHEMAS = Path(__file__).parent / "data" / "every_eval_ever"
QWQ = "976055f8c83f394f35dbd3ab09a285a984907bd0"
AIME = "hub:HuggingFaceH4/aime_2024@2fe88a2f1091d5048c0f36abc874fb997b3dd99a/data/train-00000-of-00001.parquet"
GSM8K = "hub:openai/gsm8k@cc7b047b6e5bb11b4f1af84efc572db110a51b3c/main/test-00000-of-00001.parquet"
WRITTEN = datetime(2026, 12, 1, 9, tzinfo=UTC)
COUNTS = Counts(planned=120, generated=120, correct=95, incorrect=22, no_answer=1, truncated=2)
ESTIMATE = Estimate(
    95 / 120, 0.7431, 0.8402, "stratified", questions=30, rounds=4, within=0.06, lost_share=2 / 120,
    population_low=0.67, population_high=0.9133, counts=COUNTS,
)  # fmt: skip
SESSION = Session(
    started="2026-11-30T08:00:00",
    seconds=3600.0,
    generated=120,
    devices=1,
    command="harness run C082",
    version="0.1.0",
    commit="0" * 40,
    dirty=False,
    python="3.11.7",
    packages=(("torch", "2.13.0"), ("transformers", "5.14.1")),
    hardware="1 x accelerator of 80 GB",
)
SPEC = RunSpec(
    model="qwq-32b", weights=QWQ, precision="bf16", task="aime24", task_version="2", dataset=AIME,
    protocol="qwq-official", system_prompt=None, chat_template=True, template="a" * 64, thinking="prompt",
    sampling=Sampling(temperature=0.6, top_p=0.95, top_k=40, max_tokens=32768), repeats=4, limit=None, seed=7,
    engine="transformers", engine_version="transformers engine 3", device="cuda", questions=30,
    deviations=(Deviation("repeats", "unknown", "4 instead of 64"),),
)  # fmt: skip


def run_story(name: str = "run-1", made: Estimate | None = ESTIMATE, scorer: str = "math", **changes: Any) -> RunStory:
    told = {key: changes.pop(key) for key in ("withheld", "sessions", "others", "recorded") if key in changes}
    run = LocalRun(
        name=name,
        spec=replace(SPEC, **changes),
        scorer=scorer,
        estimate=made,
        counts=COUNTS,
        registrations=(),
        others=told.pop("others", (("qwq-official", 0.775),)),
        version="2/3",
    )
    return RunStory(
        run=run,
        spec_hash=("5" + name.encode().hex()).ljust(64, "0")[:64],
        claims=("C082",),
        scorers=((scorer, "2/3"), ("qwq-official", "2/1")),
        cost=Cost(120, 20_000, 900_000, 3600.0, 3600.0),
        sessions=told.pop("sessions", (SESSION,)),
        question_error=error_of_interval(made) if made else None,
        **told,
    )


def output(repeat: int, value: float | None = 1.0, **changes: Any) -> OutputStory:
    status: Any = "unscored" if value is None else "correct" if value == 1 else "incorrect"
    score = Score("aime24/0", repeat, "math", status, value, answer="204")
    told: dict[str, Any] = {
        "thought": "Let me think.",
        "answer": f"It is \\boxed{{{204 + repeat}}}.",
        "finish": "stop",
        "error": None,
    }
    told |= {"prompt_tokens": 100, "output_tokens": 900, "seconds": 2.5, "attempt": 1}
    told["raw"] = f"<think>\n{told['thought']}\n</think>\n\n{told['answer']}"
    official = Score("aime24/0", repeat, "qwq-official", "incorrect", 0.0)
    return OutputStory(repeat=repeat, **{**told, "scores": (score, official), **changes})


def sample(position: int = 0, outputs: Sequence[OutputStory] = (), **changes: Any) -> SampleStory:
    told: dict[str, Any] = {"messages": (Message("user", f"Question {position}?"),), "prompt": None, "target": "204"}
    told |= {"choices": (), "outputs": tuple(outputs) or tuple(output(r, float(r % 2)) for r in range(4))}
    return SampleStory(position=position, id=f"aime24/{position}", **{**told, **changes})


def of(*samples: SampleStory) -> Callable[[str], Iterator[SampleStory]]:
    return lambda _: iter(samples)


def published(**changes: Any) -> Figure:
    told: dict[str, Any] = {"id": "aime24", "benchmark": "aime24", "label": "AIME24", "metric": "pass@1", "value": 79.5}
    told |= {"source": "https://github.com/QwenLM/QwQ (commit 620a5ead) README.md", "confidence": "A"}
    return Figure(**{**told, **changes})


def publication(*runs: RunStory, figures: dict[str, Figure] | None = None, **check: Any) -> Publication:
    """One claim of one article with one check, resting on all of the runs in turn."""
    told: dict[str, Any] = {"against": Against(value=79.8), "relation": "equals", **check}
    asked = BenchmarkCheck(check="benchmark", benchmark="aime24", **told)
    article = Article(
        id="003", file="003.txt", title="An article", address="https://example.org/a", sha256="b" * 64, lines=9,
        out_of_scope=0, outlet_date=date(2025, 3, 6),
    )  # fmt: skip
    claim = Claim(
        id="C082", article="003", where=(Place(line=9, sha256="c" * 64),), subject="qwq-32b", kind="comparison",
        says=Words(en="It equals another.", ja="並ぶ。"), printed="同等", checks=(asked,) * max(len(runs), 1),
    )  # fmt: skip

    def verdict(number: int, run: RunStory | None) -> Verdict:
        made = run.run.estimate if run else None
        named = run.run.name if run else None
        return Verdict("C082", number, "t", "qwq-32b", "bf16", "inconclusive", "measured", estimate=made, run=named)

    checks = [CheckStory(n, asked, verdict(n, run)) for n, run in enumerate(runs or (None,))]
    story = ClaimStory(claim, article, verdict(-1, None), tuple(checks), figures or {}, {})
    return Publication((story,), {"003": article}, runs, "0.1.0", "0" * 40, False)


def files(kind: Kind, told: Publication, *samples: SampleStory, **more: Any) -> dict[str, str]:
    """Path → text; a path is written once."""
    pages = list(exports(kind, told, of(*samples), **{"made": WRITTEN, **more}))
    assert len({page.path for page in pages}) == len(pages)
    assert all(page.path.startswith(f"{kind}/") for page in pages)
    return {page.path: content_of(page).decode() for page in pages}


def only(found: dict[str, str], pattern: str) -> str:
    (path,) = [path for path in found if re.search(pattern, path)]
    return found[path]


def written(found: dict[str, str], folder: Path) -> Path:
    for path, text in found.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8", newline="")
    return folder


@cache
def validator(name: str) -> jsonschema.Draft7Validator:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def valid_records(found: dict[str, str]) -> list[dict[str, Any]]:
    """The aggregate records, each valid as the schema says; so are the lines beside them, which point back."""
    records = {path: json.loads(text) for path, text in found.items() if path.endswith(".json")}
    for path, record in records.items():
        validator("eval").validate(record)
        assert re.fullmatch(r"eee/data/[^/]+/[^/]+/[^/]+/[0-9a-f-]{36}\.json", path)
        assert path.split("/")[3:5] == record["model_info"]["id"].split("/")
        beside = record.get("detailed_evaluation_results")
        assert (beside is not None) == (path.removesuffix(".json") + "_samples.jsonl" in found)
        if beside is not None:
            rows = [json.loads(row) for row in found[f"eee/{beside['file_path']}"].splitlines()]
            assert beside["file_path"] == path.removeprefix("eee/").removesuffix(".json") + "_samples.jsonl"
            assert beside["total_rows"] == len(rows) > 0
            results = {result["evaluation_result_id"] for result in record["evaluation_results"]}
            for row in rows:
                validator("instance_level_eval").validate(row)
                assert row["evaluation_id"] == record["evaluation_id"]
                assert row["model_id"] == record["model_info"]["id"]
                assert row["evaluation_result_id"] in results
    return list(records.values())


def measured_record(found: dict[str, str]) -> dict[str, Any]:
    kinds = [(r["source_metadata"]["source_type"], r) for r in valid_records(found)]
    (record,) = [record for kind, record in kinds if kind == "evaluation_run"]
    return record


@pytest.mark.parametrize("kind", KINDS)
def test_golden(kind: Kind) -> None:
    gsm8k = run_story("run-2", task="gsm8k-cot-boxed", dataset=GSM8K, deviations=())
    told = publication(run_story(), gsm8k, figures={"qwq-32b/aime24": published(), "gpt-4o/x": published(value="7–9")})
    found = files(kind, told, sample(), sample(1), source="https://example.org/report")
    golden = {p.relative_to(GOLDEN).as_posix(): p.read_text(encoding="utf-8") for p in GOLDEN.rglob("*") if p.is_file()}
    assert found == {path: text for path, text in golden.items() if path.startswith(f"{kind}/")}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_records_make_the_same_bytes(kind: Kind) -> None:
    told = publication(run_story(), figures={"qwq-32b/aime24": published()})
    assert files(kind, told, sample()) == files(kind, told, sample())


values = st.floats(min_value=0, max_value=1) | st.fractions(0, 1, max_denominator=2000).map(float)


@settings(max_examples=25, deadline=None)
@given(values)
def test_every_export_carries_the_estimate_of_the_verdict(value: float) -> None:
    made = replace(ESTIMATE, value=value, low=0.0, high=1.0)
    told = publication(run_story(made=made, task="gsm8k-cot-boxed", dataset=GSM8K))
    lm_eval = json.loads(only(files("lm-eval", told), "results_"))["results"]["gsm8k-cot-boxed"]["math,none"]
    hub = files("hf", told)
    entry = yaml.safe_load(only(hub, "gsm8k.yaml"))[0]["value"]
    index = yaml.safe_load(only(hub, "model-index").split("---\n")[1])["model-index"][0]["results"][0]["metrics"][0]
    eee = measured_record(files("eee", told))["evaluation_results"][0]["score_details"]["score"]
    (verdict,) = {v.estimate for v in told.verdicts if v.estimate is not None}
    assert lm_eval == eee == index["value"] == verdict.value
    # the hub's leaderboards are in percent: the decimal point is moved, nothing is rounded before that
    assert entry == float(100 * Fraction(repr(verdict.value)))


def test_the_interval_is_the_one_the_verdict_gives() -> None:
    """Before the planned end that is the one that holds at any look, not the run's own."""
    told = publication(run_story())
    stated = replace(ESTIMATE, low=0.6, high=0.95, method="anytime", level=0.9)
    (story,) = told.stories
    check = replace(story.checks[0], verdict=replace(story.checks[0].verdict, estimate=stated))
    told = replace(told, stories=(replace(story, checks=(check,)),))
    bounds = measured_record(files("eee", told))["evaluation_results"][0]["score_details"]["uncertainty"]
    assert bounds["confidence_interval"] == {
        "lower": 0.6, "upper": 0.95, "confidence_level": 0.9, "method": "anytime, for these questions",
    }  # fmt: skip
    config = json.loads(only(files("lm-eval", told), "results_"))["configs"]["aime24"]["metadata"]
    assert config["interval"] == {"low": 0.6, "high": 0.95, "level": 0.9, "method": "anytime"}
    assert "90 % interval 60.0–95.0 (90 %) (anytime)" not in only(files("hf", told), "model-index")
    assert "90 % interval 60.0–95.0 (anytime)" in only(files("hf", told), "model-index")


def test_what_is_no_measurement_stays_here_and_is_named() -> None:
    runs = (
        run_story("scripted", engine="scripted"),
        run_story("marks", scorer="recorded"),
        run_story("unfinished", made=None),
    )
    for kind in KINDS:
        said: list[str] = []
        found = files(kind, publication(*runs), sample(), left_out=said.append)
        assert not [path for path in found if path.endswith((".jsonl", "model-index.md")) or "results" in path]
        assert [s.partition(":")[0] for s in said[:3]] == ["marks", "scripted", "unfinished"]
        assert "answered by the scripted engine" in said[1]
        for sentence in said:
            assert f"- {sentence}\n" in found[f"{kind}/README.md"]


@pytest.mark.parametrize("kind", ["lm-eval", "eee"])
def test_withheld_questions_are_not_in_any_file(kind: Kind) -> None:
    told = publication(run_story(withheld="its licence asks not to show them"))
    found = files(kind, told, sample())
    assert not any("Question 0" in text or "boxed" in text for text in found.values())
    assert "withheld: its licence asks not to show them." in found[f"{kind}/README.md"]
    assert "79" in only(found, "results_") if kind == "lm-eval" else measured_record(found)


@pytest.mark.parametrize("kind", ["lm-eval", "eee"])
def test_samples_that_cannot_be_shown_are_counted(kind: Kind) -> None:
    late = sample(3, [*(output(r) for r in range(4)), output(4)])
    found = files(
        kind, publication(run_story()), sample(0), sample(1, messages=()), sample(2, choices=("A", "B")), late
    )
    rows = [json.loads(row) for row in only(found, "samples").splitlines()]
    assert {row.get("doc_id", row.get("sample_id")) for row in rows} == ({0, 3} if kind == "lm-eval" else
                                                                         {"aime24/0", "aime24/3"})  # fmt: skip
    readme = found[f"{kind}/README.md"]
    assert "1 question left out, whose text is not stored" in readme
    assert "1 question left out, answered by comparing" in readme
    assert "1 output of rounds that are not complete" in readme
    assert "209" not in "".join(found.values()) and "208" not in only(found, "samples")


def test_a_failure_of_the_instrument_is_no_zero_in_any_sample() -> None:
    broken = sample(1, [output(0), output(1, None), output(2), output(3)])
    told = publication(run_story())
    found = files("lm-eval", told, sample(), broken)
    first, second = (json.loads(row) for row in only(found, "samples").splitlines())
    assert first["math"] == 0.5
    assert first["metrics"] == ["math", "qwq-official"]
    assert "math" not in second
    assert second["metrics"] == ["qwq-official"]
    assert "1 question" in found["lm-eval/README.md"]
    found = files("eee", told, sample(), broken)
    rows = [json.loads(row) for row in only(found, "samples").splitlines()]
    assert len(rows) == 7
    assert "1 output without a mark" in found["eee/README.md"]
    assert valid_records(found)


HOSTILE = "\ud800 \x00 \u202e </script> \ud83d\ude00 \u2028 日本語"


def test_hostile_text_is_kept_and_every_file_is_utf8(tmp_path: Path) -> None:
    image = Message("user", "Look", ("Look", Media("image", path="/secret/folder/cat.png")))
    hostile = sample(0, [output(r, thought=HOSTILE, answer=HOSTILE, error=HOSTILE) for r in range(4)], target=HOSTILE)
    asked = sample(1, messages=(Message("system", HOSTILE), turn("user", *image.parts)))
    for kind in ("lm-eval", "eee"):
        found = files(kind, publication(run_story(system_prompt=HOSTILE)), hostile, asked)
        written(found, tmp_path)
        rows = [json.loads(row) for row in only(found, "samples").split("\n")[:-1]]
        text = json.dumps(rows, ensure_ascii=False)
        assert "\ufffd \\u0000 \u202e </script> \U0001f600 \u2028 日本語" in text
        assert "secret" not in text and "cat.png" in text
    assert valid_records(found)


# lm-eval's own readers


def test_lm_eval_prints_our_results_as_its_own() -> None:
    from lm_eval.utils import make_table

    found = json.loads(only(files("lm-eval", publication(run_story())), "results_"))
    table = [[cell.strip() for cell in row.split("|")[1:-1]] for row in make_table(found).splitlines()]
    error = f"{error_of_interval(ESTIMATE):.4f}"
    assert ["aime24", "2", "none", "", "math", "↑", f"{95 / 120:.4f}", "±", error] in table
    assert ["", "", "none", "", "qwq-official", "↑", "0.7750", "±", "N/A"] in table


def test_an_error_rate_points_down() -> None:
    from lm_eval.utils import make_table

    made = replace(ESTIMATE, value=1.25, low=1.1, high=1.4, population_low=1.1, population_high=1.4)
    spoken = run_story(task="librispeech", scorer="wer", others=(), made=made)
    found = files("lm-eval", publication(spoken))
    assert "↓" in make_table(json.loads(only(found, "results_")))
    result = measured_record(files("eee", publication(spoken)))["evaluation_results"][0]
    assert result["metric_config"]["lower_is_better"] is True
    assert result["metric_config"]["max_score"] == "Infinity"
    assert result["score_details"]["score"] == 1.25


def test_our_results_have_the_keys_and_hashes_of_lm_evals_own(tmp_path: Path) -> None:
    from lm_eval.loggers.evaluation_tracker import EvaluationTracker
    from lm_eval.result_schema import EvalResults, SampleResult

    found = files("lm-eval", publication(run_story()), sample(), sample(1))
    ours = json.loads(only(found, "results_"))
    rows = [json.loads(row) for row in only(found, "samples_").splitlines()]
    assert set(ours) <= set(EvalResults.__annotations__)
    tracker = EvaluationTracker(output_path=str(tmp_path))
    tracker.general_config_tracker.log_experiment_args("transformers", ours["config"]["model_args"], None, None, False)
    tracker.save_results_aggregated(json.loads(json.dumps(ours)), samples={"aime24": rows})
    (path,) = tmp_path.rglob("results_*.json")
    assert path.parent.name == "Qwen__QwQ-32B"
    assert f"lm-eval/{path.parent.name}/results_2026-11-30T08-00-00.json" in found
    theirs = json.loads(path.read_text(encoding="utf-8"))
    assert theirs["task_hashes"] == ours["task_hashes"]
    assert theirs["results"] == ours["results"]
    for row in rows:
        assert set(SampleResult.__annotations__) <= set(row)
        assert set(row) - set(SampleResult.__annotations__) == set(row["metrics"])
    # as lm-eval means a metric: the mean over the documents
    assert math.fsum(row["math"] for row in rows) / len(rows) == 0.5


def test_lm_eval_finds_task_and_time_in_our_file_names(tmp_path: Path) -> None:
    from datasets import load_dataset
    from lm_eval.utils import (
        get_file_datetime,
        get_file_task_name,
        get_results_filenames,
        get_sample_results_filenames,
        sanitize_model_name,
    )

    twice = publication(run_story(), run_story("run-2", seed=8), run_story("run-3", sessions=()))
    found = files("lm-eval", twice, sample(), sample(1))
    assert len(get_results_filenames(list(found))) == 3
    named = get_sample_results_filenames(list(found))
    assert [get_file_task_name(Path(path).name) for path in named] == ["aime24"] * 3
    assert {get_file_datetime(Path(path).name) for path in named[:2]} == {
        "2026-11-30T08-00-00", "2026-11-30T08-00-00.000001",
    }  # fmt: skip
    assert "undated" in named[2]
    assert {Path(path).parent.name for path in found} == {sanitize_model_name("Qwen/QwQ-32B"), "lm-eval"}
    written(found, tmp_path)
    rows = load_dataset("json", data_files=str(tmp_path / named[0]), split="train", cache_dir=str(tmp_path / "cache"))
    assert rows["doc_id"] == [0, 1]
    assert rows[0]["math"] == 0.5
    assert rows[0]["resps"][0][1] == "<think>\nLet me think.\n</think>\n\nIt is \\boxed{205}.", "as the model wrote it"
    assert rows[0]["filtered_resps"][0][1] == "It is \\boxed{205}."


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=3, max_size=3), min_size=2, max_size=12))
def test_the_standard_error_is_lm_evals(table: list[list[float]]) -> None:
    from lm_eval.api.metrics import mean_stderr

    cells = tuple(zip(*table, strict=True))
    names = tuple(map(str, range(len(table))))
    scores = ScoreTable(names, cells, ((False,) * len(table),) * 3)
    theirs = mean_stderr([math.fsum(row) / 3 for row in table])
    # also where the interval is clipped at both ends, so that it could not be told from that
    assert question_error(scores) == pytest.approx(theirs, abs=1e-12)
    made = estimate(scores, COUNTS)
    assert made is not None
    if (taken := error_of_interval(made)) is not None:
        assert taken == pytest.approx(theirs, abs=1e-12)


def test_lines_are_made_anew_and_known_from_their_first_whole_pass() -> None:
    passes = []

    def make() -> Iterator[tuple[bytes, bytes]]:
        passes.append(1)
        yield from ((b"a\n", b"x"), (b"b\n", b"y"))

    lines = Lines(make)
    assert lines and len(passes) == 1, "one line is enough to know"
    assert list(lines()) == [b"a\n", b"b\n"] and len(passes) == 2
    assert (lines.rows, lines.digest) == (2, hashlib.sha256(b"xy").hexdigest()) and lines and len(passes) == 2
    assert list(lines()) == [b"a\n", b"b\n"]
    unread = Lines(make)
    assert unread.rows == 2, "whoever asks before it was written gets it all the same"
    assert not Lines(lambda: iter(())) and Lines(lambda: iter(())).rows == 0


@pytest.mark.parametrize("kind", ["lm-eval", "eee"])
def test_samples_are_written_line_by_line(kind: Kind) -> None:
    """One question is in memory, not the file."""
    taken = []

    def source(_: str) -> Iterator[SampleStory]:
        for position in range(50):
            taken.append(position)
            yield sample(position)

    pages = exports(kind, publication(run_story()), source)
    streamed = next(page for page in pages if isinstance(page, Streamed))
    assert len(taken) <= 1, "only whether there is a line has been asked"
    pieces = streamed.pieces()
    next(pages_of := iter(pieces))
    assert len(taken) <= 3
    rest = sum(1 for _ in pages_of)
    assert rest >= 49
    told = list(pages)
    assert len(taken) <= 52, "what is known from writing it is not made again"
    assert all(isinstance(page, Page) for page in told)


# the hub's own classes


def test_the_hub_reads_our_entries() -> None:
    from huggingface_hub import parse_eval_result_entries

    told = publication(run_story(task="gsm8k-cot-boxed", dataset=GSM8K))
    text = only(files("hf", told, source="https://example.org/report"), r"hf/Qwen/QwQ-32B/\.eval_results/gsm8k\.yaml")
    (entry,) = parse_eval_result_entries(yaml.safe_load(text))
    assert (entry.dataset_id, entry.task_id) == ("openai/gsm8k", "gsm8k")
    assert entry.value == pytest.approx(79.17, abs=0.01)
    assert entry.dataset_revision == "cc7b047b6e5bb11b4f1af84efc572db110a51b3c"
    assert entry.date == "2026-11-30"
    assert entry.source_url == "https://example.org/report"
    assert entry.verify_token is None
    for said in ("95 % interval 74.3–84.0", "bf16", "qwq-official", "4 instead of 64", "2 truncated", "run-1"):
        assert said in (entry.notes or "")


def test_the_hub_reads_our_card(tmp_path: Path) -> None:
    from huggingface_hub import ModelCard

    found = files("hf", publication(run_story(), run_story("run-2", precision="nf4", weights=QWQ)))
    path = written(found, tmp_path) / "hf/Qwen/QwQ-32B/model-index.md"
    card = ModelCard.load(path)
    first, second = card.data.eval_results
    assert card.data.model_name == "QwQ-32B"
    assert first.metric_value == 95 / 120
    assert first.dataset_type == "HuggingFaceH4/aime_2024"
    assert first.dataset_revision == "2fe88a2f1091d5048c0f36abc874fb997b3dd99a"
    assert "bf16" in (first.metric_name or "") and "nf4" in (second.metric_name or "")
    assert first.source_url is None
    assert not first.verified and first.verify_token is None
    assert "nf4 (native bf16)" in card.text


def test_one_entry_for_a_benchmark_in_the_precision_of_the_checkpoint() -> None:
    large = replace(ESTIMATE, rounds=64, value=0.1)
    runs = run_story("a-nf4", precision="nf4", made=large, dataset=GSM8K), run_story("b-bf16", dataset=GSM8K)
    found = files("hf", publication(*runs))
    (entry,) = yaml.safe_load(only(found, "gsm8k.yaml"))
    assert entry["value"] == pytest.approx(79.17, abs=0.01)
    assert "a-nf4: in model-index alone, since b-bf16 is the entry for openai/gsm8k." in found["hf/README.md"]
    assert "source" not in entry


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"weights": "f" * 64}, "fingerprint"),
        ({"dataset": "sha256:" + "0" * 64}, "by their hash"),
        ({"limit": 5}, "first 5 questions"),
        ({"engine": "replay", "weights": "recorded"}, "generated by others"),
        ({"model": "tiny-qwen2"}, "no repository"),
        ({"model": "gone"}, "no repository"),
    ],
)
def test_only_what_is_pinned_on_the_hub_goes_there(changes: dict[str, Any], why: str) -> None:
    found = files("hf", publication(run_story(**changes)))
    assert list(found) == ["hf/README.md"]
    assert why in found["hf/README.md"]


def test_a_dataset_without_a_leaderboard_is_in_the_card_alone() -> None:
    found = files("hf", publication(run_story()))
    assert list(found) == ["hf/Qwen/QwQ-32B/model-index.md", "hf/README.md"]
    assert "HuggingFaceH4/aime_2024 is not known to be a benchmark of the hub" in found["hf/README.md"]


# Every Eval Ever's schema


def test_a_measurement_says_how_it_was_made() -> None:
    record = measured_record(files("eee", publication(run_story()), sample()))
    assert record["evaluation_id"] == f"aime24/Qwen/QwQ-32B/{record['retrieved_timestamp']}"
    assert record["evaluation_timestamp"] == str(int(datetime(2026, 11, 30, 8, tzinfo=UTC).timestamp()))
    info = record["model_info"]
    assert info["additional_details"]["revision"] == QWQ
    assert info["additional_details"]["precision"] == "bf16"
    assert info["additional_details"]["deployment_type"] == "self_deployed"
    assert info["additional_details"]["model_availability"] == "open_weights"
    judging, other = record["evaluation_results"]
    assert judging["source_data"]["hf_repo"] == "HuggingFaceH4/aime_2024"
    uncertainty = judging["score_details"]["uncertainty"]
    assert (uncertainty["confidence_interval"]["lower"], uncertainty["num_samples"]) == (0.7431, 120)
    assert uncertainty["standard_error"]["value"] == pytest.approx(math.sqrt(0.06 / 120))
    assert json.loads(judging["score_details"]["details"]["counts"])["truncated"] == 2
    arguments = judging["generation_config"]["generation_args"]
    assert (arguments["temperature"], arguments["max_tokens"], arguments["reasoning"]) == (0.6, 32768, True)
    assert (other["score_details"]["score"], "uncertainty" in other["score_details"]) == (0.775, False)


def test_an_output_is_one_line_with_its_thought_apart() -> None:
    found = files("eee", publication(run_story()), sample(0, [output(r, 0.5, answer=None) for r in range(4)]))
    assert valid_records(found)
    row = json.loads(only(found, "samples").splitlines()[1])
    assert row["output"] == {"raw": [""], "reasoning_trace": ["Let me think."]}
    assert row["evaluation"] == {"score": 0.5, "is_correct": False}
    assert row["answer_attribution"][0]["extracted_value"] == "204"
    assert row["metadata"]["repeat"] == "1"
    assert row["metadata"]["score.qwq-official"] == "0.0"
    assert row["token_usage"]["total_tokens"] == 1000


RECORDED = Recorded(
    title="QwQ-32B on AIME 2024", source="https://example.org/outputs of somebody", licence="MIT",
    stated=frozenset({"sampling.top_p", "protocol"}), graded="2026-11-29T10:00:00+00:00",
)  # fmt: skip
BARE = {"prompt_tokens": None, "output_tokens": None, "seconds": None, "attempt": None, "finish": UNSTATED}


def recorded(origin: Recorded | None = RECORDED, **changes: Any) -> RunStory:
    usual = {"sampling": Sampling(top_p=0.95), "precision": "unstated", "template": "", "device": "none", "seed": 0}
    made: dict[str, Any] = {"engine": "replay", "weights": "recorded", "sessions": (), **usual, "recorded": origin}
    return run_story(**{**made, **changes})


def test_a_recording_claims_nothing_that_nobody_stated() -> None:
    bare = sample(0, [output(r, **BARE) for r in range(4)])
    found = files("eee", publication(recorded(model="o1-mini")), bare)
    record = measured_record(found)
    info, source = record["model_info"], record["source_metadata"]
    assert info["id"] == "openai/o1-mini" and "inference_engine" not in info
    assert not {"precision", "weights", "device", "hardware"} & set(info["additional_details"])
    assert info["additional_details"]["deployment_type"] == "unknown"
    made = record["evaluation_results"][0]["generation_config"]
    assert made["generation_args"] == {"top_p": 0.95}
    assert set(made["additional_details"]) == {"protocol", "repeats", "deviations"}
    assert source["source_name"] == "QwQ-32B on AIME 2024"
    assert (source["source_organization_name"], source["evaluator_relationship"]) == ("example.org/outputs", "other")
    told = source["additional_details"]
    assert (told["outputs"], told["licence"]) == ("recorded by others, graded here", "MIT")
    assert told["source"] == RECORDED.source
    assert record["retrieved_timestamp"] == str(int(datetime(2026, 11, 29, 10, tzinfo=UTC).timestamp()))
    row = json.loads(only(found, "samples").splitlines()[0])
    assert not {"token_usage", "performance"} & set(row) and not {"finish", "attempt"} & set(row["metadata"])


def test_a_recordings_files_for_lm_eval_hold_only_what_is_stated() -> None:
    found = files("lm-eval", publication(recorded()), sample())
    made = json.loads(only(found, "results_"))
    (config,) = made["configs"].values()
    assert config["generation_kwargs"] == made["config"]["gen_kwargs"] == {"top_p": 0.95}
    assert not {"random_seed", "device", "model_dtype"} & set(made["config"])
    assert made["config"]["model_args"] == {"pretrained": "Qwen/QwQ-32B"}
    assert not {"system_instruction", "chat_template_sha"} & set(made)
    about = config["metadata"]
    assert about["outputs"] == "recorded by others, graded here" and about["recording"]["licence"] == "MIT"
    assert about["protocol"] == "qwq-official" and not {"thinking", "precision"} & set(about)
    row = json.loads(only(found, "samples").splitlines()[0])
    assert row["arguments"]["gen_args_0"]["arg_1"] == {"top_p": 0.95}


@pytest.mark.parametrize("told", [recorded(replace(RECORDED, graded=None)), run_story(sessions=())])
def test_a_time_that_nobody_recorded_is_not_made_up(told: RunStory) -> None:
    """Neither from an article, nor from 1970, nor from the clock: a record must have one, so there is none."""
    found = files("eee", publication(told, relation="at_least"), sample())
    assert list(found) == ["eee/README.md"]
    assert "run-1: when it was made is not recorded, and a record must say so." in found["eee/README.md"]


def test_what_is_stated_has_the_time_of_writing_or_no_record() -> None:
    told = publication(run_story(), figures={"qwq-32b/aime24": published()})
    records = valid_records(files("eee", replace(told, written=datetime(2026, 12, 24, tzinfo=UTC)), made=None))
    times = {r["source_metadata"]["source_type"]: r["retrieved_timestamp"] for r in records}
    assert times["documentation"] == str(int(datetime(2026, 12, 24, tzinfo=UTC).timestamp()))
    assert times["evaluation_run"] == str(int(datetime(2026, 11, 30, 9, tzinfo=UTC).timestamp()))
    found = files("eee", told, made=None)
    assert [r["source_metadata"]["source_type"] for r in valid_records(found)] == ["evaluation_run"]
    assert "a record must say when it was made, and nobody did" in found["eee/README.md"]


def test_nothing_says_that_lm_eval_had_run() -> None:
    session = replace(SESSION, packages=(("lm_eval", "0.4.13"), ("transformers", "5.14.1")))
    made = json.loads(only(files("lm-eval", publication(run_story(sessions=(session,)))), "results_"))
    assert not {"lm_eval_version", "git_hash"} & set(made)
    assert made["transformers_version"] == "5.14.1" and "0" * 40 in made["pretty_env_info"]


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", "bfloat16"), ("fp32", "float32"), ("nf4", None)])
def test_a_dtype_is_torchs_or_there_is_none(precision: str, dtype: str | None) -> None:
    made = json.loads(only(files("lm-eval", publication(run_story(precision=precision))), "results_"))
    assert made["config"]["model_args"].get("dtype") == made["config"].get("model_dtype") == dtype
    assert next(iter(made["configs"].values()))["metadata"]["precision"] == precision


def test_an_articles_score_and_a_published_figure_are_documentation() -> None:
    told = publication(figures={"qwq-32b/aime24": published(repeats=64)})
    figure, printed = sorted(valid_records(files("eee", told)), key=lambda r: str(r["evaluation_id"]), reverse=True)
    assert figure["evaluation_results"][0]["score_details"]["score"] == 79.5
    assert figure["source_metadata"]["source_type"] == "documentation"
    assert figure["source_metadata"]["evaluator_relationship"] == "first_party"
    assert figure["source_metadata"]["source_organization_name"] == "github.com/QwenLM"
    assert json.loads(figure["source_metadata"]["additional_details"]["claims"]) == ["C082"]
    assert printed["evaluation_results"][0]["score_details"]["score"] == 79.8
    assert printed["source_metadata"]["source_name"] == "An article"
    assert printed["source_metadata"]["source_organization_name"] == "example.org"
    assert printed["source_metadata"]["additional_details"]["lines"] == "[9]"
    assert printed["evaluation_results"][0]["score_details"]["details"]["printed"] == "同等"


@pytest.mark.parametrize("check", [{"relation": "at_least"}, {"chosen": {"bar": "guessing"}}])
def test_a_bar_is_no_score_of_the_model(check: dict[str, Any]) -> None:
    found = files("eee", publication(**check))
    assert list(found) == ["eee/README.md"]
    assert "C082, check 0: 79.8 is what it is held to" in found["eee/README.md"]


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ({"metric": "WER %"}, (True, "percent", 0, "Infinity")),
        # of the benchmark other sources say it, this one does not
        ({"benchmark": "fleurs-zh", "metric": "independent measurement"}, (True, "percent", 0, "Infinity")),
        ({"unit": "fraction", "value": 0.79}, (False, "proportion", 0, 1)),
        ({"unit": "bleu"}, (False, "bleu", 0, 100)),
        # where a scale is not known, no ends are made up
        ({"unit": "rating", "value": 1300}, (False, "rating", None, None)),
        ({"unit": "other", "value": 0.75}, (False, None, None, None)),
    ],
)
def test_scale_and_direction_of_a_figure(figure: dict[str, Any], expected: tuple[Any, ...]) -> None:
    told = publication(figures={"qwq-32b/x": published(**figure)}, relation="at_most")
    (record,) = valid_records(files("eee", told))
    scale = record["evaluation_results"][0]["metric_config"]
    found = (scale["lower_is_better"], scale.get("metric_unit"), scale.get("min_score"), scale.get("max_score"))
    assert found == expected


def test_a_model_without_a_developer_has_no_place_there() -> None:
    found = files("eee", publication(run_story(model="gone"), figures={"gpt-4o-mini/mmmu": published()}))
    assert "nobody is recorded as the developer of gone" in found["eee/README.md"]
    assert "What is stated of gpt-4o-mini (aime24): nobody is recorded" in found["eee/README.md"]


def test_the_whole_ledger_is_valid() -> None:
    from harness import claims
    from harness.gathering import gather

    told = gather(claims.load_claims(), recorded=True)
    records = valid_records(files("eee", told))
    assert len(records) > 100
    assert {r["source_metadata"]["source_type"] for r in records} == {"documentation"}


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(UnknownName, match="kind of export 'papers'"):
        list(exports("papers", publication(), of()))  # type: ignore[arg-type]  # what a user may type
