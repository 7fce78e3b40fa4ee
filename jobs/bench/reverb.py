"""How a room decays half-way to another, beside a crossfade of both; and what a reverb costs.

    python -m jobs.bench.reverb [--repeats 5]

A click goes through `chain` and through `crossfade`, from nothing and from a room of 0.4 s to a
hall of 5 s. Of what comes after the direct sound: reverberation times in two octaves (T30 of ISO
3382-1), energy against the direct sound in dB, and the late over the early decay time in the octave
of 500 Hz, 1 where there is one slope (`morphsep.dsp`). The cost is CPU time for each second
of stereo, in turn with pedalboard's Reverb. Prints Markdown.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np

from morphsep.backends import Backend, Passage
from morphsep.dsp import MODEL_RATE, Decay, Signal, decay
from morphsep.request import load_plugin
from morphsep.tones import Tone, get_tone
from morphsep.tones.chain.definition import parse_chain
from morphsep.tones.effects.reverberator import Reverberator

HALL = "{t60_s: 5, high_ratio: 0.4, pre_delay_ms: 20, late_db: 0, early_db: -40}"
ROOM = "{t60_s: 0.4, high_ratio: 0.6, pre_delay_ms: 5, late_db: 0, early_db: -40}"
AMOUNTS = (0.0, 0.25, 0.5, 0.75, 1.0)
AFTER = 0.03
"""Seconds after a click from which on there is nothing but the tail."""
SECONDS = 7.0
OCTAVES = (500, 4000)
ROOM_AND_HALL = {"t60_s": (0.4, 2.2), "late_db": (-30.0, -4.0), "early_db": (-30.0, -8.0)}
STILL = {"t60_s": 2.2, "high_ratio": 0.4, "pre_delay_ms": 20.0, "late_db": -4.0, "early_db": -8.0}


def tone(settings: str) -> Tone:
    """A chain that is only this reverberator."""
    return parse_chain(f"pedals:\n  - Reverberator: {settings}\n", Path("bench.yaml"))


def response(backend: Backend, source: Tone, target: Tone, amount: float) -> Signal:
    """What becomes of a click, ``[2, T]``."""
    stem = np.zeros((2, round(SECONDS * MODEL_RATE)), np.float32)
    stem[:, 0] = 1
    passage = Passage(
        stem=stem, start=0, amount=np.full(stem.shape[1], amount, np.float32),
        source_tone=source, target_tone=target, level=-18.0,
    )  # fmt: skip
    return backend.morph([passage])[0]


def octave(signal: Signal, hz: float) -> Signal:
    """An octave of ``[C, T]``."""
    from scipy.signal import butter, sosfilt

    band = butter(4, [hz / 2**0.5, hz * 2**0.5], "band", fs=MODEL_RATE, output="sos")
    return np.asarray(sosfilt(band, signal), np.float32)


def described(heard: Signal) -> list[str]:
    """Cells of the table for a response ``[2, T]``."""
    late = heard[:, round(AFTER * MODEL_RATE) :]
    if not late.any():
        return ["-"] * 4
    decays = [decay(octave(late, hz)) for hz in OCTAVES]
    level = 10 * np.log10(np.sum(late**2) / np.sum(heard[:, 0] ** 2))
    slope = decays[0]
    return [*map(_seconds, decays), f"{level:.1f}", f"{slope.double_slope:.2f}" if slope else "-"]


def _seconds(measured: Decay | None) -> str:
    return f"{measured.t60_s:.2f}" if measured else "-"


def table(source: Tone, target: Tone) -> Iterator[str]:
    """A row for each amount: both backends side by side."""
    cells = ("500 Hz, s", "4 kHz, s", "tail, dB", "late / early")
    yield (
        "| amount | "
        + " | ".join(f"{name}: {cell}" for name in ("chain", "crossfade") for cell in cells)
        + " |"
    )
    yield "|---" * (1 + 2 * len(cells)) + "|"
    for amount in AMOUNTS:
        row = [str(amount)]
        for name in ("chain", "crossfade"):
            backend: Backend = load_plugin("backend", name)
            row += described(response(backend, source, target, amount))
        yield "| " + " | ".join(row) + " |"


def costs(repeats: int) -> Iterator[str]:
    """CPU seconds for a second of stereo, medians of runs in turn."""
    from pedalboard import Reverb

    stem = np.random.default_rng(0).standard_normal((2, 12 * MODEL_RATE)).astype(np.float32)
    curves = {
        name: np.linspace(*ends, stem.shape[1], dtype=np.float32)
        for name, ends in ROOM_AND_HALL.items()
    }
    plays: dict[str, Callable[[], object]] = {
        "pedalboard's Reverb": lambda: Reverb(room_size=0.7).process(stem, MODEL_RATE),
        "Reverberator, 2.2 s": lambda: Reverberator().process(stem, 0, STILL),
        "Reverberator, 0.4 to 2.2 s": lambda: Reverberator().process(stem, 0, {**STILL, **curves}),
    }
    taken: dict[str, list[float]] = {name: [] for name in plays}
    for _ in range(repeats + 1):
        for name, play in plays.items():
            began = time.process_time()
            play()
            taken[name].append((time.process_time() - began) / 12)
    for name, times in taken.items():
        yield f"| {name} | {1000 * median(times[1:]):.1f} |"


def main() -> None:
    """Print both tables, and the costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    for title, source in (("nothing", get_tone("as-recorded")), ("a room of 0.4 s", tone(ROOM))):
        print(f"From {title} to a hall of 5 s:\n", *table(source, tone(HALL)), "", sep="\n")
    print("| CPU for 1 s of stereo | ms |\n|---|---|", *costs(repeats), sep="\n")


if __name__ == "__main__":
    main()
