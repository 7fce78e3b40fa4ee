"""Whether a repaired recording is still the same document: what a repair may not change."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Reader, Seconds, Span, power, samples, sections
from morphsep.restoration import onset_curve
from morphsep.restoration.frames import decibels, mono, spectra
from morphsep.restoration.noise_floor import frame_size

Floats = npt.NDArray[np.float64]

PITCHES_HZ = (70.0, 3000.0)
PEAK_DB = 30.0
"""Partials so far below the strongest of their moment are not compared."""
FEWEST = 30
"""Partials in a passage, below which it says nothing about pitch."""
ANOTHER_CENTS = 60.0
"""What is further off is another partial."""
PASSAGE: Seconds = 10.0
MOST_DELAY: Seconds = 0.08
REST_DB = 6.0
"""Rests: what is at most so far above the quietest tenth."""
LONGEST = 20_000
"""Samples: no repaired place is longer."""
STILL_DB = -100.0
"""Below this nothing is heard: its level is taken for this one, dBFS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What changed of that which may not change."""

    pitch_cents: float
    timing_ms: float
    onset_f1: float
    rests_db: float
    level_db: float
    added_above_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much may change; see the functions of the same names."""

    pitch_cents: float = 3.0
    """At most so far either way."""
    timing_ms: float = 5.0
    """At most so late or early."""
    onset_f1: float = 0.98
    """At least."""
    rests_db: float = 1.0
    """Rests become louder by so much at most; softer is what `Dehum` and `Dehiss` are for."""
    level_db: float = 1.0
    """At most so much louder or softer."""
    added_above_db: float = 1.0
    """Louder by so much at most."""

    def broken(self, identity: Identity) -> tuple[str, ...]:
        """A sentence for each bound that is broken, in the order of the fields."""
        said = {
            "pitch_cents": "the pitch is off by {:+.1f} cents, more than {:g}",
            "timing_ms": "notes are late by {:+.1f} ms, more than {:g}",
            "onset_f1": "onsets agree to {:.3f} (F1), less than {:g}",
            "rests_db": "rests are {:+.1f} dB louder, more than {:g}",
            "level_db": "the level changes by {:+.1f} dB outside of the repaired places, more "
            "than {:g}",
            "added_above_db": "there is {:+.1f} dB more above the surviving band, more than {:g}",
        }
        found = [(each.name, getattr(identity, each.name)) for each in fields(self)]
        return tuple(
            said[name].format(value, getattr(self, name))
            for name, value in found
            if not self._holds(name, value)
        )

    def _holds(self, name: str, value: float) -> bool:
        bound: float = getattr(self, name)
        if name == "onset_f1":
            return value >= bound
        if name in ("rests_db", "added_above_db"):
            return value <= bound
        return abs(value) <= bound


def identity(
    before: Reader, after: Reader, *, high_hz: float, repaired: Sequence[Span] = ()
) -> Identity:
    """All of the functions below, for two sounds of one length and rate.

    Args:
        before: what to compare with; for a timbre, after the repairs.
        after: what came of it.
        high_hz: where the surviving band ends.
        repaired: places in which it may differ, such as clicks.
    """
    late, share = timing(before, after)
    return Identity(
        pitch_cents=pitch_deviation(before, after), timing_ms=late, onset_f1=share,
        rests_db=rests_change(before, after), level_db=level_change(before, after, repaired),
        added_above_db=added_above(before, after, high_hz),
    )  # fmt: skip


def pitch_deviation(before: Reader, after: Reader) -> float:
    """Cents by which partials are higher: the median over 12 s, of the passage that is furthest
    off. 0 where no partials stand out."""
    rate = before.info.sample_rate
    size = frame_size(rate)
    shift = size // 16
    both = ((sound, extra) for sound in (before, after) for extra in (0, shift))
    blocks = [spectra(sound, size, size, extra) for sound, extra in both]
    medians = [0.0]
    for old, old_later, new, new_later in zip(*blocks, strict=True):
        cents = list[float]()
        for row, spectrum in enumerate(old):
            bins = _partials(spectrum, rate, size)
            low = _frequencies(spectrum, old_later[row], bins, size, shift)
            high = _frequencies(new[row], new_later[row], bins, size, shift)
            cents.extend((1200 * np.log2(high / low)).tolist())
        near = [each for each in cents if abs(each) < ANOTHER_CENTS]
        if len(near) >= FEWEST:
            medians.append(float(np.median(near)))
    return max(medians, key=abs)


def timing(before: Reader, after: Reader) -> tuple[float, float]:
    """Milliseconds by which notes are late: over 10 s, of the passage that is furthest off; and F1
    of the onsets, within 50 ms."""
    (old, step), (new, _) = onset_curve.curve(before), onset_curve.curve(after)
    length = round(PASSAGE / step)
    late = [0.0]
    for span in sections(len(old), length):
        passages = old[span.start : span.stop], new[span.start : span.stop]
        if passages[0].any() and passages[1].any():
            late.append(1000 * onset_curve.delay(*passages, step, MOST_DELAY))
    return max(late, key=abs), onset_curve.matching(old, new, step)


