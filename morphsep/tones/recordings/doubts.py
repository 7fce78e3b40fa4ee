"""What is said of a reference that can hardly be what was meant, or cannot be reached.

A recording counts as drums or a whole mix by what guitars lack: clicks across the spectrum where
notes would be, or kick drum and cymbals at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.tones.recordings.statistics import N_FFT, Levels, powers

AUDIBLE_HZ, LOW_HZ, HIGH_HZ = 20.0, 65.0, 12_000.0
"""Where a kick drum's power begins, ends, and where that of cymbals begins. A guitar has its lowest
string above, unless it is tuned far down, and loudspeakers of amplifiers end at 6 kHz."""
CLICKS_HZ = (100.0, 10_000.0)
LONG, WIDE = 9, 17
"""Frames (0.4 s) and bins (180 Hz) over which a median tells notes from clicks."""
CLICKS = 0.6
"""Share of clicks from which a recording is no guitar, whatever else it holds."""
SOME_CLICKS, LOW_DB = 0.53, -20.0
"""Both: strummed and muted guitars reach the one, low ones the other."""
MIX_LOW_DB, MIX_HIGH_DB = -16.5, -32.0
"""Both."""
MOST_GAIN_DB = 15.0
"""Gain of a band that both sounds have, above which two sounds are far apart."""
FAR_DB = 12.0
"""Distance above which two clean guitars rarely are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """What tells guitars from drums and whole mixes."""

    low_db: float
    """Power below 65 Hz against all of it."""
    high_db: float
    """Power above 12 kHz."""
    clicks: float
    """Share of what is broad and short against what is narrow and long, in [0, 1]."""

    @classmethod
    def of(cls, pieces: Sequence[Signal]) -> Character:
        """Measures pieces ``[C, T]`` of one sound."""
        frames = [powers(piece) for piece in pieces]
        hertz = np.arange(N_FFT // 2 + 1) * MODEL_RATE / N_FFT
        mean = np.concatenate(frames).mean(axis=0)
        total = mean[hertz > AUDIBLE_HZ].sum() + 1e-30
        low = mean[(hertz > AUDIBLE_HZ) & (hertz < LOW_HZ)].sum() / total
        high = mean[hertz > HIGH_HZ].sum() / total
        heard = (hertz > CLICKS_HZ[0]) & (hertz < CLICKS_HZ[1])
        return cls(
            low_db=float(10 * np.log10(low + 1e-12)), high_db=float(10 * np.log10(high + 1e-12)),
            clicks=_clicks([each[:, heard] for each in frames]),
        )  # fmt: skip

    @property
    def is_guitar(self) -> bool:
        """False if it is nothing like a guitar alone."""
        mix = self.low_db > MIX_LOW_DB and self.high_db > MIX_HIGH_DB
        drums = self.clicks > CLICKS or (self.clicks > SOME_CLICKS and self.low_db > LOW_DB)
        return not (mix or drums)


def _clicks(pieces: Sequence[npt.NDArray[np.float64]]) -> float:
    """Medians along time keep notes, along frequency clicks (D. FitzGerald, "Harmonic/percussive
    separation using median filtering", DAFx-10)."""
    from scipy.ndimage import median_filter

    clicks = everything = 0.0
    for power in pieces:
        notes, broad = median_filter(power, (LONG, 1)), median_filter(power, (1, WIDE))
        loudness = power**0.3
        clicks += float((loudness * broad / (notes + broad + 1e-20)).sum())
        everything += float(loudness.sum())
    return clicks / max(everything, 1e-30)


def no_guitar(name: str) -> str:
    """Said of a reference that is nothing like a guitar."""
    return (
        f"{name} sounds like drums or a whole mix, not like a guitar alone; what is imitated is "
        "the average of all that plays in it"
    )


def unreached(
    name: str, drive_db: float | None, distance: float, gains_db: Levels, heard: Levels
) -> list[str]:
    """Said of a stem that a drive and a filter cannot bring near to a reference.

    Args:
        name: the reference's.
        drive_db: what was found, and
        distance: what it leaves, dB.
        gains_db: of the filter, in bands.
        heard: how much each band is heard in both sounds, in [0, 1].
    """
    said = []
    largest = float(np.max(np.abs(gains_db) * (heard > 0.5)))
    if largest > MOST_GAIN_DB:
        said.append(f"the filter towards {name} changes what is heard by up to {largest:.0f} dB")
    if drive_db is None and distance > FAR_DB:
        said.append(
            f"neither drive nor filter brings the guitar near to {name}: {distance:.0f} dB are left"
        )
    return said
