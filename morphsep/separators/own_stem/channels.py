"""What is wrong with single channels of a stem: swapped, silent, inverted, late, of another level.

Both channels together can be close to the mix while one of them is not: a stem without its right
channel has half of the gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from morphsep.dsp import dbfs
from morphsep.separators.own_stem.alignment import FOUND, Excerpt, Fit, fit

NAMES = ("left", "right")
NEAR = 2048
"""Samples around the stem's place in which a channel is searched."""
CLEAR = 10.0
"""Contrast above which a channel is found there: less than elsewhere, for the place is known."""
PRESENT = 0.5
"""Least gain of what is there, rather than a likeness by chance."""
SILENT_DB, QUIET_DB = -60.0, -20.0
"""Level of a channel against the louder one, in dB: below the first there is nothing in it, below
the second too little of the stem to be judged."""
HEARD = 0.1
"""Gain of the other channel's guitar in the mix's channel from which on it should not be silent."""
ALIKE_DB = 1.0
"""dB between channels within which what is wrong is wrong with both."""
SWAP_MARGIN = 0.05
"""Gain that swapped channels must have more: with less, they are nearly the same."""


def are_swapped(excerpts: Sequence[Excerpt], found: Fit, sample_rate: int) -> bool:
    """Whether the stem fits better with its channels exchanged."""
    if excerpts[0].stem.shape[0] != 2:
        return False
    is_found = found.contrast >= FOUND
    searched = [_near(each, found.lag) for each in excerpts] if is_found else excerpts
    exchanged = fit([replace(each, stem=each.stem[::-1]) for each in searched], sample_rate)
    as_given = found.gain if is_found else 0.0
    is_clear = exchanged.contrast >= FOUND and exchanged.gain >= PRESENT
    return is_clear and exchanged.gain > as_given + SWAP_MARGIN


def channel_fault(
    excerpts: Sequence[Excerpt], lag: int, sample_rate: int, max_level_db: float
) -> str | None:
    """What one channel of a stereo stem that lies at ``lag`` has wrong, as the end of a sentence;
    None if nothing is wrong, or the same with both."""
    levels = _levels(excerpts)
    near = [_near(excerpt, lag) for excerpt in excerpts]
    for channel, level in enumerate(levels):
        if level < SILENT_DB and _is_heard(near, channel, sample_rate):
            return f"its {NAMES[channel]} channel is silent, but the mix has the guitar there too"
    fits = {
        channel: fit([_pair(each, channel, channel) for each in near], sample_rate)
        for channel, level in enumerate(levels)
        if level > QUIET_DB
    }
    if len(fits) == 2 and _are_alike(fits[0], fits[1]):
        return None
    faults = (_fault(found, NAMES[c], sample_rate, max_level_db) for c, found in fits.items())
    return next((fault for fault in faults if fault), None)


def silent_channel(excerpts: Sequence[Excerpt]) -> str | None:
    """The name of the stem's channel in which there is nothing, unlike in the other."""
    levels = _levels(excerpts)
    return next((NAMES[c] for c, level in enumerate(levels) if level < SILENT_DB), None)


def _levels(excerpts: Sequence[Excerpt]) -> list[float]:
    """Level of each channel of the stem against the loudest, in dB."""
    energies = [np.sum(each.stem.astype(np.float64) ** 2, axis=1) for each in excerpts]
    energy = np.sum(energies, axis=0)
    return [dbfs(float(np.sqrt(one / max(energy.max(), 1e-30)))) for one in energy]


def _near(excerpt: Excerpt, lag: int) -> Excerpt:
    """The same with the mix within `NEAR` of the stem's place only; lags count from there."""
    length = excerpt.stem.shape[-1]
    first = (excerpt.mix.shape[-1] - length) // 2 + lag - NEAR
    return replace(excerpt, mix=excerpt.mix[:, first : first + length + 2 * NEAR])


def _pair(excerpt: Excerpt, of_stem: int, of_mix: int) -> Excerpt:
    return replace(excerpt, stem=excerpt.stem[[of_stem]], mix=excerpt.mix[[of_mix]])


def _is_heard(near: Sequence[Excerpt], channel: int, sample_rate: int) -> bool:
    other = fit([_pair(each, 1 - channel, channel) for each in near], sample_rate)
    return other.contrast >= CLEAR and abs(other.gain) >= HEARD


def _are_alike(left: Fit, right: Fit) -> bool:
    if min(left.contrast, right.contrast) < CLEAR or abs(left.lag - right.lag) > 1:
        return False
    ratio = left.gain / right.gain
    return ratio > 0 and abs(dbfs(ratio)) <= ALIKE_DB


def _fault(found: Fit, name: str, sample_rate: int, max_level_db: float) -> str | None:
    if found.contrast < CLEAR:
        least = CLEAR * abs(found.gain) / max(found.contrast, 1e-30)  # that would have been found
        is_absent = least < PRESENT
        return f"its {name} channel is not in the mix's {name} channel" if is_absent else None
    if abs(found.lag) > 1:
        early_or_late = "early" if found.lag > 0 else "late"
        offset = f"{1000 * abs(found.lag) / sample_rate:.2f} ms {early_or_late}"
        return f"its {name} channel is {offset} against the other"
    if found.gain < 0:
        return f"the polarity of its {name} channel is inverted against the mix; invert it"
    level = dbfs(found.gain)
    if abs(level) <= max_level_db:
        return None
    louder_or_quieter = "louder" if level > 0 else "quieter"
    return (
        f"the mix has its {name} channel {abs(level):.1f} dB {louder_or_quieter} than the stem; "
        f"change the level of that channel by {level:+.1f} dB"
    )