def rests_change(before: Reader, after: Reader) -> float:
    """dB by which the rests are louder: the quietest moments of ``before``, of 0.1 s each."""
    old, new = (decibels(np.concatenate(list(_powers(sound)))) for sound in (before, after))
    rests = old <= max(float(np.quantile(old, 0.1)), STILL_DB) + REST_DB
    old, new = np.maximum(old[rests], STILL_DB), np.maximum(new[rests], STILL_DB)
    return float(np.mean(new - old))


def level_change(before: Reader, after: Reader, repaired: Sequence[Span] = ()) -> float:
    """dB by which a passage of 10 s is louder outside of the repaired places: of that which
    differs most; silent passages do not count."""
    info = before.info
    found = [0.0]
    for span in sections(info.num_samples, samples(PASSAGE, info.sample_rate)):
        kept = _outside(span, repaired)
        powers = [
            float(np.mean(mono(sound, span.start, span.num_samples)[kept] ** 2, dtype=np.float64))
            for sound in (before, after)
            if kept.any()
        ]
        if powers and max(powers) > 10 ** (STILL_DB / 10):
            levels = np.maximum(decibels(np.array(powers)), STILL_DB)
            found.append(float(levels[1] - levels[0]))
    return max(found, key=abs)


def difference_outside(before: Reader, after: Reader, repaired: Sequence[Span] = ()) -> float:
    """The largest difference outside of the repaired places, dBFS; -inf where there is none."""
    info = before.info
    largest = 0.0
    for span in sections(info.num_samples, samples(PASSAGE, info.sample_rate)):
        old, new = (sound.read(span.start, span.num_samples) for sound in (before, after))
        apart = np.abs(new - old)[:, _outside(span, repaired)]
        largest = max(largest, float(apart.max(initial=0.0)))
    return float(20 * np.log10(largest)) if largest else float("-inf")


def added_above(before: Reader, after: Reader, high_hz: float) -> float:
    """dB of power that there is more above a frequency; 0 where it reaches Nyquist, or where what
    is there lies below -100 dBFS."""
    size = frame_size(before.info.sample_rate)
    first = int(np.ceil(high_hz * size / before.info.sample_rate)) + 2
    if first > size // 2:
        return 0.0
    old, new = (
        sum(float(power(block[:, first:]).sum(dtype=np.float64)) for block in blocks)
        for blocks in (spectra(sound, size, size) for sound in (before, after))
    )
    frames = max(1, before.info.num_samples // size)
    still = 10 ** (STILL_DB / 10) * frames * size * 0.375 * size / 2
    return float(decibels(np.array(max(new, still))) - decibels(np.array(max(old, still))))


def _partials(spectrum: npt.NDArray[np.complex64], rate: int, size: int) -> npt.NDArray[np.int64]:
    """Bins of a spectrum's highest peaks."""
    low, high = (round(hz * size / rate) for hz in PITCHES_HZ)
    powers = power(spectrum[low - 1 : high + 1])
    inner = powers[1:-1]
    is_peak = (inner >= powers[:-2]) & (inner > powers[2:])
    is_peak &= inner > max(float(inner.max()) * 10 ** (-PEAK_DB / 10), 1e-9 * size**2)
    return np.flatnonzero(is_peak) + low


def _frequencies(
    here: npt.NDArray[np.complex64], later: npt.NDArray[np.complex64],
    bins: npt.NDArray[np.int64], size: int, shift: int,
) -> Floats:  # fmt: skip
    """Momentary frequency at bins, in bins, from two spectra ``shift`` samples apart."""
    turned = np.angle(later[bins] * np.conj(here[bins])) / (2 * np.pi)
    expected = bins * shift / size
    off = turned - expected
    found = bins + (off - np.round(off)) * size / shift
    return np.asarray(np.maximum(found, 1e-3), np.float64)


def _powers(sound: Reader) -> Iterator[Floats]:
    """Mean power of every 0.1 s, some at a time."""
    piece = samples(0.1, sound.info.sample_rate)
    for span in sections(max(1, sound.info.num_samples // piece), 100):
        samples_ = mono(sound, span.start * piece, span.num_samples * piece)
        yield np.asarray(np.mean(samples_.reshape(-1, piece) ** 2, axis=1, dtype=np.float64))


def _outside(span: Span, repaired: Sequence[Span]) -> npt.NDArray[np.bool_]:
    """Which samples of a span lie in none of the repaired places, which are in order of time."""
    kept = np.ones(span.num_samples, bool)
    first = bisect_left(repaired, span.start - LONGEST, key=lambda place: place.start)
    last = bisect_left(repaired, span.stop, key=lambda place: place.start)
    for place in repaired[first:last]:
        kept[max(place.start - span.start, 0) : max(place.stop - span.start, 0)] = False
    return kept
