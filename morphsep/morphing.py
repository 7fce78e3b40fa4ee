"""A section's chunks through a backend, stitched: what morphing adds to the mix.

What is written is the *change*, morphed guitar minus stem, so that the mix itself stays
untouched wherever nothing was morphed (design, promise 2).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from morphsep import files
from morphsep.backends import Passage
from morphsep.errors import TrackError
from morphsep.excerpts import excerpts
from morphsep.grid import Span
from morphsep.manifest import ChunkRow
from morphsep.settings import AS_RECORDED, Recipe
from morphsep.signal import MODEL_RATE, Signal, dbfs, from_db
from morphsep.stitch import stitch
from morphsep.uniform import Warp
from morphsep.workspace import SectionStore

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
    warp: Warp | None
    """The perceptual map of amounts, if it is used."""
    on_samples: Callable[[int], None] = lambda done: None
    """Told how many samples each piece was long."""
    _rows: dict[int, ChunkRow] = field(default_factory=dict)

    def section(self, section: Span, change: SectionStore) -> list[ChunkRow]:
        """Writes the change of `section` (nothing, if all of it is zero) and returns the rows of
        the chunks that begin in it. A section that an earlier run finished is not done again."""
        record = _record(change, section)
        known = files.read_json(record)
        if known is not None:
            self.on_samples(section.num_samples)
            return [ChunkRow(**values) for values in known]
        self._rows = {}
        self._write(section, change)
        rows = [row for row in self._rows.values() if section.start <= row.start < section.stop]
        files.write_json(record, [asdict(row) for row in rows])
        return rows

    def _write(self, section: Span, change: SectionStore) -> None:
        if self._from_stem and all(self._bypass(i)[0] for i in self._touching(section)):
            for index in self._touching(section):
                self._render(index)
            self.on_samples(section.num_samples)
            return
        where = (self.recipe.grid, self.num_samples, section)
        with change.writer(section) as file:
            for piece in stitch(*where, self._render, self.stem.read):
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

    def _touching(self, section: Span) -> range:
        return self.recipe.grid.touching(section, self.num_samples)

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

    def _render(self, index: int) -> Signal:
        """Chunk `index` as it will sound, ``[C, T]`` over its span."""
        began = time.perf_counter()
        span = self._span(index)
        reason, stem, start, before = self._bypass(index)
        core = slice(before, before + span.num_samples)
        if reason == "silent" or (reason == "zero" and self._from_stem):
            out = stem
        elif reason == "zero":
            out = self.recipe.source.render(stem, start, self.level)
        else:
            out = self._morph(stem, start, index)
        self._rows[index] = self._row(
            index, reason or "morphed", stem[:, core], time.perf_counter() - began
        )
        return np.ascontiguousarray(out[:, core])

    def _morph(self, stem: Signal, start: int, index: int) -> Signal:
        amount = self.recipe.curve.at(start, stem.shape[-1])
        passage = Passage(
            stem=stem,
            start=start,
            amount=amount if self.warp is None else self.warp(amount),
            source_tone=self.recipe.source,
            target_tone=self.recipe.target,
            level=self.level,
        )
        (morphed,) = self.recipe.backend.morph([passage])
        if morphed.shape != stem.shape or not np.isfinite(morphed).all():
            raise TrackError(
                "internal",
                f"the backend {self.recipe.backend.name} gave a wrong length or samples that are "
                f"no numbers in chunk {index}; please report this with the file's manifest row",
            )
        return morphed if self.warp is None else morphed * self.warp.gain(amount)

    def _row(self, index: int, status: str, stem: Signal, seconds: float) -> ChunkRow:
        span = self._span(index)
        amount = self.recipe.curve.at(span.start, span.num_samples)
        return ChunkRow(
            track=self.track, key=self.key, index=index,
            start=span.start, num_samples=span.num_samples,
            start_s=span.start / MODEL_RATE, stop_s=span.stop / MODEL_RATE,
            status=status,
            amount_min=float(amount.min()), amount_mean=float(amount.mean(dtype=np.float64)),
            amount_max=float(amount.max()),
            stem_dbfs=dbfs(float(np.sqrt(np.mean(stem.astype(np.float64) ** 2)))),
            seconds=seconds,
        )  # fmt: skip


def _record(change: SectionStore, section: Span) -> Path:
    """Where the chunk rows of a finished section are kept; its being there says "finished"."""
    return change.folder / f"{section.start:012d}-{section.stop:012d}.json"


def measure_warp(morpher: Morpher, path: Path, rms_per_second: Any) -> Warp:
    """The perceptual map of this track's pair of tones: measured once, kept in `path`.

    Args:
        rms_per_second: RMS of every second of the stem: it is measured where its energy is.
    """
    from morphsep import uniform

    known = files.read_json(path)
    if known is not None:
        return uniform.Warp.from_json(known)
    recipe = morpher.recipe
    found = excerpts(morpher.stem.read, morpher.num_samples, rms_per_second)
    warp = uniform.measure(recipe.backend, recipe.source, recipe.target, found, morpher.level)
    files.write_json(path, warp.to_json())
    return warp
