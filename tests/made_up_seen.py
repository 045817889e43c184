"""Made-up copies of the pinned data sets of pictures and films (and OmniBench): noise and flickering squares."""

import io
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from tests.made_up_heard import tone_of
from tests.media_files import numbered, tone, write_film

Files = dict[str, Any]
SIDE = 32
FRAMES = 8
# where a kind of MVBench's questions finds its films below video/, as the archives have it
FILMS = {
    "action_sequence": "star/Charades_v1_480",
    "action_prediction": "star/Charades_v1_480",
    "action_antonym": "ssv2_video",
    "fine_grained_action": "Moments_in_Time_Raw/videos",
    "unexpected_action": "FunQA_test/test",
    "object_existence": "clevrer/video_validation",
    "object_interaction": "star/Charades_v1_480",
    "object_shuffle": "perception/videos",
    "moving_direction": "clevrer/video_validation",
    "action_localization": "sta/sta_video",
    "scene_transition": "scene_qa/video",
    "action_count": "perception/videos",
    "moving_count": "clevrer/video_validation",
    "moving_attribute": "clevrer/video_validation",
    "state_change": "perception/videos",
    "fine_grained_pose": "nturgbd",
    "character_order": "perception/videos",
    "egocentric_navigation": "vlnqa",
    "episodic_reasoning": "tvqa/frames_fps3_hq",
    "counterfactual_inference": "clevrer/video_validation",
}
_CUT = ("action_sequence", "action_prediction", "object_interaction", "action_localization")


@cache
def picture(seed: int = 0, kind: str = "PNG") -> bytes:
    """Noise, so that it has more bytes than a path has letters."""
    pixels = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format=kind)
    return out.getvalue()


def stored(seed: int = 0) -> dict[str, Any]:
    """A picture as parquet files of the hub hold it."""
    return {"bytes": picture(seed), "path": f"{seed}.png"}


@cache
def film(*, heard: bool = False) -> bytes:
    """An mp4 of eight frames at 4 a second, with a tone or without."""
    with TemporaryDirectory() as folder:
        frames = [numbered(n, 64, 64) for n in range(FRAMES)]
        sound = {"sound": tone(2.0)} if heard else {}
        return write_film(Path(folder) / "film.mp4", frames, fps=4, **sound).read_bytes()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """With an entry for each folder too, as zip programs write them."""
    out = io.BytesIO()
    folders = sorted({f"{parent}/" for name in files for parent in Path(name).parents if parent.name})
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in folders:
            archive.writestr(name, b"")
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def mmmu() -> Files:
    """Closed with one image and two, open with one accepted answer and several."""
    base = {
        "explanation": "", "img_type": "['Noise']", "topic_difficulty": "Easy", "question_type": "multiple-choice",
        "subfield": "Noise", **{f"image_{n}": None for n in range(1, 8)},
    }  # fmt: skip
    art = [
        base | {"id": "validation_Art_Theory_1", "question": "Is <image 1> noise?", "options": "['yes', 'no']",
                "answer": "A", "image_1": stored(1)},
        base | {"id": "validation_Art_Theory_2", "question": "<image 1> or <image 2>?", "options": "['one', \"two's\"]",
                "answer": "B", "image_1": stored(2), "image_2": stored(3)},
    ]  # fmt: skip
    math = [
        base | {"id": "validation_Math_1", "question": "How many in <image 1>?", "options": "[]",
                "answer": "['7', 'seven']", "question_type": "open", "image_1": stored(4)},
    ]  # fmt: skip
    name = "{}/{}-00000-of-00001.parquet"
    return {
        name.format("Art_Theory", "validation"): art, name.format("Math", "validation"): math,
        name.format("Math", "dev"): math, name.format("Math", "test"): math,
    }  # fmt: skip


