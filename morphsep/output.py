"""Finished files: named, written whole, and described for the manifest."""

from __future__ import annotations

from typing import Any

from morphsep import audio, files
from morphsep.assembly import assemble, assemble_stems
from morphsep.clip import Clip
from morphsep.errors import SettingError, TrackError
from morphsep.inputs import Job, Task, backing_of
from morphsep.scan import Readable
from morphsep.section_store import SectionStore
from morphsep.storage import Location
from morphsep.track_row import of_output


def output_of(job: Job, info: audio.AudioInfo, task: Task) -> audio.OutputFormat:
    """How a job's result is written: its name was settled with the job, and says the format.

    Raises:
        TrackError: the input's samples cannot be held by what was asked for.
    """
    wanted = job.settings.format or audio.format_of(job.track, info)
    subtype = job.settings.subtype
    if task == "separate" and subtype is None:
        # stem and backing may exceed full scale, and have to add up to the last bit
        subtype = "PCM_24" if (wanted or info.format).upper() == "FLAC" else "FLOAT"
    try:
        return audio.output_format(info, wanted, subtype)
    except SettingError as error:
        raise TrackError("format_not_possible", str(error)) from error


def write_song(
    out: Location, clip: Clip, readable: Readable, stem: SectionStore, change: SectionStore
) -> dict[str, Any]:
    """Writes the morphed track; returns the columns about it.

    Raises:
        TrackError: it cannot be written.
    """
    form = output_of(clip.job, clip.source.info, "morph")
    with (out / clip.job.track).writing() as path:
        made = assemble(clip.source, readable, stem, change, path, form)
        digest = files.digest_file(path)
    return of_output(clip.job.track, digest, form, made)


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
        digests = files.digest_file(guitar), files.digest_file(backing)
    row = of_output(track, digests[0], form, made)
    return row | {"backing": rest, "backing_hash": digests[1]}
