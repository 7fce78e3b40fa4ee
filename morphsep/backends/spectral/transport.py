"""Between two sounds of different notes: spectral mass moves along the frequency axis.

After T. Henderson and J. Solomon, "Audio Transport: A Generalized Portamento via Optimal
Transport", DAFx-19 (arXiv 1906.06763), from the paper's description. In each frame, both spectra
are cut into masses (a partial with its skirts) where the reassigned frequency changes side; the
masses are matched by optimal transport, which in one dimension is the monotone matching of their
cumulated weights; and each match sounds once, at the frequency in between. Its phase continues from
the last frame with that frequency.

Added here: where both sounds have a clear pitch, partials are matched by their numbers
(`morphsep.backends.spectral.matching`); a frame is as loud as both sides' levels in between, which
magnitudes that are cut and moved apart are not; stereo stays stereo (masses are cut and matched for
all channels together); where a
band's power rises steeply a mass takes the phase of the sound that it comes from, so that attacks
stay whole and the phases before them, also at a passage's cut, are forgotten; and a sound that is
silent, or far below the other, moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from morphsep.backends.spectral.blend import LOOKBACK
from morphsep.backends.spectral.masses import Indices, Lobes, Masses, Reals, masses
from morphsep.backends.spectral.matching import Pairs, by_mass, by_number
from morphsep.backends.spectral.overlap import Overlap
from morphsep.backends.spectral.pitch import pitch
from morphsep.dsp import Bands, FrameGrid, Signal, Spectrum, erb_bands, hann, power

PADDING = 2
"""FFT length in windows: masses are moved by whole bins, which must be narrow."""
SILENT = 1e-3
"""Mass of a frame, against the other sound's, below which it moves nothing: -60 dB."""
NOTHING = 1e-4
"""The same in absolute terms: the sum of a frame's magnitudes at about -120 dBFS."""
ATTACK = np.log(10**0.9)
"""Rise of a band's power over ``LOOKBACK`` frames above which it is an attack, 9 dB."""
NUM_BANDS = 24
STILL = 0.05
"""Rad per hop that a mass may move and keep its phase."""
MOST_GAIN = 2.0
"""Largest correction of a frame's level, 6 dB."""


def transport(
    source: Signal, target: Signal, amount: Signal, start: int, *, n_fft: int, hop: int
) -> Signal:
    """The sound at ``amount`` ``[T]`` of the way from ``source`` to ``target``, both ``[C, T]``.

    Levels are ``(1 - amount)`` of the source's and ``amount`` of the target's magnitudes. At the
    ends the sound equals the source or the target up to phases.

    Args:
        start: the song's sample of ``source[:, 0]``: frames lie on the song's grid.
    """
    grid = FrameGrid(start=start, num_samples=source.shape[1], n_fft=n_fft, hop=hop)
    amounts = grid.averages(amount).astype(np.float64)
    sounds = grid.pad(source), grid.pad(target)
    overlap = Overlap(grid, source.shape[0])
    mover = _Mover(n_fft=n_fft, hop=hop)
    for block in grid.blocks():
        frames = [_analyse(grid, sound, block) for sound in sounds]
        out = np.stack([mover(a, b, w) for a, b, w in zip(*frames, amounts[block], strict=True)])
        overlap.add(_frames(grid.n_fft, out), block)
    return overlap.finished()


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """One frame of one sound, its phases counted from the window's middle."""

    spectrum: Spectrum
    """``[C, K]``."""
    slope: Spectrum
    """The same frame under the window's derivative, ``[C, K]``."""


