import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsep.dsp.grid import Grid, Span, sections
from morphsep.errors import SettingError

grids = st.integers(1, 400).flatmap(
    lambda chunk: st.builds(Grid, st.just(chunk), st.integers(0, chunk // 2))
)
lengths = st.integers(1, 5000)


@given(lengths, st.integers(1, 6000))
def test_sections_tile_the_track(num_samples: int, length: int) -> None:
    cut = sections(num_samples, length)
    assert cut[0].start == 0
    assert cut[-1].stop == num_samples
    assert all(a.stop == b.start for a, b in itertools.pairwise(cut))
    assert all(1 <= s.num_samples <= length for s in cut)


@given(grids, lengths)
def test_chunks_cover_every_sample_and_overlap_by_the_overlap(grid: Grid, n: int) -> None:
    spans = list(grid.spans(n))
    assert spans[0].start == 0
    assert spans[-1].stop == n
    for index, (a, b) in enumerate(itertools.pairwise(spans), start=1):
        assert a.stop - b.start == grid.overlap
        assert grid.seam(index, n) == Span(b.start, a.stop)
        assert a.num_samples == grid.chunk
    assert spans[-1].num_samples > grid.overlap or len(spans) == 1


@given(grids, lengths, st.data())
def test_touching_is_exactly_the_chunks_that_share_a_sample(grid: Grid, n: int, data) -> None:
    start = data.draw(st.integers(0, n - 1))
    span = Span(start, data.draw(st.integers(start + 1, n)))
    expected = [
        i for i, s in enumerate(grid.spans(n)) if s.start < span.stop and s.stop > span.start
    ]
    assert list(grid.touching(span, n)) == expected


@given(grids, lengths, st.integers(1, 3000))
def test_the_grid_does_not_know_of_sections(grid: Grid, n: int, length: int) -> None:
    seen = {i for s in sections(n, length) for i in grid.touching(s, n)}
    assert seen == set(range(grid.num_chunks(n)))


@pytest.mark.parametrize(("chunk", "overlap"), [(0, 0), (10, 6), (10, -1)])
def test_impossible_grids_are_refused(chunk: int, overlap: int) -> None:
    with pytest.raises(SettingError):
        Grid(chunk, overlap)
