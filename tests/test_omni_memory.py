"""What the omni engine holds stays the same however many samples pass: counted in bytes, not in the process's memory.

How much the process takes by samples is in results/bench/omni.txt.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.engines import Setup, open_engine
from harness.engines.omni import ahead, conversations
from harness.engines.omni import given as given_module
from harness.engines.omni.engine import KEPT_LEAST, KEPT_MOST, kept_bytes
from harness.engines.omni.given import Numbers
from harness.engines.omni.keeping import Kept
from harness.engines.schedule.lengths import Lengths
from harness.records import Media, MediaLimits, Message, ModelSpec, Request, Sampling, turn

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision", reason="the library's film processor needs torchvision (extra omni)")
for decoder in ("PIL", "soundfile", "av"):
    pytest.importorskip(decoder, reason=f"media are decoded with {decoder} (extra omni)")

SPEC = ModelSpec(id="tiny", name="Tiny", developer="us", weights="open")
SMALL = MediaLimits(image_min_pixels=784, image_max_pixels=4 * 784)
ROWS, DECODED = 30_000, 100_000


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Media]:
    """400 images, no two alike."""
    from PIL import Image

    folder, noise = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for number in range(400):
        Image.fromarray(noise.integers(0, 255, (56, 56, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return [Media("image", path=str(folder / f"{number}.png")) for number in range(400)]


def opened(folder: Path, patch: pytest.MonkeyPatch, *, rows: int = ROWS, decoded: int = DECODED) -> Any:
    """An engine whose bounds are so low that some dozens of images reach them."""
    from harness.engines import memory
    from harness.engines.schedule import Limits, lengths

    torch.set_num_threads(1)
    found = memory.limits_for
    small = Limits(rows=4, pages=48, shared=8, page=16, chunk=128)
    patch.setattr(memory, "limits_for", lambda *a, **k: (small, found(*a, **k)[1]))
    patch.setattr(conversations, "DECODED", decoded)
    patch.setattr(lengths, "_GROUPS", 16)
    engine: Any = open_engine("omni", spec=SPEC, folder=folder, setup=Setup(precision="fp32", device="cpu"))
    engine.sizing()
    take = ahead.Ahead.take
    patch.setattr(ahead.Ahead, "take", lambda self, *, wait: take(self, wait=True))
    engine.shelf.kept.most = rows
    engine.prompts._known.most = rows + 10_000
    engine._numbers = Numbers(engine._numbers._next, 32)
    return engine


def asked(image: Media, number: int, repeat: int = 0) -> Request:
    messages = (Message("system", "You answer."), turn("user", image, f"What is it? ({number})"))
    sampling = Sampling(max_tokens=2)
    return Request(f"question {number}", repeat, sampling, repeat, messages=messages, ends=frozenset(), limits=SMALL)


def held(engine: Any) -> int:
    """Bytes of everything that the engine reaches, in numbers, texts, lists, arrays and tensors, but for what it is
    opened with: weights, configuration, tokenizer and processors, and the memory of the cache."""
    import gc
    import sys
    from types import FunctionType, ModuleType
    from weakref import ReferenceType, WeakValueDictionary

    batch = engine.batch
    known: set[int] = {id(one) for one in (engine._loaded, engine._model, engine._omni, engine._source, batch.pool)}
    known |= {id(one) for one in (batch._loaded, engine.prompts.text, engine.prompts._tokenizer)}
    known.add(id(engine._ahead))
    left: list[Any] = [engine, batch]
    total = 0
    while left:
        one = left.pop()
        if id(one) in known or isinstance(one, type | ModuleType | FunctionType | ReferenceType | WeakValueDictionary):
            continue
        known.add(id(one))
        if isinstance(one, torch.Tensor):
            total += one.untyped_storage().nbytes()
            continue
        total += sys.getsizeof(one) + (one.nbytes if isinstance(one, np.ndarray) and one.base is not None else 0)
        left += gc.get_referents(one)
    return total


def by_samples(engine: Any, images: list[Media]) -> list[int]:
    """What is held after every 40 answers of one stream, at most since the last time.

    What is read ahead is waited for and not counted: how much of it there is depends on which thread is faster.
    """
    found, most = [], 0
    stream: Iterator[Any] = engine.generate(asked(image, number) for number, image in enumerate(images))
    for number, generation in enumerate(stream, start=1):
        assert generation.error is None
        if number % 10 == 0:
            assert engine._ahead.waiting <= ahead.DEPTH
            most = max(most, held(engine))
        if number % 40 == 0:
            found.append(most)
            most = 0
    return found


def test_what_is_held_does_not_grow_with_the_samples(
    tiny_omni: Path, images: list[Media], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = opened(tiny_omni, monkeypatch)
    found = by_samples(engine, images)
    # bounds are reached within the first 80 answers; 40 bytes for each of the last 200 would be too much
    assert max(found[5:]) < max(found[1:5]) + 8000, found
    assert engine.shelf.kept.nbytes <= ROWS and engine.prompts._known.nbytes <= ROWS + 10_000
    assert engine.shelf.kept.nbytes > ROWS / 2 and len(engine._numbers) == 32
    engine.close()
    assert engine.shelf.nbytes == engine.prompts.nbytes == 0


@pytest.mark.full
def test_the_count_would_see_what_has_no_bound(
    tiny_omni: Path, images: list[Media], monkeypatch: pytest.MonkeyPatch
) -> None:
    for bounds in ({"rows": 2**30}, {"decoded": 2**30}):
        engine = opened(tiny_omni, monkeypatch, **bounds)
        found = by_samples(engine, images[:200])
        assert found[-1] > found[1] + 80_000, bounds
        engine.close()


def test_repeats_of_questions_find_as_many_rows_as_there_is_room_for(
    tiny_omni: Path, images: list[Media], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Round after round in one order: of forty images there is room for half, and half of them are never read again."""
    engine = opened(tiny_omni, monkeypatch, decoded=0)
    engine.prompts._known.most = 10**6
    read: list[str] = []
    plain = conversations.media.read
    monkeypatch.setattr(conversations.media, "read", lambda m, limits: (read.append(m.path), plain(m, limits))[1])
    list(engine.generate([asked(images[0], 0)]))
    each = engine.shelf.nbytes
    engine.shelf.kept.most = 20 * each
    engine.shelf.clear()
    read.clear()
    requests = [asked(images[n], n, repeat) for repeat in range(5) for n in range(40)]
    assert sum(one.error is None for one in engine.generate(iter(requests))) == 200
    rounds = [read.count(path) for path in sorted(set(read))]
    assert rounds.count(1) >= 20 and len(read) <= 40 + 4 * 20
    # another run's images take their places; a round is longer than what is prepared and encoded together
    engine.shelf.kept.most = 30 * each
    others = [asked(images[100 + n], n, repeat) for repeat in range(3) for n in range(30)]
    read.clear()
    assert sum(one.error is None for one in engine.generate(iter(others))) == 90
    assert len(read) == 30
    engine.close()


