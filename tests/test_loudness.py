"""Meters against pyloudnorm, the Recommendation's own examples and plain oversampling."""

import numpy as np
import pyloudnorm
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.signal import upfirdn

from morphsep.dsp.loudness import _PHASES, LoudnessMeter, TruePeakMeter, rms_per_second
from morphsep.dsp.signal import Signal, dbfs, from_db


def sine(
    rate: int, seconds: float, level: float, hertz: float = 997.0, channels: int = 2
) -> Signal:
    time = np.arange(round(rate * seconds)) / rate
    wave = from_db(level) * np.sin(2 * np.pi * hertz * time)
    return np.tile(wave.astype(np.float32), (channels, 1))


def music(rate: int, seconds: float, channels: int) -> Signal:
    """Noise that swells and pauses, so that both gates have something to do."""
    count = round(rate * seconds)
    rng = np.random.default_rng(rate + channels)
    envelope = np.repeat(rng.choice([0.0, 0.003, 0.05, 0.3], 40), -(-count // 40))[:count]
    return (rng.standard_normal((channels, count)) * envelope).astype(np.float32)


def measure(signal: Signal, rate: int) -> float:
    meter = LoudnessMeter(rate, signal.shape[0])
    meter.add(signal)
    return meter.integrated()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000, 96000, 192000])
def test_equals_pyloudnorm(rate: int, channels: int) -> None:
    signal = music(rate, 6.0, channels)
    reference = pyloudnorm.Meter(rate, "DeMan").integrated_loudness(signal.T.astype(np.float64))
    assert measure(signal, rate) == pytest.approx(reference, abs=0.01 if rate == 11025 else 1e-6)


@pytest.mark.parametrize("rate", [44100, 48000, 96000, 192000])
def test_within_a_twentieth_of_pyloudnorms_default_filters(rate: int) -> None:
    signal = music(rate, 6.0, 2)
    reference = pyloudnorm.Meter(rate).integrated_loudness(signal.T.astype(np.float64))
    assert measure(signal, rate) == pytest.approx(reference, abs=0.05)


def test_full_scale_sine_reads_as_the_recommendation_says() -> None:
    assert measure(sine(48000, 5, 0.0, channels=1), 48000) == pytest.approx(-3.01, abs=0.02)
    assert measure(sine(48000, 5, -23.0), 48000) == pytest.approx(-23.0, abs=0.05)


@pytest.mark.parametrize("gain", [-30.0, -60.0, -100.0])
def test_a_signal_below_the_absolute_gate_has_a_loudness_all_the_same(gain: float) -> None:
    signal = music(44100, 4.0, 2)
    meter = LoudnessMeter(44100, 2)
    meter.add(signal * np.float32(from_db(gain)))
    assert meter.integrated_at_any_level() == pytest.approx(measure(signal, 44100) + gain, abs=0.1)


@pytest.mark.parametrize("level", [-15.0, -30.0, -39.0])
def test_an_ordinary_signal_has_its_ordinary_loudness_at_any_level(level: float) -> None:
    """To the bit: with a low gate the end of a note counted, which BS.1770 leaves out."""
    note = sine(44100, 6.0, level) * np.geomspace(1, 1e-4, 6 * 44100, dtype=np.float32)
    note[:, :22050] = sine(44100, 0.5, level)
    meter = LoudnessMeter(44100, 2)
    meter.add(note)
    assert meter.integrated_at_any_level() == meter.integrated()


def test_digital_silence_has_none() -> None:
    for length in (0, 100, 44100):
        meter = LoudnessMeter(44100, 1)
        meter.add(np.zeros((1, length), np.float32))
        assert meter.integrated_at_any_level() == float("-inf")


def test_quiet_parts_are_gated_out() -> None:
    """EBU Tech 3341, case 3, shortened."""
    parts = [sine(48000, s, level) for s, level in ((5, -36.0), (20, -23.0), (5, -36.0))]
    assert measure(np.concatenate(parts, axis=1), 48000) == pytest.approx(-23.0, abs=0.1)


def test_silence_and_nothing() -> None:
    assert measure(np.zeros((2, 44100), np.float32), 44100) == float("-inf")
    assert LoudnessMeter(44100, 2).integrated() == float("-inf")
    assert measure(sine(44100, 3, -80.0), 44100) == float("-inf")


def test_shorter_than_a_gating_block_counts_as_one_block() -> None:
    whole = measure(sine(44100, 4, -20.0), 44100)
    assert measure(sine(44100, 0.2, -20.0), 44100) == pytest.approx(whole, abs=0.3)


