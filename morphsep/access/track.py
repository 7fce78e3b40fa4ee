"""The state of a restoration when a stage begins: where its repairs lie, and what they did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from morphsep.access.depth import Depth
from morphsep.access.doing import done_in
from morphsep.access.parts import Part
from morphsep.audio import OutputFormat
from morphsep.errors import TrackError
from morphsep.morphing import Repair
from morphsep.request import Restoration, Settings
from morphsep.stages import Clip, RunContext, Scan, StageName, output_of
from morphsep.storage import Location, digest

Reach = Callable[[int], None]
"""Told up to which sample something has come."""


def master_of(clip: Clip) -> Scan:
    """What is known of a master that was read."""
    assert clip.scan is not None
    return clip.scan


def form_of(clip: Clip) -> OutputFormat:
    """How a track's access copy is written.

    Raises:
        TrackError: its name does not fit.
    """
    return output_of(clip.job, master_of(clip).info, "restore")


def limits_of(settings: Settings) -> dict[str, Any]:
    """What may be added and changed, for an `AccessCopy`."""
    asked = settings.restoration or Restoration()
    return {"extends": asked.extend, "bounds": dict(asked.bounds)}


def depth_of(clip: Clip) -> Depth:
    """The values that the samples of a track's access copy can have."""
    return Depth.of(form_of(clip))


def repairs_of(run: RunContext, clip: Clip) -> Iterator[tuple[Repair, Location]]:
    """The repairs of a track, in their order, and where each is done."""
    recipe = run.recipe(clip.job.settings)
    depth = depth_of(clip)
    sound = digest(master_of(clip).content_hash, depth.bits, depth.is_float32)
    keys = recipe.repair_keys(sound)
    for repair, key in zip(recipe.repairs, keys, strict=True):
        yield repair, run.workspace.repair(key)


def parts_of(run: RunContext, clip: Clip) -> list[Part]:
    """The repairs of a track, all of them finished.

    Raises:
        TrackError: one has been removed.
    """
    parts = []
    for repair, folder in repairs_of(run, clip):
        done = done_in(folder)
        if done is None:
            raise TrackError(
                "internal",
                f"what {repair.name} did was removed from the work directory; run again",
            )
        parts.append(Part(done=done, layer=done.layer(folder, repair)))
    return parts


def watched(run: RunContext, clip: Clip, stage: StageName, num_samples: int) -> Reach:
    """Takes up to which of the samples of a sound a stage has come, and tells whoever watches."""
    report = run.reporter(clip, stage)
    share = clip.source.model_length / max(num_samples, 1)
    return lambda sample: report(int(sample * share))


def timbre_folder(run: RunContext, clip: Clip) -> Location:
    """Where what the morph adds lies until the track is finished."""
    return run.workspace.repair(f"{clip.key}-timbre")


def sound_place(run: RunContext, clip: Clip) -> Location:
    """Where the repaired sound lies while it is separated."""
    return run.workspace.sound(clip.job.track, clip.key)
