"""Recorded outputs as a report tells of them: whose they are, and nothing that nobody stated."""

import html
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from harness import plan
from harness.gathering import gather, samples_of
from harness.gathering.records import OWN_CLAIM, UNSTATED, RunStory
from harness.publishing import Look, Report, check, publish
from harness.publishing.asked import Asked
from harness.publishing.manifest import read_manifest
from harness.records import Registration
from harness.replaying import replay
from harness.report.lexicon import LANGUAGES, Language, lexicon
from harness.report.site.samples import run_pages
from harness.store import RunStore
from tests.stored_runs import put


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    return tmp_path / "runs"


def replayed(folder: Path, **more: Any) -> RunStory:
    """A recording of two outputs, one cut, replayed and told of."""
    rows = [
        {"q": "1+1?", "t": "2", "o": "<think>well</think>\n\nIt is \\boxed{2}.", "f": "stop"},
        {"q": "2+1?", "t": "3", "o": "It is \\boxed{4}.", "f": "length"},
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    fields = {"question": "q", "target": "t", "output": "o", **more.pop("fields", {})}
    recording = {"id": "sums", "title": "Sums of somebody", "model": "qwq-32b", "source": "their page, 2025",
                 "files": ["rows.jsonl"], "scorers": ["math"], "fields": fields, **more}  # fmt: skip
    (folder / "sums.yaml").write_text(json.dumps(recording), encoding="utf-8")
    name = replay(str(folder / "sums.yaml")).run
    (story,) = gather((), runs=[name]).runs
    return story


def page(story: RunStory, language: Language = "en") -> str:
    """The text of its page, without the script's data."""
    made = {file.path: file for file in run_pages(story, samples_of(story.run.name), lexicon(language))}
    content = made[f"runs/{story.run.name}/index.html"].content  # type: ignore[union-attr]  # a page
    assert isinstance(content, str)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", content)))


def test_what_a_recording_states_is_noted_and_nothing_else(tmp_path: Path) -> None:
    bare = replayed(tmp_path).recorded
    assert bare is not None and bare.stated == frozenset()
    assert (bare.title, bare.source, bare.licence) == ("Sums of somebody", "their page, 2025", "")
    whole = replayed(
        tmp_path, sampling={"temperature": 0.0, "max_tokens": 100}, precision="bf16", thinking="output",
        licence="MIT", fields={"finish": "f"},
    ).recorded  # fmt: skip
    assert whole is not None and whole.licence == "MIT"
    # a default that is stated is stated
    assert whole.stated == {"sampling.temperature", "sampling.max_tokens", "precision", "thinking", "finish"}


def test_the_first_grading_is_when_it_was_graded(tmp_path: Path) -> None:
    first = replayed(tmp_path)
    assert first.recorded is not None and first.recorded.graded is not None
    assert datetime.fromisoformat(first.recorded.graded).tzinfo is not None
    with RunStore.open(first.run.name, write=True) as store:
        store.note("graded", "2026-01-02T03:04:05+00:00")
    again = replayed(tmp_path)
    assert again.recorded is not None and again.recorded.graded == "2026-01-02T03:04:05+00:00"


def test_outputs_tell_what_the_recording_tells(tmp_path: Path) -> None:
    told = [sample.outputs[0] for sample in samples_of(replayed(tmp_path).run.name)]
    assert [output.finish for output in told] == [UNSTATED] * 2
    told = [sample.outputs[0] for sample in samples_of(replayed(tmp_path, fields={"finish": "f"}).run.name)]
    assert [output.finish for output in told] == ["stop", "length"]
    for output in told:
        assert (output.prompt_tokens, output.output_tokens, output.seconds, output.attempt) == (None,) * 4
    assert told[0].raw == "<think>well</think>\n\nIt is \\boxed{2}."


def test_a_replay_of_an_earlier_version_has_stated_what_is_no_default(tmp_path: Path) -> None:
    name = replayed(tmp_path, sampling={"temperature": 0.6}, precision="bf16").run.name
    with RunStore.open(name, write=True) as store:
        store._db.execute("delete from meta where key in ('note title', 'note source', 'note stated', 'note graded')")
    (story,) = gather((), runs=[name]).runs
    assert story.recorded is not None and story.recorded.stated == {"sampling.temperature", "precision"}
    assert (story.recorded.title, story.recorded.graded) == ("", None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_whose_outputs_these_are(tmp_path: Path, language: Language) -> None:
    words = lexicon(language)
    story = replayed(tmp_path, sampling={"temperature": 0.6}, licence="MIT")
    shown = page(story, language)
    for text in (words.text("samples.recorded"), "Sums of somebody", "their page, 2025", "MIT"):
        assert text in shown, text
    unknown = words.text("samples.not_stated")
    assert "temperature 0.6" in shown
    for label in ("top_p", "max_tokens", "stop"):
        assert f"{label} {unknown}" in shown, label
    for name in ("weights", "precision", "protocol", "chat_template", "seed", "device", "system_prompt", "thinking"):
        assert f"{words.text(f'samples.spec_{name}')} {unknown}" in shown, name
    for name in ("prompt_tokens", "output_tokens", "seconds"):
        assert f"{words.text(f'samples.cost_{name}')} {unknown}" in shown, name
    assert words.text("samples.prompt") not in shown, "nobody knows what was sent"


def test_a_run_of_ours_is_nobody_elses() -> None:
    name = put([[1.0, 0.0]])
    (story,) = gather((), runs=[name]).runs
    assert story.recorded is None and all(map(story.knows, ("seed", "precision", "sampling.top_p")))
    assert "recorded by others" not in page(story) and "not stated" not in page(story).partition("{")[0]


def test_the_number_of_a_claim_of_ours_is_no_articles() -> None:
    registered = [
        Registration("S02", 0, "at_least", 0.3, "article", 0.05),
        Registration("C082", 0, "equals", 0.795, "article", 0.01),
        Registration("C083", 0, "on_par", 0.798, "deepseek-r1/aime24", 0.03),
    ]
    name = put([[1.0, 0.0]], registered=registered)
    (story,) = gather(plan.claims_of(["S02"]), runs=[name]).runs
    sources = {r.claim: r.claimed_source for r, _ in story.run.registrations}
    assert sources == {"S02": OWN_CLAIM, "C082": "article", "C083": "deepseek-r1/aime24"}
    assert "(the claim's own file)" in page(story) and "(article)" in page(story)
    assert "(記事)" in page(story, "ja") or "（記事）" in page(story, "ja")


def test_a_report_of_a_recording_checks_whenever_that_is(tmp_path: Path) -> None:
    """The time of writing, which records of Every Eval Ever need, is in the manifest."""
    asked = Asked(targets=("C082",), runs=(replayed(tmp_path).run.name,))
    report = Report(asked, asked.gathered(), Look())
    assert report.publication.written is None
    folder = tmp_path / "report"
    publish(report, folder, ("eee", "lm-eval"), keep=True)
    written = read_manifest(folder).written
    assert written is not None and check(folder) == ()
    times = {
        json.loads(p.read_text(encoding="utf-8"))["retrieved_timestamp"] for p in folder.rglob("eee/data/**/*.json")
    }
    assert str(int(written.timestamp())) in times
    publish(report, tmp_path / "other", ("lm-eval",), keep=True)
    assert read_manifest(tmp_path / "other").written is None, "all else is the same whenever it is written"
