"""Gaussian noise that depends on its position in the song, not on when it was drawn. Pure.

A generative decoder starts from noise. Drawn afresh for each chunk it differs where two chunks
overlap, and a run cannot be repeated. Here every frame of the song has its own stream of a
counter-based generator: Philox (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
SC 2011), keyed by seed and channel, with the frame's number in the counter.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from morphsep.dsp.signal import Signal

_WORD = 1 << 64


def gaussian(seed: int, channel: int, frames: range, shape: tuple[int, ...]) -> Iterator[Signal]:
    """Standard normal noise of the given shape for each absolute frame (may be negative).

    Bits from Philox, turned into numbers by Box and Muller's formula: NumPy promises the former for
    all versions, but not its own normal distribution.
    """
    size = int(np.prod(shape))
    for frame in frames:
        # as arrays: NumPy makes floats of lists with numbers above 2^63
        key = np.array([seed % _WORD, channel], np.uint64)
        counter = np.array([0, 0, 0, frame % _WORD], np.uint64)
        stream = np.random.Philox(key=key, counter=counter)
        bits = stream.random_raw(-(-size // 2)).view(np.uint32).reshape(-1, 2)
        uniform = bits.astype(np.float32) * np.float32(2**-32) + np.float32(2**-33)
        radius = np.sqrt(-2 * np.log(uniform[:, 0]))
        turn = np.float32(2 * np.pi) * uniform[:, 1]
        normal = np.concatenate((radius * np.cos(turn), radius * np.sin(turn)))
        yield normal[:size].reshape(shape)
