"""Music2Latent: the package's network hosted here, on the song's grid, with the song's noise."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsep.backends.backend import Passage
from morphsep.backends.music2latent import model as music2latent_model
from morphsep.backends.music2latent.batches import Batches
from morphsep.backends.music2latent.fast import blocks as music2latent_blocks
from morphsep.backends.music2latent.fast import norms as music2latent_norms
from morphsep.backends.music2latent.fast.speed import (
    ELSEWHERE,
    ON_CPU,
    TRANSFORMATIONS,
    choose,
    transform,
)
from morphsep.backends.music2latent.music2latent import CONTEXT, Music2Latent
from morphsep.backends.music2latent.passage import NEAR_END, whole_frames
from morphsep.backends.music2latent.spectra import (
    LATENT_HOP,
    REACH,
    latent_frames,
    samples_of,
    spectra,
    waveform,
)
from morphsep.cli.app import app
from morphsep.dsp.noise import gaussian
from morphsep.dsp.signal import Signal
from morphsep.dsp.stitching import correlation
from morphsep.errors import SettingError, TrackError
from morphsep.models import weights
from morphsep.testing import check_backend
from morphsep.tones.catalogue import get_tone
from tests.music2latent_checkpoints import checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPE = (2, 1024, 8)
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Gain:
    """A tone that is loud, or turned round, and needs some samples to settle."""

    factor: float
    context: tuple[int, int] = (0, 0)
    reference: Any = None
    name: str = "gain"
    description: str = "for tests"

    def fingerprint(self) -> str:
        return f"gain {self.factor}"

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        return np.float32(self.factor) * stem


def noise(num_samples: int, channels: int = 2, seed: int = 0) -> Signal:
    generator = np.random.default_rng(seed)
    return (0.1 * generator.standard_normal((channels, num_samples))).astype(np.float32)


def passage(stem: Signal, amount: float | Signal, start: int = 0, **more: Any) -> Passage:
    curve = np.broadcast_to(np.asarray(amount, np.float32), stem.shape[1:])
    values = {"source_tone": get_tone("as-recorded"), "target_tone": Gain(0.5), "level": -20.0}
    return Passage(stem=stem, start=start, amount=curve, **{**values, **more})


class Identity:
    """In the codec's place: latents are the samples themselves; notes what it was asked for."""

    device, fits, lanes = CPU, 1 << 30, 4

    def __init__(self) -> None:
        self.encoded: list[int] = []
        self.decoded: list[int] = []
        self.noise: list[Signal] = []

    def encode(self, audio: Signal) -> Signal:
        self.encoded.append(len(audio))
        assert audio.shape[1] % LATENT_HOP == REACH - LATENT_HOP
        frames = audio[:, : audio.shape[1] - REACH + LATENT_HOP]
        return frames.reshape(len(audio), -1, LATENT_HOP).transpose(0, 2, 1)

    def decode(self, latents: Signal, noise: Signal) -> Signal:
        self.decoded.append(len(latents))
        self.noise += list(noise)
        frames = latents.transpose(0, 2, 1).reshape(len(latents), -1)
        return np.pad(frames, ((0, 0), (0, REACH - LATENT_HOP)))


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Identity:
    codec = Identity()
    monkeypatch.setattr(Music2Latent, "_codec", lambda self: codec)
    return codec


@pytest.fixture(scope="module")
def path() -> Path:
    return checkpoint()


@pytest.fixture(scope="module")
def network(path: Path) -> Any:
    return music2latent_model.load(path)


@pytest.fixture
def gpu(identity: Identity) -> Identity:
    """Batches are for GPUs."""
    identity.device = torch.device("cuda")
    return identity


@pytest.fixture(scope="module")
def theirs(path: Path) -> Iterator[Any]:
    """The package's own codec, which must not fetch anything."""
    import music2latent.inference as package

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(package, "download_model", lambda: None)
        yield package.EncoderDecoder(str(path), device=CPU)


# --- where frames lie ---------------------------------------------------------------------------


