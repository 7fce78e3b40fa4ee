"""Writing an access copy, and measuring what was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from morphsep import audio
from morphsep.access.depth import Depth
from morphsep.access.sounds import Sound, spans
from morphsep.dsp import LoudnessMeter, Seconds, TruePeakMeter, dbfs
from morphsep.errors import TrackError
from morphsep.stages import Assembled, Block


def write_access(
    path: Path,
    sound: Sound,
    form: audio.OutputFormat,
    master: str,
    done: str,
    origin: audio.Origin | None,
    reach: Callable[[int], None],
) -> Assembled:
    """Writes a sound to a new file, with the tags of its master; none after an exception.

    Args:
        master: a file on this machine.
        done: what was done to it, for its coding history.
        origin: what it says of where it comes from.
        reach: told up to which sample it is written.

    Raises:
        TrackError: it exceeds full scale in an integer format, or the disk is full.
    """
    info = sound.info
    loudness = LoudnessMeter(info.sample_rate, info.num_channels)
    true_peak = TruePeakMeter(info.num_channels)
    with audio.AudioWriter(
        str(path), info.sample_rate, info.num_channels, form, tags_from=master, done=done,
        origin=origin, in_place=True, name=f"the access copy of {Path(master).name}",
    ) as writer:  # fmt: skip
        for start, num_samples in spans(info):
            block: Block = sound.exact(start, num_samples)
            check_fits(block, Depth.of(form), start / info.sample_rate)
            loudness.add(block)
            true_peak.add(block)
            writer.write(block)
            reach(start + num_samples)
    return Assembled(
        gain=1.0, peak=loudness.peak, true_peak=true_peak.peak, lufs=loudness.integrated(),
        tags=writer.tags,
    )  # fmt: skip


def check_fits(block: Block, depth: Depth, start: Seconds) -> None:
    """
    Args:
        start: of the block.

    Raises:
        TrackError: it exceeds full scale.
    """
    if (over := depth.overshoot(block)) > 1.0:
        raise TrackError(
            "would_clip",
            f"from {start:.0f} s on it would exceed full scale by {dbfs(over):.2f} dB, and an "
            "access copy gets no gain; leave out or take back another step, too, such as timbre, "
            "or name it in a list with format wav and subtype FLOAT",
        )
