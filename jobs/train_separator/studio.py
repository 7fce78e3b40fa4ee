"""The recorded and sampled sounds that each split of the songs may use.

The licence decides (docs/explanation/built-in-separators.md): the weights learn from MIT or CC0
sounds, or from sounds synthesised here; all others are for validation and tests only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jobs.train_separator import sound
from jobs.train_separator.notes import Rng
from morphsep.dsp import Signal

SECONDS = 30
"""Length of a song."""
FONTS = Path("usr/share/sounds")
SETS = {
    "train": (FONTS / "sf2/FluidR3_GM.sf2", FONTS / "sf3/MuseScore_General_Full.sf3"),
    "validation": (FONTS / "sf2/TimGM6mb.sf2",),
    "test": (FONTS / "sf2/sf_GMbank.sf2",),
}
KITS = {
    "train": SETS["train"],
    "validation": (FONTS / "sf2/TimGM6mb.sf2", FONTS / "sf2/Red_Zeppelin_4_LV2.sf2"),
    "test": (FONTS / "sf2/sf_GMbank.sf2", FONTS / "sf2/Black_Pearl_4_LV2.sf2"),
}
LOOPS = Path("usr/share/sonic-pi/samples")
GUITAR_SAMPLES = ("guit_em9", "guit_harmonics", "guit_e_slide", "guit_e_fifths")
HELD_OUT_LOOPS = ("loop_breakbeat", "loop_compus", "loop_tabla")
"""For validation and tests."""
UNUSED_LOOPS = ("loop_amen_full", "loop_garzul")
"""The first is a longer take of a loop that is used; the other may contain a guitar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """The unpacked packages, and the sounds in them that a split may use."""

    unpacked: Path
    split: str

    def font(self, rng: Rng) -> Path:
        """A sound font."""
        return self.unpacked / self._drawn(SETS[self.split], rng)

    def kit(self, rng: Rng) -> Path:
        """A sound font for drums."""
        return self.unpacked / self._drawn(KITS[self.split], rng)

    def _drawn(self, fonts: tuple[Path, ...], rng: Rng) -> Path:
        # MuseScore's font is compressed and takes FluidSynth ten times as long to open.
        one = len(fonts) == 1 or rng.random() < (0.75 if self.split == "train" else 0.4)
        return fonts[0 if one else 1]

    def loops(self) -> list[Path]:
        """Recorded drum loops."""
        held_out = self.split != "train"
        found = sorted((self.unpacked / LOOPS).glob("loop_*.flac"))
        names = set(HELD_OUT_LOOPS) if held_out else {p.stem for p in found} - set(HELD_OUT_LOOPS)
        return [p for p in found if p.stem in names - set(UNUSED_LOOPS)]


def read(path: Path) -> Signal:
    """A sound file as ``[2, T]`` at 44.1 kHz."""
    import soundfile
    import soxr

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate != sound.RATE:
        samples = soxr.resample(samples, rate, sound.RATE)
    return np.ascontiguousarray(np.broadcast_to(samples.T, (2, len(samples))))
