"""Who judged, wrote down or compared, beside who does it officially: what a verdict says of it, for all alike."""

from dataclasses import replace
from pathlib import Path

import pytest
from told_runs import told_run, written

from harness import opinions, scoring
from harness.cli.listen_command import _language
from harness.engines.scripted import Script, ScriptedEngine
from harness.engines.speaker import BandSpeaker
from harness.explaining import explain
from harness.judging.runs import LocalRun, local_run
from harness.listening import Ear, compare_voices, ear_of, listen, voices_of
from harness.opinions.others import is_named
from harness.records import Deviation
from harness.report.lexicon import Language, lexicon
from harness.store.transcripts import HeardBy
from harness.tasks import load_task
from harness.tasks.audio import AUDIO_TASKS
from harness.tasks.scorers import JUDGED, SCORERS
from harness.tasks.scorers.official import EARS, SPEAKERS
from harness.verdicts.weighing import EITHER_WAY
from tests.test_listening import SAID, Spoken, spoken
from tests.test_store import SAMPLES, SPEC, runs_folder, started
from tests.test_verdicts import of_runs, scored, smoke_run
from tests.test_voices import Imitating, task

__all__ = ["runs_folder", "task"]  # fixtures

OMNI = replace(SPEC, engine="omni", repeats=1)


class Chinese(Spoken):
    scorers = ("cer-seed-tts", "cer-seed-tts-corpus")


class Unnamed(Spoken):
    """Judged on what was heard by a rule that names no ear."""

    scorers = ("wer", "wer-basic")


def ear(model: str, language: str = "", precision: str = "", **answers: str) -> Ear:
    """A script under the name of a model."""
    made = ear_of(ScriptedEngine(Script(answers=SAID | answers)), model)
    return replace(made, by=HeardBy(model, language, precision))


def heard_run(listener: Ear, questions: Spoken | None = None) -> tuple[LocalRun, str]:
    with started(OMNI) as store:
        for sample in SAMPLES if not store.generated() else ():
            store.add(spoken(sample))
        listen(store, listener)
        scoring.score_all(store, questions or Spoken())
        found = local_run(store)
        assert found is not None
        return found, store.name


# --- the ear


@pytest.mark.parametrize(
    ("model", "language", "precision", "detail"),
    [
        ("whisper-large-v3", "en", "fp32", None),
        ("Whisper-Large-v3", "en", "fp32", None),
        ("whisper-large-v3", "", "", None),
        ("tiny-whisper", "en", "fp32", "written down by tiny-whisper in fp32 instead of Whisper-large-v3"),
        ("local-whisper-large-v3", "en", "", "written down by local-whisper-large-v3 instead of Whisper-large-v3"),
        ("whisper-large-v3", "en", "fp16", "written down by whisper-large-v3 in fp16 instead of fp32"),
        ("whisper-large-v3", "zh", "fp32", "written down by whisper-large-v3 in zh instead of en"),
        (
            "whisper-large-v3", "zh", "bf16",
            "written down by whisper-large-v3 in bf16 instead of fp32 and in zh instead of en",
        ),
    ],
)  # fmt: skip
def test_an_ear_that_is_not_the_official_one_is_a_deviation(
    model: str, language: str, precision: str, detail: str | None
) -> None:
    run, _ = heard_run(ear(model, language, precision))
    assert run.deviations == ((Deviation("ear", "unknown", detail),) if detail else ())
    assert run.evidence == "measured" and not run.rehearsal
    if detail:
        assert model in lexicon("ja").prose(detail) and "で書き起こし" in lexicon("ja").prose(detail)


def test_chinese_has_an_ear_that_is_not_whisper() -> None:
    run, _ = heard_run(ear("whisper-large-v3", "zh", "fp32"), Chinese())
    (deviation,) = run.deviations
    assert deviation.detail == "written down by whisper-large-v3 in fp32 instead of Paraformer-zh"
    official, _ = heard_run(ear("paraformer-zh", "zh", "fp32"), Chinese())
    assert official.deviations == ()


def test_a_rule_that_names_no_ear_takes_any() -> None:
    assert heard_run(ear("tiny-whisper"), Unnamed())[0].deviations == ()


