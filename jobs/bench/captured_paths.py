"""How near each backend's path comes to captured amplifiers and pedals at inner places of the knob.

    python -m jobs.bench.captured_paths FILE@SECOND ... --captures FOLDER [--held-back NAME ...]

`morphsep evaluate --task captured-knobs` asks the same of whole clips, but its paths have as many
amounts as the knob has places, and ends as near as real knobs are at 0.75 lie between two of them.
Here the paths are `AMOUNTS`, finer towards the target, and both ends are rendered once for all of
them: a tenth of the time. Distances are its `distances_to_truth`, to the nearest sound, in dB;
intervals are by guitar. ``--held-back`` takes files and captures (by parts of their names) that
nothing was tuned on; they get lines of their own.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.bench.morph import keep_to_one_core

if TYPE_CHECKING:
    from morphsep.dsp import Signal
    from morphsep.tones import Tone

KNOB = tuple(step / 8 for step in range(9))
AMOUNTS = (*(step / 8 for step in range(4)), *(step / 16 for step in range(8, 17)))
BACKENDS = ("spectral", "crossfade", "vocoder")
RATE = 44_100
Key = tuple[str, str, float]
"""(capture, guitar, place of the knob)."""
Distances = dict[Key, dict[str, float]]
"""Of each backend."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("guitars", nargs="+", metavar="FILE@SECOND")
    parser.add_argument("--captures", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each guitar")
    parser.add_argument("--held-back", nargs="*", default=())
    arguments = parser.parse_args()
    keep_to_one_core()
    found = Distances()
    for capture in sorted(arguments.captures.glob("*.json")):
        for guitar in arguments.guitars:
            found |= measured(capture, guitar, arguments.seconds)
    print("\n".join(tables(found, arguments.held_back)))


def measured(capture: Path, guitar: str, seconds: float) -> Distances:
    """Of one capture played by one guitar; nothing of a capture without a knob."""
    from morphsep.dsp import LoudnessMeter
    from morphsep.evaluation import metrics
    from morphsep.tones import get_tone, knobs_of_capture

    knobs = knobs_of_capture(capture)
    if not knobs:
        return {}
    stem = cut(guitar, seconds)
    meter = LoudnessMeter(RATE, 1)
    meter.add(stem)
    tones = [get_tone(f"{capture}@{knobs[0]}={place:g}") for place in KNOB]
    truth = metrics.match_loudness([t.render(stem, 0, meter.integrated()) for t in tones], RATE)
    nearest: dict[str, Sequence[float]] = {}
    for backend in BACKENDS:
        path = metrics.match_loudness(
            morphs(backend, stem, (tones[0], truth[0]), (tones[-1], truth[-1])), RATE
        )
        nearest[backend] = metrics.nearest(metrics.distances_to_truth(truth, path, RATE)).tolist()
    return {
        (capture.stem, guitar, place): {name: nearest[name][i] for name in BACKENDS}
        for i, place in enumerate(KNOB)
        if 0 < place < 1
    }


def cut(guitar: str, seconds: float) -> Signal:
    """``[1, T]`` of ``FILE@SECOND`` at 44.1 kHz."""
    import numpy as np
    import soundfile

    name, _, second = guitar.rpartition("@")
    start = round(float(second) * RATE)
    samples, rate = soundfile.read(
        name, frames=round(seconds * RATE), start=start, dtype="float32", always_2d=True
    )
    if rate != RATE:
        raise SystemExit(f"{name} is not at {RATE} Hz")
    mono: Signal = samples.mean(axis=1)[None]
    return np.ascontiguousarray(mono)


def morphs(
    backend: str, stem: Signal, source: tuple[Tone, Signal], target: tuple[Tone, Signal]
) -> list[Signal]:
    """The sounds at `AMOUNTS` between two tones whose renderings are at hand."""
    import numpy as np

    from morphsep.backends import Passage
    from morphsep.request import load_plugin

    passages = [
        Passage(
            stem=stem, start=0, amount=np.full(stem.shape[1], amount, np.float32),
            source_tone=source[0], target_tone=target[0], level=-23.0,
        )
        for amount in AMOUNTS
    ]  # fmt: skip
    for each in passages:
        vars(each).update(source=source[1], target=target[1])
    made: list[Signal] = load_plugin("backend", backend).morph(passages)
    return made


def tables(found: Distances, held_back: Sequence[str]) -> Iterable[str]:
    """Means and differences from each baseline by group and by place; then, by capture and place,
    where the first backend is further away than a crossfade."""
    groups = {"all": list(found)}
    if held_back:
        groups["tuned on"] = [k for k in found if not any(h in f"{k[0]} {k[1]}" for h in held_back)]
        groups["held back"] = [k for k in found if k not in set(groups["tuned on"])]
    groups |= {f"knob at {place:g}": [k for k in found if k[2] == place] for place in KNOB[1:-1]}
    yield f"| | {' | '.join(BACKENDS)} | {' | '.join(f'less {b}' for b in BACKENDS[1:])} |"
    yield f"|---|{'---|' * (2 * len(BACKENDS) - 1)}"
    for name, keys in groups.items():
        if not keys:
            continue
        means = [interval([found[k][b] for k in keys], keys) for b in BACKENDS]
        yield f"| {name} | {' | '.join([*means, *(less(found, keys, b) for b in BACKENDS[1:])])} |"
    for capture, place in sorted({(k[0], k[2]) for k in found}):
        keys = [k for k in found if (k[0], k[2]) == (capture, place)]
        if sum(found[k][BACKENDS[0]] - found[k]["crossfade"] for k in keys) > 0:
            yield f"{capture} at {place:g}: {less(found, keys, 'crossfade')}"


def less(found: Distances, keys: Sequence[Key], baseline: str) -> str:
    """The first backend's distance less the baseline's, clip by clip."""
    return interval([found[k][BACKENDS[0]] - found[k][baseline] for k in keys], keys)


def interval(values: Sequence[float], keys: Sequence[Key]) -> str:
    """Their mean, with 95 % by guitar where there are five."""
    from morphsep.evaluation.bootstrap import bootstrap

    of = bootstrap(values, [guitar for _, guitar, _ in keys])
    return f"{of.value:.2f}" + ("" if of.low is None else f" ({of.low:.2f} to {of.high:.2f})")


if __name__ == "__main__":
    main()
