"""Notes to sound by FluidSynth with a sound font."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from jobs.train_separator.midi import midi
from jobs.train_separator.notes import Note
from morphsep.dsp import Signal

RATE = 44_100


def synthesised(
    notes: list[Note], seconds: float, font: Path, program: int, kit: bool = False
) -> Signal:
    """Notes played by a program of a sound font, dry, ``[2, T]``."""
    with tempfile.TemporaryDirectory() as folder:
        score, raw = Path(folder) / "part.mid", Path(folder) / "part.raw"
        score.write_bytes(midi(notes, seconds, program, 9 if kit else 0))
        subprocess.run(
            [
                "fluidsynth", "-niq", "-R", "0", "-C", "0", "-g", "0.6", "-r", str(RATE),
                "-o", "synth.dynamic-sample-loading=1", "-o", "synth.cpu-cores=1",
                "-T", "raw", "-O", "s16", "-F", str(raw), str(font), str(score),
            ],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        samples = np.fromfile(raw, "<i2").reshape(-1, 2).T / np.float32(32768)
    return fitted(samples.astype(np.float32), round(seconds * RATE))


def fitted(samples: Signal, length: int) -> Signal:
    """``[C, length]``: cut, or padded with silence."""
    return np.pad(samples[:, :length], ((0, 0), (0, max(0, length - samples.shape[1]))))
