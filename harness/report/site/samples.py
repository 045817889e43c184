"""The pages of runs: what each was made with, what it gave, and every output to be read, searched and linked to.

A run's folder holds index.html, the index of its questions (index-0.js, …: ids and marks, enough for the list and its
filters), shards of whole questions (0000.js, …: prompts, outputs, scores) that the page loads when they are looked at,
and the wav files of spoken answers.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from math import isfinite
from typing import Any

from harness.gathering import OpinionStory, OutputStory, RunStory, SampleStory
from harness.records import Media, MediaUse, Message, Score, ScoreStatus
from harness.report.lexicon import Lexicon
from harness.report.site.page import Attached, Made, Page
from harness.report.site.run_page import run_page
from harness.report.site.shards import Shard

CODES: dict[ScoreStatus, str] = {
    "correct": "c",
    "incorrect": "i",
    "no_answer": "n",
    "truncated": "t",
    "unscored": "u",
    "errored": "e",
}
"""One letter per output in an index."""
UNJUDGED, MISSING = "w", "."
"""Letters of an output without a mark by the judging scorer, and of a repeat without an output."""
QUESTIONS = 200
"""In one shard, at most."""
INDEXED = 8_000
"""Questions after which a file of the index is closed: with ids of 40 random digits that is 220 kB."""
_ID = 120
_SAMPLES, _INDEX = "harnessShard", "harnessIndex"


def run_pages(
    run: RunStory, samples: Iterable[SampleStory], words: Lexicon, made: Made | None = None
) -> Iterator[Page | Attached]:
    """The files of one run, in the order they are made; of the samples only one shard is in memory.

    Where `run.withheld` says why, they hold marks and counts of tokens, and nothing of what was asked or answered.
    """
    folder = f"runs/{run.run.name}"
    judge = run.scorers[0][0] if run.scorers else run.run.scorer
    index = _Index(folder, judge)
    # a shard is compressed there while the next question is read
    with ThreadPoolExecutor(max_workers=1) as beside:
        shard = Shard(beside)
        for sample in samples:
            told = _withheld(sample) if run.withheld else _told(sample)
            if shard.full:
                yield from index.close(shard)
                shard = Shard(beside)
            shard.add(told)
            index.add(sample)
            if not run.withheld:
                yield from _spoken(folder, sample)
            if shard.elements >= QUESTIONS:
                yield from index.close(shard)
                shard = Shard(beside)
        yield from index.close(shard, last=True)
    yield Page(f"{folder}/index.html", run_page(run, (index.files, index.questions), words, made))


class _Index:
    """The list of all questions, in files that close where a shard does.

    One file holds [shard sizes, positions, ids, marks, values]: how many questions each of its shards has, and per
    question its position in the run, its id, a letter per repeat and the mean value (None: no value).
    """

    def __init__(self, folder: str, judge: str) -> None:
        self.files = 0
        self.shards = 0
        self.questions = 0
        self._folder = folder
        self._judge = judge
        self._sizes: list[int] = []
        self._rows: list[tuple[int, str, str, float | None]] = []

    def add(self, sample: SampleStory) -> None:
        marks: dict[int, str] = {}
        for output in sample.outputs:
            mark = next((score for score in output.scores if score.scorer == self._judge), None)
            marks[output.repeat] = CODES[mark.status] if mark else UNJUDGED
        letters = "".join(marks.get(r, MISSING) for r in range(max(marks, default=-1) + 1))
        value = sample.mean(self._judge)
        mean = None if value is None else _number(value)
        name = sample.id if len(sample.id) <= _ID else sample.id[: _ID - 1] + "…"
        self._rows.append((sample.position, name, letters, mean))
        self.questions += 1

    def close(self, shard: Shard, *, last: bool = False) -> Iterator[Page]:
        """The file of the shard that ends here, and one of the index where there is enough for it."""
        if shard.elements:
            yield Page(f"{self._folder}/{self.shards:04d}.js", shard.script(_SAMPLES, self.shards))
            self._sizes.append(shard.elements)
            self.shards += 1
        if self._rows and (last or len(self._rows) >= INDEXED):
            file = Shard()
            for part in (self._sizes, *map(list, zip(*self._rows, strict=True))):
                file.add(part)
            yield Page(f"{self._folder}/index-{self.files}.js", file.script(_INDEX, self.files))
            self.files += 1
            self._sizes, self._rows = [], []


def _spoken(folder: str, sample: SampleStory) -> Iterator[Attached]:
    """The wav files of a question's spoken answers."""
    for output in sample.outputs:
        if output.speech is not None:
            yield Attached(f"{folder}/{_speech(sample, output)}", output.speech)


