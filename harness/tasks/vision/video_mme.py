"""Video-MME: 2,700 questions about 900 films from eleven seconds to an hour, with and without their subtitles.

Title     Video-MME: The First-Ever Comprehensive Evaluation Benchmark of Multi-modal LLMs in Video Analysis
Paper     arXiv:2405.21075
Dataset   lmms-lab/Video-MME, pinned, its archives unpacked when they are fetched; or a local copy in the folder
          Video-MME, with the films in data/<videoID>.mp4 and the subtitles in subtitle/<videoID>.srt
Licence   for academic research only; the films belong to their owners

Prompt: that of BradyFU/Video-MME (README at 07d7282), the film before it. `video-mme-subtitles` puts the whole
subtitles first, without their times; the README gives a model that sees single frames those of its frames only. Films
without subtitles (about 150) are asked about as without; a row's `subtitled` says which.

How many frames Qwen2.5-Omni's 64.3 and 72.4 were made with, and whether the films were heard, is not stated. Users got
60.4 and 60.9 at what they call 8 fps, 66.3 and 67.6 at 64 (VLMEvalKit issue 1226; frames, most likely), so the gain of
8 points by subtitles is not found there. `video-mme-sound` lets the film's own sound be heard. Frames and pixels are
the protocol's (`media`).

Scorers: `option` is ours, `video-mme` the official rule. That one leaves out questions without an answer.
"""

import html
import re
from pathlib import Path

from harness.errors import DatasetError
from harness.records import Media, Sample, turn
from harness.tasks.rows import Row
from harness.tasks.scorers.choice import LETTERS
from harness.tasks.vision.base import MediaTask, text_of
from harness.tasks.vision.folder import first_there

SUBTITLES = "This video's subtitles are listed below:\n{}\n"
REQUEST = (
    "Select the best answer to the following multiple-choice question based on the video. Respond with only the letter "
    "(A, B, C, or D) of the correct option.\n{}\nThe best answer is:"
)
_TIMES = re.compile(r"\s*(?:\d+:)?\d+:\d+[.,]\d+\s*-->")
_MARKUP = re.compile(r"<[^<>]{0,100}>|\{\\[^{}]{0,100}\}")


class VideoMme(MediaTask):
    """Rows are {"videoID", "question_id", "question", "options" ("A. …"), "answer", "duration", "task_type"}."""

    scorers = ("option", "video-mme")
    patterns = ("Video-MME/videomme/test-*.parquet", "video_mme.parquet", "video_mme.jsonl")
    wanted = "a copy of lmms-lab/Video-MME (videomme/test-*.parquet) with its films in data/ and subtitles in subtitle/"

    def __init__(self, data_dir: Path | None = None, *, subtitles: bool = False, sound: bool = False) -> None:
        super().__init__(data_dir)
        self.id = "video-mme" + ("-subtitles" if subtitles else "") + ("-sound" if sound else "")
        told = ("with" if subtitles else "without") + " subtitles" + (", heard" if sound else "")
        self.title = f"Video-MME, {told}"
        self._subtitles, self._sound = subtitles, sound

    @property
    def folder(self) -> Path:
        """The copy's own folder: the parquet file lies one further down."""
        return self.beside.parent if self.beside.name == "videomme" else self.beside

    def asked(self, index: int, row: Row) -> Sample:
        name, answer = text_of(row, "videoID"), text_of(row, "answer")
        options = [str(option) for option in row["options"]]
        if answer not in LETTERS[: len(options)] or len(answer) != 1 or not name:
            raise ValueError(f"the answer {answer!r} is none of {len(options)} options")
        film = first_there(self.folder, *(f"{place}/{name}.mp4" for place in ("data", "video", "videos", ".")))
        said = self._said(name) if self._subtitles else ""
        question = "\n".join((str(row["question"]).strip(), *options))
        text = (SUBTITLES.format(said) if said else "") + REQUEST.format(question)
        return Sample(
            f"{self.id}/{text_of(row, 'question_id') or index}",
            answer,
            messages=(turn("user", Media("video", path=str(film), sound=self._sound), text),),
            row={
                # without the letters that they are given with
                "options": [option.removeprefix(f"{c}.").strip() for c, option in zip(LETTERS, options, strict=False)],
                "duration": text_of(row, "duration"),
                "subject": text_of(row, "task_type"),
                "subtitled": bool(said),
            },
        )

    def _said(self, name: str) -> str:
        path = first_there(self.folder, *(f"{place}/{name}.srt" for place in ("subtitle", "subtitles", ".")))
        if not path.parent.is_dir():
            raise DatasetError(f"{self.id} wants the films' subtitles ({path.name}) in {path.parent}.")
        return subtitles(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else ""


def subtitles(srt: str) -> str:
    """What is said in a SubRip file, a line each: without numbers, times, markup and lines that repeat the last."""
    lines: list[str] = []
    before = ""
    for line in srt.removeprefix("\ufeff").splitlines():
        if _TIMES.match(line) and lines and lines[-1] == before.strip() and before.strip().isdecimal():
            # the block's number
            lines.pop()
        elif text := html.unescape(_MARKUP.sub("", line)).strip():
            lines.append(text)
        before = line
    lines = [line for line in lines if not _TIMES.match(line)]
    return "\n".join(line for i, line in enumerate(lines) if i == 0 or line != lines[i - 1])
