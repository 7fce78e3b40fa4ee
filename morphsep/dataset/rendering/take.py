"""One clip of a stem, as whoever renders it sees it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from morphsep.backends import Passage
from morphsep.dsp import Signal, Span
from morphsep.tones import Stem, Tone


@dataclass(frozen=True, kw_only=True, eq=False)
class Take:
    """A span of a stem at 44.1 kHz."""

    stem: Stem
    """All of it, in the channels of the data set."""
    span: Span
    number: int
    """Of the song's clips, from 0."""

    @cached_property
    def dry(self) -> Signal:
        """``[C, T]``, as recorded."""
        return self.stem.read(self.span.start, self.span.num_samples)

    def passage(
        self, source: Tone, target: Tone, context: tuple[int, int], **others: Any
    ) -> Passage:
        """The clip with its surroundings, for a backend; at amount 0.

        Args:
            context: (before, after) in samples.
            others: further fields of the passage.
        """
        import numpy as np

        before, after = context
        start = self.span.start - before
        stem = self.stem.read(start, self.span.stop + after - start)
        return Passage(
            stem=stem, start=start, amount=np.zeros(stem.shape[1], np.float32),
            source_tone=source, target_tone=target, level=self.stem.level, **others,
        )  # fmt: skip

    def within(self, rendered: Signal, context: tuple[int, int]) -> Signal:
        """The clip of what was rendered with its surroundings."""
        return rendered[:, context[0] : context[0] + self.span.num_samples]
