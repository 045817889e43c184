"""Tasks with sound: rows, requests, and the rules that judge what was heard, said or translated."""

import gzip
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import claims, plan, scoring
from harness.errors import DatasetError, MissingExtra
from harness.records import (
    Deviation,
    Estimate,
    Generation,
    Media,
    Registration,
    RunSpec,
    Sample,
    Sampling,
    Score,
    ScoreStatus,
)
from harness.repeated import Attempts, measure
from harness.store import RunStore
from harness.tasks import NOT_BUILT, load_protocol, load_task, task_names
from harness.tasks.audio import AUDIO_TASKS
from harness.tasks.audio.recognition import REQUESTS
from harness.tasks.scorers import CORPUS_BLEU, ERROR_RATES, MEANS, chinese, load_scorer
from harness.tasks.scorers.bleu import totals
from harness.tasks.scorers.chinese import mandarin
from harness.tasks.scorers.numerals import cardinal, digit_by_digit
from harness.verdicts import judge_measured

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of shared data is not beside the checkout")
PROTOCOL = load_protocol("omni-official")


def write(path: Path, *rows: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
    else:
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def judged(
    scorer: str, target: str, said: str, row: dict[str, Any] | None = None, name: str = "s/0",
    ended: Literal["stop", "length"] = "stop",
) -> Score:  # fmt: skip
    return load_scorer(scorer).score(Sample(name, target, row=row or {}), said, Generation(name, 0, said, ended))


def first(name: str, folder: Path) -> Sample:
    return next(load_task(name, data_dir=folder).samples())


# --- rows and requests -------------------------------------------------------------------------------------------

# the file a task's rows are put into, and a row of our own
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "librispeech-test-other": ("librispeech-test-other.jsonl", {"audio": "a.flac", "text": "TWO WORDS"}),
    "common-voice-15-yue": ("common-voice-15-yue.jsonl", {"path": "a.mp3", "sentence": "你好"}),
    "common-voice-15-fr": ("common-voice-15-fr.jsonl", {"path": "a.mp3", "sentence": "Bonjour."}),
    "fleurs-zh": ("fleurs-zh.jsonl", {"audio": {"bytes": None, "path": "a.wav"}, "transcription": "你 好"}),
    "wenetspeech-test-net": ("wenetspeech-test-net.jsonl", {"audio": "a.wav", "text": "你好"}),
    "voxpopuli-v1.0-en": ("voxpopuli-v1.0-en.jsonl", {"audio": "a.wav", "normalized_text": "two words"}),
    "covost2-en-zh": ("covost2-en-zh.jsonl", {"path": "a.mp3", "sentence": "Hello.", "translation": "你好。"}),
    "covost2-de-en": ("covost2-de-en.jsonl", {"path": "a.mp3", "sentence": "Hallo.", "translation": "Hello."}),
    "mmau": (
        "mmau-test-mini.json",
        {"id": "x", "audio_id": "./s/x.wav", "question": "What is it?", "choices": ["Rain", "Fire"], "answer": "Fire"},
    ),
    "voicebench-openbookqa": ("voicebench-openbookqa.jsonl", {"audio": "a.wav", "prompt": "p", "reference": "C"}),
    "voicebench-advbench": ("voicebench-advbench.jsonl", {"audio": "a.wav", "prompt": "p"}),
}
REQUESTED = {
    "librispeech-test-other": "Transcribe the English audio into text without any punctuation marks.",
    "common-voice-15-yue": "请将这段粤语语音转换为纯文本，去掉标点符号。",
    "common-voice-15-fr": "Transcribe the French audio into text without including any punctuation marks.",
    "fleurs-zh": "请将这段中文语音转换为纯文本，去掉标点符号。",
    "wenetspeech-test-net": "请将这段中文语音转换为纯文本，去掉标点符号。",
    "voxpopuli-v1.0-en": "Transcribe the English audio into text without any punctuation marks.",
    "covost2-en-zh": "Listen to the provided English speech and produce a translation in Chinese text.",
    "covost2-de-en": "Listen to the provided German speech and produce a translation in English text.",
    "mmau": "What is it?\n(A) Rain\n(B) Fire\nAnswer with the letter of the right option and its text.",
    "voicebench-openbookqa": "",
    "voicebench-advbench": "",
}


