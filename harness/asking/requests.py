"""What is asked about one sample in one round: the request, its seed, and what of it is kept."""

import hashlib
from dataclasses import replace

from harness import tasks
from harness.records import Media, MediaLimits, Message, Request, RunSpec, Sample
from harness.records.questions import Question, named


def seed_for(run_seed: int, sample_id: str, repeat: int) -> int:
    """The generation's own seed, 63 bits: it depends on nothing but (run seed, question, repeat)."""
    digest = hashlib.sha256(f"{run_seed}/{sample_id}/{repeat}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def request_for(sample: Sample, repeat: int, spec: RunSpec, *, logprobs: bool = False) -> Request:
    """The request of one sample in one round. `logprobs` asks for those of the output's tokens; no output changes."""
    sample = tasks.with_template(sample) if spec.chat_template else tasks.without_template(sample)
    messages = _ordered(sample.messages, spec.media)
    if spec.system_prompt and messages:
        messages = _with_system(spec.system_prompt, messages)
    return Request(
        sample_id=sample.id, repeat=repeat, sampling=spec.sampling, seed=seed_for(spec.seed, sample.id, repeat),
        messages=messages, prompt=sample.prompt, choices=sample.choices, logprobs=logprobs,
        limits=spec.media, voice=spec.voice,
    )  # fmt: skip


def _ordered(messages: tuple[Message, ...], limits: MediaLimits | None) -> tuple[Message, ...]:
    """Media before or behind the texts of their turn, where the protocol says so."""
    if limits is None or limits.order == "as-written":
        return messages
    first = limits.order == "media-first"
    return tuple(
        replace(m, parts=tuple(sorted(m.parts, key=lambda part: isinstance(part, Media) != first))) for m in messages
    )


def _with_system(prompt: str, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation under a system prompt; a task's own description follows in the same turn, as in lm-eval."""
    if messages[0].role == "system":
        return (Message("system", f"{prompt}\n\n{messages[0].content}"), *messages[1:])
    return (Message("system", prompt), *messages)


def question_of(sample: Sample, spec: RunSpec) -> Question:
    """What the run asks about one sample, to be kept with it."""
    request = request_for(sample, 0, spec)
    messages = tuple(
        replace(m, parts=tuple(named(part) if isinstance(part, Media) else part for part in m.parts)) if m.parts else m
        for m in request.messages
    )
    return Question(sample.id, messages, request.prompt, request.choices, sample.target)
