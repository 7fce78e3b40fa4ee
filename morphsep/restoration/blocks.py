"""Processing in blocks on a grid that begins at the recording's sample 0.

A transform's rounding depends on what it is given. So each block of the grid is computed from its
own samples and the same surroundings, whatever span is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Seconds, Signal, samples

SILENCE: Seconds = 0.01
"""Zeros for so long are digital silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockGrid:
    """Blocks of ``size`` samples, each computed from ``reach`` samples more on either side."""

    size: int
    reach: int

    @property
    def context(self) -> int:
        """Samples around a span in which all blocks lie that it touches."""
        return self.reach + self.size

    def apply(self, block: Signal, start: int, function: Callable[[Signal], Signal]) -> Signal:
        """A span ``[C, T]`` of the blocks that ``function`` makes.

        Args:
            block: ``[C, context + T + context]``.
            start: the recording's sample at ``block[:, context]``.
            function: ``[C, reach + size + reach] -> [C, size]``.
        """
        length = block.shape[1] - 2 * self.context
        result = np.empty((block.shape[0], length), np.float32)
        for number in range(start // self.size, -(-(start + length) // self.size)):
            first = number * self.size
            seen = first - start + self.context - self.reach
            made = function(block[:, seen : seen + self.size + 2 * self.reach])
            low, high = max(first, start), min(first + self.size, start + length)
            result[:, low - start : high - start] = made[:, low - first : high - first]
        return result


def digital_silence(block: Signal, sample_rate: int) -> npt.NDArray[np.bool_]:
    """Where a sound ``[C, T]`` is zero for `SILENCE` or longer: what a step leaves as it is."""
    from scipy.ndimage import binary_opening

    zero = block == 0
    if not zero.any():
        return np.asarray(zero)
    run = np.ones(max(1, samples(SILENCE, sample_rate)), bool)
    return np.stack([np.asarray(binary_opening(channel, run)) for channel in zero])
