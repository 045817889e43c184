"""What was asked and answered, as the records of all exports hold it."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from harness.gathering.records import OutputStory, SampleStory
from harness.records import Media, Message, Score
from harness.report.exports.chosen import LeftOut, Measured
from harness.verdicts.wording import count


def whole(text: str) -> str:
    """The text as UTF-8 can hold it: halves of surrogate pairs are put together, single ones become U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def question(sample: SampleStory) -> str:
    """The raw prompt; of a conversation its one turn, or all turns as JSON (`[{"role": …, "content": …}]`)."""
    if sample.prompt is not None:
        return whole(sample.prompt)
    plain = [_turn(message) for message in sample.messages]
    if len(plain) == 1 and isinstance(plain[0]["content"], str):
        return str(plain[0]["content"])
    return json.dumps(plain, ensure_ascii=False)


def is_known(sample: SampleStory) -> bool:
    """Whether the question was stored with the run."""
    return sample.prompt is not None or bool(sample.messages)


def _turn(message: Message) -> dict[str, Any]:
    if not message.media:
        return {"role": message.role, "content": whole(message.content)}
    return {"role": message.role, "content": [_part(part) for part in message.parts]}


def _part(part: str | Media) -> dict[str, Any]:
    """A medium is named, never held."""
    if isinstance(part, str):
        return {"type": "text", "text": whole(part)}
    named = part.path or (part.frames[0] if part.frames else "")
    return {"type": part.kind, "name": named.replace("\\", "/").rpartition("/")[2]}


def mark(output: OutputStory, scorer: str) -> Score | None:
    """The output's mark by this scorer."""
    return next((score for score in output.scores if score.scorer == scorer), None)


def counted(run: Measured, sample: SampleStory) -> tuple[OutputStory, ...]:
    """The outputs that the figure is made of: those of complete rounds, in their order."""
    return tuple(sorted((o for o in sample.outputs if o.repeat < run.estimate.rounds), key=lambda o: o.repeat))


def fit_to_show(run: Measured, samples: Iterable[SampleStory], left_out: LeftOut) -> Iterator[SampleStory]:
    """The questions that may and can be written down; how many others there are, and why, goes to `left_out`."""
    if run.story.withheld:
        left_out(f"{run.name}: its questions and outputs are withheld: {run.story.withheld.rstrip('.')}.")
        return
    unknown = choices = late = 0
    for sample in samples:
        late += sum(output.repeat >= run.estimate.rounds for output in sample.outputs)
        if not is_known(sample):
            unknown += 1
        elif sample.choices:
            choices += 1
        else:
            yield sample
    if unknown:
        left_out(f"{run.name}: {count(unknown, 'question')} left out, whose text is not stored with the run.")
    if choices:
        left_out(
            f"{run.name}: {count(choices, 'question')} left out, answered by comparing log-likelihoods, which are no "
            "outputs to show."
        )
    if late:
        left_out(f"{run.name}: {count(late, 'output')} of rounds that are not complete, as in the figure.")
