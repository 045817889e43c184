"""The batch: one step after another, each a forward call over whatever the scheduler has chosen."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from harness.engines.base import Key, OnText
from harness.engines.capacity import SLAB
from harness.engines.decoding import Drawer
from harness.engines.packed.inputs import over
from harness.engines.packed.pool import Pool
from harness.engines.packed.step import PackedStep
from harness.engines.schedule import LEAST_CHUNK, Job, Part, Scheduler, Step
from harness.engines.sequences import Weighing, Writing
from harness.engines.shortage import out_of_memory
from harness.library.attention import forward
from harness.library.checkpoints import LoadedModel
from harness.records import Generation

T = TypeVar("T")


@dataclass(slots=True)
class Timing:
    """Seconds since opening: deciding what to compute, computing it, drawing tokens, making text of them."""

    schedule: float = 0.0
    forward: float = 0.0
    sample: float = 0.0
    text: float = 0.0
    steps: int = 0


class Batch:
    """The sequences that wait or run on one model. `step` computes once and gives what ended with it."""

    def __init__(self, loaded: LoadedModel, pool: Pool, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.pool = pool
        self.drawer = Drawer(loaded.vocab)
        self.timing = Timing()
        self.tokens = 0
        self.prompt_tokens = 0
        self._loaded = loaded
        self._strained = False
        self._broken_off = False
        self._open: dict[Job, Writing | Weighing] = {}

    @property
    def idle(self) -> bool:
        return not self._open

    def add(self, sequence: Writing | Weighing) -> None:
        """Takes in a sequence that fits the cache."""
        self._open[sequence.job] = sequence
        self.scheduler.offer(sequence.job)

    def adopt(self, sequence: Writing) -> None:
        """Runs a sequence at once as if its prompt were computed: for measuring."""
        self._open[sequence.job] = sequence
        self.scheduler.adopt(sequence.job)

    def cancelled(self, keys: Collection[Key]) -> Iterator[Generation]:
        """Gives up the sequences of these requests (sample, repeat) with what they have."""
        for sequence in list(self._open.values()):
            if (sequence.request.sample_id, sequence.request.repeat) in keys:
                self.scheduler.drop(sequence.job)
                del self._open[sequence.job]
                yield sequence.cancelled()

    def unstarted(self) -> list[Key]:
        """Requests (sample, repeat) that nothing was computed for, the last in turn first."""
        found = [self._open.get(job) for job in self.scheduler.unstarted()]
        return [(one.request.sample_id, one.request.repeat) for one in found if one is not None]

    def give_up(self) -> None:
        """Drops everything, wherever an error or the user has stopped."""
        self.scheduler.clear(kept=not self._broken_off)
        self._broken_off = False
        self._open.clear()
        self.drawer.forget()

    def step(self, on_text: OnText | None = None) -> list[Generation]:
        """Computes once. Where memory runs out, less is tried from now on; what alone is too much fails."""
        self._broken_off = True
        done = self._step(on_text)
        self._broken_off = False
        return done

    def _step(self, on_text: OnText | None) -> list[Generation]:
        began = time.perf_counter()
        step = self.scheduler.plan()
        self.timing.schedule += time.perf_counter() - began
        if step is None:
            return []
        kept = [self._open[part.job].kept(part) for part in step.parts]
        try:
            logits = without_gradients(lambda: self._forward(step, kept))
            done = self._read(step, kept, logits, on_text)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            return self._relieved()
        self._strained = False
        self.timing.steps += 1
        self.tokens += sum(1 for places in kept if places)
        self.prompt_tokens += sum(part.count for part in step.parts) - step.singles
        return done

    # --- computing

    def _forward(self, step: Step, kept: Sequence[Sequence[int]]) -> torch.Tensor:
        """Logits at all places that are kept, part by part, [kept, vocabulary]."""
        began = time.perf_counter()
        self.pool.copy(step.copies)
        extra = {
            place: found
            for place, part in enumerate(step.parts)
            if isinstance(one := self._open[part.job], Weighing) and (found := one.extra(part)) is not None
        }
        packed = PackedStep(self.pool, step.parts, step.singles, self.scheduler.used, extra)
        keep: list[int] = []
        at = 0
        for part, places in zip(step.parts, kept, strict=True):
            keep += [at + place for place in places]
            at += part.count
        # a call without any wanted logits still makes one row
        logits = computed(self._loaded, packed, keep or [0])
        device = self._loaded.device
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        self.timing.forward += time.perf_counter() - began
        return logits

    def _read(
        self, step: Step, kept: Sequence[Sequence[int]], logits: torch.Tensor, on_text: OnText | None
    ) -> list[Generation]:
        """What the logits mean for each sequence; the generations that ended."""
        began = time.perf_counter()
        writing, weighing = self._told_apart(step, kept)
        weighed = without_gradients(lambda: _weighed(weighing, logits))
        drawn = self._draw([row for row, _ in writing], [one for _, one in writing], logits)
        self.timing.sample += time.perf_counter() - began
        began = time.perf_counter()
        # nothing is written down before everything is computed: memory may run out at any of it
        for weigher, choice, log, likeliest in weighed:
            weigher.add(choice, log, likeliest)
        for _, weigher, part in weighing:
            weigher.read = max(weigher.read, part.start + part.count)
        broken = [one for one, _, _, fine in drawn if not fine] + [one for _, one, _ in weighing if not one.finite]
        done = [self._broken(one) for one in broken]
        self.scheduler.computed(step)
        for one, token, logprob, fine in drawn:
            ended = one.take(token, logprob) if fine else None
            if on_text is not None and fine and (piece := one.out.new_text()):
                on_text(one.request, piece)
            if ended is not None:
                done.append(self._ended(one, ended))
        for _, weigher, _ in weighing:
            if weigher.job.pages and weigher.done:
                done += self._weighed_all(weigher)
        self.timing.text += time.perf_counter() - began
        return done

    def _told_apart(
        self, step: Step, kept: Sequence[Sequence[int]]
    ) -> tuple[list[tuple[int, Writing]], list[tuple[int, Weighing, Part]]]:
        """The sequences of which something is wanted, each with the first row of logits that is its own."""
        writing: list[tuple[int, Writing]] = []
        weighing: list[tuple[int, Weighing, Part]] = []
        at = 0
        for part, places in zip(step.parts, kept, strict=True):
            sequence = self._open[part.job]
            if isinstance(sequence, Weighing):
                weighing.append((at, sequence, part))
            elif places:
                writing.append((at, sequence))
            at += len(places)
        return writing, weighing

    def _draw(
        self, rows: list[int], writing: list[Writing], logits: torch.Tensor
    ) -> list[tuple[Writing, int, float | None, bool]]:
        """(sequence, token, its log-probability if wanted, whether the logits are finite)."""
        if not writing:
            return []
        for one in writing:
            one.turn()
        if len(rows) < logits.shape[0]:
            logits = logits[torch.tensor(rows, device=logits.device)]
        found = without_gradients(lambda: self.drawer.draw(logits, writing))
        return list(zip(writing, found.ids, found.logprobs, found.finite, strict=True))

    # --- endings

    def _ended(self, one: Writing | Weighing, generation: Generation) -> Generation:
        self.scheduler.finish(one.job)
        del self._open[one.job]
        return generation

    def _weighed_all(self, one: Weighing) -> list[Generation]:
        """Every choice of a sequence is weighed: those that had no room in it come next, before anybody else."""
        following = one.following()
        if following is None:
            return [self._ended(one, one.generation())]
        self.scheduler.finish(one.job)
        del self._open[one.job]
        self._open[following.job] = following
        self.scheduler.offer(following.job, first=True)
        return []

    def _broken(self, one: Writing | Weighing) -> Generation:
        """A sequence whose logits are not finite ends."""
        after = f" after {one.written} tokens" if isinstance(one, Writing) else ""
        self.scheduler.drop(one.job)
        del self._open[one.job]
        return one.failed(f"the model's output{after} is not finite (NaN or infinite logits)")

    def _relieved(self) -> list[Generation]:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if self.scheduler.relieve() or not self._strained:
            # at the very least possible, one more try: somebody else may have needed the memory for a moment
            self._strained = self.scheduler.chunk == LEAST_CHUNK
            return []
        self._strained = False
        job = self.scheduler.running[0]
        one = self._open.pop(job)
        self.scheduler.drop(job)
        return [one.failed(f"the device ran out of memory with this request alone ({len(job.tokens)} tokens)")]


def _weighed(
    weighing: Sequence[tuple[int, Weighing, Part]], logits: torch.Tensor
) -> list[tuple[Weighing, int, float, bool]]:
    """(sequence, choice, log-probability, is it the likeliest) of every token asked for; float32 over the vocabulary.

    `weighing`: first row of the logits, sequence, part.
    """
    wanted: list[tuple[Weighing, int]] = []
    rows: list[int] = []
    tokens: list[int] = []
    for first, one, part in weighing:
        for row, place in enumerate(one.kept(part), start=first):
            for choice, token in one.targets[part.start + place]:
                wanted.append((one, choice))
                rows.append(row)
                tokens.append(token)
    found: list[tuple[Weighing, int, float, bool]] = []
    for begin in range(0, len(wanted), SLAB):
        some = slice(begin, begin + SLAB)
        which = torch.tensor(sorted(set(rows[some])), device=logits.device)
        where = torch.searchsorted(which, torch.tensor(rows[some], device=logits.device))
        values = logits[which].float()
        asked = torch.tensor(tokens[some], device=logits.device)
        logs = (values[where, asked] - values.logsumexp(-1)[where]).tolist()
        likeliest = (values.argmax(-1)[where] == asked).tolist()
        found += [(*of, log, best) for of, log, best in zip(wanted[some], logs, likeliest, strict=True)]
    return found


def computed(loaded: LoadedModel, packed: PackedStep, keep: Sequence[int]) -> torch.Tensor:
    """Logits [keep, vocabulary] of one call, at the places `keep` of it."""
    ids, positions = packed.ids.to(loaded.device), packed.positions.to(loaded.device)
    if not packed.rows:
        return forward(loaded.model, ids, positions, keep, packed)
    embeds = over(loaded.model.get_input_embeddings()(ids), packed.rows)
    return forward(loaded.model, None, positions, keep, packed, embeds=embeds)


def without_gradients(work: Callable[[], T]) -> T:
    """Runs a piece of model work in inference mode. Never around a yield: the mode belongs to the thread."""
    with torch.inference_mode():
        return work()
