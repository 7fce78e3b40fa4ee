"""Which mass of one sound becomes which of the other, and where it sounds in between.

By harmonic number where both sounds have a clear pitch: all of a sound's partials then stay
multiples of one pitch. By cumulated mass where they have none (noise, chords), which knows no
pitch: of two spectra of unlike slopes it pairs the seventh partial with the fifth. Where pitches
are half sure, both, each with its share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from morphsep.backends.spectral.masses import LEAST, Indices, Masses, Reals, matched


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Masses ``i`` of the source and ``j`` of the target that sound together in between."""

    i: Indices
    j: Indices
    gains: tuple[Reals, Reals]
    """Of both sides' magnitudes; 0: that side has no part in it."""
    frequency: Reals
    """In between, rad per sample."""
    bins: Indices
    """Of the loudest part in between."""

    def scaled(self, factor: float) -> Pairs:
        """The same, with this share of the magnitudes."""
        return Pairs(
            i=self.i, j=self.j, gains=(self.gains[0] * factor, self.gains[1] * factor),
            frequency=self.frequency, bins=self.bins,
        )  # fmt: skip

    def __add__(self, other: Pairs) -> Pairs:
        both = self, other
        return Pairs(
            i=np.concatenate([each.i for each in both]),
            j=np.concatenate([each.j for each in both]),
            gains=(
                np.concatenate([each.gains[0] for each in both]),
                np.concatenate([each.gains[1] for each in both]),
            ),
            frequency=np.concatenate([each.frequency for each in both]),
            bins=np.concatenate([each.bins for each in both]),
        )


def by_mass(a: Masses, b: Masses, amount: float) -> Pairs:
    """Pairs by cumulated mass, as in the paper."""
    i, j, share = matched(a.share, b.share)
    return Pairs(
        i=i, j=j,
        gains=((1 - amount) * share / a.share[i], amount * share / b.share[j]),
        frequency=(1 - amount) * a.frequency[i] + amount * b.frequency[j],
        bins=np.rint((1 - amount) * a.centre[i] + amount * b.centre[j]).astype(np.intp),
    )  # fmt: skip


def by_number(a: Masses, b: Masses, pitches: tuple[float, float], amount: float) -> Pairs:
    """Pairs of equal harmonic numbers; what has no partner moves as the pitch does.

    Args:
        pitches: of both, rad per sample.
    """
    between = (1 - amount) * pitches[0] + amount * pitches[1]
    tops = _strongest(a, pitches[0]), _strongest(b, pitches[1])
    count = min(each.size for each in tops)
    both = (tops[0][:count] >= 0) & (tops[1][:count] >= 0)
    i, j = tops[0][:count][both], tops[1][:count][both]
    paired = Pairs(
        i=i, j=j, gains=(np.full(i.size, 1 - amount), np.full(j.size, amount)),
        frequency=(1 - amount) * a.frequency[i] + amount * b.frequency[j],
        bins=np.rint((1 - amount) * a.centre[i] + amount * b.centre[j]).astype(np.intp),
    )  # fmt: skip
    of_source = _alone(a, i, between / pitches[0], 1 - amount, of_source=True)
    of_target = _alone(b, j, between / pitches[1], amount, of_source=False)
    return paired + of_source + of_target


def _alone(sound: Masses, taken: Indices, ratio: float, gain: float, *, of_source: bool) -> Pairs:
    """What has no partner in the other sound, moved by the ratio of the pitches."""
    left = sound.share > LEAST
    left[taken] = False
    index = np.flatnonzero(left)
    shift = (ratio - 1) * sound.frequency[index]
    last = sound.magnitude.size - 1
    bins = np.rint(sound.centre[index] + shift * last / np.pi).astype(np.intp)
    inside = (bins >= 0) & (bins <= last)
    index, shift, bins = index[inside], shift[inside], bins[inside]
    gains, nothing = np.full(index.size, gain), np.zeros(index.size)
    nowhere = np.zeros_like(index)
    return Pairs(
        i=index if of_source else nowhere, j=nowhere if of_source else index,
        gains=(gains, nothing) if of_source else (nothing, gains),
        frequency=sound.frequency[index] + shift, bins=bins,
    )  # fmt: skip


def _strongest(sound: Masses, pitch: float) -> Indices:
    """The strongest mass of each harmonic number below half the rate, -1 where there is none."""
    loud = np.flatnonzero(sound.share > LEAST)
    order = loud[np.argsort(sound.share[loud], kind="stable")]
    number = np.rint(sound.frequency[order] / pitch)
    tops = np.full(int(np.pi / pitch) + 1, -1)
    counts = (number > 0) & (number < tops.size)
    tops[number[counts].astype(np.intp)] = order[counts]
    return tops
