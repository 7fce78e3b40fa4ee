import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsep.dsp.interpolate import PARALLEL, adain, angle_between, angles_between, lerp, slerp


def latents(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


A, B = latents(0, 2, 64, 9), 3 * latents(1, 2, 64, 9) + 0.5


@pytest.mark.parametrize("way", [lerp, lambda a, b, t: slerp(a, b, t, angle_between(a, b))])
def test_ends_are_exact_and_the_amount_is_a_curve(way) -> None:
    curve = np.linspace(0, 1, 9).astype(np.float32)
    mixed = way(A, B, curve)
    np.testing.assert_array_equal(mixed[..., 0], A[..., 0])
    np.testing.assert_array_equal(mixed[..., -1], B[..., -1])
    np.testing.assert_allclose(mixed[..., 3:4], way(A, B, curve[3])[..., 3:4], rtol=1e-6)


@given(st.floats(0, 1), st.floats(0.1, 3.0))
def test_an_arc_keeps_the_length_and_turns_in_proportion(amount: float, angle: float) -> None:
    a = np.array([[1.0], [0.0]], np.float32)
    b = np.array([[np.cos(angle)], [np.sin(angle)]], np.float32)
    mixed = slerp(a, b, amount, angle)
    assert np.linalg.norm(mixed) == pytest.approx(1, abs=1e-5)
    assert angle_between(a, mixed) == pytest.approx(amount * angle, abs=1e-3)


def test_lengths_are_kept_apart_from_directions() -> None:
    """The level of both ends stays theirs: unit vectors would lose it."""
    a, b = np.array([[2.0], [0.0]], np.float32), np.array([[0.0], [6.0]], np.float32)
    np.testing.assert_allclose(slerp(a, b, 0.5, np.pi / 2), [[2**0.5], [3 * 2**0.5]], rtol=1e-6)


def test_parallel_vectors_go_straight_and_without_a_jump() -> None:
    edge = np.arccos(PARALLEL)
    a = np.array([[1.0], [0.0]], np.float32)
    for angle in (0.0, edge * 0.999, edge * 1.001):
        b = np.array([[np.cos(angle)], [np.sin(angle)]], np.float32)
        np.testing.assert_allclose(slerp(a, b, 0.3, angle), lerp(a, b, 0.3), atol=2e-4)
    np.testing.assert_array_equal(slerp(a, 2 * a, 0.25, 0.0), lerp(a, 2 * a, 0.25))
    assert np.isfinite(slerp(a, -a, 0.5, np.pi)).all()


def test_angles_of_all_and_of_each_frame() -> None:
    each = angles_between(A, B)
    assert each.shape == (2, 1, 9)
    for channel, frame in ((0, 0), (1, 8)):
        alone = angle_between(A[channel, :, frame], B[channel, :, frame])
        assert each[channel, 0, frame] == pytest.approx(alone)
    a, b = A.ravel().astype(float), B.ravel().astype(float)
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert angle_between(A, B) == pytest.approx(np.arccos(cosine))
    assert angle_between(A, A) == pytest.approx(0, abs=1e-6)
    zero = np.zeros_like(A)
    assert angle_between(zero, B) == 0
    assert not angles_between(zero, B).any()
    np.testing.assert_allclose(slerp(A, B, 0.5, each)[1, :, 8:], slerp(
        A[1, :, 8:], B[1, :, 8:], 0.5, each[1, 0, 8]), rtol=1e-5)  # fmt: skip


def test_adain_gives_the_statistics_asked_for() -> None:
    mean, std = B.mean((0, 2))[:, None], B.std((0, 2))[:, None]
    wanted = np.linspace(-2, 2, 64)[:, None], np.linspace(0.1, 3, 64)[:, None]
    moved = adain(B, mean, std, *wanted)
    np.testing.assert_allclose(moved.mean((0, 2))[:, None], wanted[0], atol=1e-5)
    np.testing.assert_allclose(moved.std((0, 2))[:, None], wanted[1], rtol=1e-4)
    np.testing.assert_allclose(adain(B, mean, std, mean, std), B, atol=1e-5)


def test_adain_only_shifts_what_does_not_vary() -> None:
    flat, zero, one = np.full((64, 5), 3, np.float32), np.zeros((64, 1)), np.ones((64, 1))
    np.testing.assert_array_equal(adain(flat, 3 * one, zero, one, one), np.ones((64, 5)))