def _told(sample: SampleStory) -> dict[str, Any]:
    """One question as the page shows it. Names are short: there may be a hundred thousand."""
    return {
        "id": sample.id,
        "messages": [[message.role, _parts(message)] for message in sample.messages],
        "prompt": sample.prompt,
        "choices": sample.choices,
        "target": sample.target,
        "given": [_given(use) for use in sample.given],
        "outputs": [
            _measures(output)
            | {
                "thought": output.thought,
                "answer": output.answer,
                "error": output.error,
                "heard": output.heard,
                "speech": None if output.speech is None else _speech(sample, output),
                "scores": [[*_mark(score), score.answer, score.reason] for score in output.scores],
                # left out where there are none, as of nearly all outputs
                **({"opinions": [_opinion(said) for said in output.opinions]} if output.opinions else {}),
            }
            for output in sample.outputs
        ],
    }


def _opinion(said: OpinionStory) -> list[Any]:
    """Scorer, judge, which opinion, which attempt (both counted from 1), whether it could be read, the reply, what is
    to be known of it."""
    return [said.scorer, said.judge, said.ask + 1, said.attempt, said.readable, said.text, said.reason]


def _withheld(sample: SampleStory) -> dict[str, Any]:
    """The same without a word of question, output, target or transcript: reasons may quote them as well."""
    outputs = [
        _measures(output) | {"scores": [[*_mark(score), None, None] for score in output.scores]}
        for output in sample.outputs
    ]
    return {"id": sample.id, "outputs": outputs}


def _measures(output: OutputStory) -> dict[str, Any]:
    return {
        "repeat": output.repeat,
        "finish": output.finish,
        "tokens": [output.prompt_tokens, output.output_tokens],
        "seconds": None if output.seconds is None else _number(output.seconds),
        "attempt": output.attempt,
    }


def _mark(score: Score) -> tuple[str, str, float | None, float]:
    return score.scorer, CODES[score.status], None if score.value is None else _number(score.value), score.weight


def _number(value: float) -> float | None:
    """Four decimals; JSON has no infinity."""
    return round(value, 4) if isfinite(value) else None


def _parts(message: Message) -> list[str | list[str]]:
    """Texts as texts, media as lists of what is said of them; a message of one text as that."""
    parts = message.parts or (message.content,)
    return [part if isinstance(part, str) else _named(part) for part in parts]


def _named(media: Media) -> list[str]:
    """Kind, name and which piece. Only the file's own name: its folder is a matter of the machine."""
    name = (media.path or next(iter(media.frames), "")).replace("\\", "/").rsplit("/", 1)[-1]
    piece = "" if media.start is None and media.end is None else f"{media.start or 0:g}–{_end(media.end)} s"
    frames = f"{len(media.frames)} × {name}" if media.frames else name
    return [media.kind, frames, piece, "♪" if media.sound else ""]


def _given(use: MediaUse) -> list[Any]:
    """Kind, what reached the model, what there was where that was more, places in the prompt. Sizes are width, height,
    frames, seconds."""
    reached = [use.width, use.height, use.frames, _number(use.seconds)]
    source = [use.source_width, use.source_height, use.source_frames, _number(use.source_seconds)]
    return [use.kind, reached, source if use.reduced else None, use.tokens]


def _end(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:g}"


def _speech(sample: SampleStory, output: OutputStory) -> str:
    return f"speech/{sample.position:05d}-{output.repeat}.wav"