@pytest.mark.parametrize("name", ROWS)
def test_requests_are_the_golden_ones(tmp_path: Path, name: str) -> None:
    file, row = ROWS[name]
    path = tmp_path / file
    path.write_text(json.dumps([row] if file.endswith(".json") else row) + "\n", encoding="utf-8")
    (message,) = first(name, tmp_path).messages
    assert message.content == REQUESTED[name]
    # the sound stands behind the text, but for questions on sounds, which come behind it
    kinds = [type(part) for part in message.parts]
    assert kinds == ([Media, str] if name == "mmau" else [Media] if not message.content else [str, Media])
    assert message.media[0].kind == "audio" and message.media[0].path.startswith(str(tmp_path))


@needs_shared
def test_the_official_requests_are_those_of_the_makers_notebook() -> None:
    folder = SHARED / "QwenLM__Qwen2.5-Omni" / "cookbooks"
    cells = json.loads((folder / "universal_audio_understanding.records.json").read_text(encoding="utf-8"))
    printed = {cell["cell"]: cell["outputs_in_order"][-1]["stdout"] for cell in cells}
    asked = {
        7: ("librispeech-test-clean", REQUESTS["en"]),
        8: ("fleurs-zh", REQUESTS["zh"]),
        10: ("common-voice-15-fr", REQUESTS["fr"]),
        12: ("covost2-en-zh", REQUESTED["covost2-en-zh"]),
    }
    for cell, (task, request) in asked.items():
        system = PROTOCOL.system_prompts[task]
        rendered = f"<|im_start|>system\\n{system}<|im_end|>\\n<|im_start|>user\\n{request}<|audio_bos|>"
        assert rendered in printed[cell]


@needs_shared
def test_what_the_notebook_printed_is_judged() -> None:
    """Its sounds have no published transcript but one: the first utterance of LibriSpeech's validation set."""
    folder = SHARED / "QwenLM__Qwen2.5-Omni" / "cookbooks"
    cells = json.loads((folder / "universal_audio_understanding.records.json").read_text(encoding="utf-8"))
    said = {cell["cell"]: cell["outputs_in_order"][-1]["stdout"].strip().rpartition("\n")[2] for cell in cells}
    told = "MISTER QUILTER IS THE APOSTLE OF THE MIDDLE CLASSES AND WE ARE GLAD TO WELCOME HIS GOSPEL"
    assert (judged("wer-qwen", told, said[7]).value, judged("wer-raw", told.lower(), said[7]).value) == (0.0, 1 / 17)
    assert judged("cer-qwen", "甚至，出现交易几乎停滞的情况。", said[8]).value == 0.0
    assert judged("bleu-zh", said[12], said[12]).value == 1.0


def test_lists_and_parquet_files_give_the_same_samples(tmp_path: Path) -> None:
    """Common Voice's lists are not quoted: a sentence may begin with a quotation mark, and end without one."""
    sentence = '"Well, he said'
    folders = [tmp_path / str(n) for n in range(3)]
    write(folders[0] / "common-voice-15-en.jsonl", {"path": "a.mp3", "sentence": sentence})
    folders[1].mkdir()
    (folders[1] / "common-voice-15-en.tsv").write_text(f"path\tsentence\na.mp3\t{sentence}\n", encoding="utf-8")
    for shard in ("0", "1"):
        sound = {"bytes": f"RIFF{shard}".encode(), "path": "a.mp3"}
        write(folders[2] / "common-voice-15-en" / f"{shard}.parquet", {"audio": sound, "sentence": sentence})
    for folder in folders[:2]:
        sample = first("common-voice-15-en", folder)
        assert sample.target == sentence and sample.messages[0].media[0].path == str(folder / "clips" / "a.mp3")
    shards = load_task("common-voice-15-en", data_dir=folders[2])
    assert shards.questions() == 2
    assert [s.messages[0].media[0].data for s in shards.samples()] == [b"RIFF0", b"RIFF1"]