@given(st.integers(-(10**6), 10**8), st.integers(1, 10**6))
def test_frames_stand_on_the_songs_grid_and_are_all_that_is_needed(start: int, length: int) -> None:
    frames = latent_frames(start, start + length)
    span = samples_of(frames)
    assert span.start % LATENT_HOP == 0
    # every sample is whole: it lies behind the first 1536 and before the last
    assert span.start + 1536 <= start
    assert start + length <= span.stop - 1536
    assert span.start + LATENT_HOP + 1536 > start
    assert start + length > span.stop - 1536 - LATENT_HOP


def test_a_click_comes_back_where_it_was_and_whole() -> None:
    clicks = np.zeros((1, 4 * LATENT_HOP + 1536), np.float32)
    clicks[0, 700::997] = 0.8
    back = waveform(spectra(torch.from_numpy(clicks))).numpy()
    inside = slice(1536, -1536)
    # the package drops the bin at half the sample rate, -66 dB of a click
    np.testing.assert_allclose(back[0, inside], clicks[0, inside], atol=2e-3)
    lags = np.correlate(back[0, inside], clicks[0, inside], "full")
    assert lags.argmax() == len(lags) // 2


def test_spectra_are_those_of_the_package() -> None:
    from music2latent.audio import to_representation, to_waveform

    sound = torch.from_numpy(noise(3 * LATENT_HOP + 1536))
    sound[:, 1000:4000] = 0
    parts = spectra(sound)
    torch.testing.assert_close(parts, to_representation(sound), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(waveform(parts), to_waveform(parts), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("start", [0, -CONTEXT, 12345, 4096, 10**9 + 1])
def test_the_way_through_an_identity_changes_nothing(identity: Identity, start: int) -> None:
    """Length, alignment and the tail that the package crops, wherever a chunk lies."""
    stem = noise(30000)
    stem[:, ::997] = 0.9
    tones = {"target_tone": get_tone("as-recorded")}
    (got,) = Music2Latent().morph([passage(stem, 0.5, start, **tones)])
    np.testing.assert_allclose(got, stem, atol=1e-6)
    lags = np.correlate(got[0], stem[0], "full")
    assert lags.argmax() == stem.shape[1] - 1


@pytest.mark.parametrize("length", [1, 100, 4095, 4096, 5633])
def test_however_short(identity: Identity, length: int) -> None:
    stem = noise(length, channels=1)
    (got,) = Music2Latent().morph([passage(stem, 0.5, 77, target_tone=Gain(1.0))])
    np.testing.assert_allclose(got, stem, atol=1e-6)


def test_what_has_not_settled_is_not_decoded(identity: Identity) -> None:
    backend, tone = Music2Latent(), Gain(0.5, context=(20 * LATENT_HOP, 9 * LATENT_HOP))
    assert backend.context(get_tone("as-recorded"), tone) == (
        20 * LATENT_HOP + CONTEXT,
        9 * LATENT_HOP + CONTEXT,
    )
    (got,) = backend.morph([passage(noise(33 * LATENT_HOP), 0.5, target_tone=tone)])
    assert got.shape == (2, 33 * LATENT_HOP)
    assert identity.noise[0].shape == (2, 1024, 8 * 5)


# --- the way between the ends -------------------------------------------------------------------


def test_the_amount_is_a_curve_and_its_ends_are_the_tones(identity: Identity) -> None:
    stem = noise(20 * LATENT_HOP)
    amount = np.interp(np.arange(stem.shape[1]), [20000, 60000], [0, 1]).astype(np.float32)
    (got,) = Music2Latent(interpolation="lerp").morph([passage(stem, amount)])
    np.testing.assert_array_equal(got[:, :20000], stem[:, :20000])
    np.testing.assert_array_equal(got[:, 60000:], np.float32(0.5) * stem[:, 60000:])
    # of the straight line between both, at the resolution of frames
    gain = 1 - 0.5 * amount
    step = 0.5 * LATENT_HOP / 40000
    assert np.abs(got - gain * stem).max() < step * np.abs(stem).max()


def test_near_its_ends_a_decoded_sound_fades_in_without_a_step(identity: Identity) -> None:
    identity.decode = lambda latents, noise: np.full(  # type: ignore[method-assign]
        (len(latents), latents.shape[2] * LATENT_HOP + REACH - LATENT_HOP), 0.7, np.float32
    )
    stem = np.zeros((1, 30000), np.float32)
    amount = np.linspace(0, 1, 30000).astype(np.float32)
    (got,) = Music2Latent().morph([passage(stem, amount)])
    slope = 0.7 / (NEAR_END * 30000)
    assert np.abs(np.diff(got)).max() < 1.01 * slope
    np.testing.assert_allclose(got[0, 2000:28000], 0.7, atol=1e-6)
    (paper,) = Music2Latent(paper_faithful=True).morph([passage(stem, amount)])
    np.testing.assert_allclose(paper, 0.7, atol=1e-6)


def test_what_is_at_an_end_throughout_costs_nothing(identity: Identity) -> None:
    stem = noise(30000)
    source, target = Music2Latent().morph([passage(stem, 0), passage(stem, 1)])
    np.testing.assert_array_equal(source, stem)
    np.testing.assert_array_equal(target, np.float32(0.5) * stem)
    assert not identity.encoded
    assert not identity.decoded


def test_one_angle_for_the_track_or_one_for_each_frame(identity: Identity) -> None:
    """The two differ where the target is like the source here and unlike it there."""

    class Half(Gain):
        def render(self, stem: Signal, start: int, level: float) -> Signal:
            other = noise(stem.shape[1], seed=9)
            return np.where(np.arange(stem.shape[1]) < stem.shape[1] // 2, stem, other)

    stem = noise(24 * LATENT_HOP)
    tones = {"target_tone": Half(1.0)}
    backend = Music2Latent()
    facts = json.loads(json.dumps(backend.measure([passage(stem, 0, **tones)])))
    assert facts["angle"] == pytest.approx(np.pi / 3, abs=0.05)
    whole, frames = (
        replace(backend, angle=angle).morph([passage(stem, 0.5, facts=facts, **tones)])[0]
        for angle in ("track", "frame")
    )
    level = lambda x, a, b: float(np.std(x[:, a:b]) / np.std(stem[:, a:b]))  # noqa: E731
    middle = stem.shape[1] // 2
    assert level(frames, 9000, middle - 9000) == pytest.approx(1, abs=0.01)
    assert level(frames, middle + 9000, -9000) == pytest.approx(1, abs=0.03)
    weight = math.sin(facts["angle"] / 2) / math.sin(facts["angle"])
    assert level(whole, 9000, middle - 9000) == pytest.approx(2 * weight, abs=0.01)
    assert level(whole, middle + 9000, -9000) == pytest.approx(2**0.5 * weight, abs=0.03)


def test_facts_of_the_track_count_and_not_those_of_the_chunk(identity: Identity) -> None:
    backend, stem = Music2Latent(), noise(60000)
    parts = [stem[:, :30000], 0.01 * stem[:, 30000:]]
    tones = {"target_tone": Gain(-0.5)}
    facts = backend.measure([passage(part, 0, **tones) for part in parts])
    assert backend.measure([]) == {}
    for part in parts:
        with_facts, without = (
            backend.morph([passage(part, 0.3, facts=each, **tones)])[0] for each in (facts, {})
        )
        np.testing.assert_allclose(with_facts, without, atol=1e-6)
    other = backend.measure([passage(stem, 0, target_tone=Gain(0.5))])
    changed = backend.morph([passage(parts[0], 0.3, facts=other, **tones)])[0]
    assert np.abs(changed - stem[:, :30000]).max() > 0.01


def recording(sound: Signal, lufs: float = -20.0) -> Any:
    def read(start: int, num_samples: int) -> Signal:
        padded = np.pad(sound, ((0, 0), (max(0, -start), num_samples)))
        return padded[:, max(0, start) : max(0, start) + num_samples]

    seconds = -(-sound.shape[1] // 44100)
    return SimpleNamespace(
        read=read, num_samples=sound.shape[1], rms_per_second=[0.1] * seconds, lufs=lufs
    )


def test_a_recording_of_other_notes_lends_its_statistics(identity: Identity) -> None:
    stem, other = noise(40 * LATENT_HOP), noise(40 * LATENT_HOP, seed=5)
    tone = Gain(123.0, reference=recording(2 * other + 0.3))
    backend = Music2Latent()
    facts = backend.measure([passage(stem, 0, target_tone=tone)])
    assert facts["lent"][0] is None
    assert np.mean(facts["lent"][1]["wanted"]["mean"]) == pytest.approx(0.3, abs=0.01)
    assert np.mean(facts["lent"][1]["own"]["mean"]) == pytest.approx(0, abs=0.01)
    zero, one = (
        backend.morph([passage(stem, amount, target_tone=tone, facts=facts)])[0]
        for amount in (0, 1)
    )
    np.testing.assert_array_equal(zero, stem)
    # the rendering (123 times the stem) has no part in it
    assert one.mean() == pytest.approx(0.3, abs=0.01)
    assert one.std() == pytest.approx(0.2, abs=0.02)
    # another level of the same recording lends the same
    loud = replace(tone, reference=recording(20 * other + 3, lufs=0.0))
    again = backend.measure([passage(stem, 0, target_tone=loud)])
    assert again["angle"] == pytest.approx(facts["angle"], abs=1e-5)
    np.testing.assert_allclose(again["lent"][1]["wanted"]["std"], facts["lent"][1]["wanted"]["std"],
                               rtol=1e-4)  # fmt: skip
    (rendered,) = Music2Latent(adain="never").morph([passage(stem, 1, target_tone=tone)])
    np.testing.assert_array_equal(rendered, np.float32(123) * stem)


def test_always_gives_every_amount_the_statistics_between_the_ends(identity: Identity) -> None:
    """What SLERP makes of two unlike tones is louder or softer than the line between them."""
    stem, tone = noise(200 * LATENT_HOP, channels=1), Gain(-3.0)
    backend = Music2Latent(adain="always", interpolation="lerp")
    (got,) = backend.morph([passage(stem, 0.5, target_tone=tone)])
    inside = slice(LATENT_HOP, -LATENT_HOP)
    assert np.std(got[:, inside]) == pytest.approx(2 * np.std(stem), rel=0.05)
    (plain,) = replace(backend, adain="auto").morph([passage(stem, 0.5, target_tone=tone)])
    assert np.std(plain[:, inside]) == pytest.approx(np.std(stem), rel=0.01)
    (paper,) = replace(backend, adain="auto", paper_faithful=True).morph(
        [passage(stem, 0.5, target_tone=tone)]
    )
    np.testing.assert_array_equal(paper, got)


# --- noise, channels, batches -------------------------------------------------------------------


def test_noise_is_normal_and_a_function_of_seed_channel_and_frame() -> None:
    frames = np.stack(list(gaussian(7, 0, range(-3, 40), SHAPE)))
    assert frames.dtype == np.float32
    assert abs(frames.mean()) < 0.005
    assert frames.std() == pytest.approx(1, abs=0.005)
    assert (frames**4).mean() == pytest.approx(3, abs=0.03)
    flat = frames.reshape(len(frames), -1)
    assert np.abs(np.corrcoef(flat) - np.eye(len(flat))).max() < 0.05
    (again,) = gaussian(7, 0, range(20, 21), SHAPE)
    np.testing.assert_array_equal(again, frames[23])
    for seed, channel in ((8, 0), (7, 1)):
        (other,) = gaussian(seed, channel, range(20, 21), SHAPE)
        assert abs(np.corrcoef(other.ravel(), again.ravel())[0, 1]) < 0.05


def test_noise_is_pinned() -> None:
    """A seed means the same on every machine and with every version of NumPy."""
    (values,) = gaussian(1, 2, range(-5, -4), (4,))
    np.testing.assert_allclose(values, PINNED, rtol=1e-5)


PINNED = [-0.31287435, -0.93955392, -1.7958382, -0.40743320]


def test_overlapping_chunks_start_from_the_same_noise(identity: Identity) -> None:
    stem = noise(40000, channels=1)
    Music2Latent(seed=3).morph(
        [passage(stem, 0.5, 5000), passage(stem, 0.5, 5000 + 3 * LATENT_HOP)]
    )
    first, second = identity.noise
    np.testing.assert_array_equal(first[..., 24:], second[..., :-24])
    assert not np.array_equal(first, second)


def test_left_and_right_share_their_noise_unless_told_otherwise(identity: Identity) -> None:
    for how in ("shared", "separate"):
        Music2Latent(noise=how).morph([passage(noise(9000), 0.5)])
    shared, separate = identity.noise[:2], identity.noise[2:]
    np.testing.assert_array_equal(shared[0], shared[1])
    np.testing.assert_array_equal(separate[0], shared[0])
    assert not np.array_equal(*separate)


def test_channels_that_are_alike_are_worked_on_once(identity: Identity) -> None:
    mono = noise(30000, channels=1)
    for how in ("shared", "separate"):
        one, two = Music2Latent(noise=how).morph(
            [passage(mono, 0.5), passage(np.repeat(mono, 2, axis=0), 0.5)]
        )
        np.testing.assert_array_equal(two, np.repeat(one, 2, axis=0))
    assert sum(identity.decoded) == 4
    assert sum(identity.encoded) == 8


@settings(max_examples=20)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=6), st.integers(1, 5), st.integers(1, 3))
def test_batches_hold_channels_of_one_shape_and_keep_the_order(
    sizes: list[int], batch: int, lanes: int
) -> None:
    seen = []

    def run(a: Signal, b: Signal) -> Signal:
        assert a.shape == b.shape
        seen.append(len(a))
        return a + b

    items = [(np.full((2, n), n), np.arange(2)[:, None] * np.ones((1, n))) for n in sizes]
    got = Batches(size=batch, lanes=lanes, warn=pytest.fail).run(run, items)
    for n, result in zip(sizes, got, strict=True):
        np.testing.assert_array_equal(result, n + np.arange(2)[:, None] * np.ones((1, n)))
    assert max(seen) <= batch


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA"), RuntimeError("DefaultCPUAllocator: can't allocate memory")],
)
def test_out_of_memory_halves_the_batch_and_says_so(gpu: Identity, error: Exception) -> None:
    decode, warnings = gpu.decode, list[str]()

    def narrow(latents: Signal, noise: Signal) -> Signal:
        if len(latents) > 3:
            raise error
        return decode(latents, noise)

    gpu.decode = narrow  # type: ignore[method-assign]
    backend, stem = Music2Latent(batch=8), noise(30000)
    passages = [passage(stem, 0.5, start, warn=warnings.append) for start in (0, 9000, 40960)]
    got = backend.morph(passages)
    assert gpu.decoded == [3, 3]
    assert len(warnings) == 1
    assert "Memory" in warnings[0]
    expected = [backend.morph([each])[0] for each in passages]
    assert len(warnings) == 1
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_one_chunk_that_does_not_fit_fails_its_track(identity: Identity) -> None:
    def full(latents: Signal, noise: Signal) -> Signal:
        raise torch.OutOfMemoryError("CUDA")

    identity.decode = full  # type: ignore[method-assign]
    with pytest.raises(TrackError, match="shorter chunks") as caught:
        Music2Latent().morph([passage(noise(30000), 0.5)])
    assert caught.value.code == "out_of_memory"


def test_a_cpu_does_with_one_channel_at_a_time_if_it_must(identity: Identity) -> None:
    """Two side by side are too many."""
    decode, running, warnings = identity.decode, threading.Semaphore(1), list[str]()

    def narrow(latents: Signal, noise: Signal) -> Signal:
        if not running.acquire(blocking=False):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        try:
            time.sleep(0.05)
            return decode(latents, noise)
        finally:
            running.release()

    identity.decode = narrow  # type: ignore[method-assign]
    torch.set_num_threads(2)
    (got,) = Music2Latent().morph([passage(noise(30000), 0.5, warn=warnings.append)])
    assert len(warnings) == 1
    assert identity.lanes == 1
    torch.set_num_threads(1)
    np.testing.assert_array_equal(got, Music2Latent().morph([passage(noise(30000), 0.5)])[0])


def test_other_errors_are_not_taken_for_memory(identity: Identity) -> None:
    def broken(latents: Signal, noise: Signal) -> Signal:
        raise RuntimeError("shapes")

    identity.decode = broken  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="shapes"):
        Music2Latent().morph([passage(noise(30000), 0.5)])


