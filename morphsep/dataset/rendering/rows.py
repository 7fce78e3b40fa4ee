"""Rows of one clip: matched in loudness, measured, encoded; and those that are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np

from morphsep.audio import encode_flac
from morphsep.dataset.columns import described
from morphsep.dataset.recipe import DataRecipe
from morphsep.dataset.rendering.quality import Dry, Quality, measure
from morphsep.dataset.rendering.rendered import Ends, Rendered
from morphsep.dataset.rendering.take import Take
from morphsep.dsp import MODEL_RATE, ArrayReader, MelPositions, Signal, from_db, to_rate

Row = Mapping[str, Any]
"""By the names of the data set's columns."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RowMaker:
    """Makes the rows of one source's clips."""

    recipe: DataRecipe
    source: str
    """Begins the names of its rows."""
    reject: Callable[[Row], None]
    """Takes ``id``, ``reason`` and what was measured of a row that is left out."""
    common: Row = field(default_factory=dict)
    """Columns that are the same in all of them."""

    def __call__(
        self, take: Take, rendered: Iterable[Rendered], backing: Signal | None = None
    ) -> Iterator[Row]:
        """The rows of a clip, each when it is asked for: no more than one is in memory.

        Args:
            backing: ``[C, T]`` at 44.1 kHz, where the data set has it.
        """
        clip = _ClipRows(self, take, backing)
        for each in rendered:
            if (row := clip.row(each)) is not None:
                yield row


class _ClipRows:
    """What the rows of one clip share: measured and encoded once."""

    def __init__(self, make: RowMaker, take: Take, backing: Signal | None) -> None:
        self._make, self._recipe = make, make.recipe
        self._take, self._backing = take, backing
        self._dry = Dry(sound=take.dry)
        self._name = f"{make.source}-{take.number:05d}"
        self._positions = cache(self._positions_between)

    def row(self, each: Rendered) -> Row | None:
        """None if it is left out."""
        name, quality = f"{self._name}-{each.name}", self._measured(each.wet)
        if quality.has_gains:
            loud = _amplified(each.wet, quality.wet_gain_db)
            sounds = self._sounds(loud)
            quality = quality.of(sounds.values())
        if quality.reason is not None:
            self._make.reject(_rejection(name, quality))
            return None
        said = dict(self._make.common) | self._said(name, each, quality)
        return said | {"position": self._position(each, loud)} | self._encoded(name, sounds)

    def _measured(self, wet: Signal) -> Quality:
        recipe = self._recipe
        return measure(self._dry, wet, loudness=recipe.loudness, most_gain=recipe.most_gain)

    def _position(self, each: Rendered, loud: Signal) -> float | None:
        """Where it lies between its ends, all equally loud; None where it has none, or where one of
        them is of no use."""
        positions = None if each.ends is None else self._positions(each.ends)
        return None if positions is None else positions.of(loud)

    def _positions_between(self, ends: Ends) -> MelPositions | None:
        both = [(end, self._measured(end)) for end in (ends.source, ends.target)]
        if not all(quality.has_gains for _, quality in both):
            return None
        return MelPositions(*(_amplified(end, quality.wet_gain_db) for end, quality in both))

    def _said(self, name: str, each: Rendered, quality: Quality) -> dict[str, Any]:
        span = self._take.span
        return {
            "id": name, "kind": each.kind, "amount": each.amount,
            "from_tone": each.from_tone, "to_tone": each.to_tone, "backend": each.backend,
            "from_chain": described(each.from_chain), "to_chain": described(each.to_chain),
            "chain": described(each.chain), "seed": each.seed,
            "start": span.start / MODEL_RATE, "seconds": span.num_samples / MODEL_RATE,
            "dry_lufs": quality.dry_lufs, "wet_lufs": quality.wet_lufs,
            "dry_gain_db": quality.dry_gain_db, "wet_gain_db": quality.wet_gain_db,
            "peak": quality.peak, "lag": quality.lag,
        }  # fmt: skip

    def _sounds(self, loud: Signal) -> dict[str, Signal]:
        """The columns of sound as they are written, of wet at its gain."""
        sounds = {"dry": self._dry_sound, "wet": self._resampled(loud)}
        if self._backing_sound is not None:
            rest = self._backing_sound
            sounds |= {"backing": rest, "mix": sounds["wet"] + rest}
        return sounds

    def _encoded(self, name: str, sounds: Mapping[str, Signal]) -> dict[str, Any]:
        """The columns of sound, and of its digests."""
        wet_flac, wet_digest = self._flac(sounds["wet"])
        dry_flac, dry_digest = self._dry_flac
        digests = {"dry_sha256": dry_digest, "wet_sha256": wet_digest}
        if not self._recipe.sound:
            return digests
        found: dict[str, Any] = digests | {
            "dry": {"bytes": dry_flac, "path": f"{self._name}-dry.flac"},
            "wet": {"bytes": wet_flac, "path": f"{name}-wet.flac"},
        }
        if "mix" in sounds:
            mix, _ = self._flac(sounds["mix"])
            found["backing"] = {"bytes": self._backing_flac, "path": f"{self._name}-backing.flac"}
            found["mix"] = {"bytes": mix, "path": f"{name}-mix.flac"}
        return found

    @cached_property
    def _dry_gain(self) -> float:
        """dB, the same for all of a clip."""
        loudness = self._recipe.loudness
        return 0.0 if loudness is None else loudness - self._dry.lufs

    @cached_property
    def _dry_sound(self) -> Signal:
        return self._resampled(_amplified(self._dry.sound, self._dry_gain))

    @cached_property
    def _dry_flac(self) -> tuple[bytes, str]:
        return self._flac(self._dry_sound)

    @cached_property
    def _backing_sound(self) -> Signal | None:
        if self._backing is None:
            return None
        return self._resampled(_amplified(self._backing, self._dry_gain))

    @cached_property
    def _backing_flac(self) -> bytes:
        assert self._backing_sound is not None
        return self._flac(self._backing_sound)[0]

    def _flac(self, sound: Signal) -> tuple[bytes, str]:
        return encode_flac(sound, self._recipe.rate, self._recipe.bits)

    def _resampled(self, sound: Signal) -> Signal:
        if self._recipe.rate == MODEL_RATE:
            return sound
        length = round(sound.shape[1] * self._recipe.rate / MODEL_RATE)
        return to_rate(ArrayReader(sound, MODEL_RATE).read, 0, length, self._recipe.rate)


def _amplified(sound: Signal, gain_db: float) -> Signal:
    return sound * np.float32(from_db(gain_db))


def _rejection(name: str, quality: Quality) -> dict[str, Any]:
    measured = {"wet_gain_db": quality.wet_gain_db, "peak": quality.peak, "lag": quality.lag}
    return {"id": name, "reason": quality.reason} | measured
