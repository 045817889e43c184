"""Media to rows of embeddings: encoded together, kept in the computer's memory, freed when nobody asks any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakValueDictionary

from harness.engines.omni.keeping import Kept
from harness.engines.shortage import out_of_memory
from harness.errors import MediaError
from harness.library.omni.records import Features, Prompt

if TYPE_CHECKING:
    import torch

# placeholders that the encoders are given at once; one prompt alone may have more
TOGETHER = {"cpu": 2048, "cuda": 8192}


class Encoder(Protocol):
    """What of harness.library.omni's model is needed here."""

    def features(self, prompts: Sequence[Prompt]) -> list[Features]: ...


class Rows:
    """One medium's embeddings, a tensor [count, hidden] for each of its runs of placeholders, on the CPU."""

    __slots__ = ("__weakref__", "embeds", "nbytes")

    def __init__(self, embeds: Iterable[torch.Tensor]) -> None:
        self.embeds = tuple(embeds)
        self.nbytes = sum(int(some.nbytes) for some in self.embeds)


class Shelf:
    """Rows by the name of their medium: those in use, and up to `most` bytes that may be asked for again (see Kept)."""

    def __init__(self, most: int) -> None:
        self._used: WeakValueDictionary[str, Rows] = WeakValueDictionary()
        self.kept: Kept[Rows] = Kept(most)

    def begin(self) -> None:
        """Another stream of requests."""
        self.kept.begin()

    def find(self, medium: str) -> Rows | None:
        """From any thread."""
        return self._used.get(medium)

    def put(self, medium: str, rows: Rows) -> None:
        """Rows that are new, or were just used again."""
        self._used[medium] = rows
        self.kept.put(medium, rows, rows.nbytes)

    @property
    def nbytes(self) -> int:
        """Of all rows that are in memory, in use or kept."""
        return sum(rows.nbytes for rows in list(self._used.values()))

    def clear(self) -> None:
        self.kept.clear()


class Asked:
    """A prepared prompt on its way: `media` names its media in order; `rows` has those that are encoded."""

    def __init__(self, prompt: Prompt, media: tuple[str, ...], rows: dict[str, Rows]) -> None:
        self.prompt = prompt
        self.media = media
        self.rows = rows
        self.problem: str | None = None

    @property
    def lacking(self) -> frozenset[str]:
        return frozenset(self.media) - self.rows.keys()

    def embeds(self) -> tuple[torch.Tensor, ...]:
        """In the order of the prompt's spans, once nothing is lacking."""
        runs = {place: iter(self.rows[name].embeds) for place, name in enumerate(self.media)}
        return tuple(next(runs[span.medium]) for span in self.prompt.media_spans)


def encode(model: Encoder, shelf: Shelf, asked: Sequence[Asked]) -> None:
    """Sees to all rows of all prompts, or says in `problem` why there are none.

    What several want is encoded once. Where memory runs out the prompts are tried one by one.
    """
    todo: list[Asked] = []
    coming: set[str] = set()
    for one in asked:
        one.rows |= {name: rows for name in one.lacking if (rows := shelf.find(name)) is not None}
        if one.lacking - coming:
            todo.append(one)
            coming |= one.lacking
    _encoded(model, shelf, todo)
    for one in asked:
        one.rows |= {name: rows for name in one.lacking if (rows := shelf.find(name)) is not None}
        if one.lacking and one.problem is None:
            # the one that was to bring them has failed, maybe for another medium's sake
            _encoded(model, shelf, [one])
        for name, rows in one.rows.items():
            shelf.put(name, rows)


def _encoded(model: Encoder, shelf: Shelf, todo: Sequence[Asked]) -> None:
    if not todo:
        return
    try:
        found = model.features([one.prompt for one in todo])
    except (RuntimeError, MediaError) as error:
        if isinstance(error, RuntimeError) and not out_of_memory(error):
            raise
        if len(todo) == 1:
            todo[0].problem = _why(error, todo[0].prompt)
        else:
            _free()
            for one in todo:
                _encoded(model, shelf, [one])
        return
    for one, features in zip(todo, found, strict=True):
        runs: dict[str, list[Any]] = {name: [] for name in one.media}
        for span, rows in zip(one.prompt.media_spans, features.embeds, strict=True):
            if len(runs[one.media[span.medium]]) < _runs(one.prompt, span.medium):
                # a copy: a slice would keep all that was encoded together
                runs[one.media[span.medium]].append(rows.detach().to("cpu", copy=True))
        for name, some in runs.items():
            one.rows[name] = Rows(some)
            shelf.put(name, one.rows[name])


def _runs(prompt: Prompt, medium: int) -> int:
    return sum(span.medium == medium for span in prompt.media_spans)


def _why(error: Exception, prompt: Prompt) -> str:
    if isinstance(error, MediaError):
        return str(error)
    tokens = sum(span.count for span in prompt.media_spans)
    return (
        f"the device ran out of memory while the media of this request alone ({tokens} tokens) were encoded: lower the "
        "limits of media"
    )


def _free() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
