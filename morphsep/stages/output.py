"""Finished files: named, written whole, and described for the manifest."""

from __future__ import annotations

from typing import Any

from morphsep import audio, storage
from morphsep.errors import SettingError, TrackError
from morphsep.morphing import Read
from morphsep.request import Command, Job, backing_of
from morphsep.stages.assembly import assemble, assemble_stems
from morphsep.stages.clip import Clip
from morphsep.stages.readable import Readable
from morphsep.stages.section_store import SectionStore
from morphsep.stages.track_row import of_output
from morphsep.storage import Location


def output_of(job: Job, info: audio.AudioInfo, command: Command) -> audio.OutputFormat:
    """How a job's result is written: its name was settled with the job, and says the format.

    Raises:
        TrackError: the input's samples cannot be held by what was asked for.
    """
    wanted = job.settings.format or audio.format_of(job.track, info)
    subtype = job.settings.subtype
    if command == "separate" and subtype is None:
        # stem and backing may exceed full scale, and have to add up to the last bit
        subtype = "PCM_24" if (wanted or info.format).upper() == "FLAC" else "FLOAT"
    try:
        form = audio.output_format(info, wanted, subtype)
    except SettingError as error:
        raise TrackError("format_not_possible", str(error)) from error
    if not audio.fits_name(job.track, form.format):
        raise TrackError(
            "format_not_possible",
            f"{job.track} would have to be a {form.format.lower()} file, which its name does not "
            "say (an aiff holds up to 4 GiB); choose another --format: wav, w64 or caf",
        )
    return form


def write_song(
    out: Location, clip: Clip, readable: Readable, change: Read, tail: int
) -> dict[str, Any]:
    """Writes the morphed track; returns the columns about it.

    Args:
        change: what is added to the mix.
        tail: samples by which it is longer than its input.

    Raises:
        TrackError: it cannot be written.
    """
    form = output_of(clip.job, clip.source.info, "morph")
    with (out / clip.job.track).writing() as path:
        made = assemble(clip.source, readable, change, path, form, tail)
        digest = storage.digest_file(path)
    row = of_output(clip.job.track, digest, form, made)
    return row | {"output_stamp": (out / clip.job.track).full_stamp(), "tail_samples": tail or None}


def write_stems(
    out: Location, clip: Clip, readable: Readable, stem: SectionStore
) -> dict[str, Any]:
    """Writes guitar and backing; returns the columns about them.

    Raises:
        TrackError: they cannot be written.
    """
    form = output_of(clip.job, clip.source.info, "separate")
    track, rest = clip.job.track, backing_of(clip.job.track)
    with (out / track).writing() as guitar, (out / rest).writing() as backing:
        made = assemble_stems(clip.source, readable, stem, guitar, backing, form)
        digests = storage.digest_file(guitar), storage.digest_file(backing)
    row = of_output(track, digests[0], form, made)
    stamps = storage.full_stamps([out / track, out / rest])
    return row | {
        "output_stamp": stamps[0], "backing": rest, "backing_hash": digests[1],
        "backing_stamp": stamps[1],
    }  # fmt: skip
