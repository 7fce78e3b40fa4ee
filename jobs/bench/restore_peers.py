"""Other programs' repairs, on arrays: ffmpeg and SoX, where they are installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal

MOST_DELAY = 4096
"""Samples: ffmpeg's filters are late by up to a frame."""


def is_there(program: str) -> bool:
    """Whether it can be run; says so where not."""
    there = shutil.which(program) is not None
    if not there:
        print(f"({program} is not installed: left out)")
    return there


def by_ffmpeg(sound: Signal, filters: str) -> Signal:
    """``[1, T]`` through ffmpeg's audio filters, its delay taken out."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = (str(Path(folder) / name) for name in ("before.wav", "after.wav"))
        _write(before, sound)
        command = ["ffmpeg", "-v", "error", "-i", before, "-af", filters]
        subprocess.run([*command, "-c:a", "pcm_f32le", after], check=True)
        return _aligned(_read(after), sound)


def by_sox(sound: Signal, rest_seconds: float, amount: float) -> Signal:
    """``[1, T]`` through SoX' noisered, which learns the noise from the beginning."""
    with tempfile.TemporaryDirectory() as folder:
        names = ("before.wav", "after.wav", "profile")
        before, after, profile = (str(Path(folder) / name) for name in names)
        _write(before, sound)
        learn = ["sox", "-V1", before, "-n", "trim", "0", str(rest_seconds), "noiseprof", profile]
        subprocess.run(learn, check=True)
        reduce = ["sox", "-V1", before, after, "noisered", profile, str(amount)]
        subprocess.run(reduce, check=True)
        return _aligned(_read(after), sound)


def _write(path: str, sound: Signal) -> None:
    import soundfile

    soundfile.write(path, sound.T, MODEL_RATE, subtype="FLOAT")


def _read(path: str) -> Signal:
    import soundfile

    return np.asarray(soundfile.read(path, dtype="float32", always_2d=True)[0].T)


def _aligned(late: Signal, sound: Signal) -> Signal:
    """Where it fits the sound best, of its length."""
    from scipy.signal import correlate

    padded = np.pad(late, ((0, 0), (0, MOST_DELAY + sound.shape[1])))
    seen = padded[0, : sound.shape[1] + MOST_DELAY]
    delay = int(np.argmax(correlate(seen, sound[0], "valid", method="fft")))
    return np.asarray(padded[:, delay : delay + sound.shape[1]])
