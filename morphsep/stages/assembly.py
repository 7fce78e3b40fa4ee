"""Putting a track together: the mix plus what morphing changed, under one gain, in one file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from morphsep import audio
from morphsep.dsp import LoudnessMeter, TruePeakMeter, dbfs, to_rate
from morphsep.errors import TrackError
from morphsep.morphing import Read, put_back
from morphsep.stages.readable import Readable
from morphsep.stages.scanning import Scan
from morphsep.stages.section_store import SectionStore

BLOCK_SECONDS = 4

Block = npt.NDArray[Any]
"""``[C, n]`` at the track's own rate, float32 or float64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """What the output turned out to be."""

    gain: float
    """Linear; 1.0 unless the sum would have clipped."""
    peak: float
    true_peak: float
    lufs: float
    tags: audio.CopiedTags
    null_residual: float | None = None
    """Largest absolute sample of mix - (guitar + backing), linear, as both lie in their files;
    None where they are not written."""


class _WouldClipError(Exception):
    """Leaves the writer without a file."""


def assemble(
    scan: Scan,
    readable: Readable,
    change: Read,
    path: Path,
    output: audio.OutputFormat,
    tail: int = 0,
    gain: float = 1.0,
) -> Assembled:
    """Writes the finished track to a new file; a second time, quieter, if it would clip.

    After an exception there is no file.

    Args:
        change: what is added to the mix.
        tail: samples by which the result is longer.

    Raises:
        TrackError: the disk is full.
    """
    loudness = LoudnessMeter(scan.sample_rate, scan.num_channels)
    true_peak = TruePeakMeter(scan.num_channels)
    over = 0.0
    try:
        with _writer(path, readable, scan, output, "morph") as writer:
            for start, mix in mix_blocks(scan, readable, tail):
                out = put_back(mix, start, change, scan.sample_rate)
                if gain != 1.0:
                    out *= gain
                over = max(over, _overshoot(out, output))
                loudness.add(out)
                true_peak.add(out)
                writer.write(out)
            if over > 1.0 and gain == 1.0 and not output.is_float:
                raise _WouldClipError
    except _WouldClipError:
        return assemble(scan, readable, change, path, output, tail, gain=1.0 / over)
    return Assembled(
        gain=gain, peak=loudness.peak, true_peak=true_peak.peak, lufs=loudness.integrated(),
        tags=writer.tags,
    )  # fmt: skip


def assemble_stems(
    scan: Scan,
    readable: Readable,
    stem: SectionStore,
    guitar: Path,
    backing: Path,
    output: audio.OutputFormat,
) -> Assembled:
    """Writes stem and backing to new files, which null against the mix; none after an exception.

    Raises:
        TrackError: a part exceeds full scale in an integer format, or the disk is full.
    """
    loudness = LoudnessMeter(scan.sample_rate, scan.num_channels)
    true_peak = TruePeakMeter(scan.num_channels)
    with (
        _writer(guitar, readable, scan, output, "separate; guitar") as guitar_writer,
        _writer(backing, readable, scan, output, "separate; backing") as backing_writer,
    ):
        for start, mix in mix_blocks(scan, readable):
            part = to_rate(stem.read, start, mix.shape[-1], scan.sample_rate)
            rest = (mix - part).astype(np.float32)
            over = max(_overshoot(part, output), _overshoot(rest, output))
            if over > 1.0 and not output.is_float:
                raise TrackError(
                    "would_clip",
                    "stem or backing exceeds full scale, and a gain would break their sum; "
                    "use --format wav --subtype FLOAT",
                )
            loudness.add(part)
            true_peak.add(part)
            guitar_writer.write(part)
            backing_writer.write(rest)
    return Assembled(
        gain=1.0, peak=loudness.peak, true_peak=true_peak.peak, lufs=loudness.integrated(),
        null_residual=_null_residual(scan, readable, guitar, backing),
        tags=guitar_writer.tags,
    )  # fmt: skip


def _writer(
    path: Path, readable: Readable, scan: Scan, output: audio.OutputFormat, done: str
) -> audio.AudioWriter:
    return audio.AudioWriter(
        str(path), scan.sample_rate, scan.num_channels, output,
        tags_from=readable.local, done=done, in_place=True,
        name=f"the result of {Path(scan.path).name}",
    )  # fmt: skip


def mix_blocks(scan: Scan, readable: Readable, tail: int = 0) -> Iterator[tuple[int, Block]]:
    """(first sample, ``[C, n]``) of the untouched mix at its own rate, and ``tail`` samples of
    silence after it.

    32-bit integers and doubles need float64 to pass through unchanged; all else fits float32.
    """
    dtype: Literal["float32", "float64"] = "float32"
    if scan.subtype in ("PCM_32", "DOUBLE"):
        dtype = "float64"
    step = BLOCK_SECONDS * scan.sample_rate
    with readable.open() as reader:
        for start in range(0, scan.num_samples, step):
            yield start, reader.read(start, min(step, scan.num_samples - start), dtype=dtype)
    end = scan.num_samples + tail
    for start in range(scan.num_samples, end, step):
        yield start, np.zeros((scan.num_channels, min(step, end - start)), dtype)


def _null_residual(scan: Scan, readable: Readable, guitar: Path, backing: Path) -> float:
    """By how much two finished files miss the mix, read back as anybody will read them."""
    residual = 0.0
    with audio.AudioReader(str(guitar)) as first, audio.AudioReader(str(backing)) as second:
        for start, mix in mix_blocks(scan, readable):
            length = mix.shape[-1]
            both = first.read(start, length, dtype="float64")
            both += second.read(start, length, dtype="float64")
            residual = max(residual, float(np.abs(mix - both).max(initial=0.0)))
    return residual


def _overshoot(block: Block, output: audio.OutputFormat) -> float:
    """By what factor a block exceeds what a format that is not float can hold."""
    largest = 1.0 - 2.0 ** (1 - output.bits) if output.bits else 1.0
    return max(float(block.max()) / largest, -float(block.min()))


def decibels(linear: float) -> float | None:
    """dBFS for the manifest, which has no infinity: None for silence."""
    return dbfs(linear) if linear > 0 else None
