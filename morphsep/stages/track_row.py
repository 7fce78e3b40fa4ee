"""What is known of a track, put into its row of the manifest."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from typing import Any

from morphsep import audio
from morphsep.errors import SettingError
from morphsep.manifest import ChunkRow, TrackRow
from morphsep.morphing import Recipe
from morphsep.request import Command, describe
from morphsep.separators import SeparatorTraits
from morphsep.stages.assembly import Assembled, decibels
from morphsep.stages.clip import Clip
from morphsep.stages.cpu import kind_of_cpu
from morphsep.stages.run_context import RunContext


def begun(clip: Clip, run: RunContext) -> TrackRow:
    """The row of a track that is not finished: what its job and its scan tell."""
    job = clip.job
    row = TrackRow(
        track=job.track, input=job.path, separator_reason=job.separator_reason,
        settings=describe(job.settings), versions=versions(), list_columns=job.list_columns,
        to_tone=job.settings.to if run.command == "morph" else None,
    )  # fmt: skip
    if clip.scan is None:
        return row
    row = replace(row, **_of_scan(clip))
    # what a machine lacks may be what the row is about
    with suppress(SettingError):
        row = replace(row, **_of_recipe(clip, run.recipe(job.settings), run.command))
    return row


def _of_scan(clip: Clip) -> dict[str, Any]:
    scan = clip.scan
    assert scan is not None
    return {
        "content_hash": scan.content_hash, "key": clip.key, "stem_key": clip.stem_key,
        "input_stamp": clip.input_stamp, "own_stem_stamp": clip.own_stem_stamp,
        "own_stem_hash": clip.own_stem_hash,
        "format": scan.format, "subtype": scan.subtype,
        "sample_rate": scan.sample_rate, "num_channels": scan.num_channels,
        "num_samples": scan.num_samples, "duration": scan.num_samples / scan.sample_rate,
        "peak_before_dbfs": decibels(scan.peak), "true_peak_before_dbtp": decibels(scan.true_peak),
        "lufs_before": _finite(scan.lufs), "input_note": scan.note or None,
        "seconds_scan": clip.scan_seconds,
    }  # fmt: skip


def _of_recipe(clip: Clip, recipe: Recipe, command: Command) -> dict[str, Any]:
    values: dict[str, Any] = {
        "separator": recipe.settings.separator, "weights_hash": recipe.separator.weights_hash,
        "weights_licence": SeparatorTraits(recipe.separator).weights_licence,
    }  # fmt: skip
    if command == "morph" or (command == "restore" and recipe.morphs):
        values |= {
            "to_tone": recipe.settings.to,
            "from_tone": recipe.settings.from_, "backend": recipe.backend.name,
        } | of_amount(clip, recipe)  # fmt: skip
    return values


def of_amount(clip: Clip, recipe: Recipe) -> dict[str, Any]:
    """Columns about the amount; of one that follows the playing, as far as it is known."""
    length = recipe.length(clip.source.num_samples, clip.source.sample_rate)
    return {"amount": str(recipe.amount), "num_chunks": recipe.grid.num_chunks(length)}


def of_chunks(chunks: Sequence[ChunkRow], stem_lufs: float) -> dict[str, Any]:
    """Columns that sum up the chunks of a morphed track."""
    steps = [row.seam_step_db for row in chunks if row.seam_step_db is not None]
    flux = [row.seam_flux_db for row in chunks if row.seam_flux_db is not None]
    slopes = [row.double_slope for row in chunks if row.double_slope is not None]
    return {
        "num_morphed": sum(row.status == "morphed" for row in chunks),
        "worst_step_db": max(steps, default=None),
        "worst_flux_db": max(flux, default=None),
        "worst_double_slope": max(slopes, default=None),
        "stem_lufs": _finite(stem_lufs),
    }


def of_output(
    output: str, output_hash: str, form: audio.OutputFormat, made: Assembled
) -> dict[str, Any]:
    """Columns about the finished file."""
    return {
        "status": "ok", "output": output, "output_hash": output_hash,
        "output_format": form.format, "output_subtype": form.subtype,
        "gain_db": decibels(made.gain), "peak_dbfs": decibels(made.peak),
        "true_peak_dbtp": decibels(made.true_peak), "lufs": _finite(made.lufs),
        "null_residual_dbfs": decibels(made.null_residual or 0.0),
        "tags_warning": made.tags.warning, "tags_outdated": made.tags.note,
    }  # fmt: skip


def _finite(level: float) -> float | None:
    return level if level > float("-inf") else None


def versions(cpus: Iterable[str] = ()) -> str:
    """Versions of what made the sound, and the kinds of CPU that did: this one, which writes the
    result, and then those of the sections."""
    found = dict.fromkeys([kind_of_cpu(), *cpus])
    return json.dumps(_versions() | {"cpu": list(found)})


@cache
def _versions() -> dict[str, str]:
    packages = ("morphsep", "numpy", "scipy", "soundfile", "soxr", "pedalboard", "torch", "demucs")
    return {"python": platform.python_version()} | {p: version(p) for p in packages}
