"""A chain, which plays at 44.1 kHz, at another sample rate."""

from __future__ import annotations

import numpy as np

from morphsep.backends.chain import BlockChain
from morphsep.dsp import LONGEST, MODEL_RATE, Polyphase, Signal, Trail


class AtRate:
    """As `morphsep morph` does it: what the chain changes comes back from 44.1 kHz, and is added to
    the guitar at its own rate."""

    def __init__(self, chain: BlockChain, sample_rate: int, channels: int) -> None:
        self._chain = chain
        self._down = Polyphase(sample_rate, MODEL_RATE, channels)
        self._up = Polyphase(MODEL_RATE, sample_rate, channels, first=-chain.latency)
        self._knob = _Knob(sample_rate, self._down.ratio.reach)
        self.latency = self._latency()
        self._dry = Trail(channels, self.latency)
        self._stem = Trail(channels, chain.latency)
        self._delta = Trail(channels, self.latency + 2 * LONGEST)
        self._late = self.latency
        self._early = chain.latency
        """Samples to come that lie before the guitar's first."""

    def _latency(self) -> int:
        """The most samples that are not settled yet, whatever has been heard."""
        down, up = self._down.ratio, self._up.ratio
        begun = down.step * (4 + self._chain.latency // down.new_step) + 4 * (down.reach + up.reach)
        return max(
            heard - up.known(down.known(heard), -self._chain.latency)
            for heard in range(begun, begun + down.step * down.new_step // 100 + down.step)
        )

    def process(self, block: Signal, amount: Signal) -> Signal:
        """See ``BlockChain.process``."""
        size = block.shape[1]
        knob = self._knob.push(amount)
        stem = self._down.push(block)
        made = np.zeros((len(block), 0), np.float32)
        if stem.shape[1]:
            delta = self._chain.process(stem, knob) - self._stem.add(stem)[:, : stem.shape[1]]
            delta[:, : self._early] = 0  # as before a file's first sample
            self._early = max(self._early - stem.shape[1], 0)
            made = self._up.push(delta)
        changes = self._delta.add(made)
        self._late += made.shape[1] - size
        first = changes.shape[1] - self._late - size
        return self._dry.add(block)[:, :size] + changes[:, first : first + size]


class _Knob:
    """The amount at 44.1 kHz, as many samples as there are of the guitar by then."""

    def __init__(self, sample_rate: int, reach: int) -> None:
        self._ratio = Polyphase(sample_rate, MODEL_RATE, 1).ratio
        self._trail = Trail(1, 2 * reach + 4 * LONGEST)
        self._heard = 0
        self._made = 0

    def push(self, amount: Signal) -> Signal:
        window = self._trail.add(amount[None])[0]
        self._heard += amount.size
        made = np.arange(self._made, self._ratio.known(self._heard))
        self._made += made.size
        whole, phase = np.divmod(made * self._ratio.step, self._ratio.new_step)
        at = whole + (window.size - self._heard)
        ahead = (phase / self._ratio.new_step).astype(np.float32)
        return np.asarray(window[at] + (window[at + 1] - window[at]) * ahead)
