"""Made-up copies of the pinned data sets of sounds: short tones under the transcripts of something else."""

import io
from collections.abc import Callable
from functools import cache
from typing import Any

import av
import numpy as np

from tests.media_files import tone

Files = dict[str, Any]
SECONDS = 0.3
_CODECS = {"wav": "pcm_s16le", "flac": "flac", "mp3": "mp3"}


@cache
def tone_of(kind: str = "wav", rate: int = 16000) -> bytes:
    """0.3 s of 440 Hz as wav, flac or mp3."""
    out = io.BytesIO()
    samples = (tone(SECONDS, rate=rate) * 32767).astype(np.int16)
    layout = "s16p" if kind == "mp3" else "s16"
    with av.open(out, "w", format=kind) as file:
        track = file.add_stream(_CODECS[kind], rate=rate, layout="mono")
        size = track.codec_context.frame_size or 1024
        for at in range(0, len(samples), size):
            frame = av.AudioFrame.from_ndarray(samples[None, at : at + size].copy(), format=layout, layout="mono")
            frame.rate, frame.pts = rate, at
            file.mux(track.encode(frame))
        file.mux(track.encode(None))
    return out.getvalue()


def stored(kind: str = "wav", rate: int = 16000, path: str | None = "tone") -> dict[str, Any]:
    """A sound as parquet files of the hub hold it."""
    return {"bytes": tone_of(kind, rate), "path": f"{path}.{kind}" if path else None}


def librispeech() -> Files:
    """Every split twice, once for all and once under its own name."""
    rows = [
        {
            "file": f"1-2-000{n}.flac", "audio": stored("flac"), "text": "TWO WORDS", "speaker_id": 1, "chapter_id": 2,
            "id": f"1-2-000{n}",
        }
        for n in range(2)
    ]  # fmt: skip
    splits = [(part, kind) for part in ("validation", "test") for kind in ("clean", "other")]
    return {f"all/{part}.{kind}/0000.parquet": rows for part, kind in splits} | {
        f"{kind}/{part}/0000.parquet": rows for part, kind in splits
    }


def common_voice() -> Files:
    texts = {"en": '"Well," he said.', "fr": "« Bonjour », dit-il.", "yue": "你好呀", "zh": "你好。"}
    made: Files = {}
    for language, text in texts.items():
        parts = 2 if language in ("en", "fr") else 1
        for part in range(parts):
            row = {
                "sentence": text,
                "audio": stored("mp3", 32000, f"common_voice_{language}_{part}"),
                "locale": language,
            }
            made[f"data/{language}-{part:05}-of-{parts:05}.parquet"] = [row, row]
    return made


def fleurs() -> Files:
    made: Files = {}
    for language, text in (("en_us", "two words"), ("cmn_hans_cn", "你 好")):
        rows = [
            {
                "id": n, "num_samples": 4800, "path": f"{n}.wav", "audio": stored(), "transcription": text,
                "raw_transcription": f"{text}.", "gender": 1, "lang_id": 19, "language": "made up", "lang_group_id": 0,
            }
            for n in range(2)
        ]  # fmt: skip
        made[f"parquet-data/{language}/test-00000-of-00001.parquet"] = rows
        made[f"parquet-data/{language}/validation-00000-of-00001.parquet"] = rows
    return made


def wenetspeech() -> Files:
    rows = [
        {
            "sid": f"S{n}", "confidence": 1, "begin_time": 0.0, "end_time": SECONDS, "subsets": ["S"], "text": "你好",
            "WavPath": f"wav/S{n}.wav", "audio": stored(),
        }
        for n in range(2)
    ]  # fmt: skip
    return {
        "data/test_net-00000-of-00002.parquet": rows[:1],
        "data/test_net-00001-of-00002.parquet": rows[1:],
        "data/test_meeting-00000-of-00001.parquet": rows,
    }


def voxpopuli() -> Files:
    """One row without a transcript in its own words."""
    rows = [
        {
            "audio_id": f"v{n}", "language": 0, "audio": stored(), "raw_text": "Two words." if n else "",
            "normalized_text": "two words", "gender": "female", "speaker_id": "1", "is_gold_transcript": True,
            "accent": "None",
        }
        for n in range(2)
    ]  # fmt: skip
    return {"en/test-00000-of-00001.parquet": rows, "nl/test-00000-of-00001.parquet": rows}


