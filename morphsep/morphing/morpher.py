"""A section's chunks through a backend, stitched: what morphing adds to the mix.

What comes out is the *delta*, morphed guitar minus stem, so that the mix itself stays untouched
wherever nothing was morphed (design, promise 2).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from morphsep.backends import BackendTraits, Passage
from morphsep.backends.perceptual import Warp
from morphsep.dsp import (
    MODEL_RATE,
    SILENT,
    SeamScore,
    Seconds,
    Signal,
    Span,
    rms_dbfs,
    samples,
    stitch,
)
from morphsep.errors import TrackError
from morphsep.manifest import ChunkRow
from morphsep.morphing.recipe import Recipe
from morphsep.morphing.rooms import Rooms
from morphsep.tones import Stem

FADE = samples(0.3)
"""Samples before the end over which the delta of tones that ring on is faded out."""


@dataclass(kw_only=True)
class Morpher:
    """Morphs one section of one track."""

    section: Span
    recipe: Recipe
    """With tones that are matched to the stem (`ToneFit.matched`)."""
    stem: Stem
    """As long as the result, with silence behind a track that is shorter."""
    warp: Warp
    """The perceptual map of amounts."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the backend has measured of the track."""
    track: str = ""
    """For the chunks' rows, as is the key."""
    key: str = ""
    _rows: dict[int, ChunkRow] = field(default_factory=dict, init=False)
    _made: dict[int, Signal] = field(default_factory=dict, init=False)
    """Chunks that were morphed together with an earlier one and are not stitched yet."""
    _warnings: dict[str, None] = field(default_factory=dict, init=False)
    """Sentences of the backend, each once, in order."""

    @property
    def rows(self) -> list[ChunkRow]:
        """The chunks that begin in the section: known once `delta` has come to its end, or once
        it is known that the section does not change."""
        rows = [r for r in self._rows.values() if self.section.start <= r.start < self.section.stop]
        return [self._with_room(row) for row in rows]

    def _with_room(self, row: ChunkRow) -> ChunkRow:
        """A chunk's row with how its room decays."""
        began = time.perf_counter()
        room = self._rooms.at(row.amount_mean) if row.status == "morphed" else None
        if room is not None:
            row = replace(row, t60_s=room.t60_s, double_slope=room.double_slope)
        return replace(row, seconds=row.seconds + time.perf_counter() - began)

    @cached_property
    def _rooms(self) -> Rooms:
        return Rooms(recipe=self.recipe, warp=self.warp)

    @property
    def warnings(self) -> list[str]:
        """What the backend had to say, each sentence once."""
        return list(self._warnings)

    @cached_property
    def changes(self) -> bool:
        """Whether there is a delta at all."""
        return not (self.recipe.from_recorded and self._all_bypass())

    def delta(self) -> Iterator[Signal]:
        """The section's delta ``[C, n]``, piece by piece in order of time.

        Raises:
            TrackError: the backend broke its contract.
        """
        num_samples, original = self.stem.num_samples, self.stem.read
        for piece in stitch(self.recipe.grid, num_samples, self.section, self._chunk, original):
            delta = piece.audio - original(piece.start, piece.audio.shape[-1])
            yield self._faded(delta, piece.start)
            if piece.seam is not None:
                self._note_seam(*piece.seam)

    def _faded(self, delta: Signal, start: int) -> Signal:
        """A piece of the delta; what would ring on is faded out, not cut off."""
        fade = min(FADE, self.stem.num_samples // 4)
        left = self.stem.num_samples - start - np.arange(delta.shape[-1])
        if not self.recipe.ringing or left[-1] > fade:
            return delta
        share = np.sin(np.pi / 2 * np.minimum(left / fade, 1)) ** 2
        return delta * share.astype(np.float32)

    @property
    def _touching(self) -> range:
        return self.recipe.grid.touching(self.section, self.stem.num_samples)

    def _span(self, index: int) -> Span:
        return self.recipe.grid.span(index, self.stem.num_samples)

    @cached_property
    def _context(self) -> tuple[int, int]:
        """(before, after) that the backend needs for this pair of tones, in samples."""
        return self.recipe.backend.context(self.recipe.source, self.recipe.target)

    def _with_context(self, index: int) -> tuple[Signal, int, int]:
        """The stem around chunk `index`, its first sample in the song, and the context before."""
        span = self._span(index)
        before, after = self._context
        start = span.start - before
        return self.stem.read(start, span.stop + after - start), start, before

    def _bypass(self, index: int) -> tuple[str | None, Signal, int, int]:
        """Why chunk `index` needs no backend (None: it does), and its stem with context."""
        stem, start, before = self._with_context(index)
        span = self._span(index)
        reason = None
        if not np.any(self.recipe.curve.at(span.start, span.num_samples)):
            reason = "zero"
        elif float(np.abs(stem).max(initial=0.0)) < SILENT:
            reason = "silent"
        return reason, stem, start, before

    def _all_bypass(self) -> bool:
        """Whether no chunk needs a backend; the rows of those that do not are noted."""
        for index in self._touching:
            began = time.perf_counter()
            reason, stem, _, before = self._bypass(index)
            if reason is None:
                return False
            core = slice(before, before + self._span(index).num_samples)
            self._note(index, reason, stem[:, core], time.perf_counter() - began)
        return True

    def _chunk(self, index: int) -> Signal:
        if index not in self._made:
            self._make(range(index, self._touching.stop))
        return self._made.pop(index)

    def _make(self, indices: range) -> None:
        """Chunks as they will sound, ``[C, T]`` over their spans, with their rows: the first of
        these, and as many behind it as the backend takes at once.

        Raises:
            TrackError: the backend broke its contract.
        """
        began = time.perf_counter()
        passages: dict[int, Passage] = {}
        batch = BackendTraits.of(self.recipe.backend).batch
        for index in indices:
            reason, stem, start, before = self._bypass(index)
            core = slice(before, before + self._span(index).num_samples)
            if reason is None:
                passages[index] = self._passage(stem, start)
                if len(passages) == batch:
                    break
            elif passages:
                break
            else:
                if reason == "zero" and not self.recipe.from_recorded:
                    out = self.recipe.source.render(stem, start, self.stem.level)
                else:
                    out = stem
                self._made[index] = np.ascontiguousarray(out[:, core])
                self._note(index, reason, stem[:, core], time.perf_counter() - began)
                return
        self._morph(passages, began)

    def _passage(self, stem: Signal, start: int) -> Passage:
        amount = self.recipe.curve.at(start, stem.shape[-1])
        return Passage(
            stem=stem, start=start, amount=self.warp(amount), level=self.stem.level,
            source_tone=self.recipe.source, target_tone=self.recipe.target,
            facts=self.facts, warn=lambda sentence: self._warnings.update({sentence: None}),
        )  # fmt: skip

    def _morph(self, passages: dict[int, Passage], began: float) -> None:
        morphed = self.recipe.backend.morph(list(passages.values()))
        seconds = (time.perf_counter() - began) / len(passages)
        before, _ = self._context
        for (index, passage), out in zip(passages.items(), morphed, strict=True):
            self._check(out, passage.stem, index)
            core = slice(before, before + self._span(index).num_samples)
            gain = self.warp.gain(self.recipe.curve.at(passage.start, out.shape[-1]))
            self._made[index] = np.ascontiguousarray((out * gain)[:, core])
            self._note(index, "morphed", passage.stem[:, core], seconds)

    def _check(self, morphed: Signal, stem: Signal, index: int) -> None:
        if morphed.shape != stem.shape or not np.isfinite(morphed).all():
            raise TrackError(
                "internal",
                f"the backend {self.recipe.backend.name} gave a wrong length or samples that are "
                f"no numbers in chunk {index}; please report this with the file's manifest row",
            )

    def _note(self, index: int, status: str, stem: Signal, seconds: Seconds) -> None:
        """Notes the row of chunk `index`, whose stem is ``[C, T]``."""
        span = self._span(index)
        amount = self.recipe.curve.at(span.start, span.num_samples)
        self._rows[index] = ChunkRow(
            track=self.track, key=self.key, index=index,
            start=span.start, num_samples=span.num_samples,
            start_s=span.start / MODEL_RATE, stop_s=span.stop / MODEL_RATE,
            status=status,
            amount_min=float(amount.min()), amount_mean=float(amount.mean(dtype=np.float64)),
            amount_max=float(amount.max()),
            stem_dbfs=rms_dbfs(stem),
            seconds=seconds,
        )  # fmt: skip

    def _note_seam(self, index: int, score: SeamScore) -> None:
        """Notes the seam before chunk `index`, if a backend had a hand in it."""
        if "morphed" in (self._rows[index].status, self._rows[index - 1].status):
            self._rows[index] = replace(
                self._rows[index],
                seam_step_db=score.step_db,
                seam_flux_db=score.flux_db,
                seam_correlation=score.correlation,
            )