@dataclass(slots=True, kw_only=True)
class _Mover:
    """Processes the frames of two sounds in order; keeps the last frame's phases."""

    n_fft: int
    hop: int
    phase: Reals = field(init=False)
    """Phase of the loudest part at each bin in the last frame."""
    frequency: Reals = field(init=False)
    past: list[list[Reals]] = field(init=False)
    """Band levels of both sounds in the last frames, in nepers of power."""

    def __post_init__(self) -> None:
        num_bins = PADDING * self.n_fft // 2 + 1
        self.phase = np.zeros(num_bins)
        self.frequency = np.zeros(num_bins)
        self.past = [[], []]

    def __call__(self, source: _Frame, target: _Frame, amount: float) -> Spectrum:
        """Spectrum ``[C, K]`` in between."""
        a, b = masses(source.spectrum, source.slope), masses(target.spectrum, target.slope)
        rises = self._rises(a, 0), self._rises(b, 1)
        least = max(NOTHING, SILENT * max(a.total, b.total))
        if min(a.total, b.total) < least or not 0 < amount < 1:
            louder, output = (source, a) if a.total > b.total else (target, b)
            if amount in (0, 1):
                louder, output = (target, b) if amount else (source, a)
            self._remember(output)
            factor = amount if louder is target else 1 - amount
            return np.asarray(louder.spectrum * np.float32(factor), np.complex64)
        return self._between(source, target, a, b, amount, rises)

    def _between(
        self, source: _Frame, target: _Frame, a: Masses, b: Masses, amount: float,
        rises: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    ) -> Spectrum:  # fmt: skip
        pairs = self._pairs(a, b, amount)
        phase = self.phase[pairs.bins]
        phase = phase + self.hop * (self.frequency[pairs.bins] + pairs.frequency) / 2
        mass_a = pairs.gains[0] * a.share[pairs.i] * a.total
        from_a = mass_a >= pairs.gains[1] * b.share[pairs.j] * b.total
        attack = np.where(from_a, rises[0][a.centre[pairs.i]], rises[1][b.centre[pairs.j]])
        own = np.where(from_a, a.phase[pairs.i], b.phase[pairs.j])
        before = np.where(from_a, a.frequency[pairs.i], b.frequency[pairs.j])
        # A mass that hardly moves keeps its phase.
        still = np.abs(before - pairs.frequency) * self.hop < STILL
        phase = np.where(attack | still, own, phase)
        lobes = (
            Lobes.of(a, pairs.i, pairs.bins, phase, pairs.gains[0]),
            Lobes.of(b, pairs.j, pairs.bins, phase, pairs.gains[1]),
        )
        self._own(lobes, (a, b), phase, pairs.frequency)
        moved = lobes[0].moved(source.spectrum) + lobes[1].moved(target.spectrum)
        return self._as_loud(moved, a, b, amount)

    def _pairs(self, a: Masses, b: Masses, amount: float) -> Pairs:
        """What sounds together in between."""
        first = pitch(a, self.n_fft)
        other = pitch(b, self.n_fft) if first.sure > 0 else first
        sure = min(first.sure, other.sure)
        if sure == 0:
            return by_mass(a, b, amount)
        numbered = by_number(a, b, (first.frequency, other.frequency), amount)
        if sure == 1:
            return numbered
        return numbered.scaled(sure) + by_mass(a, b, amount).scaled(1 - sure)

    def _as_loud(self, moved: Spectrum, a: Masses, b: Masses, amount: float) -> Spectrum:
        """A frame with the level in between those of both sides, K-weighted."""
        weights = _loudness(self.n_fft)
        levels = [np.sqrt((each.magnitude**2) @ weights) for each in (a, b)]
        wanted = (1 - amount) * levels[0] + amount * levels[1]
        there = np.sqrt(power(moved).sum(axis=0, dtype=np.float64) @ weights)
        gain = np.clip(wanted / (there + 1e-20), 1 / MOST_GAIN, MOST_GAIN)
        return np.asarray(moved * np.float32(gain), np.complex64)

    def _rises(self, frame: Masses, which: int) -> npt.NDArray[np.bool_]:
        """Whether an attack sounds in each bin, ``[K]``."""
        bands = _bands(self.n_fft)
        level = np.log((frame.magnitude**2) @ bands.to_bands + 1e-9)
        past = self.past[which] or [level]
        rise = level - np.minimum.reduce(past)
        self.past[which] = [*past, level][-LOOKBACK:]
        return np.asarray((rise > ATTACK)[_band_of(self.n_fft)])

    def _remember(self, frame: Masses) -> None:
        """Keep the phases of a frame that is output as it is."""
        self.phase = np.repeat(frame.phase, frame.size)
        self.frequency = np.repeat(frame.frequency, frame.size)

    def _own(
        self, lobes: tuple[Lobes, Lobes], both: tuple[Masses, Masses],
        phase: Reals, frequency: Reals,
    ) -> None:  # fmt: skip
        """Keep the phase and frequency of the loudest part in each bin."""
        bins = np.concatenate([lobe.to for lobe in lobes])
        which = np.concatenate([lobe.which for lobe in lobes])
        loud = np.concatenate(
            [
                frame.magnitude[lobe.come] * lobe.gain
                for lobe, frame in zip(lobes, both, strict=True)
            ]
        )
        # 16 bits, 0.1 dB apart, are sorted in linear time; sorting floats took a quarter of the
        # time.
        rank = np.clip(60 * np.log2(loud + 1e-12) + 4000, 0, 65535).astype(np.uint16)
        order = np.argsort(rank, kind="stable")
        self.phase[bins[order]] = phase[which[order]]
        self.frequency[bins[order]] = frequency[which[order]]


def _analyse(grid: FrameGrid, sound: Signal, block: slice) -> list[_Frame]:
    """Frames of a padded sound, each with zeros up to ``PADDING`` windows."""
    from scipy.fft import rfft

    size = PADDING * grid.n_fft
    frames = grid.frames(sound)[block]
    spectra = (
        rfft(frames * window, size, axis=-1) * _centring(grid.n_fft)
        for window in (hann(grid.n_fft), _slope(grid.n_fft))
    )
    return [_Frame(*each) for each in zip(*spectra, strict=True)]


def _frames(n_fft: int, spectra: Spectrum) -> Signal:
    """Spectra ``[F, C, K]`` as frames ``[F, C, n_fft]``."""
    from scipy.fft import irfft

    frames = irfft(spectra * _centring(n_fft).conj(), PADDING * n_fft, axis=-1)
    return np.ascontiguousarray(frames[..., :n_fft])


@lru_cache(maxsize=4)
def _centring(n_fft: int) -> Spectrum:
    """Factors that refer phases to the window's middle, ``[K]``."""
    bins = np.arange(PADDING * n_fft // 2 + 1)
    return np.asarray(np.exp(1j * np.pi * bins / PADDING), np.complex64)


@lru_cache(maxsize=4)
def _slope(n_fft: int) -> Signal:
    """Derivative of the Hann window per sample, ``[n_fft]``."""
    turn = 2 * np.pi / n_fft
    return np.asarray(0.5 * turn * np.sin(turn * np.arange(n_fft)), np.float32)


def _bands(n_fft: int) -> Bands:
    return erb_bands(PADDING * n_fft, NUM_BANDS)


@lru_cache(maxsize=4)
def _loudness(n_fft: int) -> Reals:
    """K-weight of each bin's power, ``[K]``."""
    bands = _bands(n_fft)
    return np.asarray(bands.to_bands @ bands.loudness, np.float64)


@lru_cache(maxsize=4)
def _band_of(n_fft: int) -> Indices:
    """The nearest band of each bin, ``[K]``."""
    return np.asarray(_bands(n_fft).to_bins.argmax(axis=0))