# --- the parts


@given(
    puts=st.lists(st.tuples(st.text("abcdef", min_size=1, max_size=2), st.integers(0, 9), st.booleans()), max_size=60),
    most=st.integers(0, 30),
)
def test_what_is_kept_stays_within_its_bound(puts: list[tuple[str, int, bool]], most: int) -> None:
    kept: Kept[object] = Kept(most)
    last: dict[str, tuple[object, int]] = {}
    for name, nbytes, fresh in puts:
        if fresh:
            kept.begin()
        last[name] = object(), nbytes
        kept.put(name, last[name][0], nbytes)
        there = {n: last[n] for n in last if kept.find(n) is not None}
        assert all(kept.find(n) is value for n, (value, _) in there.items())
        assert kept.nbytes == sum(size for _, size in there.values()) <= most and len(kept) == len(there)
    kept.clear()
    assert not kept.nbytes and not len(kept)


@given(order=st.permutations(range(20)), most=st.integers(1, 25), rounds=st.integers(2, 4))
def test_rounds_find_their_whole_share_again(order: list[int], most: int, rounds: int) -> None:
    kept: Kept[int] = Kept(most)
    names = [f"{random.Random(n).random()}" for n in order]
    kept.put("0", -1, 1)  # of an earlier stream, and it would be the first
    kept.begin()
    for number in range(rounds):
        hits = 0
        for name in names:
            found = kept.find(name)
            hits += found is not None
            kept.put(name, 0 if found is None else found, 1)
        assert hits == (0 if number == 0 else min(most, 20))
    assert (kept.find("0") is not None) == (most > 20)


def test_numbers_of_media_are_forgotten_and_never_used_again() -> None:
    numbers = Numbers(100, most=2)
    assert [numbers.begin(name, 5) for name in "abac"] == [100, 105, 100, 110]
    assert numbers.begin("a", 5) == 100 and len(numbers) == 2
    assert numbers.begin("b", 5) == 115


def test_other_notes_on_questions_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.engines.schedule import Job, lengths
    from harness.media import content

    monkeypatch.setattr(lengths, "_GROUPS", 3)
    found = Lengths()
    for number in range(9):
        for _ in range(2):
            found.learn(Job([0] * (11 + number), 1, 100, group=str(number)))
    assert len(found._groups) == 3
    assert found.expected(Job([0], 1, 100, group="0")) == 12 and found.expected(Job([0], 1, 100, group="8")) == 16
    assert content._hash_of_files.cache_info().maxsize == 16384
    assert Numbers(0)._most == given_module.REMEMBERED == 16384


@pytest.mark.parametrize(
    ("weights", "kept"), [(2_000_000, KEPT_LEAST), (2**30, 2**26), (18_000_000_000, KEPT_MOST), (0, KEPT_LEAST)]
)
def test_how_much_is_kept_follows_from_the_weights(weights: int, kept: int) -> None:
    assert kept_bytes(weights) == kept
