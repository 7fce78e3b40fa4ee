"""A bag of models prepared for one source: models on grids, each with its weight in the mean."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from morphsep.dsp import MODEL_RATE
from morphsep.errors import SettingError
from morphsep.models import Bag
from morphsep.separators.demucs.checkpoints import load
from morphsep.separators.demucs.fast.transformations import transform
from morphsep.separators.segments import SegmentGrid

MAX_SHIFT = MODEL_RATE // 2
"""Most samples by which a shift moves a grid; the same as in demucs."""

logger = logging.getLogger("morphsep")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One model of a bag on one grid, and its weight in the mean."""

    model: Any
    source: int
    weight: float
    origin: int = 0

    def grid(self, track_samples: int, overlap: float) -> SegmentGrid:
        length = int(MODEL_RATE * self.model.segment)
        return SegmentGrid(
            track_samples=track_samples,
            length=length,
            stride=int((1 - overlap) * length),
            origin=self.origin,
            model_length=getattr(self.model, "valid_length", int),
        )


def load_parts(
    bag: Bag, source: str | None, shifts: int, seed: int, optimise: Sequence[str] = ()
) -> list[Part]:
    """The models of a bag that matter for a source; None: ``guitar``, or ``other`` without one.

    Each is changed by the transformations in `optimise` and used on one grid, or on `shifts` moved
    grids drawn from `seed`. Models without weight for the source are not read (except the first,
    which names the sources).

    Raises:
        SettingError: the weights are damaged, not for stereo at 44.1 kHz, or lack the source.
    """
    name = bag.recipe.name
    rows = bag.recipe.weights
    if rows is not None and len(rows) != len(bag.files):
        raise SettingError(f"{name} has {len(bag.files)} models, but {len(rows)} rows of weights.")
    first = _for_tracks(load(bag.files[0]), bag)
    index = _source(first.sources, source, name)
    shares = [1.0 if rows is None else rows[i][index] for i in range(len(bag.files))]
    parts = []
    for i, (file, share) in enumerate(zip(bag.files, shares, strict=True)):
        if share:
            model = first if i == 0 else _for_tracks(load(file), bag)
            kept = transform(model, index, optimise)
            parts.append(Part(model=model, source=kept, weight=share / sum(shares)))
    return [moved for i, part in enumerate(parts) for moved in _shifted(part, shifts, [seed, i])]


def _shifted(part: Part, shifts: int, seed: list[int]) -> Iterator[Part]:
    if not shifts:
        yield part
        return
    for offset in np.random.default_rng(seed).integers(0, MAX_SHIFT, shifts, endpoint=True):
        yield replace(part, weight=part.weight / shifts, origin=int(offset) - MAX_SHIFT)


def _for_tracks(model: Any, bag: Bag) -> Any:
    """The model with the bag's segment, if it takes stereo at 44.1 kHz."""
    from demucs.htdemucs import HTDemucs

    if (model.samplerate, model.audio_channels) != (MODEL_RATE, 2):
        raise SettingError(f"{bag.recipe.name} is not for stereo at {MODEL_RATE} Hz.")
    segment = bag.recipe.segment
    # A transformer takes at most the length that it was trained on.
    if segment is not None and (not isinstance(model, HTDemucs) or segment <= model.segment):
        model.segment = segment
    return model


def _source(sources: list[str], wanted: str | None, model: str) -> int:
    name = wanted or ("guitar" if "guitar" in sources else "other")
    if name not in sources:
        raise SettingError(f"{model} has no source {name!r}, only {', '.join(sources)}.")
    if wanted is None and name == "other":
        logger.warning("%s has no guitar source: taking 'other' as the guitar", model)
    return sources.index(name)
