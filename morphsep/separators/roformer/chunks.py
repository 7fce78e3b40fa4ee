"""The chunks of a track that a RoFormer sees, as MSST's ``demix`` lays and fills them.

Chunk after chunk, ``chunk / num_overlap`` apart, the first as far before the track as two of them
overlap. Around the track the sound is mirrored, so that its ends lie under as many chunks as its
middle. A track shorter than two overlaps is not mirrored, and its first chunk begins with it and
does not fade in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from morphsep.dsp import Signal
from morphsep.separators.roformer.config import Config
from morphsep.separators.segments import Segment, SegmentGrid, faded
from morphsep.separators.separator import Mix
from morphsep.separators.stereo import to_stereo


class Chunks:
    """The chunks of one track."""

    def __init__(self, config: Config, mix: Mix) -> None:
        stride = config.chunk // config.num_overlap
        border = config.chunk - stride
        self._mirrored = border if mix.num_samples > 2 * border else 0
        self._mix = mix
        self.mean, self.scale = _level(mix) if config.normalise else (np.float32(0), np.float32(1))
        fade = config.chunk // 10
        self._faded = faded(config.chunk, fade)
        self._first = faded(config.chunk, fade, fades_in=False)
        self.grid = SegmentGrid(
            track_samples=mix.num_samples,
            length=config.chunk,
            stride=stride,
            origin=-self._mirrored,
            model_length=lambda _: config.chunk,
            is_centred=False,
        )

    def window(self, chunk: Segment) -> Signal:
        """Weights of a chunk's samples ``[chunk]``; one that begins with the track fades only
        out."""
        return self._first if chunk.start == self.grid.origin == 0 else self._faded

    def sounding(self, start: int, stop: int) -> Iterator[tuple[Segment, Signal]]:
        """The chunks that touch [start, stop) and are not silent, and what the network sees of
        each, ``[2, chunk]``. It puts a gain on what it sees: of silence nothing comes."""
        for chunk in self.grid.touching(start, stop):
            signal = self.read(chunk)
            if signal.any():
                yield chunk, to_stereo(signal)

    def read(self, chunk: Segment) -> Signal:
        """What the network sees, normalised, ``[C, chunk]``."""
        end = self._mix.num_samples + self._mirrored
        stop = min(chunk.start + chunk.read_samples, end)
        signal = (_mirrored(self._mix, chunk.start, stop) - self.mean) / self.scale
        lacking = chunk.read_samples - signal.shape[1]
        enough = signal.shape[1] > chunk.read_samples // 2
        return np.pad(signal, ((0, 0), (0, lacking)), mode="reflect" if enough else "constant")


def _mirrored(mix: Mix, start: int, stop: int) -> Signal:
    """``[C, stop - start]``, with the track mirrored at its first and its last sample."""
    length = mix.num_samples
    first, last = max(start, 0), min(stop, length)
    parts = [mix.read(first, last - first)]
    if start < 0:
        parts.insert(0, mix.read(1, -start)[:, ::-1])
    if stop > length:
        parts.append(mix.read(2 * length - 1 - stop, stop - length)[:, ::-1])
    return np.concatenate(parts, axis=1)


def _level(mix: Mix) -> tuple[np.float32, np.float32]:
    """Mean and standard deviation of the mono sum, this one not unbiased; 1 where there is none."""
    count = mix.num_samples
    std = mix.std * math.sqrt((count - 1) / count) if count > 1 else 0.0
    return np.float32(mix.mean), np.float32(std or 1.0)
