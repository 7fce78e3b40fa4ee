"""The loudness of a sum of two signals for any gain on one of them, from one pass over both."""

from __future__ import annotations

import numpy as np

from morphsep.dsp.gating import Bins, KWeighting, gated
from morphsep.dsp.signal import Signal


class SumLoudness:
    """Integrated loudness (BS.1770-4) of ``one + gain * other``, for any gain that follows a curve
    in dB.

    Weighting is linear, so three sums every 100 ms say all: of both squares and of the product.
    """

    def __init__(self, sample_rate: int, num_channels: int) -> None:
        self._num_channels = num_channels
        self._weighted = KWeighting(sample_rate, 2 * num_channels)
        self._bins = Bins(sample_rate, 5)

    def add(self, one: Signal, other: Signal, curve: Signal) -> None:
        """The next samples of both, ``[C, n]``, and of the curve, ``[n]``, n >= 1."""
        both = self._weighted(np.concatenate([one, other]))
        a, b = both[: self._num_channels], both[self._num_channels :]
        products = [(x * y).sum(axis=0) for x, y in ((a, a), (a, b), (b, b))]
        self._bins.add(np.stack([*products, curve, np.ones(len(curve))]))

    def integrated(self, gain_db: float) -> float:
        """In LUFS, with a gain of ``gain_db * curve`` on the second signal; -inf for silence.

        The gain is taken as constant for 100 ms.
        """
        ones, products, others, curve, count = self._bins.sums()
        gain = 10 ** (gain_db * curve / np.maximum(count, 1.0) / 20)
        energies = ones + 2 * gain * products + gain**2 * others
        # rounding must not make the energy of a null negative
        return gated(self._bins.block_means(np.maximum(energies, 0.0)))
