"""The step of an evaluation: one clip rendered by all backends and measured, with rows for all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from morphsep.dsp import Signal
from morphsep.errors import MorphsepError
from morphsep.evaluation import metrics
from morphsep.evaluation.protocol.cutting import Clip
from morphsep.evaluation.protocol.rendering import TRUTH, Rendering
from morphsep.evaluation.protocol.scoring import measure
from morphsep.evaluation.results import KNOB, Score
from morphsep.evaluation.sounds import Role, Sound
from morphsep.storage import Location, digest

SCHEMA = 3
"""Raised whenever what is measured changes."""
Read = Callable[[], Sequence[Signal]]

log = logging.getLogger("morphsep")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What came of one clip: rows of both tables."""

    item: str
    sounds: Sequence[Sound]
    scores: Sequence[Score]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a worker does with a clip."""

    folder: Location
    backends: Sequence[str]
    amounts: Sequence[float]
    """0 ... 1."""
    cdpam: str
    """A digest of CDPAM's weights; empty where it is not measured."""

    def __call__(self, clip: Clip) -> list[Evaluated]:
        """One result, whatever happens; what fails is a row with its error."""
        truth = Rendering(clip=clip, name=TRUTH, amounts=self.amounts)
        if why := self._fault(truth):
            return [self.failed(clip, f"no true in-between: {why}")]
        sounds, scores = _true_sounds(truth), []
        read = cache(lambda: truth.read(self.folder))
        for name in self.backends:
            made = self._rendering(truth, name)
            score = self._measured(truth, read, made, name)
            scores.append(score)
            sounds += [] if score.error else _morphs(made, name)
        return [Evaluated(item=clip.item, sounds=sounds, scores=scores)]

    def failed(self, clip: Clip, why: str) -> Evaluated:
        """A clip of which there is nothing, with a row for each backend."""
        scores = [_score(clip, name, error=why) for name in self.backends]
        return Evaluated(item=clip.item, sounds=(), scores=scores)

    def _rendering(self, truth: Rendering, name: str) -> Rendering:
        """A backend's in-betweens; the ends are the truth's, and so is all that the knob does."""
        if name == KNOB:
            return truth
        return Rendering(clip=truth.clip, name=name, amounts=self.amounts[1:-1])

    def _fault(self, rendering: Rendering) -> str:
        """Renders; why that failed, or nothing."""
        try:
            rendering.write_to(self.folder)
        except Exception as error:
            return _reason(error, rendering)
        return ""

    def _measured(self, truth: Rendering, read: Read, made: Rendering, name: str) -> Score:
        clip = truth.clip
        if why := self._fault(made):
            return _score(clip, name, error=why)
        try:
            found = self._values(truth, read, made, name)
        except Exception as error:
            return _score(clip, name, error=_reason(error, made))
        return _score(clip, name, amounts=self.amounts, **found)

    def _values(self, truth: Rendering, read: Read, made: Rendering, name: str) -> dict[str, Any]:
        """The fields of a row that are measured, kept beside the sounds."""
        which = f"{name}+cdpam" if self.cdpam else name  # a run without CDPAM keeps what took long
        note = self.folder / f"scores/{made.clip.item}/{which}.json"
        key = digest(
            "scores", SCHEMA, truth.key, made.key, self.cdpam, metrics.zimtohrli_version()
        )  # fmt: skip
        kept = note.read_json() or {}
        if kept.get("key") != key:
            true = read()
            values, curves = measure(
                self._sequence(true, made), true, self.amounts, cdpam=bool(self.cdpam)
            )
            kept = {"key": key, "values": values, "curves": curves}
            note.write_json(kept)
        return {"values": kept["values"], **kept["curves"]}

    def _sequence(self, true: Sequence[Signal], made: Rendering) -> list[Signal]:
        if made.name == TRUTH:
            return list(true)
        return [true[0], *made.read(self.folder), true[-1]]


def _score(clip: Clip, backend: str, **found: Any) -> Score:
    return Score(
        item=clip.item,
        transition=clip.transition.name,
        source=clip.source,
        backend=backend,
        **found,
    )


def _true_sounds(truth: Rendering) -> list[Sound]:
    first, *inner, last = truth.amounts
    return [
        _sound(truth, first, "a"),
        *(_sound(truth, amount, "truth") for amount in inner),
        _sound(truth, last, "b"),
    ]


def _morphs(made: Rendering, name: str) -> list[Sound]:
    """What the knob renders is the truth, file for file."""
    inner = (amount for amount in made.amounts if 0 < amount < 1)
    return [_sound(made, amount, "morph", name) for amount in inner]


def _sound(rendering: Rendering, amount: float, role: Role, backend: str = "") -> Sound:
    clip = rendering.clip
    return Sound(
        item=clip.item, transition=clip.transition.name, source=clip.source, role=role,
        backend=backend, amount=amount, path=rendering.path(amount),
    )  # fmt: skip


def _reason(error: Exception, rendering: Rendering) -> str:
    if not isinstance(error, MorphsepError):
        log.exception("%s, %s", rendering.clip.item, rendering.name)
    return str(error) or type(error).__name__
