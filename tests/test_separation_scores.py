"""SI-SDR against cases whose value is known on paper; null residual."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsep.dsp.separation_scores import null_residual, si_sdr, si_sdr_improvement


def noise(seed: int, channels: int = 2, length: int = 4096) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((channels, length)).astype(np.float32)


def test_orthogonal_error_of_known_energy() -> None:
    reference = np.array([[1.0, 0.0, 1.0, 0.0]], np.float32)
    estimate = reference + np.array([[0.0, 0.1, 0.0, 0.1]], np.float32)
    assert si_sdr(estimate, reference) == pytest.approx(20.0, abs=1e-5)


def test_half_right_half_orthogonal_is_zero_db() -> None:
    assert si_sdr(
        np.array([1.0, 1.0], np.float32), np.array([1.0, 0.0], np.float32)
    ) == pytest.approx(0, abs=1e-9)


@given(st.floats(1e-3, 1e3), st.booleans())
def test_gain_and_polarity_do_not_matter(gain: float, inverted: bool) -> None:
    reference, error = noise(1), noise(2)
    estimate = reference + 0.3 * error
    scaled = (estimate * (-gain if inverted else gain)).astype(np.float32)
    assert si_sdr(scaled, reference) == pytest.approx(si_sdr(estimate, reference), abs=1e-3)


def test_a_wrong_balance_of_the_channels_costs() -> None:
    reference = noise(1)
    lopsided = reference * np.array([[1.0], [0.5]], np.float32)
    assert 5 < si_sdr(lopsided, reference) < 15


def test_edges() -> None:
    reference = noise(1)
    assert si_sdr(reference, reference) == float("inf")
    assert si_sdr(np.zeros_like(reference), reference) == float("-inf")
    assert np.isnan(si_sdr(reference, np.zeros_like(reference)))


def test_improvement_is_the_difference_to_doing_nothing() -> None:
    guitar, rest = noise(1), noise(2)
    mix = guitar + rest
    assert si_sdr_improvement(mix, guitar, mix) == 0.0
    assert si_sdr_improvement(guitar + 0.1 * rest, guitar, mix) == pytest.approx(20, abs=0.5)


def test_null_residual_in_dbfs() -> None:
    mix = np.full((2, 100), 0.5, np.float32)
    assert null_residual(mix, mix) == float("-inf")
    assert null_residual(mix, mix * 0.25, mix * 0.75) == float("-inf")
    assert null_residual(mix, mix - np.float32(1e-3)) == pytest.approx(-60, abs=0.01)
    assert null_residual(mix[:, :0], mix[:, :0]) == float("-inf")


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        si_sdr(noise(1, 1), noise(1, 2))
    with pytest.raises(ValueError, match="shapes differ"):
        null_residual(noise(1), noise(1, 2, 99))
