"""The log-mel spectrogram against known properties, and positions between two ends."""

from __future__ import annotations

import numpy as np
import pytest

from morphsep.dsp.mel_position import (
    RANGE_DB,
    hertz,
    log_mel,
    mel,
    mel_filters,
    mel_position,
    mel_power,
)
from morphsep.dsp.signal import MODEL_RATE, Signal


def noise(seed: int, gain: float = 0.1) -> Signal:
    rng = np.random.default_rng(seed)
    return (gain * rng.standard_normal((2, MODEL_RATE))).astype(np.float32)


def test_slaney_scale_is_linear_to_1_khz_and_logarithmic_above() -> None:
    np.testing.assert_allclose(mel([0, 200 / 3, 500, 1000]), [0, 1, 7.5, 15])
    np.testing.assert_allclose(mel([6400.0]), [42])
    frequencies = np.array([30.0, 999.0, 1001.0, 20_000.0])
    np.testing.assert_allclose(hertz(mel(frequencies)), frequencies)


def test_filters_have_unit_area_and_peak_at_their_centres() -> None:
    filters = mel_filters(40, 8192, MODEL_RATE)
    np.testing.assert_allclose(filters.sum(axis=1) * MODEL_RATE / 8192, 1, atol=0.02)
    centres = hertz(np.linspace(0, mel(MODEL_RATE / 2), 42))[1:-1]
    peaks = filters.argmax(axis=1) * MODEL_RATE / 8192
    np.testing.assert_allclose(peaks, centres, atol=MODEL_RATE / 8192)


def test_a_sine_is_loudest_in_the_band_around_it() -> None:
    time = np.arange(MODEL_RATE) / MODEL_RATE
    power = mel_power(np.sin(2 * np.pi * 3000 * time, dtype=np.float32)[None]).mean(axis=(0, 1))
    centres = hertz(np.linspace(0, mel(MODEL_RATE / 2), 130))[1:-1]
    assert abs(centres[power.argmax()] - 3000) < 100


def test_shape_and_floor() -> None:
    spectrogram = log_mel(np.zeros((2, 5120), np.float32), reference=1.0)
    assert spectrogram.shape == (2, 11, 128)
    # a float32 logarithm is rounded by each kind of CPU in its own way
    np.testing.assert_allclose(spectrogram, -RANGE_DB, rtol=0, atol=1e-3)


def test_level_is_visible_because_the_reference_is_fixed() -> None:
    x = noise(0)
    step = log_mel(x, reference=1e3) - log_mel(x / 2, reference=1e3)
    np.testing.assert_allclose(step, 20 * np.log10(2), atol=1e-3)


def test_positions_at_the_ends_and_halfway_in_db() -> None:
    x = noise(1)
    quiet = (x * 0.01).astype(np.float32)
    assert mel_position(x, x, quiet) == 0
    assert mel_position(quiet, x, quiet) == 1
    assert mel_position(x * np.float32(0.1), x, quiet) == pytest.approx(0.5, abs=1e-3)
    assert mel_position(x * np.float32(0.5), x, quiet) == pytest.approx(0.15, abs=0.01)


def test_position_does_not_depend_on_the_level_of_all_three() -> None:
    x, y, z = noise(1), noise(2, 0.02), noise(3, 0.005)
    quiet = [(each * 1e-3).astype(np.float32) for each in (y, x, z)]
    assert mel_position(*quiet) == pytest.approx(mel_position(y, x, z), abs=1e-4)


def test_equal_ends_give_the_middle() -> None:
    silence = np.zeros((1, 4096), np.float32)
    assert mel_position(silence, silence, silence) == 0.5