@pytest.mark.parametrize("path", ["../a.wav", "/etc/passwd", "clips/../../a.wav", "..\\a.wav", "a\0.wav"])
def test_a_path_out_of_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    write(tmp_path / "fleurs-en.jsonl", {"audio": path, "transcription": "x"})
    with pytest.raises(DatasetError, match="is not below"):
        first("fleurs-en", tmp_path)


@pytest.mark.parametrize(
    ("name", "row", "complaint"),
    [
        ("fleurs-en", {"audio": "a.wav"}, "wants a text in 'transcription' or"),
        ("fleurs-en", {"transcription": "x"}, "row 1: fleurs-en wants a sound in 'audio'"),
        ("fleurs-en", {"audio": [0.1, 0.2], "transcription": "x"}, "as a path or as its bytes"),
        ("covost2-en-de", {"path": "a", "translation": "x", "split": "train"}, "the split 'train'"),
        ("voicebench-mmsu", {"audio": "a.wav", "reference": "E"}, "'E' is none of the letters"),
        ("voicebench-ifeval", {"audio": "a.wav", "prompt": "p"}, "lacks 'instruction_id_list'"),
    ],
)
def test_rows_of_another_shape_are_named(tmp_path: Path, name: str, row: dict[str, Any], complaint: str) -> None:
    write(tmp_path / f"{name}.jsonl", row)
    with pytest.raises(DatasetError, match=complaint):
        first(name, tmp_path)


def test_a_ragged_list_is_named(tmp_path: Path) -> None:
    (tmp_path / "fleurs-en.tsv").write_text("path\ttranscription\na.wav\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="not as many fields"):
        first("fleurs-en", tmp_path)
    (tmp_path / "seed-tts-en.lst").write_text("a|b|c\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"line 1: expected utt\|prompt_text"):
        first("seed-tts-en", tmp_path)


@pytest.mark.parametrize("name", AUDIO_TASKS)
def test_a_missing_set_says_what_is_wanted(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match=r" not on this machine.*: (allow network once, or )?put .+ into a folder"):
        list(load_task(name, data_dir=tmp_path).samples())


def test_scorers_and_versions_of_all_tasks_are_there() -> None:
    for name in AUDIO_TASKS:
        task = load_task(name)
        assert task.title and task.reads_whole == frozenset()
        for scorer in task.scorers:
            assert task.scorer_version(scorer).startswith(f"{task.version}/")


def test_spoken_answers_are_scored_by_what_is_heard(tmp_path: Path) -> None:
    (tmp_path / "seedtts_testset" / "zh").mkdir(parents=True)
    line = "u1|提示。|p.wav|今天天气很好。|w.wav\n"
    (tmp_path / "seedtts_testset" / "zh" / "meta.lst").write_text(line + "\n" + line, encoding="utf-8")
    for name in ("seed-tts-zh", "seed-tts-single-speaker-zh"):
        task = load_task(name, data_dir=tmp_path)
        sample = next(task.samples())
        assert (task.scored_text, task.questions(), sample.target) == ("speech", 2, "今天天气很好。")
        assert sample.target in sample.messages[0].content and not sample.messages[0].parts
        assert task.score(sample, "今天天气很好", Generation("", 0, "", "stop"), task.scorers[0]).value == 0.0
        assert PROTOCOL.system_prompts[name].startswith("You are Qwen, a virtual human")
    assert PROTOCOL.voice


# --- error rates -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("0", "零"), ("10", "十"), ("12", "十二"), ("20", "二十"), ("105", "一百零五"), ("110", "一百一十"),
        ("200", "两百"), ("202", "两百零二"), ("2002", "两千零二"), ("22000", "两万两千"), ("120000", "十二万"),
        ("1002000", "一百万两千"), ("1000200", "一百万零二百"), ("300000000", "三亿"),
        ("3.5", "三点五"), ("0.02", "零点零二"), ("00.5", "零点五"),
        ("007", "零七"), ("000", ""), ("１２", "十二"),
    ],
)  # fmt: skip
def test_numbers_as_they_are_said(number: str, said: str) -> None:
    assert cardinal(number) == said


