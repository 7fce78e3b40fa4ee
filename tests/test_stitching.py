import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsep.dsp.grid import Grid, Span, sections
from morphsep.dsp.signal import Signal
from morphsep.dsp.stitching import crossfade, seam_score, stitch


def noise(num_samples: int, seed: int = 0, channels: int = 2) -> Signal:
    return np.random.default_rng(seed).standard_normal((channels, num_samples)).astype(np.float32)


def silence(start: int, num_samples: int) -> Signal:
    return np.zeros((2, num_samples), np.float32)


def join(grid: Grid, n: int, section: Span, signal: Signal) -> Signal:
    def render(index: int) -> Signal:
        span = grid.span(index, n)
        return signal[:, span.start : span.stop]

    return np.concatenate([p.audio for p in stitch(grid, n, section, render, silence)], axis=-1)


@given(st.integers(4, 60), st.integers(1, 400), st.integers(1, 300), st.data())
def test_cut_then_stitch_is_the_identity_bit_for_bit(chunk: int, n: int, length: int, data) -> None:
    grid = Grid(chunk, data.draw(st.integers(0, chunk // 2)))
    signal = noise(n)
    got = [join(grid, n, section, signal) for section in sections(n, length)]
    np.testing.assert_array_equal(np.concatenate(got, axis=-1), signal)


@given(st.integers(4, 60), st.integers(1, 400), st.integers(1, 300), st.data())
@settings(max_examples=200)
def test_the_result_does_not_depend_on_the_sections(chunk, n, length, data) -> None:
    """Chunks that disagree (as a generative model's do) are joined alike however a track is cut."""
    grid = Grid(chunk, data.draw(st.integers(0, chunk // 2)))

    def render(index: int) -> Signal:
        return noise(grid.span(index, n).num_samples, seed=index)

    whole = list(stitch(grid, n, Span(0, n), render, silence))
    parts = [p for s in sections(n, length) for p in stitch(grid, n, s, render, silence)]
    np.testing.assert_array_equal(
        np.concatenate([p.audio for p in parts], -1), np.concatenate([p.audio for p in whole], -1)
    )
    assert [p.seam for p in parts if p.seam] == [p.seam for p in whole if p.seam]


def test_chunks_are_rendered_once_and_in_order() -> None:
    grid, seen = Grid(10, 2), []

    def render(index: int) -> Signal:
        seen.append(index)
        return noise(grid.span(index, 95).num_samples)

    list(stitch(grid, 95, Span(0, 95), render, silence))
    assert seen == list(range(grid.num_chunks(95)))


@pytest.mark.parametrize("agreement", [0.0, 0.5, 1.0])
def test_power_is_constant_whatever_the_correlation(agreement: float) -> None:
    n = 200_000
    a, b = noise(n, 1, 1), noise(n, 2, 1)
    right = agreement * a + np.sqrt(1 - agreement**2) * b
    power = crossfade(a, right.astype(np.float32)).reshape(20, -1).astype(float)
    level_db = 10 * np.log10((power**2).mean(axis=-1))
    assert np.abs(level_db).max() < 0.25


def test_equal_sides_pass_unchanged_through_a_crossfade() -> None:
    a = noise(1000)
    np.testing.assert_allclose(crossfade(a, a), a, atol=1e-6)


def tone(num_samples: int) -> Signal:
    t = np.arange(num_samples) / 44100
    return np.stack([np.sin(2 * np.pi * 220 * t)] * 2).astype(np.float32) * 0.3


def test_a_clean_seam_scores_near_zero_and_a_click_far_above() -> None:
    seam = Span(22050, 22050 + 11025)
    clean = tone(55125)
    good = seam_score(clean, clean, seam, 1.0)
    assert abs(good.step_db) < 1.0
    clicked = clean.copy()
    clicked[:, 25000:] *= -1
    bad = seam_score(clicked, clean, seam, 1.0)
    assert bad.step_db > 20
    assert bad.flux_db > good.flux_db + 3


def test_a_jump_exactly_at_the_edge_of_a_seam_is_seen() -> None:
    seam = Span(22050, 22050 + 11025)
    for edge in (seam.start, seam.stop):
        jump = tone(55125)
        jump[:, edge:] += 0.2
        assert seam_score(jump, tone(55125), seam, 1.0).step_db > 20


def test_an_onset_of_the_music_within_a_seam_is_no_fault() -> None:
    seam = Span(22050, 22050 + 11025)
    onset = tone(55125)
    onset[:, :26000] *= 0.001
    score = seam_score(1.5 * onset, onset, seam, 1.0)
    assert abs(score.step_db) < 0.1
    assert abs(score.flux_db) < 1.0
