"""A section's chunks through a backend, stitched: what morphing adds to the mix.

What is written is the *change*, morphed guitar minus stem, so that the mix itself stays
untouched wherever nothing was morphed (design, promise 2).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property

import numpy as np

from morphsep.backends import Passage
from morphsep.errors import TrackError
from morphsep.grid import Span
from morphsep.manifest import ChunkRow
from morphsep.section_store import SectionStore
from morphsep.settings import AS_RECORDED, Recipe
from morphsep.signal import MODEL_RATE, Seconds, Signal, dbfs, from_db
from morphsep.stitch import stitch
from morphsep.uniform import Warp

SILENT = from_db(-90.0)
"""Peak below which a stem counts as silent: the last bit of a 16-bit recording."""


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
    on_samples: Callable[[int], None] = lambda done: None
    """Told how many samples each piece was long."""
    _rows: dict[int, ChunkRow] = field(default_factory=dict)

    def section(self, section: Span, change: SectionStore) -> None:
        """Writes the change of `section` (no audio, if all of it is zero) and the rows of the
        chunks that begin in it. A section that is finished is not done again."""
        if change.note(section) is not None:
            self.on_samples(section.num_samples)
            return
        began = time.perf_counter()
        self._rows = {}
        touching = self.recipe.grid.touching(section, self.num_samples)
        if self._from_stem and self._all_bypass(touching):
            self.on_samples(section.num_samples)
        else:
            self._write(section, change)
        rows = [row for row in self._rows.values() if section.start <= row.start < section.stop]
        seconds = time.perf_counter() - began
        change.finish(section, {"seconds": seconds, "chunks": [asdict(row) for row in rows]})

    def _write(self, section: Span, change: SectionStore) -> None:
        with change.writer(section) as file:
            for piece in stitch(
                self.recipe.grid, self.num_samples, section, self.chunk, self.stem.read
            ):
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
            self._note(index, reason, stem[:, core], began)
        return True

    def chunk(self, index: int) -> Signal:
        """Chunk `index` as it will sound, ``[C, T]`` over its span; its row is noted.

        Raises:
            TrackError: the backend broke its contract.
        """
        began = time.perf_counter()
        span = self._span(index)
        reason, stem, start, before = self._bypass(index)
        core = slice(before, before + span.num_samples)
        if reason == "silent" or (reason == "zero" and self._from_stem):
            out = stem
        elif reason == "zero":
            out = self.recipe.source.render(stem, start, self.level)
        else:
            amount = self.recipe.curve.at(start, stem.shape[-1])
            passage = Passage(
                stem=stem, start=start, amount=self.warp(amount), level=self.level,
                source_tone=self.recipe.source, target_tone=self.recipe.target,
            )  # fmt: skip
            (out,) = self.recipe.backend.morph([passage])
            self._check(out, stem, index)
            out = out * self.warp.gain(amount)
        self._note(index, reason or "morphed", stem[:, core], began)
        return np.ascontiguousarray(out[:, core])

    def _check(self, morphed: Signal, stem: Signal, index: int) -> None:
        if morphed.shape != stem.shape or not np.isfinite(morphed).all():
            raise TrackError(
                "internal",
                f"the backend {self.recipe.backend.name} gave a wrong length or samples that are "
                f"no numbers in chunk {index}; please report this with the file's manifest row",
            )

    def _note(self, index: int, status: str, stem: Signal, began: float) -> None:
        """Notes the row of chunk `index`, whose stem is ``[C, T]``, begun at `began`."""
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
            seconds=time.perf_counter() - began,
        )  # fmt: skip


def chunk_rows(change: SectionStore) -> tuple[list[ChunkRow], Seconds]:
    """The rows of all chunks in the finished sections of a change, in order, and what morphing
    them took."""
    rows: list[ChunkRow] = []
    seconds = 0.0
    for section in sorted(change.finished(), key=lambda section: section.start):
        note = change.note(section)
        if note is not None:
            rows += [ChunkRow(**values) for values in note["chunks"]]
            seconds += note["seconds"]
    return rows, seconds