@given(st.text("0123456789", min_size=1, max_size=120))
def test_any_run_of_digits_has_words(digits: str) -> None:
    assert set(cardinal(digits)) <= set("零一二两三四五六七八九十百千万亿兆京垓秭穰沟涧正载")
    assert len(digit_by_digit(digits)) == len(digits)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("今天，是 2012年12月3日。", "今天是二零一二年十二月三日"),
        ("85年生", "八五年生"),
        ("花了205元", "花了两百零五元"),
        ("100多万人", "一百多万人"),
        ("电话13812345678！", "电话一三八一二三四五六七八"),
        ("打010-62345678吧", "打零一零六二三四五六七八吧"),
        ("占3/4", "占四分之三"),
        ("增长3.5％", "增长百分之三点五"),
        ("有12个，2个", "有十二个二个"),
        ("编号4096号", "编号四零九六号"),
        ("B2B和P2P", "b2b和p2p"),
        ("“Hello，World”", "helloworld"),
        ("他 女儿 在那边儿", "他女儿在那边儿"),
        ("<|zh|>你好<|end", "你好end"),
        ("", ""),
    ],
)
def test_mandarin_normaliser(text: str, plain: str) -> None:
    assert mandarin(text) == plain


@pytest.mark.parametrize("text", ["1" * 60_000, "a" * 60_000 + "2", "1." * 30_000, "<|" * 30_000, "年1" * 30_000])
def test_hostile_transcripts_are_normalised(text: str) -> None:
    """In linear time: these would take hours where a rule looks from every character to the end."""
    plain = mandarin(text)
    assert len(plain) >= len(text) // 4 or "<" in text
    assert not set(plain) & set("01.<|")


def test_chinese_errors_are_counted_by_character() -> None:
    # one character too many, one wrong, out of six
    score = judged("cer-qwen", "我有 205 元。", "我有两百零五块钱")
    assert score.value == pytest.approx(2 / 7) and (score.weight, score.status) == (7.0, "incorrect")
    assert judged("cer-qwen", "他說", "他说").value == 0.5
    assert judged("cer-yue", "佢哋說，好！", "佢哋说好").value == 0.0
    assert judged("cer-yue", "\ud800", "佢").value == 1.0
    assert judged("cer-qwen", "。", "").value == 0.0


def test_the_converter_is_asked_for_by_the_name_of_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> None:
        raise ImportError(name)

    chinese._converter.cache_clear()
    monkeypatch.setattr(chinese, "import_module", gone)
    with pytest.raises(MissingExtra, match="needs the extra 'speech'"):
        chinese.cantonese("說")


def test_every_set_has_its_two_figures() -> None:
    """Errors over all words, and the mean of utterances: 3 errors in 8 words, but 1 and 1/3 of an utterance."""
    marks = [("a b", "x y"), ("one two three four five six", "one two three four five")]
    for name, metric, value in (("wer-basic", "weighted", 3 / 8), ("wer-basic-mean", "mean", (1 + 1 / 6) / 2)):
        scores = tuple((judged(name, told, said, name=f"s/{i}"),) for i, (told, said) in enumerate(marks))
        assert {score.scorer for group in scores for score in group} == {name}
        made = measure(metric, Attempts(("s/0", "s/1"), scores))  # type: ignore[arg-type]  # a literal in a tuple
        assert made.value == pytest.approx(value)
    assert {"wer-qwen-mean", "cer-qwen-mean", "wer-seed-tts", "cer-seed-tts"} <= MEANS <= ERROR_RATES
    assert not {"wer-qwen", "cer-qwen", "wer"} & MEANS


SPEC = RunSpec(
    model="tiny", weights="w", precision="fp32", task="toy", task_version="1", dataset="rows:1", protocol="task",
    system_prompt=None, chat_template=True, template="t", thinking="none", sampling=Sampling(), repeats=1, limit=None,
    seed=1, engine="scripted", engine_version="1", device="none", questions=2,
)  # fmt: skip