@pytest.mark.parametrize("options", [{}, {"angle": "frame"}, {"adain": "always"}])
def test_keeps_the_promises_of_all_backends(identity: Identity, options: dict[str, Any]) -> None:
    # AdaIN lifts even silence to the track's mean; silent chunks never come to a backend
    check_backend(Music2Latent(**options), silent="adain" not in options)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_keeps_the_promises_of_all_backends_with_its_network(path: Path) -> None:
    check_backend(Music2Latent(weights=str(path), device="cpu"), silent=False)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_songs_noise_makes_both_sides_of_a_seam_agree(path: Path) -> None:
    """Whatever the weights: noise of their own makes two chunks strangers."""
    backend, length = Music2Latent(weights=str(path), device="cpu"), 3 * CONTEXT
    song = noise(length + CONTEXT, channels=1)
    left, right, stranger = (
        replace(backend, seed=seed).morph([passage(song[:, at : at + length], 0.5, at)])[0]
        for at, seed in ((0, 0), (CONTEXT, 0), (CONTEXT, 1))
    )
    shared = slice(CONTEXT, 2 * CONTEXT)
    sides = [left[:, shared.start + CONTEXT // 2 : shared.stop + CONTEXT // 2]]
    sides += [x[:, CONTEXT // 2 : CONTEXT // 2 + CONTEXT] for x in (right, stranger)]
    assert correlation(sides[0], sides[1]) > 0.7
    assert correlation(sides[0], sides[2]) < 0.1


# --- the network --------------------------------------------------------------------------------


def relative(got: Signal, expected: Signal) -> float:
    return float(np.abs(got - expected).max() / np.abs(expected).max())


def with_noise(monkeypatch: pytest.MonkeyPatch, noise: Signal) -> None:
    """Has the package decode from this noise."""
    drawn: Callable[..., torch.Tensor] = torch.randn

    def randn(*size: Any) -> torch.Tensor:
        return torch.from_numpy(noise) if size == (noise.shape,) else drawn(*size)

    monkeypatch.setattr(torch, "randn", randn)


@pytest.mark.filterwarnings("ignore:CUDA is not available")
def test_equal_to_the_package(path: Path, theirs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = Music2Latent(weights=str(path), device="cpu")._codec()
    sound = noise(4 * LATENT_HOP + 1536 + 1000)
    latents = theirs.encode(sound.copy()).numpy()
    ours = codec.encode(whole_frames(sound))
    assert ours.shape == latents.shape == (2, 64, 4)
    assert latents.std() > 1
    assert relative(ours, latents) < 1e-4
    start = np.stack([np.concatenate(list(gaussian(0, 0, range(4), SHAPE)), -1)])
    with_noise(monkeypatch, start)
    expected = theirs.decode(latents[:1]).numpy()
    got = codec.decode(latents[:1], start)
    assert expected.std() > 0.02
    assert np.abs(expected).max() < 1
    assert relative(got, expected) < 1e-4


SOUND = noise(2 * LATENT_HOP + 1536, channels=1)
START = np.stack([np.concatenate(list(gaussian(0, 0, range(2), SHAPE)), -1)])


@pytest.fixture(scope="module")
def plain(network: Any) -> tuple[Signal, Signal]:
    """Latents and sound of the network as it is published."""
    codec = music2latent_model.Codec(network, CPU, False)
    latents = codec.encode(SOUND)
    return latents, codec.decode(latents, START)


@pytest.mark.parametrize(
    "names",
    [
        ON_CPU,
        ELSEWHERE,
        *(pytest.param((name,), marks=pytest.mark.slow) for name in TRANSFORMATIONS),
    ],
)
def test_each_transformation_alone_and_together_change_nothing(
    network: Any, plain: tuple[Signal, Signal], names: tuple[str, ...]
) -> None:
    codec = music2latent_model.Codec(transform(copy.deepcopy(network), names), CPU, False)
    latents, decoded = plain
    assert relative(codec.encode(SOUND), latents) < 3e-5
    assert relative(codec.decode(latents, START), decoded) < 3e-5


@pytest.mark.parametrize("size", [1, 3000, 1 << 24])
def test_blocks_of_any_size_give_the_same(
    network: Any, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from music2latent.models import ResBlock

    monkeypatch.setattr(music2latent_blocks, "BLOCK", size)
    monkeypatch.setattr(music2latent_norms, "BLOCK", size)
    blocks = (m for m in network.encoder.modules() if isinstance(m, ResBlock))
    original = next(m for m in blocks if m.conv1.in_channels == 128)
    block = music2latent_blocks.Block(original)
    x = torch.randn(2, 128, 18, 7, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(block(x), original(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("level", [1, 4])
def test_a_streamed_block_is_the_same_and_knows_its_moments(network: Any, level: int) -> None:
    from music2latent.models import ResBlock

    from morphsep.backends.music2latent.fast.norms import Moments, channels_last
    from morphsep.backends.music2latent.fast.winograd import Workspace

    blocks = [m for m in network.encoder.modules() if isinstance(m, ResBlock) and m.use_2d]
    original = copy.deepcopy(blocks[level])
    original.attention = False
    block = music2latent_blocks.Block(original)
    channels = original.conv1.in_channels
    x = torch.randn(2, channels, 18, 7, generator=torch.Generator().manual_seed(0))
    expected, memory = original(x), Workspace()
    for moments in ([], [Moments.of(each) for each in channels_last(x)]):
        fresh = x.contiguous(memory_format=torch.channels_last)
        got, known = block.streamed(fresh, moments, memory)
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
        for each, found in zip(channels_last(got), known, strict=True):
            assert found.count == 18 * 7
            torch.testing.assert_close(found.sums, Moments.of(each).sums, rtol=1e-4, atol=1e-2)


def test_sounds_encoded_at_once_do_not_touch_each_other(path: Path) -> None:
    codec = Music2Latent(weights=str(path), device="cpu")._codec()
    sounds = np.concatenate([SOUND, noise(SOUND.shape[1], channels=1) / 3])
    together = codec.encode(sounds)
    np.testing.assert_array_equal(codec.encode(sounds), together)
    for sound, latents in zip(sounds, together, strict=True):
        assert relative(codec.encode(sound[None])[0], latents) < 1e-5


def test_norms_are_exact_with_the_channels_last() -> None:
    x = 5 + torch.randn(2, 64, 1024, 24, generator=torch.Generator().manual_seed(0))
    original = torch.nn.GroupNorm(16, 64).requires_grad_(False)
    exact = original.double()(x.double()).float()
    norm = music2latent_norms.GroupNorm(original.float())
    got = norm(x.contiguous(memory_format=torch.channels_last))
    assert got.is_contiguous(memory_format=torch.channels_last)
    assert relative(got.numpy(), exact.numpy()) < 2e-5


def test_each_transformation_replaces_what_it_says(network: Any) -> None:
    def kinds(*names: str) -> set[str]:
        modules = transform(copy.deepcopy(network), names).modules()
        return {type(module).__name__ for module in modules}

    assert {"MultiheadAttention", "UpsampleConv", "UpsampleFreqConv", "UNet"} < kinds()
    assert "MultiheadAttention" not in kinds("attention")
    assert not {"UpsampleConv", "UpsampleFreqConv"} & kinds("upsampling")
    assert "Block" in kinds("blocks")
    assert "StreamedEncoder" in kinds("encoder")
    assert "SummedUNet" in kinds("sums")
    with pytest.raises(SettingError, match="There are: channels_last"):
        choose(["speed"], CPU)
    assert choose(None, torch.device("cuda")) == ELSEWHERE


def test_a_real_passage_twice_and_in_any_company(path: Path) -> None:
    backend = Music2Latent(weights=str(path), device="cpu")
    stem = noise(2000, channels=1)
    here, there = passage(stem, 0.4, 4321), passage(stem, 0.7, 99999)
    first = backend.morph([here])[0]
    again = replace(backend, batch=4).morph([there, here])[1]
    assert first.shape == stem.shape
    assert np.isfinite(first).all()
    assert np.std(first) > 0.01
    np.testing.assert_array_equal(again, first)
    other = replace(backend, seed=1).morph([here])[0]
    assert np.abs(other - first).max() > 1e-3
    assert pickle.loads(pickle.dumps(backend)) == backend


# --- settings and weights -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{"angle": "x"}, {"interpolation": "x"}, {"adain": "x"}, {"noise": "x"}, {"precision": "x"},
     {"batch": 0}],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=next(iter(options))):
        Music2Latent(**options)


def test_the_fingerprint_holds_all_that_is_heard_and_nothing_else(path: Path) -> None:
    backend = Music2Latent(weights=str(path))
    heard = {"angle": "frame", "interpolation": "lerp", "adain": "never", "noise": "separate",
             "paper_faithful": True, "precision": "half", "seed": 1}  # fmt: skip
    prints = {replace(backend, **{name: value}).fingerprint() for name, value in heard.items()}
    assert len(prints | {backend.fingerprint()}) == len(heard) + 1
    same = replace(backend, batch=3, device="cpu", offline=True, weights=str(path.parent))
    assert same.fingerprint() == backend.fingerprint()
    assert not backend.uniform


class Harmful:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return print, ("harm",)


def test_wrong_weights_are_refused_and_nothing_in_them_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "pickle.pt": lambda file: torch.save({"gen_state_dict": Harmful()}, file),
        "empty.pt": lambda file: torch.save({"gen_state_dict": {}}, file),
        "other.pt": lambda file: torch.save({"state": {}}, file),
        "text.pt": lambda file: file.write_text("no weights"),
        "text.safetensors": lambda file: file.write_text("no weights"),
    }
    for name, write in files.items():
        write(tmp_path / name)
        with pytest.raises(SettingError, match=name):
            music2latent_model.load(tmp_path / name)
    assert "harm" not in capsys.readouterr().out
    for name, reason in (("missing.pt", "no weights at"), ("", "should hold one")):
        with pytest.raises(SettingError, match=reason):
            Music2Latent(weights=str(tmp_path / name)).fingerprint()


def test_safetensors_are_as_good(path: Path, network: Any, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file(network.state_dict(), tmp_path / "own.safetensors")
    loaded = music2latent_model.load(tmp_path / "own.safetensors")
    for name, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)


def test_without_the_package_it_says_what_to_install(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "music2latent.models", None)
    with pytest.raises(SettingError, match=r"pip install 'morphsep\[music2latent\]'"):
        music2latent_model.load(path)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A web server over a folder, in the hub's place; an empty store of our own."""
    folder = tmp_path / "mirror" / "music2latent"
    folder.mkdir(parents=True)
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder.parent))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *args: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        monkeypatch.setenv("MORPHSEP_MODEL_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("MORPHSEP_WEIGHTS", str(tmp_path / "weights"))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
        for name in (
            "http_proxy",
            "https_proxy",
            "all_proxy",
            "MORPHSEP_OFFLINE",
            "HF_HUB_OFFLINE",
        ):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        yield folder
        server.shutdown()


def test_the_published_weights_are_fetched_once_and_checked(
    mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = b"weights" * 1000
    (mirror / "music2latent.pt").write_bytes(content)
    Music2Latent()  # fetches nothing
    assert not weights.available("music2latent")
    with pytest.raises(SettingError, match="morphsep models fetch music2latent"):
        Music2Latent(offline=True).fingerprint()
    app(["models", "fetch", "music2latent"], standalone_mode=False)
    stored = tmp_path / "weights" / "music2latent" / "music2latent.pt"
    assert stored.read_bytes() == content
    (mirror / "music2latent.pt").write_bytes(b"something else")
    digest = hashlib.sha256(content).hexdigest()
    assert json.loads((stored.parent / "checksums.json").read_text()) == {stored.name: digest}
    assert digest in Music2Latent(offline=True).fingerprint()
    app(["models", "verify", "music2latent"], standalone_mode=False)
    app(["models", "list"], standalone_mode=False)
    shown = capsys.readouterr().out
    assert f"ok {stored}" in shown
    assert "weights of music2latent: CC-BY-NC-4.0" in shown
    stored.write_bytes(content[1:])
    with pytest.raises(SettingError, match="damaged or exchanged"):
        Music2Latent(offline=True).fingerprint()


def test_the_hub_is_where_they_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MORPHSEP_MODEL_URL", raising=False)
    (model,) = [each for each in weights.list_models() if each.name == "music2latent"]
    assert [url.split("/", 3)[3] for url in model.urls] == [
        "SonyCSLParis/music2latent/resolve/main/music2latent.pt"
    ]
