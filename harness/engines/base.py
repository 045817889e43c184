"""What every engine is: requests in, generations out as they finish. Engines hold no benchmark knowledge."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from harness.records import Generation, Request

Thinking = Literal["prompt", "output", "none"]


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What of an engine belongs in a run's specification.

    `version` names the engine and the libraries under it. `device` is "cpu", "cuda", "cuda+cpu" or "none".
    `context` is in tokens, prompt and output together. `template_sha256` is over the chat template's text
    ("" without one). `thinking`: "prompt" when the rendered prompt ends inside an open thought (outputs then
    carry only the closing tag), "output" when the model opens it itself, "none" when it has no such tags.
    """

    name: str
    version: str
    device: str
    precision: str
    context: int
    template_sha256: str
    thinking: Thinking


@runtime_checkable
class Engine(Protocol):
    """Makes outputs for requests, each from its own seed alone.

    A request that fails is a Generation with finish_reason "error" and one line in `error`. Only what stops
    the whole run is raised: PromptTooLong, EngineError, ModelError.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def describe(self) -> EngineInfo: ...

    def render(self, request: Request) -> str:
        """The prompt's text after the chat template; a raw prompt comes back unchanged."""
        ...

    def prompt_tokens(self, request: Request) -> int: ...

    def generate(self, requests: Iterable[Request]) -> Iterator[Generation]:
        """One generation per request, in the order they finish; takes from `requests` as places become free."""
        ...

    def loglikelihood(self, requests: Iterable[Request]) -> Iterator[Generation]:
        """For requests with choices: generations whose `choice_logprobs` has one pair per choice, no text."""
        ...

    def close(self) -> None:
        """Frees the model. The engine is not used afterwards; closing twice is no error."""
        ...


def failed(request: Request, why: str, *, prompt_tokens: int = 0, seconds: float = 0.0) -> Generation:
    """The generation of a request that failed: no text, and `why` folded onto one line."""
    return Generation(
        sample_id=request.sample_id,
        repeat=request.repeat,
        text="",
        finish_reason="error",
        prompt_tokens=prompt_tokens,
        seed=request.seed,
        seconds=seconds,
        error=" ".join(why.split()) or "it failed without saying why",
    )
