"""Tasks whose answers a judge is asked about: rows, requests, and `harness judge` from the command line."""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import tasks
from harness.errors import DatasetError
from harness.records import Generation, Media, Sample
from harness.store import RunStore
from harness.tasks import NOT_BUILT, load_task, task_names
from harness.tasks.scorers import JUDGED, load_scorer
from harness.tasks.scorers.opinions import NOT_JUDGED, OpinionScorer
from tests.test_cli import Harness, harness
from tests.test_vision_tasks import MATHVISTA, needs_shared, picture

__all__ = ["harness"]  # a fixture


def samples(name: str, folder: Path, file: str, rows: Any) -> list[Sample]:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(json.dumps(row) for row in rows) if file.endswith(".jsonl") else json.dumps(rows)
    path.write_text(text, encoding="utf-8")
    return list(load_task(name, data_dir=folder).samples())


@pytest.mark.parametrize("name", ["alpacaeval", "commoneval", "wildvoice"])
def test_open_questions_keep_what_was_said_for_the_judge(tmp_path: Path, name: str) -> None:
    rows = [{"audio": "a.wav", "prompt": "How are you?"}, {"audio": "b.wav", "prompt": "And now?", "output": "x"}]
    first, second = samples(f"voicebench-{name}", tmp_path, f"voicebench-{name}.jsonl", rows)
    assert (first.id, first.target) == (f"voicebench-{name}/0", "")
    assert [m.parts for m in first.messages] == [(Media("audio", path=str(tmp_path / "a.wav")),)], "the sound alone"
    assert second.row == {"prompt": "And now?"}
    assert load_task(f"voicebench-{name}").scorers == ("voicebench-open",)
    with pytest.raises(DatasetError, match="wants a text in 'prompt'"):
        samples(f"voicebench-{name}", tmp_path, f"voicebench-{name}.jsonl", [{"audio": "a.wav"}])


def test_spoken_questions_have_their_answer_as_target(tmp_path: Path) -> None:
    rows = [{"audio": "a.wav", "prompt": "Who was it?", "reference": " Ada "}]
    (sample,) = samples("voicebench-sd-qa", tmp_path, "voicebench-sd-qa.jsonl", rows)
    assert (sample.target, sample.row) == ("Ada", {"prompt": "Who was it?"})
    with pytest.raises(DatasetError, match="wants a text in 'reference' or 'answer'"):
        samples("voicebench-sd-qa", tmp_path, "voicebench-sd-qa.jsonl", [{"audio": "a.wav", "prompt": "p"}])


def test_of_a_copy_of_the_data_set_the_published_parts_are_read(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    def put(place: str, prompt: str) -> None:
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        row = {"audio": {"bytes": b"RIFF", "path": None}, "prompt": prompt, "reference": "r"}
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), path)

    for place in ("alpacaeval/test-0.parquet", "alpacaeval_full/test-0.parquet"):
        put(place, place)
    for region in ("aus", "usa"):
        put(f"sd-qa/{region}-0.parquet", region)
    (full,) = load_task("voicebench-alpacaeval", data_dir=tmp_path).samples()
    (american,) = load_task("voicebench-sd-qa", data_dir=tmp_path).samples()
    assert full.row["prompt"] == "alpacaeval_full/test-0.parquet" and american.row["prompt"] == "usa"


def test_mm_vet_asks_the_question_behind_its_image(tmp_path: Path) -> None:
    image = tmp_path / "mm-vet" / "images" / "v1_0.png"
    image.parent.mkdir(parents=True)
    image.write_bytes(picture())
    row = {"question": "What is x?", "answer": "-1<AND>-5", "capability": ["ocr", "math"], "imagename": "v1_0.png"}
    (sample,) = samples("mmvet", tmp_path, "mm-vet/mm-vet.json", {"v1_0": row})
    assert sample.messages[0].parts == (Media("image", path=str(image)), "What is x?")
    assert (sample.id, sample.target, sample.row) == ("mmvet/0", "-1<AND>-5", {"capability": ["math", "ocr"]})
    bad = {**row, "imagename": "../../x.png"}
    with pytest.raises(DatasetError, match="not below"):
        samples("mmvet", tmp_path, "mm-vet/mm-vet.json", {"v1_0": bad})
    with pytest.raises(DatasetError, match="no question, or no answer"):
        samples("mmvet", tmp_path, "mm-vet/mm-vet.json", {"v1_0": {**row, "answer": ""}})


