"""``embedded``: a small network whose weights ship with the package. No download, no account.

The network's output is weighted once more by its pan position (`panorama`), which so small a
network hardly learns: on the validation set's wide guitars that raises the median improvement from
1.8 to 4.9 dB, on rendered ones from 4.1 to 5.0; guitars in the centre do not change.

It computes in blocks that stand on a grid fixed to the track's sample 0, each with as many frames
of context on both sides as its network reaches: a sample does not depend on the span that was asked
for, and a block's edge is inaudible.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from morphsep.dsp import Signal
from morphsep.errors import SettingError
from morphsep.models import BatchRunner, sha256_of
from morphsep.models import device as device_of
from morphsep.separators.loaded import LoadedModel
from morphsep.separators.panorama import CONTEXT, HOP, OVERLAP, analyse, pan_gains, synthesise
from morphsep.separators.separator import Mix
from morphsep.separators.stereo import from_stereo, to_stereo

if TYPE_CHECKING:
    from morphsep.separators.embedded.network import BlockModel

WEIGHTS = Path(__file__).with_name("embedded.safetensors")
"""``embedded.md`` beside it names the training data and the licences."""
BLOCK = 512
"""Hops in a block: 11.9 s."""
EDGE = OVERLAP - 1
"""Hops that the frames which touch a block reach beyond it, on each side."""
BEFORE, AFTER = 64 + EDGE, 63 + EDGE
"""Hops of context that the network reads on each side of a block: 1.6 s."""
QUIETEST = 1e-5
"""Least standard deviation by which a mix is normalised."""
VERSION = 1
"""Version of the arithmetic here; part of the fingerprint."""


class Embedded:
    """A guitar separator that is always available.

    Args:
        device: ``auto`` (the best there is), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        batch_size: blocks run at once; None: 1 on a CPU, up to 8 on a GPU.

    Raises:
        SettingError: there is no such device, or `batch_size` is below 1.
    """

    name = "embedded"
    description = "a small network that ships with the package: no download, modest stems"
    licence = "Apache-2.0 (weights: the same; trained on MIT, CC0 and synthesised sound)"
    weights_licence = "embedded: Apache-2.0"

    def __init__(self, *, device: str = "auto", batch_size: int | None = None) -> None:
        if batch_size is not None and batch_size < 1:
            raise SettingError("batch_size must be >= 1.")
        if device not in ("auto", "cpu"):
            device_of(device)
        self._device, self._batch_size = device, batch_size
        self._loaded: LoadedModel[tuple[BatchRunner, BlockModel]] = LoadedModel()

    @property
    def weights_hash(self) -> str:
        """sha256 (hex) of the weights."""
        try:
            return sha256_of(WEIGHTS)
        except OSError as error:
            raise SettingError(
                f"{WEIGHTS} cannot be read ({error}): install morphsep again."
            ) from error

    def fingerprint(self) -> str:
        """The weights and the grid; not device and batch size."""
        return f"embedded/{VERSION} {self.weights_hash} block={BLOCK} hop={HOP} place={CONTEXT}"

    def load(self) -> None:
        """Read the weights.

        Raises:
            SettingError: they are missing or damaged, which means that the installation is.
        """
        self._ready()

    def separate(self, mix: Mix, start: int, stop: int) -> Signal:
        """The guitar in [start, stop): ``[C, stop - start]``; a mono mix gives a mono stem.

        Raises:
            TrackError: the device's memory does not hold even one block.
            SettingError: as for `load`.
        """
        assert 0 <= start <= stop <= mix.num_samples
        runner, model = self._ready()
        stem = np.zeros((mix.num_channels, stop - start), np.float32)
        length, scale = BLOCK * HOP, _scale(mix)
        for index, estimate in runner.run(model, 0, _inputs(mix, start, stop, scale)):
            first, last = max(start, index * length), min(stop, (index + 1) * length)
            block = _weighted(mix, index, estimate)
            part = block[:, first - index * length : last - index * length]
            stem[:, first - start : last - start] = part * scale
        return stem

    def _ready(self) -> tuple[BatchRunner, BlockModel]:
        return self._loaded.content(self.weights_hash, self._load)

    def _load(self) -> tuple[BatchRunner, BlockModel]:
        from morphsep.separators.embedded.network import load

        runner = BatchRunner(device_of(self._device), self._batch_size)
        return runner, load(WEIGHTS, BEFORE - EDGE, BLOCK + 2 * EDGE).to(runner.device)


def _scale(mix: Mix) -> np.float32:
    # One sample has no standard deviation.
    return np.float32(max(mix.std, QUIETEST) if np.isfinite(mix.std) else QUIETEST)


def _inputs(mix: Mix, start: int, stop: int, scale: np.float32) -> Iterator[tuple[int, Signal]]:
    """(index, normalised samples with context ``[2, T]``) of the blocks that are not silent."""
    for index in range(start // (BLOCK * HOP), -(-stop // (BLOCK * HOP))):
        samples: Signal = mix.read((index * BLOCK - BEFORE) * HOP, (BEFORE + BLOCK + AFTER) * HOP)
        if samples.any():
            samples = samples / scale
            yield index, to_stereo(samples)


def _weighted(mix: Mix, index: int, estimate: Signal) -> Signal:
    """Block `index` ``[C, BLOCK * HOP]`` of the network's ``[2, T]``, which is an edge longer on
    both sides, weighted by the mix's panorama.
    """
    if mix.num_channels == 1:
        return from_stereo(estimate[:, EDGE * HOP : -EDGE * HOP], 1)
    reach = CONTEXT + EDGE
    mixture = analyse(mix.read((index * BLOCK - reach) * HOP, (BLOCK + 2 * reach) * HOP))
    gains = pan_gains(mixture)[:, :, CONTEXT:-CONTEXT]
    return synthesise(analyse(estimate) * gains)
