"""Filters that follow a moving amount: consecutive linear pedals, applied as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from morphsep.backends.chain.pairs import Pair, between, context_between
from morphsep.dsp import Signal
from morphsep.tones.chain import run
from morphsep.tones.effects import TAPS as CABINET_TAPS
from morphsep.tones.effects import Parameter, Setting, Value, framed, level

TAPS = 2048
SIZE = 6144
HOP = SIZE - TAPS
ROWS = 8
"""Frames and channels at a time: as many as one pass of the FFT takes."""
FADE = 256
KNOTS = 64
"""Amounts at which the filters are computed; in between the two nearest are blended."""
SHORT = 1024
"""Samples after which a pedal must be below -80 dB to be one of the filters."""
KINDS = frozenset({"Gain", "PeakFilter", "LowShelfFilter", "HighShelfFilter", "LowpassFilter"})
"""Linear, and time-invariant while their settings are constant."""
ANYWHERE = (0.0, 0.25, 0.5, 0.75, 1.0)
assert CABINET_TAPS <= TAPS
Response = npt.NDArray[np.complex64]


class Filters:
    """Consecutive filter pedals as one effect; an amount ``[T]`` is its only setting.

    At each of ``KNOTS + 1`` amounts the pedals have one response, cut to ``TAPS``. A sample of the
    signal whose amount lies between two knots goes to both in proportion and rings on in both, so
    that the cut of a passage changes nothing. Against blocks of 32 samples and 1024 depths of the
    cabinet, 0.1 to 0.9 in 5 s differs by -77 dB (clean to fuzz) to -99 dB.
    """

    parameters: Mapping[str, Parameter] = MappingProxyType({})
    rank = 2
    exact_when_neutral = True

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.pairs = tuple(pairs)

    def context(self, settings: Mapping[str, Setting]) -> tuple[int, int]:
        return TAPS, 0

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        frames, origin = framed(signal, start, HOP, 0, 0)
        count, left = frames.shape[1], start - origin
        amount = np.asarray(level(settings["amount"]), np.float32)
        # Beyond the signal the frames are silent, so the amount there does not matter.
        outside = (left, count * HOP - left - signal.shape[-1])
        position = np.pad(amount * KNOTS, outside, mode="edge").reshape(count, HOP)
        out = np.zeros((signal.shape[0], count + 1, HOP), np.float32)
        batch = max(ROWS // signal.shape[0], 1)
        for i in range(0, count, batch):
            wet = self._filtered(frames[:, i : i + batch], position[i : i + batch])
            for f, each in enumerate(wet, start=i):
                out[:, f] += each[:, :HOP]
                out[:, f + 1, :TAPS] += each[:, HOP:]
        return out.reshape(signal.shape[0], -1)[:, left:][:, : signal.shape[-1]]

    def _filtered(self, frames: Signal, position: Signal) -> Signal:
        """``[C, F, HOP]`` at positions ``[F, HOP]`` -> ``[F, C, SIZE]``, the ringing included."""
        from scipy import fft

        responses = responses_of(self.pairs, SIZE)
        parts = [shares_of(each) for each in position]
        dry = [frames[:, f] * shares[:, None] for f, (_, shares) in enumerate(parts)]
        spectra = iter(fft.rfft(np.concatenate(dry), SIZE))
        mixed = [sum(next(spectra) * responses.at(k) for k in knots) for knots, _ in parts]
        return np.asarray(fft.irfft(np.stack(mixed), SIZE), np.float32)


def shares_of(position: Signal) -> tuple[range, Signal]:
    """The knots around the positions ``[T]``, and the share of each sample that goes to each knot,
    ``[n, T]``."""
    knots = range(int(position.min()), int(np.ceil(position.max())) + 1)
    away = np.abs(position - np.array(knots, np.float32)[:, None])
    return knots, np.maximum(1 - away, 0, out=away)


def is_long(pair: Pair) -> bool:
    """Whether the pair is a filter with so many taps that it needs an FFT, in which the others cost
    nothing. Without one, each filter is cheaper by itself."""
    return pair.present.kind == "Cabinet"


def is_filter(pair: Pair) -> bool:
    """Whether the pair can be one of the filters, at every amount."""
    if is_long(pair):
        return True
    kind = pair.present.kind
    return kind in KINDS and all(context_between(pair, a)[0] <= SHORT for a in ANYWHERE)


class _Responses:
    """Responses of the same pedals by knot; each is computed when it is first needed."""

    def __init__(self, pairs: tuple[Pair, ...], size: int) -> None:
        self.pairs = pairs
        self.size = size
        self.known: dict[int, Response] = {}

    def at(self, knot: int) -> Response:
        """The pedals' response to an impulse, ``[size // 2 + 1]``, its end faded."""
        if knot not in self.known:
            self.known[knot] = self._measured(knot)
        return self.known[knot]

    def _measured(self, knot: int) -> Response:
        from scipy import fft

        impulse = np.zeros((1, TAPS), np.float32)
        impulse[0, 0] = 1
        steps = [(pair.effect, between(pair, knot / KNOTS)) for pair in self.pairs]
        taps = run(steps, impulse, 0)[0].astype(np.float64)
        taps[-FADE:] *= np.hanning(2 * FADE + 1)[FADE:-1]
        return np.asarray(fft.rfft(taps, self.size), np.complex64)


@lru_cache(maxsize=8)
def responses_of(pairs: tuple[Pair, ...], size: int) -> _Responses:
    """Responses of pedals, for transforms of ``size`` samples."""
    return _Responses(pairs, size)
