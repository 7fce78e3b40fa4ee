"""A guitar morphed block by block."""

from __future__ import annotations

import numpy as np

from morphsep.backends.chain import BlockChain, as_chain
from morphsep.dsp import LONGEST, MODEL_RATE, Signal, can_stream
from morphsep.errors import SettingError
from morphsep.live.rates import AtRate
from morphsep.tones import Tone, get_tone
from morphsep.tones.chain import EffectChain

SHORTEST = 32
"""Samples of the shortest block."""
LEVEL = -18.0
"""LUFS, two channels: the loudness that the pedals are set for."""


class BlockMorph:
    """Morphs a guitar from one tone to another while it is played: ``process(block, amount)``.

    It plays what the backend ``chain`` plays, with the same functions, `latency` samples later. An
    amount counts for the sound `knob_delay` seconds after that which it came in with, since pedals
    move along straight lines to a setting that must be known by then.

    What a song knows only when it is over has to be told: its loudness. Each tone keeps its own
    ``trim_db``, and amounts are those of the knob, as with ``--no-uniform``.

    Args:
        from_: a tone, or its name as on the command line.
        to: likewise.
        sample_rate: of the blocks, in Hz.
        channels: of the blocks, 1 or 2.
        level: integrated loudness of the guitar in LUFS.

    Raises:
        SettingError: a tone is no effect chain, one of its pedals cannot be played live, or the
            sample rate cannot.
    """

    def __init__(
        self,
        from_: str | Tone,
        to: str | Tone,
        sample_rate: int,
        *,
        channels: int = 2,
        level: float = LEVEL,
    ) -> None:
        if channels not in (1, 2):
            raise SettingError(f"a guitar has one channel or two, not {channels}")
        if sample_rate < 1 or not can_stream(sample_rate, MODEL_RATE):
            raise SettingError(f"{sample_rate} Hz cannot be played live: use 44100 or 48000")
        source, target = (_chain(tone) for tone in (from_, to))
        chain = BlockChain(source, target, channels, level)
        self._inner = chain if sample_rate == MODEL_RATE else AtRate(chain, sample_rate, channels)
        self._knob: float | None = None
        self._longest = int((LONGEST - 1) * min(1.0, sample_rate / MODEL_RATE))
        """So that it is no longer than `LONGEST` at 44.1 kHz either."""
        self.channels = channels
        self.latency = self._inner.latency
        """Samples by which the output is later than the input."""
        self.knob_delay = chain.knob_delay / MODEL_RATE
        """Seconds by which an amount counts later than the sound that it came in with."""

    def process(self, block: Signal, amount: float | Signal) -> Signal:
        """The next ``[C, n]``.

        Args:
            block: ``[C, n]`` of the guitar, 32 samples or more; a sample that is no number is
                silent.
            amount: in [0, 1]: a curve ``[n]``, or a number, to which it moves in a straight line
                over the block.

        Raises:
            SettingError: another number of channels, or fewer samples.
        """
        if block.shape[0] != self.channels or block.shape[1] < SHORTEST:
            raise SettingError(
                f"a block is [{self.channels}, n] with at least {SHORTEST} samples, "
                f"not {list(block.shape)}"
            )
        if not np.isfinite(block).all():
            block = np.nan_to_num(block, posinf=0, neginf=0)
        curve = self._curve(amount, block.shape[1])
        parts = -(-block.shape[1] // self._longest)
        if parts == 1:
            return self._inner.process(block, curve)
        blocks = np.array_split(block, parts, axis=1)
        curves = np.array_split(curve, parts)
        each = [self._inner.process(b, c) for b, c in zip(blocks, curves, strict=True)]
        return np.concatenate(each, axis=1)

    def _curve(self, amount: float | Signal, size: int) -> Signal:
        if isinstance(amount, np.ndarray):
            curve = np.asarray(np.clip(amount, 0, 1), np.float32)
        else:
            to = min(max(float(amount), 0.0), 1.0)
            before = to if self._knob is None else self._knob
            curve = np.linspace(before, to, size + 1, dtype=np.float32)[1:]
        self._knob = float(curve[-1])
        return curve


def _chain(tone: str | Tone) -> EffectChain:
    tone = get_tone(tone) if isinstance(tone, str) else tone
    if (chain := as_chain(tone)) is None:
        raise SettingError(
            f"the tone {tone.name!r} is not an effect chain, and only those are played live"
        )
    return chain
