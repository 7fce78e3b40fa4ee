"""Backends: what morphs a chunk from one tone to another.

Found by entry point ``morphsep.backends``, ours by the same door as anybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np

from morphsep.dsp import Signal
from morphsep.tones import Tone


def ignore_warning(sentence: str) -> None:
    """Does nothing: the default of `Passage.warn`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Passage:
    """A chunk with its context, as a backend sees it: the stem, the pair of tones, the amount."""

    stem: Signal
    """``[C, T]`` at 44.1 kHz, context on both sides included (zeros outside the track)."""
    start: int
    """The song's sample at which ``stem[:, 0]`` stands; may be negative."""
    amount: Signal
    """``[T]`` in [0, 1]: 0 is the source tone, 1 the target tone."""
    source_tone: Tone
    target_tone: Tone
    level: float
    """Integrated loudness of the whole track's stem, in LUFS."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the backend itself has measured of this track (`Measuring`)."""
    warn: Callable[[str], None] = ignore_warning
    """Takes a sentence for the track's row; the same one counts once."""

    @cached_property
    def source(self) -> Signal:
        """The stem through the source tone, ``[C, T]``; rendered when first asked for."""
        return self.source_tone.render(self.stem, self.start, self.level)

    @cached_property
    def target(self) -> Signal:
        """The stem through the target tone, ``[C, T]``; rendered when first asked for."""
        return self.target_tone.render(self.stem, self.start, self.level)

    def at(self, amount: float) -> Passage:
        """The same passage at a constant amount; ends that are rendered already are kept."""
        moved = replace(self, amount=np.full_like(self.amount, amount))
        rendered = {name: x for name, x in vars(self).items() if name in ("source", "target")}
        vars(moved).update(rendered)
        return moved


class Backend(Protocol):
    """Morphs passages. Weights are read at the first ``morph``, and stay loaded.

    A frozen dataclass is best: its fields are the options that ``--set NAME=VALUE`` reaches, and
    fields named ``device``, ``seed`` and ``offline`` get the user's. What it may have besides:
    `BackendTraits` and `Measuring`.
    """

    @property
    def name(self) -> str:
        """Name on the command line and in the manifest."""
        ...

    @property
    def description(self) -> str:
        """One sentence for ``morphsep backends``."""
        ...

    @property
    def licence(self) -> str:
        """Licence of the code and weights behind it (SPDX identifier)."""
        ...

    def fingerprint(self) -> str:
        """Everything that the sound depends on besides the passage, as a stable string."""
        ...

    def context(self, source: Tone, target: Tone) -> tuple[int, int]:
        """(before, after): samples of real audio at 44.1 kHz to put around each chunk; they are
        inferred and thrown away.

        Raises:
            SettingError: this backend cannot morph this pair.
        """
        ...

    def morph(self, passages: Sequence[Passage]) -> list[Signal]:
        """Each passage morphed: ``[C, T]`` as its stem. Where the amount is 0, and is so for the
        context around, the result is the source, where it is 1 the target, to float32
        rounding."""
        ...


@runtime_checkable
class Fetching(Protocol):
    """What a backend has besides, if it has weights that may not be on this machine."""

    def fetch(self) -> None:
        """Brings the weights to this machine, if they are not here; called before a run.

        Raises:
            SettingError: they cannot be had.
        """
        ...


@runtime_checkable
class Measuring(Protocol):
    """What a backend has besides, if some of it must be the same for all of a track."""

    def measure(self, passages: Sequence[Passage]) -> dict[str, Any]:
        """Taken once per track, before its first chunk: JSON's own types, every passage's
        ``facts``.

        Args:
            passages: eight excerpts of the stem, 2.5 s each with the backend's context on both
                sides, at amount 0.
        """
        ...