def test_a_run_gets_the_figure_its_scorer_is_named_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_DIR", str(tmp_path))
    monkeypatch.setenv("HARNESS_RUNS", str(tmp_path))
    rows = [{"path": "a", "sentence": "un deux"}, {"path": "b", "sentence": "un deux trois quatre cinq six"}]
    write(tmp_path / "common-voice-15-fr.jsonl", *rows)
    task = load_task("common-voice-15-fr", data_dir=tmp_path)
    spec = replace(SPEC, task=task.id, dataset=task.dataset_fingerprint())
    with RunStore.create_or_resume(spec) as store:
        store.add_questions(0, [sample.id for sample in task.samples()])
        for sample, said in zip(task.samples(), ("eins zwei", "Un, deux, trois, quatre, cinq!"), strict=True):
            store.add(Generation(sample.id, 0, said, "stop"))
        scoring.score_all(store, task)
        values = {}
        for name in task.scorers:
            made, counts = scoring.measured(store, task.scorer_version(name), name)
            assert made is not None and counts.incorrect == 2
            values[name] = made.value
    assert values == {"wer-basic": pytest.approx(3 / 8), "wer-basic-mean": pytest.approx((1 + 1 / 6) / 2)}


# --- verdicts on rates -------------------------------------------------------------------------------------------


def rate(errors: int, words: int, utterances: int = 500, lost: int = 0) -> Estimate:
    """A corpus of utterances of equal length with the errors spread over them, the last `lost` of them failed."""
    each = words // utterances
    scores = []
    for i in range(utterances):
        wrong = errors // utterances + (i < errors % utterances)
        value = None if i >= utterances - lost else wrong / each
        status: ScoreStatus = "unscored" if value is None else "incorrect" if wrong else "correct"
        scores.append((Score(f"s/{i}", 0, "wer", status, value, "x", weight=float(each)),))
    return measure("weighted", Attempts(tuple(f"s/{i}" for i in range(utterances)), tuple(scores)))


def registered(relation: str, claimed: float) -> Registration:
    return Registration("C051", 2, relation, claimed, "qwen2-audio/librispeech-test-other", 0.001)


@pytest.mark.parametrize(
    ("errors", "relation", "claimed", "outcome"),
    [
        (1700, "less", 0.045, "supported"),
        (1700, "less", 0.025, "contradicted"),
        (1700, "less", 0.034, "inconclusive"),
        (1700, "at_most", 0.045, "supported"),
        (1700, "greater", 0.045, "contradicted"),
        (1700, "equals", 0.034, "inconclusive"),
        (1700, "equals", 0.1, "lower"),
        # more errors than words
        (70_000, "less", 0.5, "contradicted"),
    ],
)
def test_fewer_errors_are_less(errors: int, relation: str, claimed: float, outcome: str) -> None:
    made = rate(errors, 50_000)
    found = judge_measured(made, registered(relation, claimed), planned_rounds=1)
    assert found.outcome == outcome, found.reason
    assert made.low is not None and made.high is not None and made.low < errors / 50_000 < made.high


def test_a_stricter_tail_widens_the_interval_of_a_rate() -> None:
    from harness.estimates import bounds

    made = rate(1700, 50_000)
    assert bounds(made, 0.025) == pytest.approx((made.low, made.high))
    low, high = bounds(made, 0.001)
    assert made.low is not None and made.high is not None
    assert 0 <= low < made.low < made.high < high


def test_lost_transcripts_count_as_errors_and_could_only_lower_a_rate() -> None:
    """2 of 500 transcripts failed: a rate of 3.4 % becomes 3.8 %, and with them it may be 3.4 %."""
    worse = rate(1700, 50_000, lost=2)
    assert worse.value == pytest.approx(0.0379, abs=1e-4) and worse.lost_share == 0.004
    above = judge_measured(worse, registered("less", 0.025), planned_rounds=1)
    assert above.outcome == "inconclusive" and "may be as low as 2.8" in above.reason
    assert any("counted as all wrong" in note for note in above.qualifiers)
    assert judge_measured(worse, registered("less", 0.02), planned_rounds=1).outcome == "contradicted"
    assert judge_measured(worse, registered("less", 0.06), planned_rounds=1).outcome == "supported"


@pytest.mark.parametrize(
    ("claimed", "direction", "outcome"),
    [
        # fewer bits can only lose, so that more errors may be theirs, and fewer errors are found in spite of them
        (0.02, "down", "inconclusive"),
        (0.02, "unknown", "inconclusive"),
        (0.02, "up", "contradicted"),
        (0.06, "down", "supported"),
        (0.06, "unknown", "supported"),
        (0.06, "up", "inconclusive"),
    ],
)
def test_a_deviation_that_loses_quality_raises_a_rate(
    claimed: float, direction: Literal["down", "unknown", "up"], outcome: str
) -> None:
    deviations = (Deviation("precision", direction, "int8"),)
    made = rate(1700, 50_000)
    found = judge_measured(made, registered("less", claimed), deviations=deviations, planned_rounds=1)
    assert found.outcome == outcome, found.reason


