"""Decode a file without exact seeking to a float WAV, once, from start to end."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

from morphsep.audio.foreign import DEMUXERS
from morphsep.audio.formats import LIMIT_32_BIT, OutputFormat
from morphsep.audio.info import AudioInfo, lost, truncated
from morphsep.audio.probe import probe
from morphsep.audio.reader import AudioReader, blocks, pick_channels
from morphsep.audio.writer import AudioWriter
from morphsep.errors import TrackError
from morphsep.storage import temporary_beside

BLOCK = 131_072
"""Samples decoded at a time: about 3 s."""
PROMISE_SLACK = 1.0
"""Seconds by which the duration in an m4a's or wma's header may be off in a complete file."""
LEFT_OUT = re.compile(
    "Error while decoding|Error submitting packet to decoder|Decoding error|corrupt input packet"
)
"""How ffmpeg says that it goes on without a part of the sound; it ends with 0 all the same. A cut
transport stream is known by its last packet, of which a part is missing."""
WALKED = ("AAC", "MP2")
"""Their frames were counted; what else ffmpeg finds no sound in is junk between them."""
STREAMS = ("MPEGPS", "MPEGTS")
"""Their length is told by time stamps, which may jump."""


def decode_to(
    path: str, destination_wav: str, channels: tuple[int, int] | None = None
) -> AudioInfo:
    """Decode ``path`` to a float32 WAV (RF64 if it passes 4 GiB) and return that file's header.

    Any format that ``probe`` knows; written beside and renamed. Raises TrackError as ``probe``,
    ``AudioReader`` and ``AudioWriter`` do; truncated if less decodes than the header promises.
    """
    info = probe(path)
    if not info.via_ffmpeg:
        _decode_sound(path, destination_wav, channels)
        return probe(destination_wav)
    if pick_channels(info, channels) is None:
        _run_ffmpeg(info, Path(destination_wav))
    else:
        wide = temporary_beside(destination_wav)
        try:
            _run_ffmpeg(info, wide)
            _decode_sound(str(wide), destination_wav, channels)
        finally:
            wide.unlink(missing_ok=True)
    return probe(destination_wav)


def _decode_sound(path: str, destination: str, channels: tuple[int, int] | None) -> None:
    with AudioReader(path, channels) as reader:
        info = reader.info
        size = info.num_samples * info.num_channels * 4
        form = OutputFormat(
            format="RF64" if size > LIMIT_32_BIT else "WAV", subtype="FLOAT", extension=".wav"
        )
        name = f"a decoded copy of {Path(path).name}"
        with AudioWriter(
            destination, info.sample_rate, info.num_channels, form, name=name
        ) as writer:
            for block in blocks(reader, BLOCK):
                writer.write(block)


def _run_ffmpeg(info: AudioInfo, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(str(destination))
    try:
        done = subprocess.run(_command(info, temporary), capture_output=True, check=False)
        complaint = done.stderr.decode(errors="replace").strip().splitlines()
        left_out = [line for line in complaint if LEFT_OUT.search(line)]
        if done.returncode != 0 or (left_out and info.format not in WALKED):
            raise _failed(info, left_out or complaint)
        decoded = replace(probe(str(temporary)), path=info.path)
        _check_length(info, decoded)
        temporary.replace(destination)
    finally:
        temporary.unlink(missing_ok=True)


def _check_length(info: AudioInfo, decoded: AudioInfo) -> None:
    """Raise TrackError("truncated") if too little was decoded."""
    if info.most_missing is not None:
        if decoded.duration < info.duration - info.most_missing / info.sample_rate:
            raise lost(info.path, info.duration, decoded.duration)
        return
    is_told = info.format not in STREAMS and info.is_length_own
    if is_told and decoded.duration < info.duration - PROMISE_SLACK:
        raise truncated(info.path, info.duration, decoded.duration)


def _command(info: AudioInfo, destination: Path) -> list[str]:
    source = f"file:{Path(info.path).absolute()}"
    options = ["-nostdin", "-v", "warning", "-protocol_whitelist", "file"]
    audio = ["-map", "0:a:0", "-c:a", "pcm_f32le", "-map_metadata", "-1", "-rf64", "auto"]
    target = f"file:{destination.absolute()}"
    return [
        "ffmpeg",
        *options,
        "-f",
        DEMUXERS[info.format],
        "-i",
        source,
        *audio,
        "-f",
        "wav",
        target,
    ]


def _failed(info: AudioInfo, complaint: list[str]) -> TrackError:
    reason = f" ({complaint[-1]})" if complaint else ""
    if "No space left" in reason:
        return TrackError(
            "disk_full",
            f"a decoded copy of {Path(info.path).name} could not be written: the disk is full; "
            "make room and run again",
        )
    return TrackError(
        "truncated",
        f"{Path(info.path).name}: ffmpeg cannot decode all of it{reason}; the file was cut off "
        "or damaged: get a complete copy of it",
    )
