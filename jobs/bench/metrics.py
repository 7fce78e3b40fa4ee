"""Which metrics tell a true knob from a crossfade, which are blind to gain, and what each costs.

    python -m jobs.bench.metrics [GUITAR ...] [--clips 108] [--seconds 2] [--cdpam 12] [--keep FILE]

A clip is a window of a guitar and one of the paper's transitions: the demo's clean guitar, notes
synthesised here, and the recordings of guitars named on the command line. The knob is ``chain`` at
each amount, as its pedals turn (no perceptual map); beside it stands a crossfade of the same ends,
and one whose target comes 1 ms late. All are loudness-matched. Prints Markdown.

``--keep`` adds what was measured to a file, clip by clip; a second run goes on from there.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from jobs.bench.metric_table import Kept, print_by_transition, print_table
from jobs.bench.metric_values import (
    AMOUNTS,
    GAIN_DB,
    MEASURES,
    Measure,
    Sounds,
)
from morphsep.backends import Passage
from morphsep.backends.chain import Chain
from morphsep.dsp import MODEL_RATE, LoudnessMeter, Signal, from_db
from morphsep.evaluation import metrics
from morphsep.testing import plucked
from morphsep.tones import get_tone, get_transition

DEMO = Path(__file__).parents[2] / "demo" / "guitar-clean.flac"
TRANSITIONS = (
    *("clean-to-distortion", "clean-to-overdrive", "overdrive-to-distortion"),
    *("clean-to-chorus", "clean-to-flanger", "chorus-to-distortion"),
)
SYNTHESISED = 6
WINDOWS = 6
"""Of each recording, at most."""
QUIET = -45.0
"""LUFS of a window that is left out."""
LATE = MODEL_RATE // 1000
GAIN_CLIPS = 12
"""Clips on which the effect of gain is measured."""


def lufs(sound: Signal) -> float:
    """Integrated loudness of ``[C, T]``."""
    meter = LoudnessMeter(MODEL_RATE, len(sound))
    meter.add(sound)
    return meter.integrated()


def windows(path: Path, seconds: float) -> Iterator[tuple[str, Signal]]:
    """(name, ``[1, T]``) of windows spread over a recording, but for its quiet ones."""
    import soundfile
    import soxr

    info = soundfile.info(path)
    places = np.linspace(0, max(info.duration - seconds, 0), WINDOWS)
    for start in places[: max(1, min(WINDOWS, int(info.duration / seconds)))]:
        sound, rate = soundfile.read(
            path, round(seconds * info.samplerate), round(start * info.samplerate), always_2d=True
        )
        sound = soxr.resample(sound.mean(axis=1), rate, MODEL_RATE)[None].astype(np.float32)
        if lufs(sound) > QUIET:
            yield f"{path.stem}@{start:.1f}", sound


def guitars(paths: Sequence[Path], seconds: float) -> list[tuple[str, Signal]]:
    """All windows, those of different recordings in turn."""
    sources = [list(windows(path, seconds)) for path in (DEMO, *paths)]
    length = round(seconds * MODEL_RATE)
    sources.append([(f"notes-{i}", plucked(length, i)[None]) for i in range(SYNTHESISED)])
    longest = max(map(len, sources))
    return [source[i] for i in range(longest) for source in sources if i < len(source)]


def rendered(stem: Signal, transition: str) -> dict[str, Sounds]:
    """The knob's sequence and the two crossfades', loudness-matched."""
    source, target = map(get_tone, get_transition(transition))
    passage = Passage(
        stem=stem, start=0, amount=np.zeros(stem.shape[1], np.float32),
        source_tone=source, target_tone=target, level=lufs(stem),
    )  # fmt: skip
    moved = [replace(passage, amount=np.full_like(passage.amount, a)) for a in AMOUNTS]
    knob = metrics.match_loudness(Chain().morph(moved), MODEL_RATE)
    late = np.pad(knob[-1], ((0, 0), (LATE, 0)))[:, : stem.shape[1]]
    return {
        "knob": knob,
        "crossfade": crossfades(knob[0], knob[-1]),
        "late": crossfades(knob[0], late)[:-1] + knob[-1:],
    }


def crossfades(source: Signal, target: Signal) -> tuple[Signal, ...]:
    """Loudness-matched, at ``AMOUNTS``; the ends as they are."""
    mixed = [np.asarray((1 - a) * source + a * target, np.float32) for a in AMOUNTS]
    return metrics.match_loudness(mixed, MODEL_RATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One window and one transition."""

    name: str
    stem: Signal
    transition: str


def clips(paths: Sequence[Path], seconds: float, count: int) -> list[Clip]:
    """``count`` of them: all windows with one transition each, then with the next, ..."""
    found = guitars(paths, seconds)
    chosen = []
    for i in range(min(count, len(found) * len(TRANSITIONS))):
        turn, place = divmod(i, len(found))
        transition = TRANSITIONS[(place + turn) % len(TRANSITIONS)]
        name, stem = found[place]
        full_name = f"{name}, {seconds:g} s {transition}"
        chosen.append(Clip(name=full_name, stem=stem, transition=transition))
    return chosen


def measured(clip: Clip, sequences: Mapping[str, Sounds], measure: Measure, gain: bool) -> Any:
    """Values of each kind of sequence, CPU seconds of the knob's, and the knob's values with its
    inner sounds ``GAIN_DB`` louder (or nothing)."""
    knob = sequences["knob"]
    begun = time.process_time()
    values = {"knob": measure(knob, knob)}
    seconds = time.process_time() - begun
    values |= {kind: measure(s, knob) for kind, s in sequences.items() if kind != "knob"}
    if gain:
        louder = [sound * np.float32(from_db(GAIN_DB)) for sound in knob[1:-1]]
        values["louder"] = measure([knob[0], *louder, knob[-1]], knob)
    return {"clip": clip.name, "values": values, "cpu": seconds}


def measure_all(
    chosen: Sequence[Clip], names: Sequence[str], cdpam: int, keep: Path | None
) -> Kept:
    """All measures of all clips, those that are kept already not again."""
    lines = keep.read_text().splitlines() if keep and keep.exists() else []
    done: Kept = {(r["clip"], r["measure"]): r for r in map(json.loads, lines)}
    for number, clip in enumerate(chosen):
        wanted = [n for n in names if n != "cdpam" or number < cdpam]
        if missing := [n for n in wanted if (clip.name, n) not in done]:
            sequences = rendered(clip.stem, clip.transition)
            for name in missing:
                kinds = {k: s for k, s in sequences.items() if name != "cdpam" or k != "late"}
                gain = number < (3 if name == "cdpam" else GAIN_CLIPS)
                record = measured(clip, kinds, MEASURES[name], gain) | {"measure": name}
                done[clip.name, name] = record
                if keep:
                    with keep.open("a") as file:
                        file.write(json.dumps(record) + "\n")
    names_of_clips = {clip.name for clip in chosen}
    return {key: r for key, r in done.items() if key[0] in names_of_clips and key[1] in names}


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("guitars", nargs="*", type=Path, help="recordings of guitars alone")
    parser.add_argument("--clips", type=int, default=108)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--cdpam", type=int, default=12, help="clips that CDPAM measures (slow)")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--keep", type=Path, help="file for what was measured, to go on from")
    arguments = parser.parse_args()
    chosen = clips(arguments.guitars, arguments.seconds, arguments.clips)
    kept = measure_all(chosen, arguments.only, arguments.cdpam, arguments.keep)
    print_table(kept, arguments.only, arguments.seconds)
    print_by_transition(kept, arguments.only, TRANSITIONS)


if __name__ == "__main__":
    main()
