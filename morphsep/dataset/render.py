"""The last stage of `morphsep generate`: a source's stem becomes rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

from morphsep.dataset.parts import Part, Parts
from morphsep.dataset.recipe import DataRecipe
from morphsep.dataset.rendering import Rendered, Row, RowMaker, Take, renderers
from morphsep.dataset.sources import SourceFacts
from morphsep.dataset.stems import as_channels, view
from morphsep.dataset.tone_files import ToneFiles
from morphsep.dataset.windows import chosen, windows
from morphsep.dsp import SILENT, Span
from morphsep.morphing import Read, one_blas_thread
from morphsep.stages import (
    Clip,
    RunContext,
    finish,
    measured_estimate,
    open_input,
    open_mix,
    row_versions,
    stem_facts,
    stem_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Render:
    """A stage (`morphsep.stages`) that knows the recipe of a data set."""

    recipe: DataRecipe
    tones: ToneFiles

    @property
    def __name__(self) -> str:
        return "render"

    def __call__(self, run: RunContext, clip: Clip) -> list[Clip]:
        """Writes the rows of a source, and commits its row of the manifest.

        Raises:
            TrackError: a tone cannot be fitted to it.
            SettingError: a tone's file was changed since the run began.
        """
        began = time.perf_counter()
        parts = Parts(run.workspace, self.recipe)
        name = parts.name(clip.job, clip.stem_key)
        part = parts.find(name)
        if part is None:
            with one_blas_thread():
                part = _Source(self.tones.placed(self.recipe), run, clip).write(parts, name)
        values = {"status": "ok"} if part.clips else self._skipped
        values |= {"seconds_morph": time.perf_counter() - began, "versions": row_versions()}
        return [replace(clip, outcome=finish(run, clip, values))]

    @property
    def _skipped(self) -> dict[str, Any]:
        why = (
            f"no guitar plays in it for {self.recipe.seconds:g} s, the length of a clip; leave it "
            "out, or make clip_seconds of the recipe shorter"
        )
        return {"status": "skipped", "error_code": "no_guitar", "message": why}


class _Source:
    """One source, on the way to its rows."""

    def __init__(self, recipe: DataRecipe, run: RunContext, clip: Clip) -> None:
        self._recipe, self._run, self._clip = recipe, run, clip
        self._store = stem_of(run, clip)
        facts = stem_facts(self._store, clip.source.model_length)
        assert facts is not None
        length, channels = clip.source.model_length, clip.source.num_channels
        self._stem, self._facts = view(self._store.read, facts, length, channels, recipe.channels)
        self._rejected: list[Any] = []

    def write(self, parts: Parts, name: str) -> Part:
        spans = windows(self._facts.rms_per_second, self._stem.num_samples, self._recipe.length)
        kept = chosen(spans, self._recipe.clips_per_song)
        groups = parts.write(name, self._clips(kept))
        all_of_them = self._stem.num_samples // self._recipe.length
        part = Part(
            rows=sum(rows for rows, _ in groups), groups=groups, rejected=self._rejected,
            clips=len(kept), without_guitar=all_of_them - len(spans),
        )  # fmt: skip
        parts.finish(name, part)
        return part

    def _clips(self, spans: list[Span]) -> Iterator[Iterator[Row]]:
        """The rows of each clip, each rendered when it is asked for."""
        if not spans or self._facts.peak < SILENT:
            return
        content = self._clip.source.content_hash
        seed = f"{self._recipe.seed}/{content}"
        made = list(renderers(self._recipe.here, self._stem, self._facts.peak, seed, len(spans)))
        make = RowMaker(
            recipe=self._recipe, source=self._clip.stem_key[:16], common=self._common(),
            reject=self._rejected.append,
        )  # fmt: skip
        reach = self._run.reporter(self._clip, "morph")
        with ExitStack() as stack:
            mix = self._mix(stack) if self._recipe.backing else None
            for number, span in enumerate(spans):
                take = Take(stem=self._stem, span=span, number=number)
                rendered = (self._named(row) for renderer in made for row in renderer(take))
                rest = None if mix is None else mix(span.start, span.num_samples) - take.dry
                yield make(take, rendered, rest)
                reach(span.stop)

    def _named(self, row: Rendered) -> Rendered:
        """With the names that the recipe has for its tones, not with paths on this machine."""
        name_of = self._recipe.name_of
        return replace(row, from_tone=name_of(row.from_tone), to_tone=name_of(row.to_tone))

    def _mix(self, stack: ExitStack) -> Read:
        """The whole song, in the channels of the data set."""
        readable = open_input(self._run, self._clip)
        mix = stack.enter_context(open_mix(self._clip.source, readable))
        return as_channels(mix.read, self._recipe.channels)

    def _common(self) -> dict[str, Any]:
        job, source = self._clip.job, self._clip.source
        recipe = self._run.recipe(job.settings)
        said = asdict(SourceFacts.of(job))
        said["song"] = said["song"] or job.track
        estimate = measured_estimate(recipe, self._store)
        return said | {
            "source": job.track, "source_hash": source.content_hash,
            "separator": job.settings.separator,
            "stem_quality": estimate.quality if estimate else None, "versions": row_versions(),
        }  # fmt: skip
