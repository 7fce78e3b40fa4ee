"""Baseline that a morph has to beat: both tones at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from morphsep.backends.backend import Passage
from morphsep.backends.ends import both_contexts, crossfade
from morphsep.dsp import Signal
from morphsep.tones import Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossfade:
    """``(1 - a) source + a target``, sample by sample.

    The gains add up to 1 in amplitude, right for two renderings of the same notes; where the two
    are out of phase they cancel, and nothing here compensates for it.
    """

    @property
    def name(self) -> str:
        return "crossfade"

    @property
    def description(self) -> str:
        return "Baseline: mixes the two tones in the time domain; both are heard at once."

    @property
    def licence(self) -> str:
        return "Apache-2.0"

    def fingerprint(self) -> str:
        return "crossfade/1"

    def context(self, source: Tone, target: Tone) -> tuple[int, int]:
        return both_contexts(source, target)

    def morph(self, passages: Sequence[Passage]) -> list[Signal]:
        return [crossfade(each.source, each.target, each.amount) for each in passages]
