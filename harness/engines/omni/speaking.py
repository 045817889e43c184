"""Spoken answers: the library's own generate, one request after the other.

The talker is given the thinker's hidden states at every token of the answer, which the packed batch does not keep, and
the installed library speaks one answer at a time (batches of spoken answers are not implemented up to 5.14). Its own
path is also the one whose speech is to be measured. So nothing is shared with other requests here, and sampled answers
come from torch's generator with the request's seed instead of the batch's inverse CDF.
"""

from __future__ import annotations

import time
from dataclasses import replace

from harness.engines.base import OnText, failed
from harness.engines.omni.encoding import Asked
from harness.engines.shortage import out_of_memory
from harness.engines.text import Output, Text
from harness.errors import EngineError
from harness.library.omni.model import OmniModel
from harness.records import Generation, Request


def speech_problem(request: Request) -> str | None:
    """Why this request's answer cannot be spoken as asked; None where it can."""
    if request.sampling.stop or request.ends is not None:
        return "a spoken answer ends by itself or at max_tokens: neither stop strings nor end tokens go with it"
    if request.sampling.presence_penalty:
        return "the library that speaks knows no presence penalty: leave it out"
    if request.logprobs:
        return "log-probabilities are not given of a spoken answer"
    return None


def spoken(model: OmniModel, request: Request, asked: Asked, text: Text, on_text: OnText | None) -> Generation:
    """The answer as text and speech, which is empty where the model ended at once. What fails with this request alone
    is a failed generation.

    Raises UnknownName for a voice that the checkpoint does not have.
    """
    began = time.perf_counter()
    try:
        found = model.speak(
            asked.prompt,
            sampling=request.sampling,
            voice=str(request.voice),
            seed=request.seed,
            watch=_Telling(request, text, on_text) if on_text is not None else None,
        )
    except (EngineError, RuntimeError) as error:
        why = str(error)
        if isinstance(error, RuntimeError):
            if not out_of_memory(error):
                raise
            why = "the device ran out of memory while this answer was spoken"
        told = failed(request, why, prompt_tokens=len(asked.prompt.ids), seconds=time.perf_counter() - began)
        return replace(told, media=asked.prompt.uses)
    return Generation(
        sample_id=request.sample_id,
        repeat=request.repeat,
        text=found.text,
        finish_reason="length" if found.speech_cut else found.finish,
        prompt_tokens=len(asked.prompt.ids),
        output_tokens=len(found.tokens),
        seed=request.seed,
        seconds=time.perf_counter() - began,
        media=asked.prompt.uses,
        speech=found.speech,
    )


class _Telling:
    """Passes on the text as its tokens come (see SpeakWatch)."""

    def __init__(self, request: Request, text: Text, on_text: OnText) -> None:
        self._request = request
        self._out = Output(text)
        self._on_text = on_text

    def text(self, token: int) -> None:
        self._out.add(token)
        if piece := self._out.new_text():
            self._on_text(self._request, piece)

    def code(self, code: int) -> None:
        pass
