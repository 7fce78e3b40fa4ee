"""Separation by a RoFormer, on a grid of chunks that is fixed to the track.

Equal to ``demix`` of Music-Source-Separation-Training, with one chunk at once, on the whole track,
while only the chunks that are needed are run, and of the network only what makes the guitar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from morphsep import models
from morphsep.dsp import Signal
from morphsep.errors import SettingError
from morphsep.models import Bag, BatchRunner, identity, sha256_of
from morphsep.models import device as device_of
from morphsep.separators.loaded import LoadedModel
from morphsep.separators.named_model import model_and_source
from morphsep.separators.roformer.chunks import Chunks
from morphsep.separators.roformer.config import Config, read_config
from morphsep.separators.segments import OverlapAdd
from morphsep.separators.separator import Mix
from morphsep.separators.stereo import from_stereo

if TYPE_CHECKING:
    from morphsep.separators.roformer.network import Network

VERSION = 2
"""Version of the arithmetic here; part of the fingerprint."""
GUITAR = "guitar"
NO_HALF = "half precision is for GPUs: leave half away, or name another device."


class RoFormer:
    """A BS-RoFormer or a MelBand-RoFormer as a separator.

    Args:
        model: a known name, a folder with weights and a yaml, or one of the two files;
            ``MODEL:STEM`` names the stem, too.
        source: which stem to keep; None: the guitar.
        device: ``auto`` (the best there is), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        batch_size: chunks run at once; None: 1 on a CPU, as many as fit (up to 8) on a GPU.
        num_overlap: chunks over each sample; None: what the model's yaml says.
        half: half precision, on a GPU only: faster, and the stem differs by some 1e-3 of its peak.
        offline: never open a socket.
        lanes: chunks that run side by side on a CPU; None: one for each thread of torch, up to 4.

    Raises:
        SettingError: a setting cannot work, or there is no such model, stem or device.
    """

    name = "roformer"
    description = "a BS-RoFormer or MelBand-RoFormer model that you have: the best stems, on a GPU"
    licence = "Apache-2.0 (weights: see morphsep models list)"

    def __init__(
        self,
        model: str = "",
        *,
        source: str | None = None,
        device: str = "auto",
        batch_size: int | None = None,
        num_overlap: int | None = None,
        half: bool = False,
        offline: bool = False,
        lanes: int | None = None,
    ) -> None:
        if any(n is not None and n < 1 for n in (batch_size, num_overlap, lanes)):
            raise SettingError("batch_size, num_overlap and lanes must be >= 1.")
        if device not in ("auto", "cpu"):
            device_of(device)
        if half and device == "cpu":
            raise SettingError(NO_HALF)
        self._model, self._source = model_and_source(model, source)
        if not self._model:
            raise SettingError("which model? roformer:FOLDER, or one of `morphsep models list`.")
        self._device, self._batch_size, self._lanes = device, batch_size, lanes
        self._half, self._offline, self._num_overlap = half, offline, num_overlap
        self._loaded: LoadedModel[tuple[BatchRunner, Network, Config]] = LoadedModel()
        self._stem(self._config(models.locate_roformer(self._model, offline)))

    @property
    def weights_hash(self) -> str:
        """sha256 (hex) of the file of weights."""
        return sha256_of(self._files().files[0])

    @property
    def weights_licence(self) -> str:
        """Whose weights they are, told by their checksum, and under which licence."""
        return models.licence_of_roformer(self.weights_hash, self._model)

    def fingerprint(self) -> str:
        """Weights, yaml and every setting that changes the stem; not device and batch size."""
        stem = (self._source or GUITAR).casefold()
        overlap = self._num_overlap or self._config(self._files()).num_overlap
        text = f"roformer/{VERSION} {identity(self._files())} {stem} overlap={overlap}"
        return f"{text} half" if self._half else text

    def load(self) -> None:
        """Read the weights.

        Raises:
            SettingError: they are damaged, do not fit their yaml, or want to run code.
        """
        self._ready()

    def separate(self, mix: Mix, start: int, stop: int) -> Signal:
        """The guitar in [start, stop): ``[C, stop - start]``; a mono mix gives a mono stem.

        Raises:
            TrackError: the device's memory does not hold even one chunk.
            SettingError: as for `load`.
        """
        assert 0 <= start <= stop <= mix.num_samples
        runner, network, config = self._ready()
        chunks = Chunks(config, mix)
        added = OverlapAdd(
            num_channels=mix.num_channels,
            start=start,
            stop=stop,
            segments=chunks.grid.touching(start, stop),
            window=chunks.window,
        )
        for chunk, estimate in runner.run(network, 0, chunks.sounding(start, stop)):
            added.add(chunk, from_stereo(estimate, mix.num_channels))
        return np.asarray(added.result() * chunks.scale + chunks.mean)

    def _files(self) -> Bag:
        return self._loaded.files(lambda: models.resolve_roformer(self._model, self._offline))

    def _config(self, bag: Bag) -> Config:
        """What the yaml says, and the settings that go before it."""
        config = read_config(bag.files[1])
        return config.overlapped(self._num_overlap) if self._num_overlap else config

    def _stem(self, config: Config) -> int:
        """Index of the stem that is asked for."""
        wanted = self._source or GUITAR
        named = [stem.casefold() for stem in config.stems]
        if wanted.casefold() not in named:
            there = ", ".join(config.stems)
            raise SettingError(
                f"{self._model} has no stem {wanted!r}, only {there}: roformer:MODEL:STEM."
            )
        return named.index(wanted.casefold())

    def _ready(self) -> tuple[BatchRunner, Network, Config]:
        return self._loaded.content(identity(self._files()), self._load)

    def _load(self) -> tuple[BatchRunner, Network, Config]:
        from morphsep.separators.roformer.network import Network
        from morphsep.separators.roformer.tensors import read_tensors

        runner = BatchRunner(device_of(self._device), self._batch_size, self._lanes)
        if self._half and runner.device.type == "cpu":
            raise SettingError(NO_HALF)
        bag = self._files()
        config = self._config(bag)
        stem = self._stem(config)
        tensors = read_tensors(bag.files[0], config.shape, stem)
        network = Network(config.shape, tensors, stem, half=self._half).to(runner.device)
        return runner, network, config
