"""What is rendered of a clip, before it is matched in loudness and written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from morphsep.dataset.rendering.take import Take
from morphsep.dsp import Signal
from morphsep.tones.chain import EffectChain


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendered:
    """One row's sound, ``[C, T]`` at 44.1 kHz, and what made it."""

    name: str
    """Names the row among those of its clip."""
    wet: Signal
    kind: str
    to_tone: str
    from_tone: str
    backend: str | None = None
    amount: float = 1.0
    ends: tuple[str, str] | None = None
    """Names of the two sounds of its clip that it lies between."""
    from_chain: EffectChain | None = None
    to_chain: EffectChain | None = None
    chain: EffectChain | None = None
    seed: str | None = None


class Renderer(Protocol):
    """One item of a recipe, made ready for one source."""

    def __call__(self, take: Take) -> Sequence[Rendered]: ...
