"""Rows of one clip: matched in loudness, measured, encoded; and those that are left out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from morphsep.audio import encode_flac
from morphsep.dataset.columns import described
from morphsep.dataset.recipe import DataRecipe
from morphsep.dataset.rendering.quality import Dry, Quality, measure
from morphsep.dataset.rendering.rendered import Rendered
from morphsep.dataset.rendering.take import Take
from morphsep.dsp import (
    MODEL_RATE,
    ArrayReader,
    Signal,
    from_db,
    log_mel,
    mel_power,
    position_between,
    to_rate,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRows:
    """What came of one clip."""

    rows: Sequence[Mapping[str, Any]]
    """By the names of the data set's columns."""
    rejected: Sequence[Mapping[str, Any]]
    """``id``, ``reason`` and what was measured of those that are left out."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RowMaker:
    """Makes the rows of one source's clips."""

    recipe: DataRecipe
    source: str
    """Begins the names of its rows."""
    common: Mapping[str, Any] = field(default_factory=dict)
    """Columns that are the same in all of them."""

    def __call__(
        self, take: Take, rendered: Sequence[Rendered], backing: Signal | None = None
    ) -> ClipRows:
        """
        Args:
            backing: ``[C, T]`` at 44.1 kHz, where the data set has it.
        """
        clip = Dry(sound=take.dry, backing=backing)
        found = [self._measured(clip, each) for each in rendered]
        positions = _positions(rendered, found)
        dry = self._encoded(take.dry, found)
        rows, rejected = list[Mapping[str, Any]](), list[Mapping[str, Any]]()
        for each, quality, position in zip(rendered, found, positions, strict=True):
            name = f"{self.source}-{take.number:05d}-{each.name}"
            if quality.reason is not None:
                rejected.append(_rejection(name, quality))
                continue
            assert dry is not None
            row = dict(self.common) | self._said(name, take, each, quality, position)
            rows.append(row | self._sound(name, take, each, quality, dry, backing))
        return ClipRows(rows=rows, rejected=rejected)

    def _measured(self, clip: Dry, each: Rendered) -> Quality:
        recipe = self.recipe
        found = measure(clip, each.wet, loudness=recipe.loudness, most_gain=recipe.most_gain)
        if recipe.rate == MODEL_RATE or found.reason is not None:
            return found
        # another rate has other peaks
        wet = self._resampled(each.wet * np.float32(from_db(found.wet_gain_db)))
        dry = self._resampled(clip.sound * np.float32(from_db(found.dry_gain_db)))
        peak = max(float(np.abs(sound).max()) for sound in (wet, dry))
        return replace(found, peak=peak, reason="clipped" if peak >= 1 else None)

    def _encoded(self, dry: Signal, found: Sequence[Quality]) -> tuple[bytes, str] | None:
        """Dry, once for all rows of a clip: its gain is the same in all that are kept."""
        gains = {each.dry_gain_db for each in found if each.reason is None}
        if not gains:
            return None
        (gain,) = gains
        return self._flac(dry * np.float32(from_db(gain)))

    def _said(
        self, name: str, take: Take, each: Rendered, quality: Quality, position: float | None
    ) -> dict[str, Any]:
        return {
            "id": name, "kind": each.kind, "amount": each.amount, "position": position,
            "from_tone": each.from_tone, "to_tone": each.to_tone, "backend": each.backend,
            "from_chain": described(each.from_chain), "to_chain": described(each.to_chain),
            "chain": described(each.chain), "seed": each.seed,
            "start": take.span.start / MODEL_RATE, "seconds": take.span.num_samples / MODEL_RATE,
            "dry_lufs": quality.dry_lufs, "wet_lufs": quality.wet_lufs,
            "dry_gain_db": quality.dry_gain_db, "wet_gain_db": quality.wet_gain_db,
            "peak": quality.peak, "lag": quality.lag,
        }  # fmt: skip

    def _sound(
        self,
        name: str,
        take: Take,
        each: Rendered,
        quality: Quality,
        dry: tuple[bytes, str],
        backing: Signal | None,
    ) -> dict[str, Any]:
        changed = each.wet * np.float32(from_db(quality.wet_gain_db))
        wet, wet_digest = self._flac(changed)
        digests = {"dry_sha256": dry[1], "wet_sha256": wet_digest}
        if not self.recipe.sound:
            return digests
        clip = f"{self.source}-{take.number:05d}"
        found: dict[str, Any] = digests | {
            "dry": {"bytes": dry[0], "path": f"{clip}-dry.flac"},
            "wet": {"bytes": wet, "path": f"{name}-wet.flac"},
        }
        if backing is not None:
            rest = backing * np.float32(from_db(quality.dry_gain_db))
            found["backing"] = {"bytes": self._flac(rest)[0], "path": f"{clip}-backing.flac"}
            found["mix"] = {"bytes": self._flac(changed + rest)[0], "path": f"{name}-mix.flac"}
        return found

    def _flac(self, sound: Signal) -> tuple[bytes, str]:
        return encode_flac(self._resampled(sound), self.recipe.rate, self.recipe.bits)

    def _resampled(self, sound: Signal) -> Signal:
        length = round(sound.shape[1] * self.recipe.rate / MODEL_RATE)
        return to_rate(ArrayReader(sound, MODEL_RATE).read, 0, length, self.recipe.rate)


def _rejection(name: str, quality: Quality) -> dict[str, Any]:
    measured = {"wet_gain_db": quality.wet_gain_db, "peak": quality.peak, "lag": quality.lag}
    return {"id": name, "reason": quality.reason} | measured


def _positions(rendered: Sequence[Rendered], found: Sequence[Quality]) -> list[float | None]:
    """Where each lies between its ends, all equally loud; None where it has none, or where one of
    them is of no use."""
    both = list(zip(rendered, found, strict=True))
    loud = {
        each.name: each.wet * np.float32(from_db(quality.wet_gain_db))
        for each, quality in both
        if each.ends and math.isfinite(quality.wet_gain_db)
    }
    ends = {end for each in rendered for end in each.ends or () if end in loud}
    reference = max((float(mel_power(loud[end]).max()) for end in ends), default=0.0) or 1.0
    mels = {name: log_mel(sound, reference=reference) for name, sound in loud.items()}

    def position(each: Rendered) -> float | None:
        names = (each.name, *(each.ends or ()))
        if each.ends is None or not all(name in mels for name in names):
            return None
        return position_between(*(mels[name] for name in names))

    return [position(each) for each in rendered]
