"""Sounds of minutes and of half an hour: read without copies, refused with a reason, cut as told, or run through."""

import json
import shutil
import tracemalloc
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import media
from harness.engines import Setup, open_engine
from harness.media import Sound
from harness.records import Generation, Media, MediaLimits, ModelSpec, Request, Sampling, turn
from tests.test_cli import Harness, harness

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision", reason="the library's film processor needs torchvision (extra omni)")
soundfile = pytest.importorskip("soundfile", reason="sounds are decoded with soundfile (extra omni)")

__all__ = ["harness"]  # a fixture

RATE, MINUTE = 16000, 60
# ids of a sound for each second
A_SECOND = 25
WIDE = 65536


def write_minutes(path: Path, minutes: int, *, last: float = 0.0) -> Media:
    """A tone that rises from minute to minute, over noise; `last` hertz more in the last minute."""
    noise = np.random.default_rng(0)
    time = np.arange(RATE * MINUTE) / RATE
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        for minute in range(minutes):
            tone = 200 + 40 * minute + last * (minute == minutes - 1)
            samples = 8000 * np.sin(2 * np.pi * tone * time) + noise.normal(0, 200, time.shape)
            out.writeframes(samples.astype("<i2").tobytes())
    return Media("audio", path=str(path))


@pytest.fixture(scope="module")
def half_an_hour(tmp_path_factory: pytest.TempPathFactory) -> Media:
    found = write_minutes(tmp_path_factory.mktemp("sound") / "half.wav", 30)
    assert Path(found.path).stat().st_size == 30 * MINUTE * RATE * 2 + 44
    return found


