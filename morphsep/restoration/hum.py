"""What hum is in a recording: steady, narrow lines at multiples of the mains' frequency."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Reader, Seconds, samples

Floats = npt.NDArray[np.float64]

WINDOW: Seconds = 4.0
"""Length of a spectrum; shorter where a recording lasts less than three of them."""
SHORTEST: Seconds = 3.0
"""Hum cannot be told from notes in less."""
MOST_SPECTRA = 400
"""Spread evenly over the recording."""
HIGHEST_HZ = 2000.0
MAINS_HZ = (50.0, 60.0)
OFF = 0.015
"""Share by which a transfer's speed may have shifted the mains."""
NEAR_BINS, FAR_HZ = 3, 4.0
"""Neighbours that a line is compared with: so many bins to so many Hz away."""
QUIET, QUIETEST = 0.25, 0.05
"""Lines are looked for in the quarter of the spectra in which least sounds, bin by bin."""
STEADY_DB = 6.0
"""So far its level may lie below that in the quietest ones: notes fall silent, hum does not."""
PROVES_DB, STANDS_OUT_DB = 10.0, 8.0
"""Lines that prove that there is hum; once it is proved these count, too."""
PROOFS, FUNDAMENTALS = 3, (1, 2, 3)
"""So many lines are needed, one of them among the first multiples."""
EXACT_BINS, EXACT_HZ = 0.12, 0.004
"""How far a proof may lie from its multiple: so many bins, and so many Hz for each multiple."""
NEAR_ENOUGH_BINS = 0.5
"""The same for a line once hum is proved, and the mains' drift for each multiple."""


class Line(NamedTuple):
    """One line of a hum."""

    number: int
    """Multiple of the mains' frequency."""
    hz: float
    level_db: float
    """RMS in dBFS, all channels together."""
    above_db: float
    """Above its neighbours, in bins of the spectrum that it was found in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hum:
    """The hum of a recording."""

    mains_hz: float | None
    """None: there is none."""
    drift_hz: float
    """Half of the range in which the mains' frequency lies for 80 % of the time."""
    lines: tuple[Line, ...]


NO_HUM = Hum(mains_hz=None, drift_hz=0.0, lines=())


class _Spectra(NamedTuple):
    levels: Floats
    """``[spectra, bins]``, dB; 0 dB is a sine of RMS 1."""
    bin_hz: float


def find_hum(recording: Reader, mains_hz: Sequence[float] = MAINS_HZ) -> Hum:
    """The lines that stand out over a whole recording, at multiples of one frequency near one of
    those given."""
    from scipy.ndimage import maximum_filter1d

    spectra = _spectra(recording)
    if not len(spectra.levels):
        return NO_HUM
    quiet = np.quantile(spectra.levels, QUIET, axis=0)
    nearby = maximum_filter1d(spectra.levels, 3, axis=1)  # a line that drifts changes its bin
    quietest = np.quantile(nearby, QUIETEST, axis=0)
    above = _above_neighbours(quiet, spectra.bin_hz)
    above[quietest < quiet - STEADY_DB] = 0.0
    peaks = list(_peaks(quiet, above, spectra.bin_hz))
    found = max((_multiples(peaks, spectra.bin_hz, hz) for hz in mains_hz), key=_proof)
    proofs = [line for line in found if line.above_db >= PROVES_DB]
    if len(proofs) < PROOFS or min(line.number for line in proofs) not in FUNDAMENTALS:
        return NO_HUM
    weights = [line.above_db * line.number for line in proofs]
    mains = float(np.average([line.hz / line.number for line in proofs], weights=weights))
    drift = _drift(spectra, proofs)
    off = NEAR_ENOUGH_BINS * spectra.bin_hz
    near = _belonging(peaks, off, mains, EXACT_HZ + drift)
    near.sort(key=lambda line: line.above_db)
    lines = {line.number: line._replace(hz=line.number * mains) for line in near}
    return Hum(mains_hz=mains, drift_hz=drift, lines=tuple(lines[each] for each in sorted(lines)))


def _proof(lines: Sequence[Line]) -> float:
    return sum(line.above_db for line in lines)


