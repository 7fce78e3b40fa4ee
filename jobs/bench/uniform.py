"""How even the steps of `--uniform` are, over 24 pairs of built-in tones.

    python -m jobs.bench.uniform [GUITAR ...] [--seconds 4] [--backend chain] [--way map]

Pairs: `clean` to every other tone, `as-recorded` to every tone, every other tone to `distortion`.
*Map*: the map of a curve that moves, measured once, asked for 0, 0.1 ... 1. *Alone*: a constant
amount each, measured for itself. All as a run does it, on the middle of each guitar. Two criteria:
the largest step over the mean step (log-mel distance of neighbours at one loudness), and the
largest deviation of the log-mel position from the amount. They pull apart where a sound moves
sideways; see morphsep/backends/perceptual/path.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.bench.morph import TONES, keep_to_one_core

if TYPE_CHECKING:
    from morphsep.dsp import Signal

ROOT = Path(__file__).resolve().parents[2]
GUITARS = (ROOT / "demo" / "guitar-clean.flac", ROOT / "demo" / "feelings.guitar.ogg")
PAIRS = (
    *(("clean", tone) for tone in TONES if tone != "clean"),
    *(("as-recorded", tone) for tone in TONES),
    *((tone, "distortion") for tone in TONES if tone not in ("clean", "distortion")),
)
AMOUNTS = tuple(step / 10 for step in range(11))
RATE = 44_100
MOST_STEP, MOST_OFF = 1.5, 0.1
Criteria = tuple[float, float]


def main() -> None:
    """Print a line for each path that misses a criterion, and what all of them come to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("guitars", nargs="*", type=Path, default=GUITARS)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each guitar")
    parser.add_argument("--backend", nargs="+", default=["chain", "spectral"])
    parser.add_argument("--way", nargs="+", choices=WAYS, default=list(WAYS))
    arguments = parser.parse_args()
    keep_to_one_core()
    guitars = [middle(path, arguments.seconds) for path in arguments.guitars]
    for way in arguments.way:
        for backend in arguments.backend:
            found = [
                shown(f"{way}: {path.stem}: {' -> '.join(pair)}: {backend}",
                      judged(WAYS[way](guitar, *pair, backend)))
                for path, guitar in zip(arguments.guitars, guitars, strict=True)
                for pair in PAIRS
            ]  # fmt: skip
            print(f"**{way}, {backend}**: {summed_up(found)}", flush=True)


def middle(path: Path, seconds: float) -> Signal:
    """``[1, T]`` of a recording at 44.1 kHz."""
    import numpy as np
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate != RATE:
        raise SystemExit(f"{path} is not at {RATE} Hz")
    start = max(0, (len(samples) - round(seconds * RATE)) // 2)
    mono: Signal = samples[start : start + round(seconds * RATE)].mean(axis=1)[None]
    return np.ascontiguousarray(mono)


def by_map(guitar: Signal, source: str, target: str, backend: str) -> list[Signal]:
    """The sounds at `AMOUNTS`, by one map."""
    import numpy as np

    from morphsep.dsp import ArrayReader
    from morphsep.morphing import StemFacts, measure_fit, morph_samples_at, recipe_for_arrays
    from morphsep.request import make_settings

    how = {"from_": source, "to": target, "backend": backend, "separator": "none"}
    moving, plain = (
        recipe_for_arrays(make_settings(**how, amount=amount, uniform=uniform))
        for amount, uniform in (("0:00=0 0:01=1", True), ("1", False))
    )
    read, length = ArrayReader(guitar, RATE).read, guitar.shape[1]
    facts = StemFacts.of(read, length, 1)
    stem = facts.stem(read, length, 1)
    warp = measure_fit(moving, stem, facts.peak).warp
    assert warp is not None
    inner = warp(np.array(AMOUNTS[1:-1], np.float32))
    knob = morph_samples_at(plain, guitar, RATE, [*(f"{amount:.6f}" for amount in inner), "1"])
    return [end(guitar, source), *knob]


def alone(guitar: Signal, source: str, target: str, backend: str) -> list[Signal]:
    """The sounds at `AMOUNTS`, each measured for itself."""
    import morphsep

    morph = morphsep.Morph(source, target, backend=backend)
    return [end(guitar, source), *(morph(guitar, RATE, amount=a) for a in AMOUNTS[1:])]


def end(guitar: Signal, tone: str) -> Signal:
    """The guitar through a tone."""
    import morphsep

    return morphsep.Morph("as-recorded", tone)(guitar, RATE)


def judged(sounds: Sequence[Signal]) -> Criteria:
    """Largest step over the mean step, and largest deviation of the position."""
    from morphsep.evaluation import metrics

    level = metrics.match_loudness(sounds, RATE)
    steps = metrics.log_mel_steps(level, RATE)
    positions = metrics.log_mel_positions(level, RATE)
    return metrics.largest_step(steps), metrics.largest_deviation(positions, AMOUNTS)


def shown(name: str, criteria: Criteria) -> Criteria:
    """Prints a path that misses one of them."""
    step, off = criteria
    if step > MOST_STEP or off > MOST_OFF:
        print(f"{name}: step {step:.2f}, position off by {off:.3f}", flush=True)
    return criteria


def summed_up(found: Sequence[Criteria]) -> str:
    """Medians, the worst, and how many miss a criterion."""
    from statistics import median

    steps, off = zip(*found, strict=True)
    missed = sum(step > MOST_STEP for step in steps), sum(each > MOST_OFF for each in off)
    return (
        f"{len(found)} paths; largest step over mean: median {median(steps):.2f}, worst "
        f"{max(steps):.2f}, above {MOST_STEP:g} in {missed[0]}; position off by: median "
        f"{median(off):.3f}, worst {max(off):.3f}, above {MOST_OFF:g} in {missed[1]}"
    )


WAYS: Mapping[str, Callable[[Signal, str, str, str], list[Signal]]] = {
    "map": by_map,
    "alone": alone,
}


if __name__ == "__main__":
    main()
