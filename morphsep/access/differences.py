"""Difference files: what a step adds to a sound, sample for sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from morphsep import audio, storage
from morphsep.access.depth import Depth, Exact, holds
from morphsep.access.sounds import Sound, spans
from morphsep.dsp import Reader, RecordingInfo
from morphsep.storage import Location

Difference = Callable[[int, int], Exact]
"""``difference(start, num_samples)`` -> ``[C, num_samples]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A difference file that was written."""

    name: str
    """In its folder."""
    sha256: str
    num_changed: int
    """Samples that are not zero, all channels together."""
    peak: float
    """Linear."""


class _TooLargeError(Exception):
    """Leaves the writer without a file."""


def difference_name(track: str, step: str, name: str) -> str:
    """The path below OUT of what a step did to a track, from the name of the file that holds it."""
    return f"{track}.{step}.diff.{name.rpartition('.')[2]}"


def is_whole(place: Location, sha256: str) -> bool:
    """Whether a difference lies there as it was written."""
    if not place.exists():
        return False
    with place.reading() as path:
        return storage.digest_file(path) == sha256


def between(sound: Sound, repaired: Reader, depth: Depth) -> Difference:
    """What a repair changes: zero wherever it gives back what it was given."""

    def difference(start: int, num_samples: int) -> Exact:
        before, after = sound.exact(start, num_samples), repaired.read(start, num_samples)
        changed = depth.settle(after.astype(np.float64)) - before
        return np.where(after == before.astype(np.float32), 0.0, changed)

    return difference


def write_difference(
    folder: Location,
    info: RecordingInfo,
    difference: Difference,
    depth: Depth,
    reach: Callable[[int], None],
) -> Written:
    """Writes a difference to a folder, in the first form that holds all of it.

    Args:
        reach: told up to which sample it is written.

    Raises:
        TrackError: the disk is full.
    """
    for form in depth.forms:
        try:
            return _write(folder / f"difference{form.extension}", info, difference, form, reach)
        except _TooLargeError:
            continue
    raise AssertionError("the last form holds everything")


def _write(
    place: Location,
    info: RecordingInfo,
    difference: Difference,
    form: audio.OutputFormat,
    reach: Callable[[int], None],
) -> Written:
    num_changed, peak = 0, 0.0
    with place.writing() as path:
        with audio.AudioWriter(
            str(path), info.sample_rate, info.num_channels, sized(form, info), in_place=True,
            name="a difference in the work directory",
        ) as writer:  # fmt: skip
            for start, num_samples in spans(info):
                block = difference(start, num_samples)
                if not holds(form, block):
                    raise _TooLargeError
                writer.write(block)
                num_changed += int(np.count_nonzero(block))
                peak = max(peak, float(np.abs(block).max(initial=0.0)))
                reach(start + num_samples)
        sha256 = storage.digest_file(path)
    return Written(name=place.name, sha256=sha256, num_changed=num_changed, peak=peak)


def sized(form: audio.OutputFormat, info: RecordingInfo) -> audio.OutputFormat:
    """The form, made for files above 4 GiB where a sound is as long as that."""
    header = audio.AudioInfo(
        path="", format=form.format, subtype=form.subtype, sample_rate=info.sample_rate,
        num_channels=info.num_channels, num_samples=info.num_samples,
    )  # fmt: skip
    return audio.output_format(header)
