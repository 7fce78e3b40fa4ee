"""Between rates: any cut gives the same bits, nothing shifts, nothing clicks."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsep.dsp.resample import BLOCK_SECONDS, ModelRateReader, model_length, to_rate
from morphsep.dsp.signal import MODEL_RATE, Signal

RATES = [8_000, 11_025, 22_050, 32_000, 44_099, 48_000, 88_200, 96_000, 192_000]


@dataclass
class Info:
    sample_rate: int
    num_channels: int
    num_samples: int


class Memory:
    """A track in memory, with zeros around it."""

    def __init__(self, x: Signal, rate: int) -> None:
        self.x = x
        self.info = Info(rate, len(x), x.shape[1])
        self.seen = 0

    def read(self, start: int, num_samples: int) -> Signal:
        self.seen += num_samples
        span = np.zeros((len(self.x), num_samples), np.float32)
        first, last = max(start, 0), min(start + num_samples, self.x.shape[1])
        if last > first:
            span[:, first - start : last - start] = self.x[:, first:last]
        return span


def noise(num_samples: int, channels: int = 2, seed: int = 0) -> Signal:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((channels, num_samples)) * 0.1).astype(np.float32)


def tones(rate: int, num_samples: int, frequencies: tuple[float, ...]) -> Signal:
    t = np.arange(num_samples) / rate
    return sum(np.sin(2 * np.pi * f * t) for f in frequencies)[None].astype(np.float32) * 0.2


def db(x: Signal, y: Signal) -> float:
    """RMS of the difference in dB of the RMS of ``y``."""
    error = np.mean((x.astype(float) - y) ** 2)
    return float(10 * np.log10(error / np.mean(y.astype(float) ** 2) + 1e-30))


@lru_cache
def track(rate: int) -> Memory:
    return Memory(noise(round(4.6 * rate) + 7), rate)


@lru_cache
def at_model_rate(rate: int) -> Signal:
    reader = ModelRateReader(track(rate))
    return reader.read(0, reader.num_samples)


@lru_cache
def and_back(rate: int) -> Signal:
    model = Memory(at_model_rate(rate), MODEL_RATE)
    return to_rate(model.read, 0, track(rate).info.num_samples, rate)


@given(n=st.integers(0, 10**10), rate=st.integers(8_000, 192_000))
def test_model_length_covers_the_track_and_no_more(n: int, rate: int) -> None:
    length = model_length(n, rate)
    assert length * rate >= n * MODEL_RATE > (length - 1) * rate


@pytest.mark.parametrize("rate", RATES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_the_cut_does_not_matter(rate: int, data: st.DataObject) -> None:
    whole = at_model_rate(rate)
    n = whole.shape[1]
    cuts = data.draw(st.lists(st.integers(0, n), max_size=4).map(sorted))
    reader = ModelRateReader(track(rate))
    edges = [0, *cuts, n]
    parts = [reader.read(a, b - a) for a, b in itertools.pairwise(edges)]
    assert np.array_equal(np.concatenate(parts, axis=1), whole)


@pytest.mark.parametrize("rate", RATES)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_the_cut_does_not_matter_on_the_way_back(rate: int, data: st.DataObject) -> None:
    whole = and_back(rate)
    n = whole.shape[1]
    cuts = data.draw(st.lists(st.integers(0, n), max_size=3).map(sorted))
    model = Memory(at_model_rate(rate), MODEL_RATE)
    edges = [0, *cuts, n]
    parts = [to_rate(model.read, a, b - a, rate) for a, b in itertools.pairwise(edges)]
    assert np.array_equal(np.concatenate(parts, axis=1), whole)


@given(start=st.integers(-(10**6), 10**6), length=st.integers(0, 3000))
@settings(max_examples=30, deadline=None)
def test_silence_outside_the_track(start: int, length: int) -> None:
    whole = at_model_rate(48_000)
    expected = Memory(whole, MODEL_RATE).read(start, length)
    assert np.array_equal(ModelRateReader(track(48_000)).read(start, length), expected)


def at_once(x: Signal, rate: int, new_rate: int) -> Signal:
    """One call of soxr, with a second of silence on both sides: it bends the first samples of what
    has no history."""
    padded = np.pad(x, ((0, 0), (rate, rate)))
    return soxr.resample(padded.T, rate, new_rate, quality="VHQ").T[:, new_rate:]


@pytest.mark.parametrize("rate", [rate for rate in RATES if rate != 44_099])
def test_equal_to_one_resampling_of_the_whole(rate: int) -> None:
    made, back = at_model_rate(rate), and_back(rate)
    once = at_once(track(rate).x, rate, MODEL_RATE)[:, : made.shape[1]]
    assert np.sqrt(np.mean((made - once) ** 2)) <= 1e-6
    once = at_once(made, MODEL_RATE, rate)[:, : back.shape[1]]
    assert np.sqrt(np.mean((back - once) ** 2)) <= 1e-6


@pytest.mark.parametrize("rate", RATES)
def test_tones_come_out_where_and_as_they_were(rate: int) -> None:
    """Exact in phase over the edges of blocks: no shift, no click, no drift."""
    low = min(rate, MODEL_RATE)
    frequencies = (0.01 * low, 0.1 * low, 0.3 * low)
    x = Memory(tones(rate, 7 * rate, frequencies), rate)
    made = ModelRateReader(x).read(0, 7 * MODEL_RATE)
    inner = slice(MODEL_RATE, -MODEL_RATE)
    expected = tones(MODEL_RATE, 7 * MODEL_RATE, frequencies)
    assert db(made[:, inner], expected[:, inner]) < -95
    edge = 2 * BLOCK_SECONDS * MODEL_RATE
    worst = np.abs(made - expected)
    assert worst[:, edge - 50 : edge + 50].max() <= worst[:, inner].max() < 5e-5


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("frequency", "most"), [(0.01, -90), (0.2, -90), (0.42, -60)])
def test_round_trip_in_band(rate: int, frequency: float, most: float) -> None:
    """Towards the band's edge soxr lets a few thousandths of a dB go."""
    x = tones(rate, 5 * rate, (frequency * min(rate, MODEL_RATE),))
    there = ModelRateReader(Memory(x, rate))
    back = to_rate(there.read, 0, 5 * rate, rate)
    assert db(back[:, rate:-rate], x[:, rate:-rate]) < most


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("where", [0.5, BLOCK_SECONDS, 2.7])
def test_a_click_stays_in_its_place(rate: int, where: float) -> None:
    k = round(where * rate)
    x = np.zeros((1, 4 * rate), np.float32)
    x[0, k] = 1
    made = ModelRateReader(Memory(x, rate)).read(0, 4 * MODEL_RATE)[0]
    power = made.astype(float) ** 2
    centre = (power * np.arange(made.size)).sum() / power.sum()
    assert centre == pytest.approx(k * MODEL_RATE / rate, abs=0.02)


