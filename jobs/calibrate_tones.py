"""Measure what each built-in tone does to the loudness of the demo guitar; write its trim.

    python -m jobs.calibrate_tones [--check] [GUITAR]

A tone changes timbre, not loudness. ``trim_db`` in each file of morphsep/tones/builtin is the
difference in integrated loudness (ITU-R BS.1770-4) between the guitar and the guitar through
the untrimmed tone. ``--check`` writes nothing and exits with 1 if one is off by more than 0.05 dB.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from morphsep.dsp import MODEL_RATE, LoudnessMeter, Signal
from morphsep.tones import BUILTIN
from morphsep.tones.chain.chain import EffectChain
from morphsep.tones.chain.definition import read_chain

GUITAR = Path(__file__).parents[1] / "demo" / "guitar-clean.flac"
TOLERANCE_DB = 0.05
LINE = re.compile(r"^trim_db: .*$", re.MULTILINE)


def loudness(signal: Signal) -> float:
    """Integrated loudness in LUFS of ``[C, T]`` at 44.1 kHz."""
    meter = LoudnessMeter(MODEL_RATE, signal.shape[0])
    meter.add(signal)
    return meter.integrated()


def measured_trim(tone: EffectChain, guitar: Signal) -> float:
    """Trim in dB that restores the loudness of the guitar ``[C, T]``."""
    before = loudness(guitar)
    after = loudness(replace(tone, trim_db=0.0).render(guitar, 0, before))
    return round(before - after, 2)


def write_trim(file: Path, trim: float) -> None:
    """Replace the one line of the definition that says ``trim_db``."""
    text, count = LINE.subn(f"trim_db: {trim}", file.read_text(encoding="utf-8"))
    if count != 1:
        raise SystemExit(f"{file} must have one line 'trim_db: ...' to write into")
    file.write_text(text, encoding="utf-8")


def main() -> int:
    """Measure all, print a table, write or check."""
    import soundfile

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("guitar", nargs="?", type=Path, default=GUITAR)
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    samples, rate = soundfile.read(arguments.guitar, dtype="float32", always_2d=True)
    if rate != MODEL_RATE:
        parser.error(f"{arguments.guitar} must be at {MODEL_RATE} Hz, it is at {rate}")
    off = 0
    for file in sorted(BUILTIN.glob("*.yaml")):
        tone = read_chain(file)
        trim = measured_trim(tone, np.ascontiguousarray(samples.T))
        off += abs(trim - tone.trim_db) > TOLERANCE_DB
        print(f"{tone.name:12} {tone.trim_db:+7.2f} -> {trim:+7.2f} dB")
        if not arguments.check:
            write_trim(file, trim)
    return int(arguments.check and off > 0)


if __name__ == "__main__":
    sys.exit(main())
