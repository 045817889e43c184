"""Outputs with their scores, one after the other, as a reader of the run wants to see them."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from harness.records import MediaUse, Score
from harness.store import speech as files
from harness.store.generations import Generations
from harness.store.transcripts import Transcripts


@dataclass(frozen=True, slots=True)
class Output:
    """One stored output. `scores`: of the scorers asked for, in their order, those that judged it. `heard`: the
    transcript of a spoken answer by the run's listener. `media`: what of the prompt's media reached the model."""

    repeat: int
    text: str
    finish: str
    error: str | None
    prompt_tokens: int
    output_tokens: int
    seconds: float
    attempt: int
    scores: tuple[Score, ...]
    speech: Path | None
    heard: str | None
    media: tuple[MediaUse, ...]


# columns of a row: those of every output, then those of each score
_HEAD = 13
_EACH = 5


class Outputs(Generations, Transcripts):
    """The outputs of a run, question by question."""

    def outputs(self, scorers: Sequence[tuple[str, str]]) -> Iterator[tuple[int, Iterator[Output]]]:
        """(question's position, its outputs by repeat), questions without outputs left out; (scorer, version) names
        the scores that come along. One output is in memory at a time."""
        names = [scorer for scorer, _ in scorers]
        for position, group in itertools.groupby(self._output_rows(scorers), key=itemgetter(0)):
            yield int(position), (self._output(row, names) for row in group)

    def check_outputs(self, scorers: Sequence[tuple[str, str]]) -> None:
        """Reads all that `outputs` would give. Raises StoreError where anything of it is damaged."""
        ends = range(_HEAD, _HEAD + _EACH * len(scorers), _EACH)
        for row in self._output_rows(scorers):
            self._ended(row[1], row[3], row[4])
            for i in ends:
                if row[i] is not None:
                    self._sound(row[1], row[i], row[i + 1])
            self._media(row[11])

    def _output_rows(self, scorers: Sequence[tuple[str, str]]) -> Iterator[Any]:
        """Every output with its scores, by question and repeat."""
        columns, joins, values = [], [], []
        for i, (scorer, version) in enumerate(scorers):
            columns.append(f"s{i}.status, s{i}.value, s{i}.answer, s{i}.reason, s{i}.weight")
            joins.append(
                f"left join score s{i} on s{i}.scorer = ? and s{i}.version = ? and s{i}.repeat = g.repeat"
                f" and s{i}.sample = g.sample"
            )
            values += [scorer, version]
        heard, listen, listener = self._listening()
        return self._rows(
            "select q.position, g.sample, g.repeat, g.text, finish, error, prompt_tokens, output_tokens, g.seconds,"
            f" attempt, {self._column('speech')}, {self._column('media')}, {heard}{''.join(f', {c}' for c in columns)}"
            f" from question q cross join generation g on q.sample = g.sample {' '.join(joins)} {listen}"
            " order by q.position, g.repeat",
            *values,
            *listener,
        )

    def _listening(self) -> tuple[str, str, tuple[str, ...]]:
        """Column, join and value for the transcripts of the run's listener."""
        listener = self.listener()
        if listener is None or not self._has_transcripts():
            return "null", "", ()
        join = "left join transcript t on t.listener = ? and t.repeat = g.repeat and t.sample = g.sample"
        return "t.text", join, (listener,)

    def _output(self, row: Any, names: Sequence[str]) -> Output:
        _, sample, repeat, text, finish, error, asked, made, seconds, attempt, speech, media, heard = row[:_HEAD]
        self._ended(sample, text, finish)
        scores = []
        for i, name in enumerate(names):
            status, value, answer, reason, weight = row[_HEAD + _EACH * i : _HEAD + _EACH * (i + 1)]
            if status is not None:
                scores.append(self._score((sample, repeat, name, status, value, answer, reason, weight)))
        return Output(
            repeat, text, finish, error, asked or 0, made or 0, seconds or 0.0, attempt or 1, tuple(scores),
            self.folder / files.FOLDER / speech if speech else None, heard, self._media(media),
        )  # fmt: skip

    def tokens(self) -> tuple[int, int, int]:
        """How many generations are stored, and their prompt and output tokens together."""
        row = self._one("select count(*), sum(prompt_tokens), sum(output_tokens) from generation")
        return int(row[0]), int(row[1] or 0), int(row[2] or 0)