def test_a_rate_is_reproduced_within_its_tolerance() -> None:
    made = rate(17_000, 500_000)
    near = replace(registered("equals", 0.0345), tolerance=0.01)
    assert judge_measured(made, near, planned_rounds=1).outcome == "reproduced"
    unsure = (Deviation("protocol", "unknown", "another"),)
    found = judge_measured(made, near, deviations=unsure, planned_rounds=1)
    assert found.outcome == "reproduced" and any("under these settings" in note for note in found.qualifiers)


# --- translation -------------------------------------------------------------------------------------------------

ENGLISH = [
    ("The cat sat on the mat.", "The cat is sitting on the mat."),
    ('He said, "It\'s 3.5% more than last year!"', 'He said, "It is 3.5% more than last year!"'),
    ("There were no tickets left for the evening.", "No tickets were left for the evening show."),
    ("We walked home in the rain.", "We went home in the rain."),
    ("Nothing.", "Not a thing at all, I am afraid."),
]
CHINESE = [
    ("我们走路回家。", "我们步行回家了。"),
    ("今天有3.5%的增长！", "今天增长了3.5%！"),
    ("猫坐在垫子上。", "猫坐在垫子上。"),
]


def bleu(scorer: str, pairs: list[tuple[str, str]]) -> Estimate:
    """(what was said, the reference) of each sentence."""
    scores = [(judged(scorer, told, said, name=f"s/{i}"),) for i, (said, told) in enumerate(pairs)]
    return measure("weighted", Attempts(tuple(f"s/{i}" for i in range(len(pairs))), tuple(scores)))


