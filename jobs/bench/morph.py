"""How many times faster than real time each backend morphs, on one core.

    python -m jobs.bench.morph [--repeats 7] [--clip demo/guitar-clean.flac] [--chain]

One 8 s chunk, stereo 44.1 kHz, as in a run: the context around it takes time but does not count as
music. Times are CPU time of all threads: on an idle machine that is wall time, on a busy one it
excludes waiting. The backends take turns and the best of all repeats is printed. For "alone" both
tones are rendered beforehand; "with tones" includes rendering them. ``chain`` renders its own steps
in between and has no "alone". ``--chain`` measures that backend towards every tone.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from morphsep.backends import Backend, Passage
    from morphsep.dsp import Signal

CHUNK_SECONDS = 8
TRANSITIONS = (("clean", "distortion"), ("as-recorded", "distortion"))
BACKENDS = ("chain", "spectral", "crossfade", "vocoder")
CURVES = ("constant", "varying")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One line of the table."""

    backend: Backend
    tones: tuple[str, str]
    curve: str
    make: Callable[[], Passage]

    def seconds(self, rendered: bool) -> float:
        """CPU seconds of one morph; with ``rendered``, after rendering the tones."""
        passage = self.make()
        if rendered:
            _ = passage.source, passage.target
        begin = time.process_time()
        self.backend.morph([passage])
        return time.process_time() - begin


def keep_to_one_core() -> None:
    """Limit numpy's libraries to one thread; call before numpy is imported."""
    for library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM", "NUMEXPR"):
        os.environ[f"{library}_NUM_THREADS"] = "1"


TONES = (
    "clean", "overdrive", "distortion", "fuzz", "chorus", "flanger", "phaser", "tremolo", "ambient",
    "room", "hall",
)  # fmt: skip


def cases(
    stem: Signal,
    transitions: Sequence[tuple[str, str]] = TRANSITIONS,
    backends: Sequence[str] = BACKENDS,
) -> list[Case]:
    """Every backend on every transition that it can morph, with a constant and a varying amount."""
    from morphsep.errors import SettingError
    from morphsep.request import load_plugin

    found = []
    for tones in transitions:
        for name in backends:
            backend: Backend = load_plugin("backend", name)
            try:
                found += [case(backend, tones, curve, stem) for curve in CURVES]
            except SettingError as refusal:
                print(f"{name}: {' -> '.join(tones)}: {refusal}")
    return found


def case(backend: Backend, tones: tuple[str, str], curve: str, stem: Signal) -> Case:
    """The stem, repeated to fill one chunk and this backend's context."""
    import numpy as np

    from morphsep.backends import Passage
    from morphsep.dsp import MODEL_RATE
    from morphsep.tones import get_tone

    source, target = (get_tone(name) for name in tones)
    length = CHUNK_SECONDS * MODEL_RATE + sum(backend.context(source, target))
    filled = np.resize(stem[0], length), np.resize(stem[-1], length)
    ends = (0.1, 0.9) if curve == "varying" else (0.5, 0.5)

    def make() -> Passage:
        return Passage(
            stem=np.stack(filled),
            start=0,
            amount=np.linspace(*ends, length, dtype=np.float32),
            source_tone=source,
            target_tone=target,
            level=-18.0,
        )

    return Case(backend=backend, tones=tones, curve=curve, make=make)


def fastest(table: Sequence[Case], repeats: int) -> dict[tuple[int, bool], float]:
    """(index of the case, with rendered tones) -> least CPU seconds, the cases in turn."""
    best: dict[tuple[int, bool], float] = {}
    for _ in range(repeats):
        for index, each in enumerate(table):
            for rendered in (True, False):
                taken = each.seconds(rendered)
                best[index, rendered] = min(taken, best.get((index, rendered), taken))
    return best


def main() -> None:
    """Print the table."""
    keep_to_one_core()
    import soundfile

    from morphsep.run import keep_freed_memory

    keep_freed_memory()

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--clip", type=Path, default=Path("demo/guitar-clean.flac"))
    parser.add_argument("--chain", action="store_true", help="chain alone, towards every tone")
    arguments = parser.parse_args()
    stem = soundfile.read(arguments.clip, dtype="float32", always_2d=True)[0].T
    every = [(a, b) for a in ("as-recorded", "clean") for b in TONES if a != b]
    table = cases(stem, every, ("chain",)) if arguments.chain else cases(stem)
    print(f"x real time on one core, stereo 44.1 kHz, best of {arguments.repeats}")
    print(f"{'tones':28}{'backend':12}{'amount':12}{'alone':>8}{'with tones':>12}")
    best = fastest(table, arguments.repeats)
    for index, each in enumerate(table):
        alone, whole = (CHUNK_SECONDS / best[index, rendered] for rendered in (True, False))
        shown = "-" if each.backend.name == "chain" else f"{alone:.0f}"
        print(
            f"{' -> '.join(each.tones):28}{each.backend.name:12}{each.curve:12}"
            f"{shown:>8}{whole:>12.0f}"
        )


if __name__ == "__main__":
    main()
