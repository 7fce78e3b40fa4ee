"""A captured device with its knob, as loud at every position of the knob as what goes in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.errors import SettingError
from morphsep.storage import stamp
from morphsep.tones.capture.guitarml import read_guitarml
from morphsep.tones.capture.lstm import Lstm
from morphsep.tones.capture.rates import at_rate, context_at, restoring_gain

REMEMBERS = 1.0
"""Seconds that a network runs before its output counts. Of fourteen captures one still differs by
-85 dB then from one that ran on, the others by -97 dB or less: it gets no better with time."""
POSITIONS = 33
"""Of the knob, at which the loudness is measured; between them it is interpolated in dB."""
SETTLES = MEASURED = 0.25
"""Seconds of noise before and during such a measurement."""


@dataclass(frozen=True, eq=False)
class Device:
    """A network that keeps the loudness."""

    network: Lstm

    @cached_property
    def gains(self) -> Signal:
        """What keeps it, measured once: natural logarithms at evenly spaced positions of the knob,
        0 to 1; one without a knob."""
        positions = np.linspace(0, 1, POSITIONS if self.network.has_knob else 1)
        gains = [_gain(self.network, float(knob)) for knob in positions]
        return np.log(gains).astype(np.float32)

    @property
    def context(self) -> tuple[int, int]:
        """(before, after) in samples at 44.1 kHz."""
        return context_at(self.network.rate, round(REMEMBERS * self.network.rate))

    def render(self, dry: Signal, start: int, knob: float | Signal) -> Signal:
        """``[C, T]`` at 44.1 kHz and the reference loudness through the device, each channel by
        itself, with the knob at one position or moving, ``[T]``. Silence stays silence."""
        if not dry.any():
            return np.zeros_like(dry)
        if isinstance(knob, float):
            return _with_knob_at_rest(self, dry.tobytes(), len(dry), start, knob).copy()
        return self.turned(dry, start, knob)

    def turned(self, dry: Signal, start: int, moving: Signal) -> Signal:
        """`render` with a moving knob."""
        rate = self.network.rate

        def play(signal: Signal, first: int) -> Signal:
            here = (first + np.arange(signal.shape[-1])) * (MODEL_RATE / rate) - start
            turned = np.interp(here, np.arange(moving.size), moving).astype(np.float32)
            played = (self.network.play(each, turned, self.network.rest()) for each in signal)
            return np.stack(list(played))

        gains = np.interp(moving, np.linspace(0, 1, self.gains.size), self.gains)
        return at_rate(play, dry, start, rate) * np.exp(gains).astype(np.float32)


@lru_cache(maxsize=4)
def _with_knob_at_rest(
    device: Device, dry: bytes, channels: int, start: int, knob: float
) -> Signal:
    """What was played last is kept: both ends of a morph are asked for again at each amount that is
    tried or wanted."""
    signal = np.frombuffer(dry, np.float32).reshape(channels, -1)
    return device.turned(signal, start, np.full(signal.shape[1], knob, np.float32))


def load_device(path: str) -> Device:
    """The device that a file of GuitarML captures, once in each process.

    Raises:
        SettingError: no such file, or one that cannot be played.
    """
    try:
        return _loaded(path, stamp(path))
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}") from error


@lru_cache(maxsize=16)
def _loaded(path: str, stamp_of_it: str) -> Device:
    return Device(read_guitarml(path))


def _gain(network: Lstm, knob: float) -> float:
    def play(test: Signal) -> Signal:
        still = np.full(test.shape[1], knob, np.float32)
        return network.play(test[0], still, network.rest())[None]

    return restoring_gain(play, network.rate, round(SETTLES * network.rate), MEASURED)