def covost2() -> Files:
    """The column `file` names a sound that is not here; it lies in `audio`."""
    made: Files = {}
    pairs = {"en_de": "Guten Tag.", "de_en": "Good day.", "en_zh-CN": "你好。", "zh-CN_en": "Good day."}
    for pair, translation in pairs.items():
        for shard in range(8):
            row = {
                "client_id": "c", "file": f"common_voice_{shard}.mp3", "id": f"common_voice_{shard}",
                "audio": stored("mp3", 48000), "sentence": "Hello.", "translation": translation,
            }  # fmt: skip
            made[f"{pair}/test-{shard:05}-of-00008.parquet"] = [row]
        made[f"{pair}/validation-00000-of-00001.parquet"] = [row]
    return made


def mmau() -> Files:
    """Both releases; a sound whose name lies about its kind."""
    rows = [
        {
            "id": f"u{n}", "audio": {"bytes": tone_of("mp3" if n else "wav"), "path": f"{n}.wav"},
            "question": "What is it?", "choices": ["Rain", "A tone", "Fire"], "answer": "A tone",
            "dataset": "made up", "task": task, "split": "test-mini", "category": "Signal Layer",
            "sub_category": "Tones", "difficulty": "easy",
        }
        for n, task in enumerate(("sound", "music", "speech", "sound"))
    ]  # fmt: skip
    old = [row | {"question": "What was it?"} for row in rows]
    return {
        "data/v05.15.25-00000-of-00002.parquet": rows[:2],
        "data/v05.15.25-00001-of-00002.parquet": rows[2:],
        "data/test_mini-00000-of-00001.parquet": old,
    }


def voicebench() -> Files:
    """Nine of its sets, and beside them what is not read."""
    spoken = [{"audio": stored(), "prompt": f"Say {n}."} for n in range(2)]
    ifeval = [
        row | {"key": n, "instruction_id_list": ["punctuation:no_comma", "keywords:existence"],
               "kwargs": [{"keywords": None}, {"keywords": ["tone"]}]}
        for n, row in enumerate(spoken)
    ]  # fmt: skip
    lettered = [row | {"reference": letter} for row, letter in zip(spoken, "BD", strict=True)]
    made = {
        "advbench/test-00000-of-00001.parquet": spoken,
        "alpacaeval/test-00000-of-00001.parquet": spoken[:1],
        "alpacaeval_full/test-00000-of-00001.parquet": spoken,
        "bbh/test-00000-of-00001.parquet": [row | {"reference": "yes", "id": "web_of_lies_1"} for row in spoken],
        "commoneval/test-00000-of-00001.parquet": spoken,
        "ifeval/test-00000-of-00001.parquet": ifeval,
        "mtbench/test-00000-of-00001.parquet": spoken,
        "openbookqa/test-00000-of-00001.parquet": lettered,
    }
    made |= {f"mmsu/{subject}-00000-of-00001.parquet": lettered for subject in ("biology", "law")}
    made |= {f"wildvoice/test-{n:05}-of-00002.parquet": [row] for n, row in enumerate(spoken)}
    answered = [row | {"reference": f"It is {n}."} for n, row in enumerate(spoken)]
    return made | {f"sd-qa/{accent}-00000-of-00001.parquet": answered for accent in ("usa", "gbr")}


def seed_tts() -> Files:
    """Lists of four fields, recordings beside them."""
    texts = {"en": "Two words.", "zh": "今天天气很好。"}
    made: Files = {}
    for language, text in texts.items():
        for name in ("meta", "hardcase") if language == "zh" else ("meta",):
            lines = (f"{language}-{n}|Said before.|prompt-wavs/{language}-{n}.wav|{text}\n" for n in range(2))
            made[f"{language}/{name}.lst"] = "".join(lines).encode()
        made |= {
            f"{language}/{folder}/{language}-{n}.wav": tone_of() for folder in ("prompt-wavs", "wavs") for n in range(2)
        }
    return made


HEARD: dict[str, Callable[[], Files]] = {
    "common-voice-15": common_voice,
    "covost2": covost2,
    "fleurs": fleurs,
    "librispeech": librispeech,
    "mmau": mmau,
    "seed-tts": seed_tts,
    "voicebench": voicebench,
    "voxpopuli": voxpopuli,
    "wenetspeech": wenetspeech,
}
