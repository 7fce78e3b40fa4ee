"""The path from one tone's latents to the other's, and its parameters for a whole track."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from morphsep.dsp import Signal, adain, angle_between, angles_between, arc, lerp


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Mean and standard deviation of each latent channel, ``[D, 1]`` each."""

    mean: Signal
    std: Signal

    @classmethod
    def of(cls, latents: Sequence[Signal]) -> Moments:
        """The moments over all frames of all these latents, ``[C, D, N]`` each."""
        rows = _rows(latents)
        return cls(mean=rows.mean(axis=1, keepdims=True), std=rows.std(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """Statistics that one recording lends to the latents of another (AdaIN)."""

    own: Moments
    wanted: Moments

    def __call__(self, latents: Signal) -> Signal:
        """``[C, D, N]`` -> ``[C, D, N]``."""
        own, wanted = self.own, self.wanted
        return adain(latents, own.mean, own.std, wanted.mean, wanted.std)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """The measurements of both tones on one track."""

    lent: tuple[Lent | None, Lent | None]
    """How source and target are made from the stem's latents, if they are not rendered."""
    moments: tuple[Moments, Moments]
    covariance: Signal
    """Covariance of the latent channels of one tone with those of the other, ``[D, 1]``."""
    angle: float
    """Angle between all latents of one tone and all of the other, rad."""

    @classmethod
    def of(
        cls,
        latents: Sequence[tuple[Signal, Signal]],
        references: tuple[Sequence[Signal], Sequence[Signal]] = ((), ()),
    ) -> Ends:
        """From the latents of both ends at the same positions, ``[C, D, N]`` each, and those of the
        recordings that lend their statistics to them."""
        lent = tuple(
            Lent(own=Moments.of([each[end] for each in latents]), wanted=Moments.of(reference))
            if reference
            else None
            for end, reference in enumerate(references)
        )
        sides = [
            _rows([each[end] if how is None else how(each[end]) for each in latents])
            for end, how in enumerate(lent)
        ]
        a, b = (side - side.mean(axis=1, keepdims=True) for side in sides)
        return cls(
            lent=(lent[0], lent[1]),
            moments=(Moments.of([sides[0]]), Moments.of([sides[1]])),
            covariance=(a * b).mean(axis=1, keepdims=True),
            angle=angle_between(*sides),
        )

    def to_json(self) -> dict[str, Any]:
        """In JSON's own types."""
        return {
            "lent": [
                how and {"own": _json(how.own), "wanted": _json(how.wanted)} for how in self.lent
            ],
            "moments": [_json(each) for each in self.moments],
            "covariance": self.covariance.ravel().tolist(),
            "angle": self.angle,
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Ends:
        """The inverse of `to_json`."""
        lent = [
            how and Lent(own=_moments(how["own"]), wanted=_moments(how["wanted"]))
            for how in facts["lent"]
        ]
        return cls(
            lent=(lent[0], lent[1]),
            moments=(_moments(facts["moments"][0]), _moments(facts["moments"][1])),
            covariance=_column(facts["covariance"]),
            angle=float(facts["angle"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentPath:
    """Interpolation from the latents of one tone to those of the other."""

    interpolation: str
    """``slerp`` or ``lerp``."""
    angle: str
    """``track`` or ``frame``."""
    adain: bool
    """Whether the result also gets statistics between both tones' (as in DiffMorpher)."""

    def __call__(self, source: Signal, target: Signal, amount: Signal, ends: Ends) -> Signal:
        """Latents ``[C, D, N]`` of both ends and the amount ``[N]`` -> ``[C, D, N]``."""
        source, target = (
            latents if how is None else how(latents)
            for latents, how in zip((source, target), ends.lent, strict=True)
        )
        left, right = self._weights(source, target, amount, ends.angle)
        mixed: Signal = (left * source + right * target).astype(np.float32)
        if not self.adain:
            return mixed
        a, b = ends.moments
        # of a weighted sum, from its parts: this amount's variance over the whole track, not here
        variance = (left * a.std) ** 2 + (right * b.std) ** 2 + 2 * left * right * ends.covariance
        return adain(
            mixed,
            left * a.mean + right * b.mean,
            np.sqrt(np.maximum(variance, 0)),
            lerp(a.mean, b.mean, amount),
            lerp(a.std, b.std, amount),
        )

    def _weights(
        self, source: Signal, target: Signal, amount: Signal, angle: float
    ) -> tuple[Signal, Signal]:
        if self.interpolation == "lerp":
            return 1 - amount, amount
        return arc(amount, angles_between(source, target) if self.angle == "frame" else angle)


def _rows(latents: Sequence[Signal]) -> Signal:
    """``[..., D, N]`` each -> ``[D, all frames]``."""
    rows = [np.moveaxis(np.asarray(each, np.float64), -2, 0) for each in latents]
    return np.concatenate([each.reshape(each.shape[0], -1) for each in rows], axis=1)


def _json(moments: Moments) -> dict[str, list[float]]:
    return {"mean": moments.mean.ravel().tolist(), "std": moments.std.ravel().tolist()}


def _moments(values: Mapping[str, Sequence[float]]) -> Moments:
    return Moments(mean=_column(values["mean"]), std=_column(values["std"]))


def _column(values: Sequence[float]) -> Signal:
    column: Signal = np.array(values, np.float32)[:, None]
    return column