def test_mm_vet_as_vlmevalkit_has_it(tmp_path: Path) -> None:
    code = base64.b64encode(picture()).decode()
    cells = ["7", "What is x?", "3", "ocr,math", code]
    lines = ["\t".join(("index", "question", "answer", "category", "image")), "\t".join(cells)]
    (tmp_path / "MMVet.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (sample,) = load_task("mmvet", data_dir=tmp_path).samples()
    assert sample.id == "mmvet/7" and sample.messages[0].media[0].kind == "image"
    assert sample.row == {"capability": ["math", "ocr"]}


def test_every_scorer_that_asks_has_what_it_needs_in_its_tasks_rows(tmp_path: Path) -> None:
    rows = {"audio": "a.wav", "prompt": "p", "reference": "r"}
    asking = {name for name in task_names() if set(_scorers(name)) & JUDGED}
    voices = {f"voicebench-{name}" for name in ("alpacaeval", "commoneval", "wildvoice", "sd-qa")}
    assert asking == voices | {"mmvet", "mathvista"}
    for name in voices:
        (sample,) = samples(name, tmp_path, f"{name}.jsonl", [rows])
        rule = load_scorer(load_task(name).scorers[0])
        assert isinstance(rule, OpinionScorer)
        assert set(rule.fields) <= set(sample.row) and rule.parts(sample, "a")["question"] == "p"
        made = Generation(sample.id, 0, "a", "stop")
        assert rule.score(sample, "a", made).reason == NOT_JUDGED
    assert not asking & set(NOT_BUILT)


def _scorers(name: str) -> tuple[str, ...]:
    """Of our own tasks but the one that is never served."""
    return load_task(name).scorers if name in tasks.TASKS and name != "bfcl-multi-turn" else ()


@needs_shared
@pytest.mark.parametrize(("model", "same"), [("bard", 1000), ("gpt4", 995)])
def test_recorded_extractions_get_their_recorded_marks(model: str, same: int) -> None:
    """The five others are Nones that the official comparison gave the option with the smallest edit distance."""
    rows = json.loads(gzip.decompress((MATHVISTA / f"results/{model}/output_{model}.json.gz").read_bytes())).values()
    rule = load_scorer("mathvista-extracted")
    assert isinstance(rule, OpinionScorer)
    agree = 0
    for row in rows:
        sample = Sample("q", row["answer"], row={name: row[name] for name in rule.fields})
        made = Generation("q", 0, row["response"], "stop")
        score = rule.decide(sample, row["response"], made, [row["extraction"] or ""])
        agree += score.value == float(row["true_false"])
        if score.value != float(row["true_false"]):
            assert (row["extraction"], row["true_false"], score.status) == ("None", True, "no_answer")
    assert agree == same


def test_what_is_asked_is_in_our_words_and_complete() -> None:
    """Every place of a wording is filled, and the answer stands in it once, between its marks."""
    for name in JUDGED:
        rule = load_scorer(name)
        assert isinstance(rule, OpinionScorer)
        (*_, asked) = rule.protocol.request({"question": "QQ", "target": "TT", "answer": "AA"})
        assert asked.content.count("AA") == 1 and "QQ" in asked.content and "{" not in asked.content.replace("{}", "")
        assert ("TT" in asked.content) == (name in ("voicebench-qa", "mm-vet"))


# --- from the command line


@pytest.fixture
def judged(harness: Harness, tmp_path: Path) -> tuple[str, Path]:
    """A stored run of voicebench-sd-qa and its data folder."""
    from tests.test_store import SPEC

    harness("claims", "show", "C082")  # sets the folder of runs
    rows = [{"audio": "a.wav", "prompt": f"Who was it, {i}?", "reference": "Ada"} for i in range(3)]
    made = samples("voicebench-sd-qa", tmp_path, "voicebench-sd-qa.jsonl", rows)
    task = load_task("voicebench-sd-qa", data_dir=tmp_path)
    changes = {
        "task": task.id, "dataset": task.dataset_fingerprint(), "questions": 3, "repeats": 1, "thinking": "none",
        "engine": "omni", "model": "qwen2.5-omni-7b",
    }  # fmt: skip
    spec = type(SPEC)(**{name: changes.get(name, getattr(SPEC, name)) for name in SPEC.__dataclass_fields__})
    with RunStore.create_or_resume(spec) as store:
        store.add_questions(0, [sample.id for sample in made])
        for sample in made:
            store.add(Generation(sample.id, 0, "It was Ada.", "stop"))
        return store.name, tmp_path


def test_judge_from_the_command_line(harness: Harness, judged: tuple[str, Path], tmp_path: Path) -> None:
    name, data = judged
    script = tmp_path / "judge.yaml"
    script.write_text(yaml.safe_dump({"text": "Yes", "answers": {"voicebench-sd-qa/1": "No"}}), encoding="utf-8")
    before = harness("score", name, "--data-dir", data)
    assert before.code == 0 and "not judged yet" in before.err
    said = harness("judge", name, "--by", f"scripted:{script}", "--data-dir", data)
    assert said.code == 0 and re.search(rf"{name}: 9 opinions \([\d.]+ s\); judge scripted-", said.err)
    assert f"harness score {name} reads them by voicebench-qa." in said.err
    again = json.loads(harness("judge", name, "--by", f"scripted:{script}", "--data-dir", data, "--json").out)
    assert again["data"]["asked"]["asked"] == 0 and again["data"]["judge"]["model"] == "scripted"
    after = harness("score", name, "--data-dir", data)
    assert after.code == 0 and "66.67%" in after.err


def test_judge_explains_itself_and_its_mistakes(harness: Harness, judged: tuple[str, Path], tmp_path: Path) -> None:
    name, data = judged
    assert "Usage: harness judge" in harness("judge", "--help").out
    assert "There is no run 'nothing'" in harness("judge", "nothing", "--by", "x").err
    for by, said in (
        ("qwen2.5-max", "is closed, so it cannot judge"),
        ("whisper-large-v3", "judges nothing"),
        ("nobody", "There is no model 'nobody'"),
        (f"scripted:{tmp_path / 'none.yaml'}", "cannot be read"),
    ):
        done = harness("judge", name, "--by", by, "--data-dir", data)
        assert done.code == 1 and said in done.err and len(done.err.strip().splitlines()) == 1
    done = harness("judge", name, "--by", "qwen2.5-max")
    assert done.code == 1 and "--data-dir" in done.err
