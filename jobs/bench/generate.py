"""`morphsep generate` beside the script that one would write: pedalboard, soundfile, pyarrow.

    python -m jobs.bench.generate [--only PART] [--songs 4] [--rounds 3] [guitar.wav ...]

Parts (each prints a table for docs/reference/benchmarks.md):

  cost    the same clips through the same chains, both ways in turns, one core each, in processes of
          their own; the script does what such scripts do and no more: no loudness, no lag, no
          splits, no digests
  memory  peak memory of a worker by the number of rows of a clip, and of songs
  plan    time and memory of the driver, up to a million planned rows of made-up songs
  local   one worker and two on this machine
  ray     one to sixteen workers on Ray whose stages sleep
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from jobs.bench.generate_runs import (
    RECIPE,
    ROOT,
    SCRIPT,
    Took,
    generate,
    rows_of,
    timed,
    write_chains,
    write_songs,
)
from jobs.bench.scaling import HEAD, against_one

MANY_ROWS = """
clips_per_song: 3
render: [{ladder: {from: clean, to: distortion, steps: %d}}]
"""
WORKERS = (1, 2, 4, 8, 16)
STAGES = {"prepare": 0.1, "separate": 0.02, "measure": 0.02, "render": 2.0}
"""Seconds that stages sleep."""


def main() -> None:
    """Runs the chosen parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "guitars", nargs="*", help="recordings; the guitar of the demo's song unless told"
    )
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--songs", type=int, default=4, help="made of these, of a minute each")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    given.guitars = given.guitars or [str(ROOT / "demo" / "feelings.guitar.ogg")]
    for name in given.only or PARTS:
        load = " ".join(f"{each:.0f}" for each in os.getloadavg())
        print(f"\n### {name} (load {load})\n", flush=True)
        PARTS[name](given)


def cost(given: argparse.Namespace) -> None:
    """CPU and wall seconds of both ways, for some songs and for three times as many: what each row
    costs without the start of the process."""
    print("| way | rows | CPU s | wall s | CPU ms a row |")
    print("|---|---|---|---|---|")
    cpu: dict[str, list[float]] = {"script": [], "morphsep": []}
    rows = []
    for songs in (given.songs, 3 * given.songs):
        took, number = _both_ways(given.guitars, songs, given.rounds)
        rows.append(number)
        for way, times in took.items():
            seconds, wall, _ = (statistics.median(column) for column in zip(*times, strict=True))
            cpu[way].append(seconds)
            each = 1000 * seconds / number
            print(f"| {way} | {number} | {seconds:.1f} | {wall:.1f} | {each:.0f} |", flush=True)
    slopes = {way: (many - few) / (rows[1] - rows[0]) for way, (few, many) in cpu.items()}
    print(", ".join(f"{way}: {1000 * each:.0f} ms for a row more" for way, each in slopes.items()))
    for n, number in enumerate(rows):
        print(f"morphsep / script, {number} rows: {cpu['morphsep'][n] / cpu['script'][n]:.2f}")
    print(f"morphsep / script, rows more: {slopes['morphsep'] / slopes['script']:.2f}")


def _both_ways(
    guitars: Sequence[str], songs: int, rounds: int
) -> tuple[dict[str, list[Took]], int]:
    """What each round took, both ways in turns; and the number of rows."""
    found: dict[str, list[Took]] = {"script": [], "morphsep": []}
    with tempfile.TemporaryDirectory(prefix="morphsep-") as folder:
        here = Path(folder)
        write_songs(here / "songs", guitars, songs)
        (here / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
        (here / "script.py").write_text(SCRIPT, encoding="utf-8")
        for number in range(rounds + 1):
            ours = timed(*generate(here, here / "set"))
            rows = write_chains(here / "set", here)
            theirs = timed("script.py", "chains.json", "rows.parquet", cwd=here)
            shutil.rmtree(here / "set")
            if number:  # the first round fills caches
                found["morphsep"].append(ours)
                found["script"].append(theirs)
    return found, rows


def memory(given: argparse.Namespace) -> None:
    """Peak memory by the number of rows of a clip, and of songs."""
    print("| rows a clip | songs | rows | peak MB |")
    print("|---|---|---|---|")
    for steps, songs in ((11, 1), (11, 8), (55, 1), (200, 1)):
        with tempfile.TemporaryDirectory(prefix="morphsep-") as folder:
            here = Path(folder)
            write_songs(here / "songs", given.guitars, songs)
            (here / "recipe.yaml").write_text(MANY_ROWS % steps, encoding="utf-8")
            peak = timed(*generate(here, here / "set")).peak
            rows = sum(rows_of(file) for file in (here / "set" / "data").iterdir())
        print(f"| {steps} | {songs} | {rows} | {peak:.0f} |", flush=True)


def plan(given: argparse.Namespace) -> None:
    """What the driver holds for planned rows, and how long it takes."""
    print("| rows | songs | shards | CPU s | MB before | peak MB |")
    print("|---|---|---|---|---|---|", flush=True)
    for rows in (10_000, 100_000, 1_000_000):
        command = [sys.executable, "-m", "jobs.bench.planned_rows", str(rows)]
        subprocess.run(command, check=True, cwd=ROOT)


def local(given: argparse.Namespace) -> None:
    """One worker and two, on this machine."""
    print("| workers | wall s | CPU s |")
    print("|---|---|---|")
    walls = {}
    with tempfile.TemporaryDirectory(prefix="morphsep-") as folder:
        here = Path(folder)
        write_songs(here / "songs", given.guitars, 4 * given.songs)
        (here / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
        for workers in (1, 2):
            out = (here / f"set{workers}-{n}" for n in range(given.rounds))
            took = [timed(*generate(here, each, workers)) for each in out]
            walls[workers] = statistics.median(each.wall for each in took)
            cpu = statistics.median(each.cpu for each in took)
            print(f"| {workers} | {walls[workers]:.1f} | {cpu:.1f} |", flush=True)
    print(f"efficiency: {walls[1] / walls[2] / 2:.2f}")


def ray(given: argparse.Namespace) -> None:
    """One to sixteen workers on Ray, whose stages sleep."""
    print(HEAD)
    against_one(STAGES, WORKERS, each=20)


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "cost": cost, "memory": memory, "plan": plan, "local": local, "ray": ray,
}  # fmt: skip


if __name__ == "__main__":
    main()