@pytest.fixture(scope="module")
def wide(tiny_omni: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint with a context that half an hour fits into."""
    folder = tmp_path_factory.mktemp("wide") / "tiny-omni"
    shutil.copytree(tiny_omni, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["thinker_config"]["text_config"]["max_position_embeddings"] = WIDE
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def opened(folder: Path) -> Any:
    torch.set_num_threads(1)
    spec = ModelSpec(id="tiny", name="Tiny", developer="us", weights="open")
    return open_engine("omni", spec=spec, folder=folder, setup=Setup(precision="fp32", device="cpu", rows=2))


@pytest.fixture(scope="module")
def engine(tiny_omni: Path) -> Any:
    return opened(tiny_omni)


def asked(sound: Media, limits: MediaLimits | None = None) -> Request:
    messages = (turn("user", sound, "What?"),)
    return Request(sound.path, 0, Sampling(max_tokens=5), 0, messages=messages, ends=frozenset(), limits=limits)


def answer(engine: Any, sound: Media, limits: MediaLimits | None = None) -> Generation:
    found: list[Generation] = list(engine.generate([asked(sound, limits)]))
    assert len(found) == 1
    return found[0]


def test_five_minutes_run_through_whole(engine: Any, tmp_path: Path) -> None:
    out = answer(engine, write_minutes(tmp_path / "a.wav", 5))
    assert out.error is None and out.output_tokens == 5
    (use,) = out.media
    assert (use.seconds, use.source_seconds, use.tokens) == (300, 300, 300 * A_SECOND) and not use.reduced
    assert use.tokens < out.prompt_tokens < use.tokens + 40


def test_a_piece_of_a_long_sound_says_so(engine: Any, tmp_path: Path) -> None:
    sound = write_minutes(tmp_path / "a.wav", 5)
    out = answer(engine, Media("audio", path=sound.path, start=60, end=90))
    (use,) = out.media
    assert (use.seconds, use.source_seconds, use.tokens) == (30, 300, 30 * A_SECOND) and use.reduced


def test_a_limit_in_seconds_refuses_before_anything_is_read(
    engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is shortened in silence: whoever wants a piece names it, and within the limit it is taken."""
    sound = write_minutes(tmp_path / "a.wav", 5)
    short = MediaLimits(audio_seconds=120)
    with monkeypatch.context() as patch:
        patch.setattr(soundfile.SoundFile, "read", lambda *_, **__: pytest.fail("it was read"))
        out = answer(engine, sound, short)
    assert out.finish_reason == "error" and "300.0 s of sound, more than the 120 s allowed" in str(out.error)
    assert answer(engine, Media("audio", path=sound.path, end=120), short).media[0].reduced


def test_what_is_heard_beyond_five_minutes_reaches_the_model(engine: Any, tmp_path: Path) -> None:
    """The library's extractor would cut there in silence; the sounds differ in their sixth minute alone."""
    prompts = [
        engine.prompts.asked(asked(write_minutes(tmp_path / f"{last}.wav", 6, last=last)), whole=True).prompt
        for last in (0.0, 900.0)
    ]
    one, other = (found.embeds[0] for found in engine.model.features(prompts))
    assert one.shape[0] == 360 * A_SECOND
    differ = (one - other).abs().amax(-1)
    # the loudest of a sound decides where it is cut off below, so that silence moves a little
    assert differ[: 299 * A_SECOND].max() < 0.01
    assert (differ[301 * A_SECOND :] > 0.1).float().mean() > 0.9


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("length", [400, RATE, 7 * RATE + 33, 10 * RATE, 10 * RATE + 1])
def test_a_spectrogram_in_pieces_is_that_of_the_whole(
    engine: Any, side: str, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where most of it is far below the loudest, which lies in another piece."""
    from harness.library.omni import spectrogram

    extractor = engine._omni.processor.feature_extractor
    monkeypatch.setattr(extractor, "padding_side", side)
    samples = np.random.default_rng(0).normal(size=length).astype("f4") * np.geomspace(1e-7, 0.5, length, dtype="f4")
    whole = spectrogram.log_mel(extractor, samples)
    assert float(whole.max() - whole.min()) == pytest.approx(2.0, abs=1e-5) or length == 400
    given: list[int] = []
    plain = spectrogram._extracted
    monkeypatch.setattr(spectrogram, "_extracted", lambda e, s: (given.append(len(s)), plain(e, s))[1])
    for piece in (37, 250):
        given.clear()
        monkeypatch.setattr(spectrogram, "_AT_ONCE", 0)
        monkeypatch.setattr(spectrogram, "_PIECE", piece)
        found = spectrogram.log_mel(extractor, samples)
        assert found.shape == whole.shape and torch.allclose(found, whole, atol=1e-6)
        assert max(given) <= (piece + 4) * 160 and sum(given) < (1 + 4 / piece) * length + 8 * 160


@pytest.mark.parametrize(("rate", "expected"), [(16000, 1.0), (16000, 0.0), (16000, 0.3), (44100, 1.0), (8000, 0.5)])
def test_samples_are_joined_whatever_was_expected(rate: int, expected: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header's length is no promise. What is made of the blocks is what resampling them at once gives."""
    import soxr

    from harness.media import sounds
    from harness.media.tracks import Blocks

    monkeypatch.setattr(sounds, "_BLOCK", 700)
    monkeypatch.setattr(sounds, "content_hash", lambda _: "0" * 64)
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, 50_001).astype("f4")
    parts = iter(np.array_split(samples, 71))
    seconds = len(samples) / rate
    blocks = Blocks(rate=rate, seconds=expected * seconds, source_seconds=seconds, parts=parts)
    found = sounds.heard(blocks, Media("audio", data=b"x"), MediaLimits())
    wanted = samples if rate == RATE else soxr.resample(samples, rate, RATE, quality="HQ")
    assert len(found.samples) == -(-len(samples) * RATE // rate)
    shared = min(len(wanted), len(found.samples))
    assert np.abs(found.samples[:shared] - wanted[:shared]).max() < 1e-6 and not found.samples[shared:].any()


# --- half an hour


@pytest.mark.full
def test_half_an_hour_is_read_into_one_array(half_an_hour: Media) -> None:
    tracemalloc.start()
    found = media.read(half_an_hour, MediaLimits())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(found, Sound) and found.samples.nbytes == 30 * MINUTE * RATE * 4
    assert peak < 1.1 * found.samples.nbytes


@pytest.mark.full
def test_half_an_hour_beyond_the_context_is_an_error_with_a_reason(engine: Any, half_an_hour: Media) -> None:
    engine.shelf.clear()
    out = answer(engine, half_an_hour)
    assert out.finish_reason == "error" and out.text == ""
    assert out.error == f"the prompt has {out.prompt_tokens} tokens, but the context is 32768"
    (use,) = out.media
    assert use.tokens == 45_000 < out.prompt_tokens and use.seconds == 1800 and not use.reduced
    assert not engine.shelf.nbytes, "it was encoded all the same"
    assert engine.prompts.nbytes < 1.1 * 30 * MINUTE * RATE * 4


@pytest.mark.full
def test_a_question_about_half_an_hour_beyond_the_context(
    harness: Harness, tiny_omni: Path, half_an_hour: Media
) -> None:
    said = harness("ask", str(tiny_omni), "What?", "--audio", half_an_hour.path, "--engine", "omni", "--device", "cpu")
    assert said.code != 0 and "Traceback" not in said.err and said.out == ""
    assert "tokens, but the context is 32768" in said.err


@pytest.mark.full
def test_half_an_hour_is_shortened_where_a_piece_is_named(engine: Any, half_an_hour: Media) -> None:
    limits = MediaLimits(audio_seconds=600)
    refused = answer(engine, half_an_hour, limits)
    assert refused.finish_reason == "error" and "1800.0 s of sound, more than the 600 s allowed" in str(refused.error)
    out = answer(engine, Media("audio", path=half_an_hour.path, end=600), limits)
    (use,) = out.media
    assert out.error is None and out.output_tokens == 5
    assert (use.seconds, use.source_seconds, use.tokens) == (600, 1800, 15_000) and use.reduced


@pytest.mark.full
def test_half_an_hour_runs_through_whole_where_the_context_is_long_enough(
    harness: Harness, wide: Path, half_an_hour: Media
) -> None:
    """By the command, which says what of it the model was given."""
    words = ("ask", str(wide), "What?", "--audio", half_an_hour.path, "--engine", "omni", "--device", "cpu")
    said = harness(*words, "--max-tokens", "5", "--temperature", "0", "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)["data"]
    assert found["output_tokens"] <= 5 and found["finish_reason"] in ("stop", "length")
    (use,) = found["media"]
    assert (use["seconds"], use["source_seconds"], use["tokens"]) == (1800, 1800, 45_000)
    assert 45_000 < found["prompt_tokens"] < 45_100
