"""What live costs: blocks of 64 samples at 48 kHz, from `clean` to every tone that can be played.

    python -m jobs.bench.live                 # 60 s each
    python -m jobs.bench.live --seconds 10 --to overdrive

Blocks come as soon as the last one is done, so that what else runs on the machine disturbs little;
shares of a block's own length. The budget is half of it for the worst block. What the process spent
on the processor is shown beside what passed on the clock: on a busy machine the latter counts what
others did meanwhile.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np

from morphsep.dsp import Signal
from morphsep.errors import SettingError
from morphsep.live import BlockMorph, undisturbed, warm_up
from morphsep.testing import plucked
from morphsep.tones import BUILTIN

RATE = 48_000
BUDGET = 0.5


@dataclass(frozen=True, slots=True)
class Cost:
    """Shares of a block: median, 99 in 100, worst."""

    clock: tuple[float, float, float]
    processor: tuple[float, float, float]


def main() -> None:
    """Prints a line for each tone."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--block", type=int, default=64)
    parser.add_argument("--to", action="append", help="tone; all unless told")
    given = parser.parse_args()
    guitar = np.tile(plucked(2 * RATE), (2, 1))
    print(f"{'to':12} {'clock: median':>14} {'99 %':>6} {'worst':>6} {'processor: median':>18}"
          f" {'99 %':>6} {'worst':>6}")  # fmt: skip
    for tone in given.to or sorted({file.stem for file in BUILTIN.glob("*.yaml")} - {"clean"}):
        try:
            cost = measure(tone, guitar, given.seconds, given.block)
        except SettingError as error:
            print(f"{tone:12} {error}")
            continue
        clock, processor = ([f"{each:.0%}" for each in v] for v in (cost.clock, cost.processor))
        verdict = "within" if cost.clock[2] <= BUDGET else "BEYOND"
        line = f"{tone:12} {clock[0]:>14} {clock[1]:>6} {clock[2]:>6} {processor[0]:>18}"
        print(f"{line} {processor[1]:>6} {processor[2]:>6}  {verdict} the budget", flush=True)


def measure(tone: str, guitar: Signal, seconds: float, block: int) -> Cost:
    """Plays a guitar over and over with a knob that moves all the time."""
    warm_up(BlockMorph("clean", tone, RATE), block)
    live = BlockMorph("clean", tone, RATE)
    count = round(seconds * RATE / block)
    took = np.zeros((2, count))
    places = guitar.shape[1] // block
    knob = 0.5 - 0.45 * np.cos(np.arange(count) * (2 * np.pi * block / RATE / 4))
    with undisturbed():
        for index in range(count):
            here = (index % places) * block
            clock, processor = time.perf_counter(), time.thread_time()
            live.process(guitar[:, here : here + block], float(knob[index]))
            took[:, index] = time.perf_counter() - clock, time.thread_time() - processor
    shares = took * (RATE / block)
    rows = [(float(np.median(r)), float(np.percentile(r, 99)), float(r.max())) for r in shares]
    return Cost(clock=rows[0], processor=rows[1])


if __name__ == "__main__":
    main()
