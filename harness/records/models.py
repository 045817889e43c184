"""What a checkpoint is, how it is run, and sets of claims run together."""

from datetime import date
from typing import Any, Literal

from pydantic import Field, field_validator

from harness.records.base import Record
from harness.records.media import MediaLimits
from harness.records.words import Outcome

Modality = Literal["text", "image", "audio", "video", "speech"]
Precision = Literal[
    "fp32", "bf16", "fp16", "fp8", "int8", "nf4", "int8-torchao", "int4-torchao", "gptq-int4", "awq-int4", "gguf-q4",
    "gguf-q8",
]  # fmt: skip
KVPrecision = Literal["fp32", "bf16", "fp16", "fp8"]


class Repository(Record):
    """Where the weights are. `revision` is the commit hash a run is pinned to."""

    hub: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    revision: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    modelscope: str | None = None
    github: str | None = None


class Modalities(Record):
    """What goes in and what comes out."""

    takes: tuple[Modality, ...]
    gives: tuple[Modality, ...]


class Sampling(Record):
    """How tokens are drawn. temperature 0 is greedy; top_k 0 and top_p 1 switch those filters off.

    `max_tokens` bounds the output; `stop` strings end it (they are not part of the text).
    """

    temperature: float = Field(default=0.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int = Field(default=0, ge=0)
    min_p: float = Field(default=0.0, ge=0, lt=1)
    presence_penalty: float = 0.0
    repetition_penalty: float = Field(default=1.0, gt=0)
    max_tokens: int = Field(default=1024, gt=0)
    stop: tuple[str, ...] = ()


class ModelSpec(Record):
    """One checkpoint, or one closed model.

    `architecture` is the content of config.json, kept so that structure can be inspected without weights.
    `local` is a folder below the checkpoints folder (the tiny models made on the spot).
    `thinking`: `prompt` (the chat template opens the thought, as QwQ's does), `output` (the model opens it),
    `switch` (template argument), `none`. `engine`: the one that runs it when nobody names another.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    name: str
    developer: str
    weights: Literal["open", "closed"]
    repository: Repository | None = None
    local: str | None = None
    licence: str | None = None
    released: date | None = None
    modalities: Modalities | None = None
    context: int | None = None
    thinking: Literal["prompt", "output", "switch", "none"] = "none"
    native_precision: Precision = "bf16"
    precisions: tuple[Precision, ...] = ("bf16",)
    generation: Sampling | None = None
    engine: Literal["transformers", "omni", "whisper"] = "transformers"
    architecture: dict[str, Any] | None = None
    sources: tuple[str, ...] = ()
    note: str | None = None


class Protocol(Record):
    """How benchmarks are run under one name, with its source.

    `repeats` and `max_tokens` are per task id, with a `default` entry. `samplings`: by task id, the settings that are
    others there than in `sampling`. `system_prompts`: by task id, in place of `system_prompt`. `media`: limits of
    images, sounds and films; `voice`: that of spoken answers, where a task judges those.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    source: str
    system_prompt: str | None = None
    system_prompts: dict[str, str] = Field(default_factory=dict)
    chat_template: bool = True
    sampling: Sampling
    samplings: dict[str, Sampling] = Field(default_factory=dict)
    max_tokens: dict[str, int] = Field(default_factory=dict)
    repeats: dict[str, int]
    media: MediaLimits | None = None
    voice: str | None = Field(default=None, min_length=1)
    note: str | None = None

    @field_validator("samplings")
    @classmethod
    def _settings_alone(cls, samplings: dict[str, Sampling]) -> dict[str, Sampling]:
        for task, other in samplings.items():
            if not other.model_fields_set:
                raise ValueError(f"{task!r} has no setting that differs; leave it out")
            if "max_tokens" in other.model_fields_set:
                raise ValueError(f"the output tokens of {task!r} belong under 'max_tokens'")
        return samplings

    def sampling_of(self, task: str) -> Sampling:
        """How the answers to this task are drawn: `sampling`, with what differs for the task, and its `max_tokens`."""
        other = self.samplings.get(task)
        changes = {name: getattr(other, name) for name in other.model_fields_set} if other else {}
        tokens = self.max_tokens.get(task, self.max_tokens.get("default", self.sampling.max_tokens))
        return self.sampling.model_copy(update={**changes, "max_tokens": tokens})


class Suite(Record):
    """A named set of claims, with the settings they are run under.

    `expect`: claim id → outcome; `harness run --suite` exits with 1 when a verdict is another.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    claims: tuple[str, ...] = Field(min_length=1)
    precision: Precision | None = None
    engine: str | None = None
    repeats: int | None = Field(default=None, gt=0)
    limit: int | None = Field(default=None, gt=0)
    expect: dict[str, Outcome] = Field(default_factory=dict)
    note: str | None = None
