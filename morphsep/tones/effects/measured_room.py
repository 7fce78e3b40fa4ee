"""A room that somebody measured: an impulse response from a file, and how its octaves decay."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from morphsep.audio import AudioReader
from morphsep.dsp import (
    MODEL_RATE,
    ModelRateReader,
    Signal,
    compiled,
    decay_curve,
    from_db,
    in_octaves,
    reverberation_time,
)
from morphsep.errors import TrackError
from morphsep.tones.effects.room import NEPERS_OF_T60

LOWEST_HZ, OCTAVES = 62.5, 9
LONGEST_S = 30.0
RINGS_S = 0.1
"""Seconds in which the energy that is still to come falls by 30 dB; a loudspeaker takes less."""
DIRECT, RISE = 110, 441
"""Samples after its peak from which on a response is tail, and over which it becomes that."""
JUCE_LEVEL = 0.125
"""Root of the energy to which pedalboard brings a louder response."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredRoom:
    """An impulse response at pedalboard's level; what its octaves need is worked out when they are
    first asked for."""

    response: Signal
    """``[C, T]`` at 44.1 kHz."""

    @cached_property
    def bands(self) -> Signal:
        """Its octaves ``[C, OCTAVES, T]``."""
        return in_octaves(self.response, LOWEST_HZ, OCTAVES)

    @cached_property
    def rates(self) -> npt.NDArray[np.float64]:
        """Nepers a sample by which each octave falls; one that is too noisy to tell counts as the
        others do; 0 where none can be told."""
        onset = _peak(self.response)
        times = [
            [reverberation_time(octave[onset:].astype(np.float64)) for octave in channel]
            for channel in self.bands
        ]
        rates = NEPERS_OF_T60 / MODEL_RATE / np.ma.masked_invalid(np.array(times, np.float64))
        if rates.count() == 0:
            return np.zeros(OCTAVES)
        return np.asarray(rates.mean(axis=0).filled(np.median(rates.compressed())))

    def reshaped(self, decay: float, level_db: float) -> Signal:
        """The response ``[C, T]`` with its reverberation times scaled, and its tail's level moved;
        the direct sound stays."""
        if decay == 1 and level_db == 0:
            return self.response
        out = np.zeros_like(self.response)
        faster = np.exp(-self.rates * (1 / decay - 1))
        _reshape(self.bands, faster, _peak(self.response), from_db(level_db), out)
        return out


@compiled
def _reshape(
    bands: Signal, faster: npt.NDArray[np.float64], onset: int, level: float, out: Signal
) -> None:
    """Sum of octaves ``[C, OCTAVES, T]``; behind the peak each falls by ``faster`` a sample."""
    for channel in range(bands.shape[0]):
        for band in range(bands.shape[1]):
            fall = 1.0
            for i in range(bands.shape[2]):
                behind = min(max((i - onset - DIRECT) / RISE, 0.0), 1.0)
                factor = fall * (1.0 + (level - 1.0) * behind)
                out[channel, i] += np.float32(factor) * bands[channel, band, i]
                if i >= onset:
                    fall *= faster[band]


def measured_room(path: str) -> MeasuredRoom:
    """The room whose response a file holds; kept while the file stays as it is.

    Raises:
        ValueError: it holds no impulse response.
    """
    state = os.stat(path)
    return _measured(path, state.st_mtime_ns, state.st_size)


def rings(path: str) -> bool:
    """Whether a file holds the response of a room, not of a loudspeaker.

    Raises:
        ValueError: it holds no impulse response.
    """
    response = read_response(path)
    curve = decay_curve(response[:, _peak(response) :])
    fallen = curve < -30
    return int(np.argmax(fallen)) > RINGS_S * MODEL_RATE if fallen.any() else False


@lru_cache(maxsize=2)
def _measured(path: str, mtime_ns: int, size: int) -> MeasuredRoom:
    return MeasuredRoom(response=read_response(path))


def read_response(path: str) -> Signal:
    """The response in a file, ``[C, T]`` at 44.1 kHz and at pedalboard's level.

    Raises:
        ValueError: it holds none.
    """
    try:
        with AudioReader(path) as reader:
            if reader.info.num_samples > LONGEST_S * reader.info.sample_rate:
                raise ValueError(
                    f"the impulse response lasts longer than {LONGEST_S:.0f} s: cut it off where "
                    "it cannot be heard any more"
                )
            view = ModelRateReader(reader)
            response = view.read(0, view.num_samples)
    except TrackError as error:
        raise ValueError(f"the impulse response cannot be read: {error.message}") from error
    if not np.isfinite(response).all():
        raise ValueError("the impulse response holds samples that are no numbers")
    energy = float(np.max(np.sum(np.square(response, dtype=np.float64), axis=1), initial=0.0))
    if energy == 0:
        raise ValueError("the impulse response is silent")
    return response * np.float32(min(1.0, JUCE_LEVEL / math.sqrt(energy)))


def _peak(response: Signal) -> int:
    """Where the direct sound arrives."""
    return int(np.argmax(np.abs(response).max(axis=0)))
