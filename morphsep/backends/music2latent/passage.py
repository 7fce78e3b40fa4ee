"""A passage on the song's grid of latent frames. Integer sample arithmetic, pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from morphsep.backends.backend import Passage
from morphsep.backends.ends import both_contexts
from morphsep.backends.music2latent.spectra import LATENT_HOP, REACH, latent_frames, samples_of
from morphsep.dsp import Signal

NEAR_END = 0.05
"""Amounts closer than this to an end fade into the tone itself. Wider than rounding alone would
need: the codec's own colouring fades in over the first twentieth of the way."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FramedPassage:
    """A passage, and the parts of it that are encoded and decoded."""

    passage: Passage
    lends: tuple[bool, bool]
    """Whether source and target lend their statistics to the stem, instead of rendering it."""

    @cached_property
    def ends(self) -> tuple[Signal, Signal]:
        """The sounds that both ends are encoded from, ``[C, T]``."""
        passage, (source, target) = self.passage, self.lends
        return (
            passage.stem if source else passage.source,
            passage.stem if target else passage.target,
        )

    @cached_property
    def core(self) -> slice:
        """The part where both tones have settled, in samples of the passage."""
        before, after = both_contexts(self.passage.source_tone, self.passage.target_tone)
        length = self.passage.stem.shape[1]
        return slice(before, length - after) if before + after < length else slice(0, length)

    @cached_property
    def frames(self) -> range:
        """The song's latent frames that the core needs."""
        start = self.passage.start
        return latent_frames(start + self.core.start, start + self.core.stop)

    @cached_property
    def num_decoded(self) -> int:
        """Number of channels to process: one if all are equal."""
        alike = all(np.array_equal(end[0], each) for end in self.ends for each in end[1:])
        return 1 if alike else self.passage.stem.shape[0]

    def seen(self, signal: Signal) -> Signal:
        """``[C, T]`` -> ``[C', 4096 n + 1536]``: the samples that the frames cover, zeros
        outside."""
        span = samples_of(self.frames)
        seen = np.zeros((self.num_decoded, len(span)), np.float32)
        offset = span.start - self.passage.start
        first, last = max(offset, 0), min(offset + len(span), signal.shape[1])
        seen[:, first - offset : last - offset] = signal[: self.num_decoded, first:last]
        return seen

    @cached_property
    def amounts(self) -> Signal:
        """The amount of each latent frame ``[N]``: its mean over the middle 4096 samples."""
        offset = samples_of(self.frames).start + (REACH - LATENT_HOP) // 2 - self.passage.start
        positions = np.arange(offset, offset + len(self.frames) * LATENT_HOP)
        curve = self.passage.amount[positions.clip(0, self.passage.amount.size - 1)]
        means: Signal = curve.reshape(-1, LATENT_HOP).mean(axis=1, dtype=np.float64)
        return means.astype(np.float32)

    def whole(self, decoded: Signal) -> Signal:
        """Decoded ``[C', 4096 n + 1536]`` -> the passage ``[C, T]``; where the tones have not
        settled, the source."""
        result = self.ends[0].copy()
        offset = self.passage.start - samples_of(self.frames).start
        result[:, self.core] = decoded[:, self.core.start + offset : self.core.stop + offset]
        return result

    def exactly(self) -> Signal | None:
        """The passage ``[C, T]`` where all of it is at an end that needs no decoding."""
        for lends, end, at in zip(self.lends, self.ends, (0, 1), strict=True):
            if not lends and np.all(self.passage.amount == at):
                return end
        return None

    def with_ends(self, morphed: Signal) -> Signal:
        """``[C, T]``, faded into the tones themselves where the amount nears 0 or 1."""
        amount = self.passage.amount
        for lends, end, distance in zip(self.lends, self.ends, (amount, 1 - amount), strict=True):
            keep = np.clip(1 - distance / np.float32(NEAR_END), 0, 1)
            if not lends and keep.any():
                morphed = np.where(keep == 1, end, morphed + keep * (end - morphed))
        return morphed


def whole_frames(sound: Signal) -> Signal:
    """``[C, T]`` cut to whole latent frames; at least one, filled up with zeros."""
    num_frames = max(1, (sound.shape[1] - REACH) // LATENT_HOP + 1)
    length = (num_frames - 1) * LATENT_HOP + REACH
    return np.pad(sound, ((0, 0), (0, max(0, length - sound.shape[1]))))[:, :length]
