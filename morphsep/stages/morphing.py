"""A section's chunks through a backend, stitched: what morphing adds to the mix.

What is written is the *delta*, morphed guitar minus stem, so that the mix itself stays
untouched wherever nothing was morphed (design, promise 2).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from morphsep.backends import BackendTraits, Passage
from morphsep.backends.perceptual import Warp
from morphsep.dsp import MODEL_RATE, SILENT, Seconds, Signal, Span, dbfs, stitch
from morphsep.errors import TrackError
from morphsep.manifest import ChunkRow
from morphsep.request import AS_RECORDED
from morphsep.stages.cpu import kind_of_cpu
from morphsep.stages.recipe import Recipe
from morphsep.stages.section_notes import SectionNote, finish_section, section_note
from morphsep.stages.section_store import SectionStore


@dataclass(kw_only=True)
class Morpher:
    """Morphs sections of one track."""

    track: str
    key: str
    recipe: Recipe
    stem: SectionStore
    num_samples: int
    """Length of the track at 44.1 kHz."""
    level: float
    """Integrated loudness of the stem, LUFS."""
    warp: Warp
    """The perceptual map of amounts."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the backend has measured of the track."""
    on_samples: Callable[[int], None] = lambda done: None
    """Told how many samples each piece was long."""
    _rows: dict[int, ChunkRow] = field(default_factory=dict, init=False)
    _made: dict[int, Signal] = field(default_factory=dict, init=False)
    """Chunks that were morphed together with an earlier one and are not stitched yet."""
    _warnings: dict[str, None] = field(default_factory=dict, init=False)
    """Sentences of the backend, each once, in order."""

    def section(self, section: Span, delta: SectionStore) -> None:
        """Writes the delta of `section` (no audio, if all of it is zero) and the rows of the
        chunks that begin in it. A section that is finished is not done again."""
        if section_note(delta, section) is not None:
            self.on_samples(section.num_samples)
            return
        began = time.perf_counter()
        self._rows, self._made, self._warnings = {}, {}, {}
        touching = self.recipe.grid.touching(section, self.num_samples)
        if self._from_stem and self._all_bypass(touching):
            self.on_samples(section.num_samples)
        else:
            self._write(section, touching, delta)
        note = SectionNote(
            seconds=time.perf_counter() - began,
            warnings=list(self._warnings),
            cpus=[kind_of_cpu()],
            chunks=[r for r in self._rows.values() if section.start <= r.start < section.stop],
        )
        finish_section(delta, section, note)

    def _write(self, section: Span, touching: range, delta: SectionStore) -> None:
        def chunk(index: int) -> Signal:
            if index not in self._made:
                self._make(range(index, touching.stop))
            return self._made.pop(index)

        with delta.writer(section) as file:
            for piece in stitch(self.recipe.grid, self.num_samples, section, chunk, self.stem.read):
                length = piece.audio.shape[-1]
                file.write(piece.audio - self.stem.read(piece.start, length))
                if piece.seam is not None and self._is_morphed(piece.seam[0]):
                    index, score = piece.seam
                    self._rows[index] = replace(
                        self._rows[index],
                        seam_step_db=score.step_db,
                        seam_flux_db=score.flux_db,
                        seam_correlation=score.correlation,
                    )
                self.on_samples(length)

    def _is_morphed(self, index: int) -> bool:
        """Whether a backend had a hand in the seam before chunk `index`."""
        return "morphed" in (self._rows[index].status, self._rows[index - 1].status)

    @property
    def _from_stem(self) -> bool:
        """Whether amount 0 is the stem itself."""
        return self.recipe.source.name == AS_RECORDED

    def _span(self, index: int) -> Span:
        return self.recipe.grid.span(index, self.num_samples)

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

    def _all_bypass(self, indices: range) -> bool:
        """Whether none of these chunks needs a backend; the rows of those that do not are noted."""
        for index in indices:
            began = time.perf_counter()
            reason, stem, _, before = self._bypass(index)
            if reason is None:
                return False
            core = slice(before, before + self._span(index).num_samples)
            self._note(index, reason, stem[:, core], time.perf_counter() - began)
        return True

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
                if reason == "zero" and not self._from_stem:
                    out = self.recipe.source.render(stem, start, self.level)
                else:
                    out = stem
                self._made[index] = np.ascontiguousarray(out[:, core])
                self._note(index, reason, stem[:, core], time.perf_counter() - began)
                return
        self._morph(passages, began)

    def _passage(self, stem: Signal, start: int) -> Passage:
        amount = self.recipe.curve.at(start, stem.shape[-1])
        return Passage(
            stem=stem, start=start, amount=self.warp(amount), level=self.level,
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
            stem_dbfs=dbfs(float(np.sqrt(np.mean(stem.astype(np.float64) ** 2)))),
            seconds=seconds,
        )  # fmt: skip