def _spectra(recording: Reader) -> _Spectra:
    info = recording.info
    seconds = info.num_samples / info.sample_rate
    size = samples(min(WINDOW, seconds / 3), info.sample_rate)
    if seconds < SHORTEST:
        return _Spectra(np.zeros((0, 0)), 1.0)
    bin_hz = info.sample_rate / size
    count = int(min(HIGHEST_HZ, 0.45 * info.sample_rate) / bin_hz)
    levels = [spectrum[:count] for spectrum in _each(recording, size)]
    return _Spectra(np.array(levels).reshape(len(levels), count), bin_hz)


def _each(recording: Reader, size: int) -> Iterator[Floats]:
    """Levels of spectra over the recording, except where it is digital silence."""
    from scipy.fft import rfft

    last = recording.info.num_samples - size
    number = int(min(MOST_SPECTRA, 1 + 2 * last // size))
    window = np.hanning(size + 1)[:-1]
    for start in np.linspace(0, last, number).round().astype(int):
        sound = recording.read(int(start), size).astype(np.float64)
        if sound.any():
            power = np.sum(np.abs(rfft(sound * window)) ** 2, axis=0) * 2 / window.sum() ** 2
            yield 10 * np.log10(power + 1e-20)


def _above_neighbours(levels: Floats, bin_hz: float) -> Floats:
    """How far each bin is above the median of what lies on either side of it, dB."""
    far = max(NEAR_BINS + 2, round(FAR_HZ / bin_hz))
    padded = np.pad(levels, far, mode="reflect" if len(levels) > far else "edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * far + 1)
    offsets = np.abs(np.arange(-far, far + 1))
    return np.asarray(levels - np.median(around[:, offsets >= NEAR_BINS], axis=1))


def _peaks(levels: Floats, above: Floats, bin_hz: float) -> Iterator[Line]:
    """All that stands out, without a number."""
    for bin_ in np.flatnonzero(above >= STANDS_OUT_DB):
        if 1 <= bin_ < len(levels) - 1 and levels[bin_] >= levels[bin_ - 1 : bin_ + 2].max():
            place = _between_bins(levels, int(bin_))
            yield Line(0, place * bin_hz, float(levels[bin_]), float(above[bin_]))


def _between_bins(levels: Floats, top: int) -> float:
    """Where a maximum lies, by the parabola through it and its neighbours."""
    left, middle, right = levels[top - 1 : top + 2]
    curve = left - 2 * middle + right
    return top + (0.5 * float((left - right) / curve) if curve < 0 else 0.0)


def _multiples(peaks: Sequence[Line], bin_hz: float, nominal: float) -> list[Line]:
    """The peaks at multiples of the frequency near a nominal one to which most of them belong."""
    tried = np.linspace(nominal * (1 - OFF), nominal * (1 + OFF), 601)
    off = EXACT_BINS * bin_hz
    best = max((_belonging(peaks, off, float(hz)) for hz in tried), key=_proof)
    refined = [line.hz / line.number for line in best]
    if not refined:
        return best
    weights = [line.above_db * line.number for line in best]
    return _belonging(peaks, off, float(np.average(refined, weights=weights)))


def _belonging(
    peaks: Sequence[Line], off_hz: float, mains: float, each_hz: float = EXACT_HZ
) -> list[Line]:
    """The peaks near multiples of a frequency, with their numbers."""
    found = [line._replace(number=round(line.hz / mains)) for line in peaks]
    return [
        line
        for line in found
        if line.number and abs(line.hz - line.number * mains) <= off_hz + each_hz * line.number
    ]


def _drift(spectra: _Spectra, lines: Sequence[Line]) -> float:
    """See ``Hum.drift_hz``; from the three lines that stand out most."""
    clear = sorted(lines, key=lambda line: -line.above_db)[:3]
    found = list[float]()
    for levels in spectra.levels:
        here = [_nearby(levels, line.hz / spectra.bin_hz) for line in clear]
        pairs = zip(here, clear, strict=True)
        each = [place * spectra.bin_hz / line.number for place, line in pairs if place]
        if each:
            found.append(float(np.median(each)))
    if len(found) < 2:
        return 0.0
    low, high = np.quantile(found, (0.1, 0.9))
    return float(high - low) / 2


def _nearby(levels: Floats, place: float) -> float | None:
    """Where the maximum within a bin of a place lies; None if there is none."""
    first = round(place) - 1
    top = first + int(np.argmax(levels[first : first + 3]))
    if top in (first, first + 2) and levels[top] < levels[top - 1 : top + 2].max():
        return None
    return _between_bins(levels, top)
