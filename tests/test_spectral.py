"""The spectral backend: exact ends, no seams, no dips, no pre-echo, nothing invented in silence."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt

from morphsep.backends.backend import Backend, Passage
from morphsep.backends.crossfade import Crossfade
from morphsep.backends.spectral import blend
from morphsep.backends.spectral.blend import Blend
from morphsep.backends.spectral.phase import phase_between
from morphsep.backends.spectral.spectral import Spectral
from morphsep.dsp.bands import erb_bands, k_weighting
from morphsep.dsp.mel_position import mel_position
from morphsep.dsp.signal import MODEL_RATE, Signal
from morphsep.dsp.stft import FrameGrid
from morphsep.evaluation.metrics import distances_to_truth, match_loudness, nearest
from morphsep.tones.tone import Tone
from morphsep.tones.trim import trimmed
from tests import songs

AMOUNTS = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True, kw_only=True)
class Drive(songs.Drive):
    """tanh and a low-pass; 0 dB is the stem itself."""

    sign: float = 1.0
    peak: float = 0.1
    context: tuple[int, int] = (4000, 0)

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        driven = np.float32(self.sign) * super().render(stem, start, level)
        if self.decibels == 0:
            return driven
        filtered = sosfilt(butter(2, 5000, fs=MODEL_RATE, output="sos"), driven, axis=-1)
        return filtered.astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Noise(Drive):
    """Almost silent: noise at -120 dBFS that has nothing to do with the stem."""

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        rng = np.random.default_rng(7)
        return (1e-6 * rng.standard_normal(stem.shape)).astype(np.float32)


CLEAN, DRIVEN = Drive(), Drive(decibels=30.0)


def plucks(seconds: float = 3.0, every: float = 1.0) -> Signal:
    """A chord of decaying strings, picked ``every`` so many seconds, panned apart: [2, T]."""
    length = int(seconds * MODEL_RATE)
    strings = np.zeros((4, length))
    rng = np.random.default_rng(1)
    for onset in range(int(every * MODEL_RATE / 2), length, int(every * MODEL_RATE)):
        time = np.arange(length - onset) / MODEL_RATE
        for string, pitch in enumerate((110.0, 164.8, 220.0, 277.2)):
            for k in range(1, 12):
                wave = np.sin(2 * np.pi * pitch * k * time + k) * np.exp(-time * (3 + k / 2))
                strings[string, onset:] += 0.03 / k * wave * (1 - np.exp(-2000 * time))
            strings[string, onset:] += 0.02 * rng.standard_normal(len(time)) * np.exp(-400 * time)
    pans = np.array([[1.0, 0.9, 0.6, 0.3], [0.3, 0.6, 0.9, 1.0]])
    return (pans @ strings).astype(np.float32)


def passage(
    stem: Signal,
    amount: float | Signal,
    source: Tone = CLEAN,
    target: Tone = DRIVEN,
    start: int = 0,
) -> Passage:
    curve = np.broadcast_to(np.float32(amount), stem.shape[1]).astype(np.float32)
    return Passage(
        stem=stem, start=start, amount=curve, source_tone=source, target_tone=target, level=-20.0
    )


def morph(backend: Backend, each: Passage) -> Signal:
    (morphed,) = backend.morph([each])
    assert morphed.shape == each.stem.shape
    assert morphed.dtype == np.float32
    assert np.isfinite(morphed).all()
    return morphed


def rms(x: Signal) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


def level(x: Signal) -> float:
    """K-weighted level in dB, ungated."""
    spectrum = np.abs(np.fft.rfft(x)) ** 2
    weights = k_weighting(np.fft.rfftfreq(x.shape[1], 1 / MODEL_RATE))
    return float(10 * np.log10((spectrum * weights).sum() + 1e-9))


def test_ends_are_exact_bit_for_bit() -> None:
    stem = plucks(1.5)
    for amount in (0.0, 1.0):
        each = passage(stem, amount)
        np.testing.assert_array_equal(
            morph(Spectral(), each), each.target if amount else each.source
        )


def test_ends_are_exact_where_the_curve_reaches_them() -> None:
    stem = plucks(2.0)
    curve = np.clip(np.linspace(-1, 2, stem.shape[1]), 0, 1).astype(np.float32)
    each = passage(stem, curve)
    morphed = morph(Spectral(), each)
    np.testing.assert_array_equal(morphed[:, curve == 0], each.source[:, curve == 0])
    np.testing.assert_array_equal(morphed[:, curve == 1], each.target[:, curve == 1])
    assert rms((morphed - each.source)[:, curve > 0]) > 1e-3


def test_frames_alone_give_the_ends_to_rounding() -> None:
    """Without the sample-wise hand-over too: the gains themselves are 1 at the ends."""
    each = passage(plucks(1.5), 0.0)
    grid = FrameGrid(start=5, num_samples=each.stem.shape[1], n_fft=2048, hop=512)
    spectra = [grid.analyse(grid.pad(x), slice(0, 16)) for x in (each.source, each.target)]
    for end, amount in ((spectra[0], 0.0), (spectra[1], 1.0)):
        blend = Blend(bands=erb_bands(2048, 48), phase=np.linspace(-3, 9, 1025, dtype=np.float32))
        blended = blend(*spectra, np.full(16, amount, np.float32))
        np.testing.assert_allclose(blended, end, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("amount", [1e-3, 5e-3, 1e-2, 2e-2])
def test_leaves_both_ends_without_a_kink(amount: float) -> None:
    stem = plucks(2.0)
    for near, end in ((amount, "source"), (1 - amount, "target")):
        each = passage(stem, near)
        exact = getattr(each, end)
        assert rms(morph(Spectral(), each) - exact) < 6 * amount * rms(exact)


def test_a_sweep_of_the_amount_moves_in_steps_as_small_as_its_own() -> None:
    """No phase jumps: neighbouring amounts sound almost the same, wherever between the ends."""
    stem = plucks(1.5)
    sweep = [morph(Spectral(), passage(stem, a)) for a in np.linspace(0, 1, 41)]
    whole = rms(sweep[-1] - sweep[0])
    steps = [rms(b - a) / whole for a, b in pairwise(sweep)]
    assert max(steps) < 4 / 40


@settings(max_examples=8, deadline=None)
@given(first=st.integers(0, 20_000), length=st.integers(40_000, 60_000))
def test_passages_agree_where_both_have_their_context(first: int, length: int) -> None:
    """Hardest case: the amount varies and the cut is not a multiple of anything."""
    stem = plucks(2.0)
    curve = np.linspace(0, 1, stem.shape[1]).astype(np.float32)
    origin = 12_345
    rendered = {"source": CLEAN.render(stem, 0, 0), "target": DRIVEN.render(stem, 0, 0)}

    def cut(a: int, b: int) -> Signal:
        each = passage(stem[:, a:b], curve[a:b], start=origin + a)
        vars(each).update({name: x[:, a:b] for name, x in rendered.items()})
        return morph(Spectral(), each)

    before, after = Spectral().context(CLEAN, CLEAN)
    last = min(first + length, stem.shape[1])
    inner = slice(first + before, last - after)
    whole, part = cut(0, stem.shape[1])[:, inner], cut(first, last)[:, before:-after]
    assert rms(whole - part) <= 1e-6


def test_level_is_monotone_between_the_ends() -> None:
    stem = plucks()
    each = passage(stem, 0.0)
    levels = [level(each.source)]
    levels += [level(morph(Spectral(), passage(stem, a))) for a in AMOUNTS]
    levels += [level(each.target)]
    steps = np.diff(levels) * np.sign(levels[-1] - levels[0])
    assert abs(levels[-1] - levels[0]) > 1, "the ends must differ for this test to say anything"
    assert steps.min() > -0.1


@pytest.mark.parametrize("target", [Drive(sign=-1.0), Drive(decibels=30.0, sign=-1.0)])
def test_tones_of_opposite_polarity_do_not_cancel(target: Drive) -> None:
    stem = plucks(2.0)
    ends = passage(stem, 0.5, target=target)
    lower = min(level(ends.source), level(ends.target))
    assert level(morph(Crossfade(), ends)) < lower - 3
    image = min(np.corrcoef(x)[0, 1] for x in (ends.source, ends.target))
    for amount in (0.4, 0.48, 0.5, 0.52, 0.6):
        morphed = morph(Spectral(), passage(stem, amount, target=target))
        assert level(morphed) > lower - 0.1
        assert np.corrcoef(morphed)[0, 1] > image - 0.02


@dataclass(frozen=True, kw_only=True)
class AllPass(Drive):
    """Leaves the lows as they are and turns the highs upside down, gradually around 500 Hz."""

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        low = sosfilt(butter(1, 500, fs=MODEL_RATE, output="sos"), stem, axis=-1)
        return (2 * low - stem).astype(np.float32)


def test_tones_that_differ_in_phase_only_blend_without_a_dip() -> None:
    stem = plucks(2.0)
    source = level(stem)
    assert level(morph(Crossfade(), passage(stem, 0.5, target=AllPass()))) < source - 1
    for amount in AMOUNTS:
        morphed = morph(Spectral(), passage(stem, amount, target=AllPass()))
        assert abs(level(morphed) - source) < 0.1


def test_steady_phase_is_that_of_the_linear_part() -> None:
    frequency = np.arange(1025) * MODEL_RATE / 2048
    middle = (frequency > 100) & (frequency < 4000)

    def phase(source: Drive, target: Drive) -> Signal:
        return phase_between(source, target, 2048, 48)[middle]

    assert np.abs(phase(CLEAN, CLEAN)).max() < 1e-3
    assert np.abs(phase(CLEAN, Noise())).max() < 0.1
    np.testing.assert_allclose(np.abs(phase(CLEAN, Drive(sign=-1.0))), np.pi, atol=1e-3)
    expected = -2 * np.arctan(frequency[middle] / 500)
    np.testing.assert_allclose(phase(CLEAN, AllPass()), expected, atol=0.1)
    np.testing.assert_allclose(phase(DRIVEN, DRIVEN), 0, atol=1e-3)


def test_position_is_close_to_the_amount_and_a_crossfade_is_not() -> None:
    stem = plucks()
    ends = passage(stem, 0.0)

    def position(backend: Backend, amount: float) -> float:
        return mel_position(morph(backend, passage(stem, amount)), ends.source, ends.target)

    positions = [position(Spectral(), a) for a in AMOUNTS]
    assert np.abs(np.array(positions) - AMOUNTS).max() < 0.15  # soft frames are behind, and count
    assert positions == sorted(positions)
    assert position(Crossfade(), 0.25) > 0.4


@pytest.mark.parametrize("ends", [(0.0, 45.0), (45.0, 0.0)])
def test_loud_moments_lead_as_they_do_at_a_true_knob(
    ends: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drive half-way has saturated the picks and hardly touched what is left of them later."""
    stem = plucks(2.0)
    tones = [Drive(decibels=decibels) for decibels in ends]
    source, target = (
        trimmed(each, -20 * np.log10(rms(each.render(stem, 0, -20.0)) / 0.05)) for each in tones
    )
    truths = [Drive(decibels=between).render(stem, 0, -20.0) for between in (15.0, 30.0)]

    def distance() -> float:
        path = [morph(Spectral(), passage(stem, a / 8, source, target)) for a in range(1, 8)]
        sounds = match_loudness([*path, *truths], MODEL_RATE)
        return float(nearest(distances_to_truth(sounds[7:], sounds[:7], MODEL_RATE)).mean())

    with_lead = distance()
    monkeypatch.setattr(blend, "LEAD", np.float32(0))
    assert with_lead < 0.95 * distance()