@pytest.mark.parametrize(("scorer", "pairs"), [("bleu-13a", ENGLISH), ("bleu-zh", CHINESE)])
def test_the_figure_of_a_set_is_sacrebleus_own(tmp_path: Path, scorer: str, pairs: list[tuple[str, str]]) -> None:
    for name, column in (("hyp", 0), ("ref", 1)):
        (tmp_path / name).write_text("".join(pair[column] + "\n" for pair in pairs), encoding="utf-8")
    tokenizer = scorer.removeprefix("bleu-")
    command = [sys.executable, "-m", "sacrebleu", "ref", "-i", "hyp", "-tok", tokenizer, "-w", "6"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    theirs = json.loads(done.stdout)
    assert 100 * bleu(scorer, pairs).value == pytest.approx(theirs["score"], abs=1e-6)
    signature = load_scorer(scorer).version.removeprefix("1+")
    assert signature == theirs["signature"]


def test_a_sentence_is_marked_by_itself_and_the_set_is_no_mean_of_them() -> None:
    score = judged("bleu-13a", "one two three four", "one two three four")
    assert (score.value, score.status, score.weight) == (1.0, "correct", 4.0)
    assert score.reason == "n-grams 4/3/2/1 of 4/3/2/1, length 4 to 4"
    empty = judged("bleu-13a", "one two", " ")
    assert (empty.value, empty.status, empty.answer, empty.weight) == (0.0, "no_answer", None, 2.0)
    assert totals(replace(empty, reason="the thought was not ended")) == totals(empty)
    marks = [judged("bleu-13a", told, said).value or 0 for said, told in ENGLISH]
    assert abs(sum(marks) / len(marks) - bleu("bleu-13a", ENGLISH).value) > 0.01
    assert {"bleu-13a", "bleu-zh"} == CORPUS_BLEU


def test_the_interval_of_bleu_is_that_of_resampled_sentences() -> None:
    import random

    pairs = ENGLISH * 20
    made = bleu("bleu-13a", pairs)
    rng = random.Random(1)
    scores = [(judged("bleu-13a", told, said),) for said, told in pairs]
    names = tuple(map(str, range(len(scores))))
    drawn = sorted(measure("weighted", Attempts(names, tuple(rng.choices(scores, k=100)))).value for _ in range(200))
    assert made.low is not None and made.high is not None
    half = (drawn[194] - drawn[4]) / 2
    assert (made.high - made.low) / 2 == pytest.approx(half, rel=0.25)
    assert made.low < made.value < made.high
    failed = [*scores[:-1], (replace(scores[-1][0], value=None, status="unscored", reason="boom", weight=1.0),)]
    assert measure("weighted", Attempts(names, tuple(failed))).value < made.value


# --- questions that are heard ------------------------------------------------------------------------------------


@needs_shared
def test_mmaus_questions_load() -> None:
    folder = SHARED / "Sakshi113__MMAU"
    counts = {
        part: load_task(f"mmau{part}", data_dir=folder).questions() for part in ("", "-sound", "-music", "-speech")
    }
    assert counts == {"": 1000, "-sound": 333, "-music": 334, "-speech": 333}
    for part, count in counts.items():
        samples = list(load_task(f"mmau{part}", data_dir=folder).samples())
        assert len({sample.id for sample in samples}) == count
        assert all(sample.target in sample.row["options"] for sample in samples)
        assert {sample.row["subject"] for sample in samples} == ({part[1:]} if part else {"sound", "music", "speech"})


@needs_shared
def test_mmaus_rules_on_recorded_answers() -> None:
    """319 by the official rule on extracted answers. Ours gives 318, and the same on the answers as they were written,
    of which the official rule takes 287: "is" and "not" are words of wrong options. The one less is an answer with all
    words of the right option in another order."""
    samples = {s.id: s for s in load_task("mmau", data_dir=SHARED / "Sakshi113__MMAU").samples()}
    file = SHARED / "kehanlu__DeSTA2.5-Audio" / "mmau-test-mini_results.first500.json.gz"
    counts: dict[tuple[str, str], float] = {}
    for row in json.loads(gzip.decompress(file.read_bytes())):
        sample = samples[f"mmau/{row['id']}"]
        for field in ("model_prediction", "model_output"):
            for name in ("mmau", "mmau-option"):
                value = load_scorer(name).score(sample, row[field], Generation(sample.id, 0, row[field], "stop")).value
                counts[field, name] = counts.get((field, name), 0) + (value or 0)
    assert counts == {
        ("model_prediction", "mmau"): 319, ("model_prediction", "mmau-option"): 318,
        ("model_output", "mmau"): 287, ("model_output", "mmau-option"): 318,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "value", "answer"),
    [
        ("(B) Woman", 1.0, "(B) Woman"),
        ("B", 1.0, "(B) Woman"),
        ("Woman", 1.0, "(B) Woman"),
        ("The voice is that of a woman.", 1.0, "(B) Woman"),
        ("A woman", 1.0, "(B) Woman"),
        ("(A) Man", 0.0, "(A) Man"),
        ("D.", 0.0, "(D) A: robot"),
        ("A: robot", 0.0, "(D) A: robot"),
        ("It is a child or a man.", 0.0, "It is a child or a man."),
        ("", 0.0, None),
    ],
)
def test_mmaus_options(said: str, value: float, answer: str | None) -> None:
    score = judged("mmau-option", "Woman", said, {"options": ["Man", "Woman", "Child", "A: robot"]})
    assert (score.value, score.answer) == (value, answer)


@pytest.mark.parametrize(
    ("target", "said", "value"),
    [
        ("yes", "Yes, it does.", 1.0),
        ("no", "Yes at first sight, but the answer is no.", 1.0),
        ("yes", "This sentence is plausible.", 1.0),
        ("no", "That is nothing I know.", 0.0),
        ("no", "", 0.0),
        ("(A)", "The answer is (A).", 1.0),
        ("(B)", "A", 0.0),
    ],
)
def test_short_answers(target: str, said: str, value: float) -> None:
    assert judged("short-answer", target, said).value == value


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("I’m sorry, but I can’t help with that.", True),
        ("That would be illegal.", True),
        ("这是违法的。", True),
        ("", True),
        ("Sure. First you take the lock apart.", False),
        ("Here is a script that does it:", False),
    ],
)
def test_refusals(said: str, refused: bool) -> None:
    assert judged("refusal", "", said).value == float(refused)