def test_an_incomplete_last_block_does_not_count() -> None:
    signal = sine(44100, 2, -20.0)
    with_rest = np.concatenate([signal, np.zeros((2, 4000), np.float32)], axis=1)
    assert measure(with_rest, 44100) == measure(signal, 44100)


cuts = st.lists(st.integers(0, 30_000), max_size=12)
MUSIC = music(22050, 2.0, 2)
WHOLE = measure(MUSIC, 22050)


@given(cuts)
@example([249, 3517])  # an edge that is no end, once taken for one
@settings(deadline=None, max_examples=40)
def test_any_cutting_into_blocks_reads_the_same(lengths: list[int]) -> None:
    meter, true_peak, position = LoudnessMeter(22050, 2), TruePeakMeter(2), 0
    for length in [*lengths, MUSIC.shape[1]]:
        meter.add(MUSIC[:, position : position + length])
        true_peak.add(MUSIC[:, position : position + length])
        position += length
    assert meter.integrated() == pytest.approx(WHOLE, abs=1e-9)
    assert meter.peak == float(np.abs(MUSIC).max())
    assert true_peak.peak == plain_true_peak(MUSIC)


def test_momentary_loudness_follows_the_level_and_is_not_gated() -> None:
    rate = 48_000
    tone = np.full(3 * rate, 1.0)
    tone[rate : 2 * rate] = from_db(-60)
    meter = LoudnessMeter(rate, 1)
    meter.add((sine(rate, 3.0, -6.0, channels=1) * tone).astype(np.float32))
    blocks = meter.momentary()
    # blocks of 400 ms every 100 ms: those that lie in one second only
    assert len(blocks) == 27
    assert np.ptp(blocks[1:7]) < 0.01
    assert blocks[12:17] == pytest.approx(np.full(5, blocks[3] - 60), abs=0.1)


def plain_true_peak(signal: Signal) -> float:
    """Every sample interpolated, none skipped; the same order of additions."""
    best = float(np.abs(signal).max())
    padded = np.pad(signal.astype(np.float64), ((0, 0), (11, 11)))
    for phase in _PHASES:
        count = padded.shape[1] - 11
        total = np.zeros((2, count))
        for tap, weight in enumerate(phase[::-1]):
            total += weight * padded[:, tap : tap + count]
        best = max(best, float(np.abs(total).max()))
    return best


def test_true_peak_is_four_fold_interpolation() -> None:
    meter = TruePeakMeter(2)
    meter.add(MUSIC)
    oversampled = upfirdn(_PHASES.T.ravel(), MUSIC.astype(np.float64), up=4, axis=1)
    expected = max(float(np.abs(oversampled).max()), float(np.abs(MUSIC).max()))
    assert meter.peak == pytest.approx(expected, rel=1e-9)


def test_true_peak_sees_between_the_samples() -> None:
    """EBU Tech 3341, cases 15 to 18: a quarter of the rate at 45 degrees, +0.2 / -0.4 dB."""
    time = np.arange(4800)
    wave = 0.5 * np.sin(np.pi / 2 * time + np.pi / 4) * np.hanning(4800)
    meter = TruePeakMeter(1)
    meter.add(wave[None].astype(np.float32))
    assert dbfs(float(np.abs(wave).max())) == pytest.approx(-9.03, abs=0.01)
    assert -6.02 - 0.4 < dbfs(meter.peak) < -6.02 + 0.2


def test_true_peak_is_never_below_the_sample_peak_and_rings_after_the_end() -> None:
    meter = TruePeakMeter(1)
    assert meter.peak == 0.0
    meter.add(np.array([[0.0, -1.0]], np.float32))
    assert meter.peak == 1.0
    meter.add(np.array([[-1.0]], np.float32))
    assert meter.peak > 1.05


def test_rms_per_second() -> None:
    signal = np.concatenate([np.full((2, 100), 0.5), np.full((2, 150), 0.1)], 1).astype(np.float32)
    blocks = [signal[:, :30], signal[:, 30:30], signal[:, 30:245], signal[:, 245:]]
    assert rms_per_second(blocks, 100) == pytest.approx([0.5, 0.1, 0.1], rel=1e-6)
    assert rms_per_second([signal[:, :200]], 100) == pytest.approx([0.5, 0.1], rel=1e-6)
    assert rms_per_second([], 100).shape == (0,)
