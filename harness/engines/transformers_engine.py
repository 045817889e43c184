"""Local checkpoints through plain forward calls of transformers, on CPU or GPU.

Every request is drawn from its own seed with its own settings, so its output does not depend on what shares
the batch, as far as the matrix kernels allow: they may round differently for batches of another size.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from harness.engines.base import EngineInfo, failed
from harness.engines.choices import choice_logprobs
from harness.engines.rows import Row, Rows, Text, new_row
from harness.engines.waiting import Waiting
from harness.errors import EngineError, ModelError, PromptTooLong
from harness.library import checkpoints
from harness.library.checkpoints import LoadedModel, Source
from harness.records import Generation, Message, ModelSpec, Request, Sampling

VERSION = "2"
ROWS = {"cpu": 32, "cuda": 64}
# share of the free memory that the cache may take; the rest is for activations and logits
CACHE_SHARE = 0.7
# a free place waits at most so many steps for others, so that prompts are computed several at a time
WAIT_STEPS = 8
_NO_SAMPLING = Sampling()
T = TypeVar("T")


class TransformersEngine:
    """An Engine (see harness.engines.base) over one checkpoint."""

    name = "transformers"

    def __init__(self, source: Source, *, context: int | None, precision: str, device: str, rows: int | None) -> None:
        """`context` in tokens (None: the configuration's); `rows` at once (None: by device).

        Raises ModelError (folder, tokenizer, precision, device, architecture) and UnknownName (device).
        """
        checkpoints.check_precision(precision)
        self._device = checkpoints.resolve_device(device)
        if source.folder is not None:
            checkpoints.check_folder(source.folder)
        config = checkpoints.load_config(source)
        if not checkpoints.only_full_attention(config):
            raise ModelError(
                f"{source.place} has layers that do not attend to the whole sequence ({config.model_type}), "
                "which the transformers engine does not support yet."
            )
        self._source = source
        self._precision = precision
        self._rows = rows or ROWS[self._device]
        limits = [n for n in (context, checkpoints.context_of(config)) if n]
        self._context = min(limits) if limits else 2**31
        self._tokenizer = checkpoints.load_tokenizer(source)
        self._facts = checkpoints.template_facts(self._tokenizer)
        self._text = _text(source, self._tokenizer, config.get_text_config().vocab_size)
        self._encoded = lru_cache(maxsize=512)(self._encode)
        self._loaded: LoadedModel | None = None
        libraries = ", ".join(f"{k} {v}" for k, v in checkpoints.library_versions().items())
        self.version = f"transformers engine {VERSION} ({libraries})"

    def describe(self) -> EngineInfo:
        return EngineInfo(
            name=self.name,
            version=self.version,
            device=self._device,
            precision=self._precision,
            context=self._context,
            template_sha256=self._facts.sha256,
            thinking=self._facts.thinking,
        )

    def render(self, request: Request) -> str:
        if request.prompt is not None:
            return request.prompt
        return checkpoints.render_messages(self._tokenizer, request.messages)

    def prompt_tokens(self, request: Request) -> int:
        return len(self._prompt(request))

    def generate(self, requests: Iterable[Request]) -> Iterator[Generation]:
        """See Engine. Raises PromptTooLong after everything admitted before has been handed out."""
        loaded = self._model()
        batch = Rows(loaded, self._text, self._rows, self._capacity)
        waiting = Waiting(iter(requests), self._checked)
        steps = 0
        while True:
            room = self._rows - len(batch.active)
            if room and (not batch.active or steps >= WAIT_STEPS or room * 4 >= self._rows):
                steps = 0
                fresh = self._fitting(waiting, batch.active, room)
                yield from waiting.failures()
                if fresh:
                    _run(lambda rows=fresh: batch.admit(rows))  # type: ignore[misc]
            if not batch.active:
                if waiting.ended:
                    break
                continue
            steps += 1
            yield from _run(batch.step)
        if waiting.stopped is not None:
            raise waiting.stopped

    def loglikelihood(self, requests: Iterable[Request]) -> Iterator[Generation]:
        """See Engine. The context is computed once per request, the choices together in one batch."""
        loaded = self._model()
        for request in requests:
            began = time.perf_counter()
            prompt, whole = self._context_and_choices(request)
            if len(prompt) > self._context:
                raise self._too_long(request, len(prompt))
            problem = self._choice_problem(request, prompt, whole)
            if problem:
                yield failed(request, problem, prompt_tokens=len(prompt))
                continue
            pairs = _run(lambda p=prompt, w=whole: choice_logprobs(loaded, len(p), w))  # type: ignore[misc]
            yield Generation(
                sample_id=request.sample_id,
                repeat=request.repeat,
                text="",
                finish_reason="stop",
                prompt_tokens=len(prompt),
                output_tokens=sum(len(ids) - len(prompt) for ids in whole),
                seed=request.seed,
                seconds=time.perf_counter() - began,
                choice_logprobs=pairs,
            )

    def close(self) -> None:
        if self._loaded is None:
            return
        self._loaded = None
        if self._device == "cuda":
            import torch

            torch.cuda.empty_cache()

    # --- prompts

    def _prompt(self, request: Request) -> tuple[int, ...]:
        return self._encoded(request.messages, request.prompt)

    def _encode(self, messages: tuple[Message, ...], prompt: str | None) -> tuple[int, ...]:
        bare = Request("", 0, _NO_SAMPLING, 0, messages=messages, prompt=prompt)
        return tuple(self._ids(self.render(bare), bare))

    def _ids(self, text: str, request: Request) -> list[int]:
        """A template writes its own opening tokens; before a raw prompt the tokenizer puts its own, if any."""
        raw = request.prompt is not None
        return [int(i) for i in self._tokenizer.encode(text, add_special_tokens=raw)]

    def _context_and_choices(self, request: Request) -> tuple[list[int], list[list[int]]]:
        """Token ids of the context, and of context + choice for each choice, as lm-eval divides them.

        Blanks at the end of the prompt belong to the choices; before a choice without any context stands the
        token that begins a text, or ends one where there is no such token.
        """
        text = self.render(request)
        whole = [self._ids(text + choice, request) for choice in request.choices]
        if text:
            return self._ids(text.rstrip(), request), whole
        first = self._tokenizer.bos_token_id
        first = self._tokenizer.eos_token_id if first is None else first
        return [first], [ids if ids[:1] == [first] else [first, *ids] for ids in whole]

    def _too_long(self, request: Request, tokens: int) -> PromptTooLong:
        return PromptTooLong(
            f"The prompt of {request.sample_id} has {tokens} tokens, but the context of {self._source.place} is "
            f"{self._context}."
        )

    def _checked(self, request: Request) -> Row | Generation:
        """A row ready to be admitted, or the failed generation of a request that cannot be run as asked.

        Raises PromptTooLong when the prompt alone exceeds the context.
        """
        prompt = self._prompt(request)
        tokens, wanted = len(prompt), request.sampling.max_tokens
        if tokens > self._context:
            raise self._too_long(request, tokens)
        if request.choices:
            return failed(request, "a request with choices was sent to generate instead of loglikelihood")
        if not prompt:
            return failed(request, "the prompt has no tokens")
        if tokens + wanted > self._context:
            return failed(
                request,
                f"prompt ({tokens} tokens) and max_tokens ({wanted}) exceed the context ({self._context})",
                prompt_tokens=tokens,
            )
        return new_row(request, prompt)

    def _choice_problem(self, request: Request, prompt: Sequence[int], whole: list[list[int]]) -> str | None:
        if not whole:
            return "a request without choices was sent to loglikelihood"
        if not prompt:
            return "the prompt has no tokens"
        if not all(request.choices) or any(len(ids) <= len(prompt) for ids in whole):
            return "a choice adds no token to the prompt"
        if (longest := max(len(ids) for ids in whole)) > self._context:
            return f"prompt and choice ({longest} tokens) exceed the context ({self._context})"
        return None

    # --- memory

    def _model(self) -> LoadedModel:
        if self._loaded is None:
            self._loaded = checkpoints.load_model(self._source, precision=self._precision, device=self._device)
            self._capacity = int(CACHE_SHARE * _free_bytes(self._loaded) / self._loaded.kv_bytes_per_token)
        return self._loaded

    def _fitting(self, waiting: Waiting, active: list[Row], room: int) -> list[Row]:
        """Rows that may join: the cache is a rectangle as long as the longest of them can become.

        A request that does not fit beside the others waits; alone it is always tried.
        """
        fresh: list[Row] = []
        longest = max((_need(row) for row in active), default=0)
        while len(fresh) < room and (row := waiting.peek()) is not None:
            rows = len(active) + len(fresh) + 1
            longest = max(longest, _need(row))
            if rows > 1 and rows * longest > self._capacity:
                break
            fresh.append(waiting.take())
        return fresh


def open_transformers(
    spec: ModelSpec, *, folder: Path | None, precision: str, device: str, rows: int | None
) -> TransformersEngine:
    """The engine for one model: from `folder`, else from the hub repository of `spec` at its commit.

    Raises ModelError when there is neither, and as TransformersEngine does.
    """
    if folder is not None:
        source = Source.at(folder)
    elif spec.repository is not None:
        source = Source(spec.repository.hub, spec.repository.revision)
    else:
        raise ModelError(f"{spec.id} has no weights to load: no folder was given and it names no repository.")
    return TransformersEngine(source, context=spec.context, precision=precision, device=device, rows=rows)


def _need(row: Row) -> int:
    """The most cache columns a row can come to need."""
    return len(row.prompt) + row.request.sampling.max_tokens


def _run(work: Callable[[], T]) -> T:
    """Runs a piece of model work without gradients; running out of memory becomes one sentence."""
    import torch

    try:
        # never around a yield: the mode belongs to the thread, and the caller would inherit it
        with torch.inference_mode():
            return work()
    except torch.OutOfMemoryError as error:
        raise EngineError(
            "The device ran out of memory; what has finished is kept. Run fewer rows at once (--rows), or a "
            "smaller precision."
        ) from error


def _text(source: Source, tokenizer: Any, vocabulary: int) -> Text:
    """Ids that the model's padded vocabulary has beyond the tokenizer's stand for no text either."""
    hidden = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    special = frozenset(hidden) | frozenset(tokenizer.all_special_ids) | frozenset(range(len(tokenizer), vocabulary))
    return Text(
        decode=lambda ids: str(tokenizer.decode(ids, skip_special_tokens=True)),
        ends=checkpoints.end_tokens(source, tokenizer),
        special=special,
    )


def _free_bytes(loaded: LoadedModel) -> int:
    """Memory the cache can count on: of the GPUs that hold layers, or of the machine."""
    import torch

    if loaded.device.type == "cuda":
        devices = {torch.device(f"cuda:{d}" if d.isdigit() else d) for d in loaded.devices}
        return sum(torch.cuda.mem_get_info(d)[0] for d in devices)
    import psutil

    return int(psutil.virtual_memory().available)
