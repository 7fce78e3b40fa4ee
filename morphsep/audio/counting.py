"""How long a file is, counted by decoding all of it, by whoever can."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from morphsep.audio.foreign import DEMUXERS
from morphsep.audio.info import AudioInfo
from morphsep.audio.reader import AudioReader, blocks
from morphsep.dsp import Seconds

BLOCK = 131_072
"""Samples decoded at a time."""
RATE = 8_000
"""Hz: enough to measure time by."""
OF_LIBSNDFILE = {
    "WAV": "wav", "WAVEX": "wav", "RF64": "wav", "FLAC": "flac", "MP3": "mp3",
}  # fmt: skip


def count_samples(reader: AudioReader) -> int:
    """Samples per channel that decode, from the first to the last.

    Raises TrackError("truncated") as ``blocks`` does.
    """
    return sum(block.shape[1] for block in blocks(reader, BLOCK))


def seconds_by_ffmpeg(info: AudioInfo) -> Seconds | None:
    """The length by another decoder than ours; None where there is no ffmpeg, where ffmpeg is what
    we read the file with, or (AU) takes the header's length for nothing."""
    demuxer = OF_LIBSNDFILE.get(info.format) or DEMUXERS.get(info.format)
    if info.via_ffmpeg or demuxer is None or shutil.which("ffmpeg") is None:
        return None
    command = [
        "ffmpeg", "-nostdin", "-v", "quiet", "-protocol_whitelist", "file,pipe", "-f", demuxer,
        "-i", f"file:{Path(info.path).absolute()}", "-map", "0:a:0", "-ac", "1", "-ar", str(RATE),
        "-f", "u8", "pipe:1",
    ]  # fmt: skip
    num_bytes = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while block := process.stdout.read(BLOCK):
            num_bytes += len(block)
    return num_bytes / RATE