def test_the_way_back_is_the_same_way() -> None:
    stem = plucks(1.5)
    for amount in (0.25, 0.5, 0.9):
        there = morph(Spectral(), passage(stem, amount, CLEAN, DRIVEN))
        back = morph(Spectral(), passage(stem, 1 - amount, DRIVEN, CLEAN))
        assert rms(there - back) < 0.01 * rms(there)


@given(
    lift=st.floats(-200.0, 200.0),
    amounts=st.lists(st.floats(0.0, 1.0, width=32), min_size=2, max_size=9).map(sorted),
)
def test_each_moment_moves_with_the_amount_and_arrives(lift: float, amounts: list[float]) -> None:
    """Whatever the ratio of both ends in dB."""
    ends = np.ones((1, 1, 8), np.float32), np.full((1, 1, 8), 10 ** (lift / 10), np.float32)
    each = Blend(bands=erb_bands(256, 8), phase=np.zeros(129, np.float32))
    w = np.array([0.0, *amounts, 1.0], np.float32)[:, None, None]
    moved = each.moments(ends, w)[:, 0, 0]
    assert moved[0] == 0
    assert moved[-1] == 1
    assert (np.diff(moved) >= 0).all()
    if abs(lift) < 2.9:
        np.testing.assert_allclose(moved, w[:, 0, 0], atol=1e-6)


