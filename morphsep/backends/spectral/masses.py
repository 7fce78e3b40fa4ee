"""A spectrum as masses, their matching, and their bins on the way to another frequency.

From the description in T. Henderson and J. Solomon, "Audio Transport: A Generalized Portamento via
Optimal Transport", DAFx-19 (arXiv 1906.06763); see `morphsep.backends.spectral.transport`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Spectrum

Reals = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

LEAST = 1e-5
"""Share of a frame's mass below which a mass is not moved."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Masses:
    """A frame as masses, from low to high."""

    first: Indices
    """First bin of each."""
    size: Indices
    """Number of bins of each."""
    centre: Indices
    """Loudest bin of each."""
    frequency: Reals
    """Reassigned frequency there, rad per sample."""
    phase: Reals
    """Phase there, rad."""
    share: Reals
    """Share of the frame's mass."""
    total: float
    """The frame's mass: the sum of its magnitudes."""
    magnitude: Reals
    """Magnitude of every bin, all channels together, ``[K]``."""


@dataclass(frozen=True, slots=True, eq=False)
class Lobes:
    """Bins on their way: where they come from, where they go, which match moves them."""

    come: Indices
    to: Indices
    which: Indices
    gain: Reals
    factor: npt.NDArray[np.complex128]
    """What each bin is multiplied by: the gain, and the turn to its new phase."""

    @classmethod
    def of(cls, sound: Masses, index: Indices, target: Indices, phase: Reals, gain: Reals) -> Lobes:
        """The lobes of masses ``index`` of a sound; those without a gain are left out."""
        heard = np.flatnonzero(gain > 0)
        index = index[heard]
        size = sound.size[index]
        which = np.repeat(np.arange(index.size), size)
        begin = np.cumsum(size) - size
        come = np.arange(which.size) + (sound.first[index] - begin)[which]
        to = come + (target[heard] - sound.centre[index])[which]
        kept = (to >= 0) & (to < sound.magnitude.size)
        if not kept.all():
            come, to, which = come[kept], to[kept], which[kept]
        factor = gain[heard] * np.exp(1j * (phase[heard] - sound.phase[index]))
        return cls(come, to, heard[which], gain[heard][which], factor[which])

    def moved(self, spectrum: Spectrum) -> Spectrum:
        """The spectrum ``[C, K]`` with its bins at their new positions."""
        out = np.empty(spectrum.shape, np.complex64)
        for channel, values in zip(out, spectrum, strict=True):
            moved = values[self.come] * self.factor
            channel.real = np.bincount(self.to, moved.real, channel.size)
            channel.imag = np.bincount(self.to, moved.imag, channel.size)
        return out


def masses(spectrum: Spectrum, slope: Spectrum) -> Masses:
    """A frame ``[C, K]``, and the same under the window's derivative, as masses."""
    num_bins = spectrum.shape[1]
    power = (np.abs(spectrum).astype(np.float64) ** 2).sum(axis=0)
    cross = (slope * spectrum.conj()).imag.sum(axis=0, dtype=np.float64)
    away = -cross / np.maximum(power, 1e-20)
    rising = away > 0
    first = np.concatenate(([0], np.flatnonzero(~rising[:-1] & rising[1:]) + 1))
    size = np.diff(first, append=num_bins)
    peak = np.maximum.reduceat(power, first)
    which = np.repeat(np.arange(first.size), size)
    tops = np.flatnonzero(power == peak[which])
    centre = tops[np.searchsorted(which[tops], np.arange(first.size))]
    magnitude = np.sqrt(power)
    mass = np.add.reduceat(magnitude, first)
    total = float(mass.sum())
    grid = 2 * np.pi * centre / (2 * (num_bins - 1))
    # Not a plain sum: channels of opposite polarity would cancel.
    summed = spectrum[0, centre] + (0.6j * spectrum[1, centre] if len(spectrum) > 1 else 0)
    return Masses(
        first=first, size=size, centre=centre, frequency=grid + away[centre],
        phase=np.angle(summed).astype(np.float64), share=mass / max(total, 1e-20),
        total=total, magnitude=magnitude,
    )  # fmt: skip


def matched(a: Reals, b: Reals) -> tuple[Indices, Indices, Reals]:
    """The monotone matching of two lists of shares, each adding up to 1: (of a, of b, share)."""
    until = np.cumsum(a), np.cumsum(b)
    cuts = np.sort(np.concatenate((until[0][:-1], until[1][:-1], [1.0])))
    share = np.diff(cuts, prepend=0.0)
    middle = cuts - share / 2
    i, j = (np.minimum(np.searchsorted(each, middle), each.size - 1) for each in until)
    kept = share > LEAST
    return i[kept], j[kept], share[kept]
