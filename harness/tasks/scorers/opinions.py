"""Scorers that need an opinion: a language model is asked about an answer, and what it says becomes the mark.

Three things are apart. A scorer here says what is asked, how often, and how one reply is read. The room `opinions` asks
and stores the replies as they are. Scoring reads them: no model is needed for that.

The wording of every request is ours: it asks for what the official one asks for, on the same scale and with the same
parts, in other words. Somebody who has the official text can have it used instead (`harness judge --wording FILE`).

The judge sees text that a model wrote, and maybe wrote to be marked well. So an answer stands between two lines that it
cannot contain (they hold its own hash), and of the reply nothing counts but the whole of it in the form asked for.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from harness.records import Generation, Message, Sample, Sampling, Score
from harness.tasks.scorers.base import Rule, unscored

NOT_JUDGED = "not judged yet: harness judge RUN --by MODEL"
"""What a score says about an answer that no judge has been asked about."""
UNREADABLE = "opinions not in the form asked for"
"""How the reason of a score begins whose opinions cannot be read."""
# a reply longer than this is not the mark alone
_LONGEST_REPLY = 200
_PLACE = re.compile(r"\{(question|target|answer|mark)\}")
_DRESS = "*_`\"' \t\r\n"


@dataclass(frozen=True, slots=True)
class JudgeProtocol:
    """How a judge is asked.

    `judge`: who gives the opinions officially. `wording`: the request, with {question}, {target}, {answer} and {mark}
    in it. `system`: the system turn (None: there is none). `asks`: opinions on one answer, each with a seed of its own.
    `lacks`: the part of the official figure that is not made here.
    """

    judge: str
    wording: str
    asks: int
    sampling: Sampling
    system: str | None = None
    lacks: str = ""

    def request(self, parts: Mapping[str, str], wording: str | None = None) -> tuple[Message, ...]:
        """The turns that ask. `parts`: question, target and answer; they are put in at once, so that braces in one of
        them are nothing but braces."""
        marked = {**parts, "mark": mark_of(parts["answer"])}
        text = _PLACE.sub(lambda place: marked[place[1]], wording or self.wording)
        system = (Message("system", self.system),) if self.system else ()
        return (*system, Message("user", text))


def mark_of(answer: str) -> str:
    """Twelve hex digits that the answer does not contain but by a chance of 2^-48: those of its own sha256."""
    return hashlib.sha256(answer.encode("utf-8", "surrogatepass")).hexdigest()[:12]


class OpinionScorer(Rule):
    """A rule over a judge's replies. A subclass has `protocol`, reads one reply and makes the mark of all of them.

    Unscored: nobody was asked, or at least half of the replies are not in the form asked for. The official scripts
    ask again and in the end give 0, or stop; here a judge that fails is never the model's failure.
    """

    protocol: ClassVar[JudgeProtocol]

    def parts(self, sample: Sample, answer: str) -> dict[str, str]:
        """What the request is made of: question, target and answer."""
        return {"question": asked_in(sample), "target": sample.target, "answer": answer}

    def settled(self, sample: Sample, answer: str) -> str | None:
        """What no judge has to be asked about, as its reply; None where one has to be."""
        return None

    def read(self, reply: str, sample: Sample) -> str | None:
        """What one reply says, in its plain form; None for a reply of another form."""
        raise NotImplementedError

    def mark(self, read: Sequence[str], sample: Sample, generation: Generation) -> Score:
        """The score by the replies that could be read, at least one."""
        raise NotImplementedError

    def score(self, sample: Sample, answer: str, generation: Generation) -> Score:
        return self.decide(sample, answer, generation, ())

    def decide(self, sample: Sample, answer: str, generation: Generation, replies: Sequence[str]) -> Score:
        """The score by a judge's replies (the thought of a judge that thinks is taken off)."""
        plain = self.settled(sample, answer)
        if plain is not None:
            return self.mark([plain], sample, generation)
        if not replies:
            return unscored(generation, self.name, NOT_JUDGED)
        read = [said for reply in replies if (said := self.read(reply, sample)) is not None]
        if 2 * len(read) <= len(replies):
            shown = " ".join(replies[0].split())[:100]
            return unscored(
                generation, self.name,
                f"{UNREADABLE}: {len(replies) - len(read)} of {len(replies)} ({shown!r})",
            )  # fmt: skip
        return self.mark(read, sample, generation)


def asked_in(sample: Sample) -> str:
    """The text of the sample's last turn: what was asked beside its media."""
    return sample.messages[-1].content if sample.messages else sample.prompt or ""


def bare(reply: str) -> str | None:
    """A short reply without quotes, Markdown and a full stop around it; None for one that is too long to be a mark."""
    text = undressed(reply)
    return None if text is None else undressed(text.removesuffix("."))


def undressed(reply: str) -> str | None:
    """As `bare`, but a full stop stays."""
    text = reply.strip()
    return text.strip(_DRESS) if len(text) <= _LONGEST_REPLY else None