def test_attacks_are_not_heard_before_they_happen() -> None:
    """In the 10 ms before the first pick, against the 20 ms after it: the ear hides -40 dB."""
    stem = plucks(1.5)
    onset = MODEL_RATE // 2
    for amount in (0.25, 0.5, 0.75):
        morphed = morph(Spectral(), passage(stem, amount))
        attack = rms(morphed[:, onset : onset + 882])
        assert rms(morphed[:, onset - 441 : onset - 44]) < 0.01 * attack
        assert rms(morphed[:, : onset - 2048]) < 1e-6 * attack


@pytest.mark.parametrize("amount", [0.25, 0.5, 0.75])
def test_noise_of_a_silent_side_does_not_modulate_the_other(amount: float) -> None:
    """A steady tone on its way to silence stays steady: no musical noise."""
    time = np.arange(2 * MODEL_RATE) / MODEL_RATE
    stem = np.stack([0.2 * np.sin(2 * np.pi * f * time) for f in (220.0, 331.0)])
    morphed = morph(Spectral(), passage(stem.astype(np.float32), amount, target=Noise()))
    settled = morphed[:, 8192:-8192]
    blocks = settled[:, : settled.shape[1] // 2000 * 2000].reshape(2, -1, 2000)
    loudness = 10 * np.log10(np.mean(blocks**2, axis=-1))
    assert np.ptp(loudness, axis=-1).max() < 1.0


def test_stereo_image_lies_between_those_of_the_ends() -> None:
    stem = plucks()
    each = passage(stem, 0.0)
    ends = [np.corrcoef(x)[0, 1] for x in (each.source, each.target)]
    for amount in AMOUNTS:
        here = np.corrcoef(morph(Spectral(), passage(stem, amount)))[0, 1]
        assert min(ends) - 0.02 < here < max(ends) + 0.02


def test_equal_channels_stay_equal_and_like_mono() -> None:
    mono = plucks(1.0)[:1]
    each = morph(Spectral(), passage(np.repeat(mono, 2, axis=0), 0.5))
    # pocketfft transforms rows in groups; one left over rounds its last bit in another way
    np.testing.assert_allclose(each[0], each[1], rtol=0, atol=1e-7)
    np.testing.assert_allclose(morph(Spectral(), passage(mono, 0.5))[0], each[0], atol=1e-6)


@pytest.mark.parametrize("length", [1, 511, 2047, 2049])
def test_passages_shorter_than_a_window(length: int) -> None:
    stem = plucks(1.0)[:, 22_050 : 22_050 + length]
    morph(Spectral(), passage(stem, 0.5, start=-17))


def test_silence_stays_silent() -> None:
    assert not morph(Spectral(), passage(np.zeros((2, 9000), np.float32), 0.5)).any()


@given(start=st.integers(-10_000, 10_000), length=st.integers(1, 9_000))
@settings(max_examples=30, deadline=None)
def test_frame_grid_is_locked_to_the_song_and_covers_the_passage(start: int, length: int) -> None:
    grid = FrameGrid(start=start, num_samples=length, n_fft=256, hop=64)
    assert 0 <= grid.offset < 256
    assert grid.first * 64 + grid.offset == start
    assert grid.offset + length <= grid.length < grid.offset + length + 256
    blocks = list(grid.blocks())
    assert sum(block.stop - block.start for block in blocks) == grid.count
    x = np.random.default_rng(0).standard_normal((1, length)).astype(np.float32)
    padded, rebuilt = grid.pad(x), np.zeros((1, grid.length), np.float32)
    for block in blocks:
        grid.add(rebuilt, grid.analyse(padded, block), block)
    np.testing.assert_allclose(grid.crop(rebuilt), x, atol=1e-5)


def test_bands_add_up_to_one_in_every_bin() -> None:
    bands = erb_bands(2048, 48)
    np.testing.assert_allclose(bands.to_bins.sum(axis=0), 1, atol=1e-6)


def test_k_weighting_has_the_gains_of_the_standard() -> None:
    """BS.1770: 0.7 dB at 997 Hz (the -0.691 LUFS offset), +4 dB far above the shelf."""
    gains = 10 * np.log10(k_weighting(np.array([997.0, 15_000.0])))
    np.testing.assert_allclose(gains, [0.691, 4.0], atol=0.08)
