"""Separation by Demucs, hosted here: on our own grid of segments, so that any cut gives the same.

Equal to ``demucs.apply.apply_model`` on the whole track, normalised as ``demucs.api`` does it,
while only the segments that are needed are run and only the guitar is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import numpy as np

from morphsep import models
from morphsep.dsp import Signal
from morphsep.errors import SettingError
from morphsep.models import Bag, BatchRunner, identity
from morphsep.models import device as device_of
from morphsep.separators.demucs.ensemble import Part, load_parts
from morphsep.separators.demucs.fast import transformations
from morphsep.separators.loaded import LoadedModel
from morphsep.separators.named_model import model_and_source
from morphsep.separators.segments import OverlapAdd, Segment, triangle
from morphsep.separators.separator import Mix
from morphsep.separators.stereo import from_stereo, to_stereo

DEFAULT_MODEL = models.DEFAULT_MODEL
"""The model with a guitar source."""

VERSION = 1
"""Version of the arithmetic here; part of the fingerprint."""


class Demucs:
    """A Demucs model as a separator.

    Args:
        model: name that demucs knows, or a folder or file with a checkpoint; ``MODEL:SOURCE`` names
            the source, too (``:SOURCE`` alone: of the default model).
        source: which source to keep; None: ``guitar``, or ``other`` if the model has no guitar.
        device: ``auto`` (the best there is), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        batch_size: segments run at once; None: 1 on a CPU, as many as fit (up to 8) on a GPU.
        shifts: number of grids, each moved by up to 0.5 s drawn from `seed`, to average over; 0:
            one grid that is not moved.
        overlap: overlap of neighbouring segments as a part of their length, in [0, 1).
        offline: never open a socket.
        optimise: names of the `transformations` that make a model faster; None: those worth it on
            the device; empty: the model as demucs runs it. They change the stem by rounding.
        lanes: segments that run side by side on a CPU; None: one for each thread of torch, up to 4.

    Raises:
        SettingError: a setting cannot work, or there is no such model or device.
    """

    name = "demucs"
    description = "a Demucs model, htdemucs_6s by default: the separator to use without a stem"
    licence = "MIT (weights: see morphsep models list)"

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        source: str | None = None,
        device: str = "auto",
        batch_size: int | None = None,
        shifts: int = 0,
        seed: int = 0,
        overlap: float = 0.25,
        offline: bool = False,
        optimise: Iterable[str] | None = None,
        lanes: int | None = None,
    ) -> None:
        _check(overlap, shifts, seed, batch_size, lanes)
        self._optimise = None if optimise is None else tuple(optimise)
        transformations.check(self._optimise or ())
        if device not in ("auto", "cpu"):
            device_of(device)
        named, self._source = model_and_source(model, source)
        self._model = named or DEFAULT_MODEL
        models.locate(self._model, offline)
        self._device, self._batch_size, self._lanes = device, batch_size, lanes
        self._offline = offline
        self._shifts, self._seed, self._overlap = shifts, seed, overlap
        self._loaded: LoadedModel[tuple[BatchRunner, list[Part]]] = LoadedModel()

    @property
    def weights_hash(self) -> str:
        """sha256 (hex) of the weights, which are fetched if they are not here."""
        return identity(self._files())

    @property
    def weights_licence(self) -> str:
        """What is known of the licence of the weights, told by their checksums."""
        return models.licence_of_demucs(self._model, self._files())

    def fingerprint(self) -> str:
        """The weights and every setting that changes the stem; not device and batch size."""
        source = self._source or "guitar|other"
        text = f"demucs/{VERSION} {self.weights_hash} {source} overlap={self._overlap:g}"
        return f"{text} shifts={self._shifts} seed={self._seed}" if self._shifts else text

    def load(self) -> None:
        """Read the weights, fetching them first if need be.

        Raises:
            SettingError: they cannot be fetched, are damaged, or have no such source.
        """
        self._ready()

    def separate(self, mix: Mix, start: int, stop: int) -> Signal:
        """The guitar in [start, stop): ``[C, stop - start]``; a mono mix gives a mono stem.

        Raises:
            TrackError: the device's memory does not hold even one segment.
            SettingError: as for `load`.
        """
        assert 0 <= start <= stop <= mix.num_samples
        runner, parts = self._ready()
        stem = np.zeros((mix.num_channels, stop - start), np.float32)
        for part in parts:
            estimate = self._estimate(runner, part, mix, start, stop)
            estimate *= np.float32(part.weight)
            stem += estimate
        stem *= _scale(mix)
        stem += np.float32(mix.mean)
        return stem

    def _estimate(self, runner: BatchRunner, part: Part, mix: Mix, start: int, stop: int) -> Signal:
        """One model's estimate from the normalised mix on one grid."""
        grid = part.grid(mix.num_samples, self._overlap)
        weights = triangle(grid.length)
        added = OverlapAdd(
            num_channels=mix.num_channels,
            start=start,
            stop=stop,
            segments=grid.touching(start, stop),
            window=lambda _: weights,
        )
        # Only segments of one length share a batch; with most models all have the same.
        for _, alike in groupby(grid.touching(start, stop), lambda segment: segment.read_samples):
            inputs = ((segment, _normalised(mix, segment)) for segment in alike)
            for segment, estimate in runner.run(part.model, part.source, inputs):
                added.add(segment, from_stereo(estimate, mix.num_channels))
        return added.result()

    def _files(self) -> Bag:
        return self._loaded.files(lambda: models.resolve(self._model, offline=self._offline))

    def _ready(self) -> tuple[BatchRunner, list[Part]]:
        return self._loaded.content(self.weights_hash, self._load)

    def _load(self) -> tuple[BatchRunner, list[Part]]:
        device = device_of(self._device)
        runner = BatchRunner(device, self._batch_size, self._lanes)
        names = transformations.choose(self._optimise, device)
        parts = load_parts(self._files(), self._source, self._shifts, self._seed, names)
        for part in parts:
            part.model.to(runner.device)
        return runner, parts


def _check(
    overlap: float, shifts: int, seed: int, batch_size: int | None, lanes: int | None
) -> None:
    if not 0 <= overlap < 1:
        raise SettingError(f"overlap must be in [0, 1), not {overlap}.")
    at_least_one = [number for number in (batch_size, lanes) if number is not None]
    if shifts < 0 or seed < 0 or any(number < 1 for number in at_least_one):
        raise SettingError("shifts and seed must be >= 0, batch_size and lanes >= 1.")


def _scale(mix: Mix) -> np.float32:
    # One sample has no standard deviation.
    return np.float32((mix.std if np.isfinite(mix.std) else 0.0) + 1e-8)


def _normalised(mix: Mix, segment: Segment) -> Signal:
    """What the model sees, ``[2, segment.read_samples]``: zero outside the track, as in demucs."""
    read = mix.read(segment.read_start, segment.read_samples)
    signal: Signal = (read - np.float32(mix.mean)) / _scale(mix)
    signal[:, : max(0, -segment.read_start)] = 0
    signal[:, max(0, mix.num_samples - segment.read_start) :] = 0
    return to_stereo(signal)
