"""What each tone does: compression, sustain, dynamics, harmonics, aliasing, pauses.

    python -m jobs.bench.tones [TONE ...] [--captures FOLDER] [--save ROWS.json]
                               [--before ROWS.json] [--speed]

Prints a Markdown table on synthesised guitars (`jobs.bench.tone_measures`): all built-in tones, or
those named, which may be files; beside them a model of a high-gain amplifier
(`jobs.bench.high_gain`) and, with ``--captures``, every GuitarML capture in a folder with its knob
fully turned. ``--save`` keeps what was measured; ``--before`` sets what was kept, by older code
perhaps, before what is measured now (old -> new). ``--speed`` prints processor time, no table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from jobs.bench import tone_measures as measures
from jobs.bench.high_gain import high_gain
from morphsep.errors import SettingError
from morphsep.tones import BUILTIN, Tone, get_tone, knobs_of_capture
from morphsep.tones.chain import EffectChain

Row = Mapping[str, list[float]]
HEAD = {
    "loudness": "LU",
    "compression": "chord softer by 12 / 18 / 24 / 30 dB comes out at, dB",
    "sustain": "held A2, s",
    "crest": "crest, dB",
    "dynamics": "p95 - p30, dB",
    "distortion": "THD 220 Hz, %",
    "centroid": "centroid, Hz",
    "aliasing": "aliasing of 1 / 4.2 / 6 kHz, dB",
    "pause": "pause, dB",
}
"""Measure -> what stands above its column."""
DIGITS = {"distortion": 0, "centroid": 0, "aliasing": 0}
"""After the point; 1 unless given."""
MODEL = "(high-gain model)"
SINES = (1000.0, 4200.0, 6000.0)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tones", nargs="*", help="names or files; all built-in ones unless given")
    parser.add_argument("--captures", type=Path, help="folder of GuitarML's .json")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    names = options.tones or [file.stem for file in sorted(BUILTIN.glob("*.yaml"))]
    if options.speed:
        return _print_speed(names)
    before = json.loads(options.before.read_text()) if options.before else {}
    rows: dict[str, Row] = {}
    print(f"| tone | {' | '.join(HEAD.values())} |\n|{'---|' * (len(HEAD) + 1)}")
    for name, play in _players(names, options.captures):
        rows[name] = measure(play, moves=name in names and is_moving(get_tone(name)))
        print(line(name, rows[name], before.get(name)), flush=True)
    if options.save:
        options.save.write_text(json.dumps(rows, indent=1))
    return None


def _players(names: Sequence[str], captures: Path | None) -> Iterator[tuple[str, measures.Play]]:
    yield from ((name, measures.through(get_tone(name))) for name in names)
    yield MODEL, high_gain
    for file in sorted(captures.glob("*.json")) if captures else ():
        try:
            knob = "".join(f"@{each}=1" for each in knobs_of_capture(file))
            yield f"({file.stem})", measures.through(get_tone(f"{file}{knob}"))
        except SettingError as error:
            print(f"| ({file.stem}) | {error} |")


def is_moving(tone: Tone) -> bool:
    """Whether an LFO shifts what comes out to beside the harmonics, so that no aliasing is seen."""
    return isinstance(tone, EffectChain) and any("rate_hz" in each.values for each in tone.pedals)


def measure(play: measures.Play, moves: bool) -> Row:
    """The cells of one row, by measure."""
    dry = measures.picked_fifths()
    picked = play(dry)
    return {
        "loudness": [measures.loudness(picked) - measures.loudness(dry)],
        "compression": measures.compression(play),
        "sustain": [measures.sustain(play)],
        "crest": [measures.crest(picked)],
        "dynamics": [measures.dynamics(picked)],
        "distortion": [measures.distortion(play)],
        "centroid": [measures.centroid(picked)],
        "aliasing": [] if moves else [measures.aliasing(play, hertz) for hertz in SINES],
        "pause": [measures.pause(play)],
    }


def line(name: str, now: Row, before: Row | None) -> str:
    """A row of the table, with old cells before new ones where they differ."""
    cells = []
    for key in HEAD:
        new = _cell(key, now)
        old = _cell(key, before) if before else new
        cells.append(new if old == new else f"{old} -> {new}")
    return f"| {name} | {' | '.join(cells)} |"


def _cell(key: str, row: Row) -> str:
    return " / ".join(f"{value:.{DIGITS.get(key, 1)}f}" for value in row[key]) or "-"


def _print_speed(names: Sequence[str], repeats: int = 5) -> None:
    """Processor time for a minute of one channel: medians, the tones in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in names}
    sound = measures.picked_fifths()
    for _ in range(repeats + 1):
        for name in names:
            began = time.process_time()
            measures.through(get_tone(name))(sound)
            seconds[name].append(time.process_time() - began)
    print("| tone | CPU s a minute |\n|---|---|")
    for name, each in seconds.items():
        median = statistics.median(each[1:])  # the first one compiles
        print(f"| {name} | {median * 12:.2f} |")


if __name__ == "__main__":
    main()