def test_the_last_ear_counts() -> None:
    assert len(heard_run(ear("tiny-whisper"))[0].deviations) == 1
    assert heard_run(ear("whisper-large-v3", "en", "fp32"))[0].deviations == ()
    assert len(heard_run(ear("tiny-whisper"))[0].deviations) == 1


def test_what_an_earlier_version_noted_tells_the_model() -> None:
    with started(OMNI) as store:
        assert store.heard_by() is None and opinions.unofficial(store, "wer-seed-tts") == ()
        store.choose_listener("whisper-large-v3-12345678", "an ear")
        assert store.heard_by() == HeardBy("whisper-large-v3") and opinions.unofficial(store, "wer-seed-tts") == ()
        store.choose_listener("tiny-whisper-12345678", "another")
        (deviation,) = opinions.unofficial(store, "wer-seed-tts")
        assert deviation.detail == "written down by tiny-whisper instead of Whisper-large-v3"
        assert opinions.unofficial(store, "wer") == ()


def test_a_scripted_ear_stays_evidence_of_nothing() -> None:
    run, _ = heard_run(ear("scripted"))
    assert run.rehearsal and run.evidence is None
    assert [d.name for d in run.deviations] == ["ear"]


def test_an_ear_of_our_own_decides_nothing_either_way() -> None:
    run, _ = heard_run(ear("tiny-whisper"))
    for score, outcome in ((0.7, "lower"), (0.9, "reproduced"), (0.97, "higher")):
        plain = smoke_run(scored(score))
        assert of_runs(plain).outcome == outcome
        held = of_runs(replace(plain, judge=run.judge))
        assert held.outcome == "inconclusive" and held.deviations == run.deviations
        assert "but the deviation (ear: written down by tiny-whisper instead of Whisper-large-v3)" in held.reason


@pytest.mark.parametrize(
    ("language", "told"), [("en", "written down by tiny-whisper"), ("ja", "tiny-whisperで書き起こし")]
)
def test_the_page_of_a_run_tells_it(tmp_path: Path, language: Language, told: str) -> None:
    story = told_run()
    run, _ = heard_run(ear("tiny-whisper"))
    page = written(tmp_path, [], replace(story, run=replace(story.run, judge=run.judge)), language)
    assert told in page.read_text(encoding="utf-8")


# --- speaker models, and the rule that all share


def test_a_speaker_model_is_held_against_the_official_one(task: Imitating) -> None:
    with started(OMNI) as store:
        for sample in SAMPLES:
            store.add(spoken(sample))
        assert opinions.unofficial(store, "speaker-similarity") == ()
        compare_voices(store, task, voices_of(BandSpeaker(), "wavlm"))
        scoring.score_all(store, task)
        (deviation,) = opinions.unofficial(store, "speaker-similarity")
        assert (deviation.name, deviation.direction) == ("speaker", "unknown")
        assert "instead of WavLM-large fine-tuned for speaker verification" in deviation.detail
        assert opinions.unofficial(store, "wer-seed-tts") == ()
        name = store.name
    assert deviation in explain(name).deviations


def test_names_are_compared_without_capitals_and_dashes() -> None:
    assert is_named("gpt-4-turbo", "GPT-4 Turbo") and is_named("whisper_large_v3", "Whisper-large-v3")
    assert not is_named("whisper-large-v2", "Whisper-large-v3") and not is_named("local-gpt-4-turbo", "GPT-4 Turbo")


def test_all_that_is_named_exists_and_every_spoken_task_names_its_ear(tmp_path: Path) -> None:
    assert {*EARS, *SPEAKERS} <= set(SCORERS) and not {*EARS, *SPEAKERS} & JUDGED
    assert {"judge", "ear", "speaker"} == EITHER_WAY
    speaking = [
        made for made in (load_task(name, data_dir=tmp_path) for name in AUDIO_TASKS) if made.scored_text == "speech"
    ]
    assert len(speaking) == 6
    assert {name for task in speaking for name in task.scorers} <= {*EARS, *SPEAKERS}


@pytest.mark.parametrize(
    ("run_of", "language"),
    [
        ("seed-tts-zh", "zh"),
        ("seed-tts-single-speaker-hard", "zh"),
        ("seed-tts-en", "en"),
        ("aime24", "en"),
        ("x", "en"),
    ],
)
def test_the_ear_is_told_the_tasks_language(run_of: str, language: str) -> None:
    assert _language(run_of) == language