def mmmu_pro() -> Files:
    row = {
        "explanation": "", "img_type": "['Noise']", "topic_difficulty": "Easy", "subject": "Math",
        "question": "<image 1> Which?", "options": str([f"option {n}" for n in range(10)]), "answer": "J",
        **{f"image_{n}": None for n in range(2, 8)},
    }  # fmt: skip
    standard = [row | {"id": f"test_Math_{n}", "image_1": stored(n)} for n in range(2)]
    vision = [
        {"id": f"test_Math_{n}", "image": stored(n), "options": row["options"], "answer": "C", "subject": "Math"}
        for n in range(2)
    ]
    return {
        "standard (10 options)/test-00000-of-00002.parquet": standard[:1],
        "standard (10 options)/test-00001-of-00002.parquet": standard[1:],
        "standard (4 options)/test-00000-of-00001.parquet": standard,
        "vision/test-00000-of-00001.parquet": vision,
    }


def mathvista() -> Files:
    """The image is a path into an archive that is not fetched, and lies decoded beside it."""
    base: dict[str, Any] = {
        "question": "How much is it?", "choices": None, "unit": None, "precision": None, "answer": "7",
        "question_type": "free_form", "answer_type": "integer", "query": "made by others",
        "metadata": {"category": "math-targeted-vqa", "language": "english"},
    }  # fmt: skip
    rows = [
        base,
        base | {"question_type": "multi_choice", "answer_type": "text", "choices": ["red", "blue"], "answer": "blue"},
        base | {"answer_type": "float", "precision": 1.0, "answer": "1.2", "unit": "m"},
    ]
    made = [
        row | {"pid": str(n), "image": f"images/{n}.jpg", "decoded_image": stored(n)}
        for n, row in enumerate(rows, start=1)
    ]
    return {
        "data/testmini-00000-of-00001-725687bf7a18d64b.parquet": made,
        "data/test-00000-of-00002-6b81bd7f7e2065e6.parquet": made,
        "images.zip": zipped({"images/1.jpg": picture(0, "JPEG")}),
        "annot_testmini.json": b"{}",
    }


def mmbench() -> Files:
    """A question with four options and one with two; their rotations are rows of their own, far behind."""
    base = {
        "hint": "nan", "category": "noise", "source": "made up", "L2-category": "perception", "comment": "nan",
        "split": "dev",
    }  # fmt: skip
    four = base | {"question": "Which?", "A": "red", "B": "green", "C": "blue", "D": "noise", "answer": "D"}
    two = base | {"question": "Is it?", "hint": "Look.", "A": "no", "B": "yes", "C": "nan", "D": "nan", "answer": "B"}
    rows = [{"index": 241, **four, "image": stored(1)}, {"index": 252, **two, "image": stored(2)}]
    rows += [{"index": 1_000_241 + 1_000_000 * n, **four, "image": stored(1)} for n in range(3)]
    rows += [{"index": 1_000_252, **two, "image": stored(2)}]
    return {"en/dev-00000-of-00001.parquet": rows, "en/test-00000-of-00001.parquet": rows[:2]}


def mmstar() -> Files:
    rows = [
        {
            "index": n, "question": "Which is it,\nnoise or not?", "answer": "A", "category": "coarse perception",
            "l2_category": "image style", "image": picture(n), "A": "noise", "B": '"not"', "C": "both", "D": "neither",
        }
        for n in range(3)
    ]  # fmt: skip
    return {"MMStar.tsv": rows}


def mm_vet() -> Files:
    rows = [
        {
            "question_id": f"v1_{n}", "question": "What is it?", "answer": "noise<OR>static", "image": stored(n),
            "image_source": "made up", "capability": "ocr,know" if n else "rec",
        }
        for n in range(3)
    ]  # fmt: skip
    return {"data/test-00000-of-00001.parquet": rows}