def test_44100_hz_is_never_resampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soxr, "resample", None)
    x = noise(100_000)
    memory = Memory(x, MODEL_RATE)
    reader = ModelRateReader(memory)
    assert (reader.num_samples, reader.num_channels) == (100_000, 2)
    assert np.array_equal(reader.read(-10, 100_020)[:, 10:-10], x)
    assert np.array_equal(to_rate(memory.read, 5, 100, MODEL_RATE), x[:, 5:105])


def test_silence_stays_exactly_silent() -> None:
    silent = Memory(np.zeros((2, 300_000), np.float32), MODEL_RATE)
    assert not to_rate(silent.read, 1000, 200_000, 48_000).any()


@pytest.mark.parametrize("num_samples", [1, 2, 480])
def test_very_short_tracks(num_samples: int) -> None:
    reader = ModelRateReader(Memory(np.full((1, num_samples), 0.25, np.float32), 48_000))
    made = reader.read(0, reader.num_samples)
    assert made.shape == (1, model_length(num_samples, 48_000))
    assert 0 < np.abs(made).max() < 0.5


def test_reading_on_resamples_each_block_once() -> None:
    memory = Memory(noise(10 * 48_000), 48_000)
    reader = ModelRateReader(memory)
    for start in range(0, reader.num_samples, 10_000):
        reader.read(start, 10_000)
    assert memory.seen < 1.1 * 10 * 48_000


def test_mono_and_layout() -> None:
    reader = ModelRateReader(Memory(noise(48_000, 1), 48_000))
    made = reader.read(100, 1000)
    assert made.dtype == np.float32
    assert made.flags.c_contiguous
    assert np.array_equal(reader.read(100, 0), np.zeros((1, 0)))
