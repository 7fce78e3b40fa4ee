"""The first stages of ``morphsep restore``: a master is read, and repaired step by step."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from morphsep import audio, stages
from morphsep.access.depth import Depth
from morphsep.access.differences import sized
from morphsep.access.doing import discard, do
from morphsep.access.layers import after
from morphsep.access.reporting import names_beside
from morphsep.access.sounds import Master, Sound, spans
from morphsep.access.track import depth_of, master_of, repairs_of, sound_place, watched
from morphsep.dsp import dbfs
from morphsep.errors import TrackError
from morphsep.request import ALL_STEPS, Settings
from morphsep.stages import Clip, Readable, RunContext, Scan
from morphsep.storage import Location

LIKE_A_DIFFERENCE = rf"\.({'|'.join(ALL_STEPS)})\.diff\.(flac|wav)$"


def examine(run: RunContext, clip: Clip) -> list[Clip]:
    """Reads and measures a master; one that must not be repaired as asked is refused.

    Raises:
        TrackError: it cannot be done.
    """
    check_names(run, clip)
    clip = stages.begin(run, clip)
    if clip.outcome is None:
        check_header(master_of(clip).info, clip.job.settings)
        check_level(master_of(clip), depth_of(clip))
    return [clip]


def check_names(run: RunContext, clip: Clip) -> None:
    """
    Raises:
        TrackError: a master that is called like a difference, or files that no run has written
            where this one would put its own.
    """
    track = clip.job.track
    if re.search(LIKE_A_DIFFERENCE, track):
        raise TrackError(
            "bad_name", "it is called like a difference of another access copy; rename the file"
        )
    if run.force or clip.previous is not None or run.workspace.claim(track).exists():
        return
    for name in names_beside(track):
        if (run.workspace.out / name).exists():
            raise TrackError(
                "output_taken",
                f"there is a file {name} in the output folder that is not ours; choose another "
                "output folder, or --force",
            )


def check_header(master: audio.AudioInfo, settings: Settings) -> None:
    """
    Raises:
        TrackError: a master that must not be repaired as asked.
    """
    asked = settings.restoration
    if asked is None or asked.anyway:
        return
    if master.is_lossy and "declick" in asked.steps:
        raise TrackError(
            "lossy_master",
            f"{master.format.lower()} is lossy: its coder has smeared the clicks, and declick "
            "would take notes for them; restore the lossless transfer, leave declick out of "
            "--steps, or say --anyway",
        )


def check_level(master: Scan, depth: Depth) -> None:
    """
    Raises:
        TrackError: a master that its access copy cannot hold.
    """
    if depth.bits is not None and master.peak > 1.0:
        raise TrackError(
            "would_clip",
            f"the master decodes to {dbfs(master.peak):.2f} dB above full scale, and an access "
            "copy gets no gain; name it in a list with format wav and subtype FLOAT",
        )


def repair(run: RunContext, clip: Clip) -> list[Clip]:
    """Does the repairs, one after the other, each on the sound that the one before has left. If
    the guitar is to be morphed, the sections of the repaired sound that have to be separated
    follow.

    Raises:
        TrackError: the disk is full.
    """
    recipe, depth = run.recipe(clip.job.settings), depth_of(clip)
    with ExitStack() as stack:
        readable = stages.open_input(run, clip)
        sound: Sound = Master(stack.enter_context(readable.open()), depth)
        for step, folder in repairs_of(run, clip):
            if run.force:
                stages.discard_once(run, folder, partial(discard, folder))
            reach = watched(run, clip, "repair", sound.info.num_samples)
            done = do(step, sound, folder, depth, reach)
            sound = after(sound, done.layer(folder, step), depth, stack)
        if not recipe.morphs:
            return [replace(clip, stem_key="")]
        if recipe.repairs:
            clip = _with_sound(run, clip, sound)
    return stages.to_separate(run, clip)


def _with_sound(run: RunContext, clip: Clip, sound: Sound) -> Clip:
    """The track with its repaired sound, which is separated in the place of its input."""
    place = sound_place(run, clip)
    if run.force or not place.exists():
        _write(place, sound, depth_of(clip))
    readable = Readable(place.text, run.scratch(clip.job.track), None)
    scanned = stages.scan(readable, run.workspace)
    key = run.recipe(clip.job.settings).stem_key(scanned.content_hash, clip.own_stem_hash or "")
    return replace(
        clip, sound=place.text, sound_stamp=readable.stamp, sound_scan=scanned, stem_key=key
    )


def _write(place: Location, sound: Sound, depth: Depth) -> None:
    form = sized(depth.stored, sound.info)
    with (
        place.writing() as path,
        audio.AudioWriter(
            str(path), sound.info.sample_rate, sound.info.num_channels, form, in_place=True,
            name="the repaired sound in the work directory",
        ) as writer,
    ):  # fmt: skip
        for start, num_samples in spans(sound.info):
            writer.write(sound.exact(start, num_samples))
