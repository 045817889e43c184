"""Teaching a tiny model to answer questions right with chosen probabilities."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import ModelError
from harness.library.checkpoints import render_messages
from harness.records import Message

STEPS = 1200
RATE = 6e-3
# mean Kullback-Leibler divergence (nats per question) of the model from what it is to say
CLOSE_ENOUGH = 2e-4
EVERY = 50


@dataclass(frozen=True, slots=True)
class Lesson:
    """A question, and the answers to give to it with their probabilities, which add up to 1.

    An answer is the text after the rendered prompt; the end token is added to it.
    """

    question: str
    answers: tuple[tuple[str, float], ...]


def teach(model: Any, tokenizer: Any, lessons: Sequence[Lesson], progress: Callable[[str], None]) -> float:
    """Trains on the exact mixture, all questions at once, until the divergence is below CLOSE_ENOUGH.

    The loss is the cross entropy between lesson and model over whole answers, so its floor is the lessons'
    own entropy and what lies above it is the divergence, which is returned (nats per question).
    Measured over four seeds: 350 to 450 steps, the share of right answers off by less than 0.01 on any question.
    Raises ModelError when STEPS do not bring it within five times that.
    """
    import torch

    ids, targets, weights = _batch(tokenizer, lessons)
    floor = -sum(p * math.log(p) for lesson in lessons for _, p in lesson.answers if p) / len(lessons)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _rate_at)
    model.train()
    divergence = math.inf
    for step in range(1, STEPS + 1):
        logits = model(input_ids=ids, use_cache=False).logits.float()
        each = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
        loss = (each.sum(1) * weights).sum() / len(lessons)
        divergence = loss.item() - floor
        if step % EVERY == 0:
            progress(f"step {step}: {divergence:.5f} nats above the floor")
        if divergence < CLOSE_ENOUGH:
            break
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    model.eval()
    if divergence >= 5 * CLOSE_ENOUGH:
        raise ModelError(
            f"The tiny model did not learn its lessons in {STEPS} steps ({divergence:.4f} nats above the floor)."
        )
    return divergence


def _rate_at(step: int) -> float:
    """Rises over 50 steps, then falls along a half cosine to a twentieth."""
    if step < 50:
        return (step + 1) / 50
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / STEPS)))


def _batch(tokenizer: Any, lessons: Sequence[Lesson]) -> tuple[Any, Any, Any]:
    """Token ids [answers, length], the next token where it counts (else -100), and each answer's weight."""
    import torch

    rows: list[tuple[list[int], int, float]] = []
    for lesson in lessons:
        prompt = tokenizer.encode(render_messages(tokenizer, (Message("user", lesson.question),)))
        for answer, probability in lesson.answers:
            if probability:
                said = [*tokenizer.encode(answer), tokenizer.eos_token_id]
                rows.append((prompt + said, len(prompt), probability))
    length = max(len(ids) for ids, _, _ in rows) - 1
    ids = torch.full((len(rows), length), tokenizer.pad_token_id)
    targets = torch.full((len(rows), length), -100)
    for i, (whole, start, _) in enumerate(rows):
        ids[i, : len(whole) - 1] = torch.tensor(whole[:-1])
        targets[i, start - 1 : len(whole) - 1] = torch.tensor(whole[start:])
    return ids, targets, torch.tensor([p for _, _, p in rows])