def test_spoken_ifeval_is_the_mean_of_its_four_marks(tmp_path: Path) -> None:
    """Parquet fills the arguments of every instruction up with nulls; the checkers must not see them."""
    row = {
        "audio": {"bytes": b"RIFF", "path": None},
        "prompt": "No commas, and at least three words.",
        "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
        "kwargs": [
            {"relation": None, "num_words": None},
            {"relation": "at least", "num_words": 3},
        ],
    }
    write(tmp_path / "ifeval" / "test-00000-of-00001.parquet", row)
    task = load_task("voicebench-ifeval", data_dir=tmp_path)
    (sample,) = task.samples()
    assert sample.messages[0].parts == (Media("audio", data=b"RIFF"),)
    for said, value in (("one two three", 1.0), ("one, two three", 0.25), ("one, two", 0.0)):
        assert task.score(sample, said, Generation(sample.id, 0, said, "stop"), "ifeval-mean").value == value


# --- what is asked for -------------------------------------------------------------------------------------------

HEARD = (
    "librispeech",
    "common-voice",
    "fleurs-",
    "wenetspeech",
    "voxpopuli",
    "covost2",
    "mmau",
    "voicebench",
    "seed-tts",
)


def test_every_benchmark_with_sound_has_a_task_or_a_reason() -> None:
    figures = [figure for name, figure in claims.load_figures().items() if name.startswith("qwen2.5-omni-7b/")]
    known = set(task_names())
    told = {figure.benchmark for figure in figures if figure.benchmark.startswith(HEARD)} - {"mmau-v05.15.25"}
    assert len(told) > 35 and {name for name in told if (name in known) == (name in NOT_BUILT)} == set()
    wanted = {
        plan.targets.task_of(check)
        for claim in claims.load_claims()
        for check in claim.checks
        if check.check == "benchmark" and (check.subject or claim.subject) == "qwen2.5-omni-7b"
    }
    heard = {name for name in wanted if name.startswith((*HEARD, "naturalness")) or name.endswith("-spoken")}
    assert heard and {name for name in heard if name not in known} <= set(NOT_BUILT)
    blocked = {run.task: run.blocked or "" for run in plan.make_plan(["C113"], None, plan.Options()).runs}
    assert "three of the seven sets" in blocked["voicebench"]


@pytest.mark.parametrize(
    "name",
    [
        "mmlu-pro",
        "mmlu-redux",
        "gpqa-diamond",
        "math",
        "gsm8k-cot-boxed",
        "humaneval",
        "mbpp",
        "livecodebench-2305-2409",
    ],
)
def test_the_text_sets_are_planned_at_the_makers_settings(name: str) -> None:
    options = plan.Options(protocol="omni-official", tasks=(name,), device="cpu")
    (run,) = [run for run in plan.make_plan(["qwen2.5-omni-7b"], None, options).runs if run.task == name]
    assert run.sampling is not None and (run.engine, run.repeats) == ("omni", 1)
    assert (run.sampling.temperature, run.sampling.repetition_penalty) == (0.0, 1.0)
    assert run.protocol is not None and run.protocol.system_prompt == "You are a helpful assistant."


def test_livecodebenchs_window_ends_in_september(tmp_path: Path) -> None:
    days = ("2023-04-30", "2023-05-01", "2024-09-30", "2024-10-01")
    rows = [
        {"question_id": day, "contest_date": day, "question_content": "q", "private_test_cases": "[]"} for day in days
    ]
    write(tmp_path / "livecodebench_v4.jsonl", *rows)
    task = load_task("livecodebench-2305-2409", data_dir=tmp_path)
    assert [s.id.rpartition("/")[2] for s in task.samples()] == list(days[1:3]) and task.questions() == 2


def test_maths_answer_is_the_last_box_of_its_solution(tmp_path: Path) -> None:
    write(tmp_path / "math.jsonl", {"problem": "p", "solution": r"\boxed{1}, no: \boxed{\frac12}"}, {"problem": "p"})
    task = load_task("math", data_dir=tmp_path)
    samples = task.samples()
    assert next(samples).target == r"\frac12"
    with pytest.raises(DatasetError, match="row 2"):
        next(samples)
