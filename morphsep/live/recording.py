"""The recording of a guitar, as it would come from an instrument."""

from __future__ import annotations

from morphsep.audio import AudioReader
from morphsep.dsp import Seconds, Signal
from morphsep.errors import SettingError

LONGEST = 1800.0
"""Seconds: it is held in memory, so that no disk is waited for."""


def read_recording(path: str, seconds: Seconds = LONGEST) -> tuple[Signal, int]:
    """The first seconds of a recording, ``[C, T]``, and its sample rate.

    Raises:
        SettingError: it is empty.
        TrackError: it cannot be read.
    """
    with AudioReader(path) as file:
        size = min(round(min(seconds, LONGEST) * file.info.sample_rate), file.info.num_samples)
        if not size:
            raise SettingError(f"{path} holds no sound")
        return file.read(0, size), file.info.sample_rate
