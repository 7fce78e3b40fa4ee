"""The separator without weights: the same whatever is asked for, and no worse than it claims."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsep.dsp.signal import Signal
from morphsep.separators.harmonic.harmonic import BLOCK, HOP, Harmonic
from morphsep.testing import ArrayMix

RATE = 44_100
LENGTH = BLOCK * HOP + 3 * RATE
TIME = np.arange(LENGTH) / RATE


def separate(samples: Signal) -> Signal:
    return Harmonic().separate(ArrayMix(samples), 0, samples.shape[1])


def tone(hertz: float, left: float = 0.1, right: float = 0.1) -> Signal:
    wave = np.sin(2 * np.pi * hertz * TIME)
    return np.stack([left * wave, right * wave]).astype(np.float32)


def level(samples: Signal) -> float:
    """dB, without the ends, where a tone begins and stops."""
    middle = samples[..., RATE:-RATE].astype(np.float64)
    return float(10 * np.log10(np.mean(middle**2) + 1e-30))


def song(channels: int) -> Signal:
    rng = np.random.default_rng(channels)
    clicks = np.zeros(LENGTH)
    clicks[5000 :: RATE // 3] = 1.0
    noise = rng.standard_normal((channels, LENGTH)) * np.abs(np.sin(3 * TIME)) * 0.05
    chord = sum(np.sin(2 * np.pi * hertz * TIME) for hertz in (196.0, 392.5, 587.3))
    return (noise + clicks + 0.1 * chord * np.exp(-(TIME % 2))).astype(np.float32)


SONGS = {1: song(1), 2: song(2)}


@cache
def whole(channels: int) -> Signal:
    return separate(SONGS[channels])


@given(
    st.sampled_from([1, 2]),
    st.lists(st.one_of(st.integers(1, LENGTH - 1), st.just(BLOCK * HOP)), min_size=1, max_size=3),
)
@settings(deadline=None, max_examples=20)
@pytest.mark.slow
def test_any_cut_gives_the_same_bits(channels: int, cuts: list[int]) -> None:
    check_cuts(channels, cuts)


@pytest.mark.parametrize(
    ("channels", "cuts"),
    [(1, [BLOCK * HOP]), (1, [5, LENGTH - 1]), (2, [LENGTH - RATE, BLOCK * HOP + 777])],
)
def test_these_cuts_give_the_same_bits(channels: int, cuts: list[int]) -> None:
    check_cuts(channels, cuts)


def check_cuts(channels: int, cuts: list[int]) -> None:
    mix = ArrayMix(SONGS[channels])
    edges = [0, *sorted(cuts), LENGTH]
    parts = [Harmonic().separate(mix, a, b) for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate(parts, axis=1), whole(channels))


@pytest.mark.parametrize("channels", [1, 2])
def test_no_step_where_blocks_meet(channels: int) -> None:
    """A block reads as much context as its masks look at: shifting the grid changes nothing."""
    shift = 16 * HOP
    moved = np.pad(SONGS[channels], ((0, 0), (shift, 0)))
    error = separate(moved)[:, shift:] - whole(channels)
    assert np.sqrt(np.mean(error.astype(np.float64) ** 2)) < 1e-7


def test_memory_does_not_grow_with_the_span() -> None:
    mix = ArrayMix(np.zeros((2, 10), np.float32))
    assert not Harmonic().separate(mix, 0, 6 * BLOCK * HOP).any()
    assert len(set(mix.asked)) == 1
    assert mix.asked[0] < 2 * BLOCK * HOP


def test_silence_stays_silence_and_everything_is_finite() -> None:
    quiet = SONGS[2].copy()
    quiet[:, 2 * RATE : 6 * RATE] = 0
    stem = separate(quiet)
    assert np.isfinite(stem).all()
    assert stem.dtype == np.float32
    assert not stem[:, 3 * RATE : 5 * RATE].any()
    assert Harmonic().separate(ArrayMix(quiet), 7, 7).shape == (2, 0)


@pytest.mark.parametrize("gain", [1e-5, 30.0])
def test_level_of_the_recording_does_not_matter(gain: float) -> None:
    stem = separate(SONGS[2] * np.float32(gain)) / np.float32(gain)
    assert np.abs(stem - whole(2)).max() < 1e-4


def test_a_wide_tone_passes_and_a_central_one_beside_it_does_not() -> None:
    wide = np.stack([tone(440, 0.1, 0)[0], tone(660, 0, 0.1)[1]])
    centre = tone(1500, 0.05, 0.05)
    both = separate(wide + centre)
    only_wide = separate(wide)
    assert level(only_wide) > level(wide) - 0.5
    assert level(both - only_wide) < level(centre) - 6


def test_bass_is_left_in_the_backing() -> None:
    assert level(separate(tone(55))) < level(tone(55)) - 30
    assert level(separate(tone(55)[:1])) < level(tone(55)) - 25


def test_a_narrow_mix_keeps_its_middle() -> None:
    assert level(separate(tone(800))) > level(tone(800)) - 1
    assert level(separate(tone(800)[:1])) > level(tone(800)) - 1


def test_clicks_are_weakened_and_steady_sound_is_not() -> None:
    clicks = np.zeros((1, LENGTH), np.float32)
    clicks[0, 5000 :: RATE // 3] = 0.5
    assert level(separate(clicks)) < level(clicks) - 15


def test_fingerprint_says_what_the_sound_depends_on() -> None:
    assert Harmonic().fingerprint() == Harmonic().fingerprint()
    assert "512" in Harmonic().fingerprint()
    assert Harmonic().weights_hash is None