def mvbench() -> Files:
    """Two questions of each kind. One film lies where the set's makers put it a year later."""
    made: Files = {}
    packed: dict[str, dict[str, bytes]] = {}
    for kind, place in FILMS.items():
        rows = []
        for n in range(2):
            name = f"{kind}_{n}" if kind == "episodic_reasoning" else f"{kind}_{n}.mp4"
            row = {
                "video": name,
                "question": "What happens?",
                "candidates": ["Nothing.", "It counts."],
                "answer": "It counts.",
            }
            rows.append(row | ({"start": 0.5, "end": 1.5} if kind in (*_CUT, "episodic_reasoning") else {}))
            root = "data0613/" if (kind, n) == ("object_interaction", 1) else ""
            films = {f"{root}{place}/{name}": film()}
            if kind == "episodic_reasoning":
                films = {f"{place}/{name}/{frame:05}.jpg": picture(frame, "JPEG") for frame in range(1, 7)}
            packed.setdefault(place.partition("/")[0], {}).update(films)
        made[f"json/{kind}.json"] = rows
    del packed["nturgbd"]
    return made | {f"video/{name}.zip": zipped(films) for name, films in packed.items()}


def egoschema() -> Files:
    rows = [
        {
            "question_idx": str(n), "question": "What is C doing?", "video_idx": f"film-{n}", "answer": str(n),
            "option": [f"{letter}. Something {letter}." for letter in "ABCDE"],
        }
        for n in range(3)
    ]  # fmt: skip
    made: Files = {f"{name}/test-00000-of-00001.parquet": rows for name in ("Subset", "MC", "MC_PPL", "GENERATION")}
    archives = {f"videos_chunked_{n + 1:02}.zip": zipped({f"videos/film-{n}.mp4": film()}) for n in range(3)}
    return made | archives


def video_mme() -> Files:
    """Three questions on two films in two archives; one film has subtitles."""
    rows = [
        {
            "video_id": f"{film:03}", "duration": "short", "domain": "Noise", "sub_category": "Counting", "url": "u",
            "videoID": f"film-{film}", "question_id": f"{film:03}-{n}", "task_type": "Counting", "question": "What?",
            "options": ["A. One.", "B. Two.", "C. Three.", "D. Four."], "answer": "C",
        }
        for film, n in ((1, 1), (1, 2), (2, 1))
    ]  # fmt: skip
    said = "1\n00:00:00,000 --> 00:00:01,000\nOne, two.\n\n2\n00:00:01,000 --> 00:00:02,000\n<i>Three.</i>\n"
    return {
        "videomme/test-00000-of-00001.parquet": rows,
        "subtitle.zip": zipped({"subtitle/film-1.srt": said.encode()}),
        "videos_chunked_01.zip": zipped({"data/film-1.mp4": film(heard=True)}),
        "videos_chunked_02.zip": zipped({"data/film-2.mp4": film(heard=True)}),
    }


def omnibench() -> Files:
    """The media lie in the rows, and the paths that they have elsewhere too."""
    kinds = ("Speech", "Sound Event", "Music", "Speech")
    rows = [
        {
            "index": n, "task type": "Causal Inference", "audio type": kind, "question": "Why?",
            "options": ["Because.", "By chance."], "answer": "By chance.", "audio_path": f"made_up_{n}.mp3",
            "image_path": f"made_up_{n}.jpg", "audio content": "a tone", "image content": "noise",
            "audio": {"bytes": tone_of("mp3"), "path": None}, "image": {"bytes": picture(n), "path": None},
        }
        for n, kind in enumerate(kinds)
    ]  # fmt: skip
    return {"data/train-00000-of-00002.parquet": rows[:2], "data/train-00001-of-00002.parquet": rows[2:]}


SEEN: dict[str, Callable[[], Files]] = {
    "egoschema": egoschema,
    "mathvista": mathvista,
    "mm-vet": mm_vet,
    "mmbench": mmbench,
    "mmmu": mmmu,
    "mmmu-pro": mmmu_pro,
    "mmstar": mmstar,
    "mvbench": mvbench,
    "omnibench": omnibench,
    "video-mme": video_mme,
}
