"""The grid of segments against a list of all, and overlap-add against the signal itself."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsep.dsp.signal import Signal
from morphsep.separators.segments import OverlapAdd, Segment, SegmentGrid, triangle


@st.composite
def grids(draw: st.DrawFn) -> SegmentGrid:
    length = draw(st.integers(1, 60))
    extra = draw(st.integers(0, 9))
    trained = draw(st.booleans())
    return SegmentGrid(
        track_samples=draw(st.integers(1, 300)),
        length=length,
        stride=draw(st.integers(1, length)),
        origin=-draw(st.integers(0, 80)),
        model_length=(lambda _: length) if trained else (lambda n: n + extra),
    )


@st.composite
def spans(draw: st.DrawFn, grid: SegmentGrid) -> tuple[int, int]:
    start = draw(st.integers(0, grid.track_samples))
    return start, draw(st.integers(start, grid.track_samples))


def every_segment(grid: SegmentGrid) -> list[Segment]:
    return list(grid.touching(grid.origin, grid.track_samples))


def overlap_add(grid: SegmentGrid, signal: Signal, start: int, stop: int) -> Signal:
    """Each segment's estimate is what the track has there, zeros outside."""
    margin = 400
    padded = np.pad(signal, ((0, 0), (margin, margin)))
    weights = triangle(grid.length)
    added = OverlapAdd(
        num_channels=2,
        start=start,
        stop=stop,
        segments=grid.touching(start, stop),
        window=lambda _: weights,
    )
    for segment in grid.touching(start, stop):
        begin = margin + segment.read_start
        added.add(segment, padded[:, begin : begin + segment.read_samples])
    return added.result()


@given(grids())
def test_segments_are_those_of_demucs(grid: SegmentGrid) -> None:
    expected = range(grid.origin, grid.track_samples, grid.stride)
    segments = every_segment(grid)
    assert [segment.start for segment in segments] == list(expected)
    for segment in segments:
        assert segment.num_samples == min(grid.length, grid.track_samples - segment.start)
        before = segment.start - segment.read_start
        after = segment.read_start + segment.read_samples - segment.stop
        # Centred, the odd sample behind.
        assert after - before in (0, 1)
        assert before >= 0


@given(st.data())
def test_touching_is_neither_too_few_nor_too_many(data: st.DataObject) -> None:
    grid = data.draw(grids())
    start, stop = data.draw(spans(grid))
    touching = [s for s in every_segment(grid) if max(s.start, start) < min(s.stop, stop)]
    if start < stop:
        assert list(grid.touching(start, stop)) == touching


@given(st.data())
@settings(deadline=None)
def test_any_part_of_the_sum_is_the_same_bits(data: st.DataObject) -> None:
    grid = data.draw(grids())
    start, stop = data.draw(spans(grid))
    signal = np.random.default_rng(0).standard_normal((2, grid.track_samples)).astype(np.float32)
    whole = overlap_add(grid, signal, 0, grid.track_samples)
    np.testing.assert_allclose(whole, signal, rtol=0, atol=2e-6)
    assert np.array_equal(overlap_add(grid, signal, start, stop), whole[:, start:stop])


def test_weights_rise_and_fall_and_are_never_zero() -> None:
    for length in (1, 2, 7, 8):
        weights = triangle(length)
        assert weights.shape == (length,)
        assert weights.max() == 1
        assert weights.min() > 0
    np.testing.assert_allclose(triangle(5), np.array([1, 2, 3, 2, 1]) / 3, rtol=1e-6)
