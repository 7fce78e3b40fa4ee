"""What is rendered of a clip, before it is matched in loudness and written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from morphsep.dataset.rendering.take import Take
from morphsep.dsp import Signal
from morphsep.tones.chain import EffectChain


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """The two sounds between which others of their clip lie, ``[C, T]`` at 44.1 kHz; one object for
    all of these."""

    source: Signal
    target: Signal


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
    ends: Ends | None = None
    """What it lies between."""
    from_chain: EffectChain | None = None
    to_chain: EffectChain | None = None
    chain: EffectChain | None = None
    seed: str | None = None


class Renderer(Protocol):
    """One item of a recipe, made ready for one source."""

    def __call__(self, take: Take) -> Iterator[Rendered]:
        """The rows of a clip, each rendered when it is asked for."""
        ...
