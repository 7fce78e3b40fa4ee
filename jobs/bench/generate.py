"""`morphsep generate` beside the script that one would write: pedalboard, soundfile, pyarrow.

Both make the same clips through the same chains, in turns, one core each, in processes of their
own. The script does what such scripts do and no more: no loudness, no lag, no splits, no digests.

    python -m jobs.bench.generate [--songs 4] [--rounds 3] [guitar.wav ...]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECIPE = """
clip_seconds: 5
render:
  - chains:
      per_clip: 4
      pedals:
        - HighpassFilter: {cutoff_frequency_hz: [40, 200]}
        - Compressor: {threshold_db: [-40, -15], ratio: [2, 8]}
        - Distortion: {drive_db: [0, 30]}
        - Delay: {delay_seconds: [0.1, 0.6], feedback: [0, 0.5], mix: [0.1, 0.4]}
"""
"""Pedals that are pedalboard's own: the script plays them as they are."""

SCRIPT = """
import io, json, sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq, soundfile
import pedalboard

def plugin(kind, settings):
    settings = dict(settings)
    settings.pop("mix", None) if kind != "Delay" else None
    return getattr(pedalboard, kind)(**settings)

def flac(samples, rate):
    file = io.BytesIO()
    soundfile.write(file, samples.T, rate, format="FLAC", subtype="PCM_24")
    return file.getvalue()

rows = []
for path, clips in json.load(open(sys.argv[1])).items():
    song, rate = soundfile.read(path, dtype="float32", always_2d=True)
    song = song.mean(axis=1, dtype=np.float32)[None]
    for start, chains in clips:
        dry = song[:, start : start + 5 * rate]
        encoded = flac(dry, rate)
        for chain in chains:
            board = pedalboard.Pedalboard([plugin(*pedal) for pedal in chain])
            wet = board(dry, rate)
            wet = wet * min(1.0, 0.99 / max(1e-9, abs(wet).max()))
            rows.append({"dry": encoded, "wet": flac(wet, rate), "chain": json.dumps(chain)})
pq.write_table(pa.Table.from_pylist(rows), sys.argv[2])
"""
"""The user's script, in its own words."""


def main() -> None:
    """Prints CPU and wall seconds of both, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "guitars", nargs="*", help="recordings; the demo's clean guitar unless told"
    )
    parser.add_argument("--songs", type=int, default=4, help="made of these, of a minute each")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    guitars = given.guitars or [str(ROOT / "demo" / "feelings.guitar.ogg")]
    with tempfile.TemporaryDirectory(prefix="morphsep-") as folder:
        here = Path(folder)
        _write_songs(here / "songs", guitars, given.songs)
        (here / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
        (here / "script.py").write_text(SCRIPT, encoding="utf-8")
        found: dict[str, list[tuple[float, float]]] = {"script": [], "morphsep": []}
        for number in range(given.rounds + 1):
            ours = _timed(*_generate(here, here / f"set{number}"))
            rows = _write_chains(here / f"set{number}", here)
            theirs = _timed("script.py", "chains.json", f"rows{number}.parquet", cwd=here)
            if number:  # the first round fills caches
                found["morphsep"].append(ours)
                found["script"].append(theirs)
    _report(found, rows)


def _write_songs(folder: Path, guitars: list[str], number: int) -> None:
    import numpy as np
    import soundfile

    folder.mkdir()
    for n in range(number):
        guitar, rate = soundfile.read(guitars[n % len(guitars)], dtype="float32", always_2d=True)
        copies = np.tile(guitar, (1 + 61 * rate // len(guitar), 1))
        # a little later each time, so that no two are the same file
        soundfile.write(folder / f"{n}.flac", copies[n * 1000 : n * 1000 + 60 * rate], rate)


def _generate(here: Path, out: Path) -> list[str]:
    return [
        "-m", "morphsep", "generate", str(here / "songs"), "-o", str(out),
        "--recipe", str(here / "recipe.yaml"), "--separator", "none", "--workers", "1",
    ]  # fmt: skip


def _write_chains(dataset: Path, here: Path) -> int:
    """What the data set was made of, for the script; returns the number of its rows."""
    import pyarrow.parquet as pq

    columns = ["source", "start", "chain"]
    clips: dict[str, dict[int, list[object]]] = {}
    count = 0
    for file in sorted((dataset / "data").iterdir()):
        for row in pq.read_table(file, columns=columns).to_pylist():
            chain = [
                (pedal["pedal"], {each["name"]: each["value"] for each in pedal["parameters"]})
                for pedal in row["chain"]
            ]
            song = clips.setdefault(str(here / "songs" / row["source"]), {})
            song.setdefault(round(row["start"] * 44100), []).append(chain)
            count += 1
    listed = {path: sorted(each.items()) for path, each in clips.items()}
    (here / "chains.json").write_text(json.dumps(listed), encoding="utf-8")
    return count


def _timed(*arguments: str, cwd: Path = ROOT) -> tuple[float, float]:
    """(wall, CPU) seconds of a Python command."""
    before, began = _of_children(), time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=cwd, check=True, capture_output=True)
    return time.perf_counter() - began, _of_children() - before


def _of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _report(found: dict[str, list[tuple[float, float]]], rows: int) -> None:
    print(f"{rows} rows of 5 s, one core, medians")
    print("| way | CPU s | wall s | CPU ms a row |")
    print("|---|---|---|---|")
    cpu = {}
    for way, took in found.items():
        wall, cpu[way] = (statistics.median(column) for column in zip(*took, strict=True))
        print(f"| {way} | {cpu[way]:.1f} | {wall:.1f} | {1000 * cpu[way] / rows:.0f} |")
    print(f"morphsep / script: {cpu['morphsep'] / cpu['script']:.2f}")


if __name__ == "__main__":
    main()
