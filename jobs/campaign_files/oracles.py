"""What others find in a file: ffmpeg and sox decode it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from morphsep.dsp import Signal

TIMEOUT = 60.0
"""Seconds that a decoder may take; a file may make it hang, too."""
MOST = 2**28
"""Bytes of samples that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a decoder made of a file."""

    samples: Signal
    """``[C, T]``."""
    sample_rate: int

    @property
    def seconds(self) -> float:
        return int(self.samples.shape[1]) / self.sample_rate


def by_ffmpeg(path: Path) -> Decoded | None:
    """The first sound track as ffmpeg decodes it; None where it finds none, or is not here."""
    form = _form(path)
    if form is None:
        return None
    channels, rate = form
    source = ["-v", "error", "-nostdin", "-protocol_whitelist", "file", "-i", f"file:{path}"]
    target = ["-map", "0:a:0", "-f", "f32le", "-ar", str(rate), "-ac", str(channels), "-"]
    return _samples(["ffmpeg", *source, *target], channels, rate)


def by_sox(path: Path, channels: int, rate: int) -> Decoded | None:
    """The sound as sox decodes it, in a form that is known."""
    if shutil.which("sox") is None:
        return None
    target = ["-t", "f32", "-r", str(rate), "-c", str(channels), "-"]
    return _samples(["sox", "-D", "-V1", str(path), *target], channels, rate)


def _form(path: Path) -> tuple[int, int] | None:
    if shutil.which("ffprobe") is None:
        return None
    shown = ["-show_entries", "stream=channels,sample_rate", "-of", "csv=p=0"]
    command = ["ffprobe", "-v", "error", "-select_streams", "a:0", *shown, f"file:{path}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT, errors="replace"
        )
        rate, channels = (
            int(word) for word in done.stdout.split("\n")[0].strip(",").split(",")[:2]
        )
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return (channels, rate) if channels > 0 and rate > 0 else None


def _samples(command: list[str], channels: int, rate: int) -> Decoded | None:
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return None
    whole = min(len(done.stdout), MOST) // (4 * channels)
    if whole == 0:
        return None
    flat = np.frombuffer(done.stdout, "<f4", whole * channels)
    return Decoded(samples=flat.reshape(whole, channels).T, sample_rate=rate)
