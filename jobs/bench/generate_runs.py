"""Songs, commands and times for jobs.bench.generate: `morphsep generate`, and a user's script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

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


def write_songs(folder: Path, guitars: Sequence[str], number: int) -> None:
    import numpy as np
    import soundfile

    folder.mkdir()
    for n in range(number):
        guitar, rate = soundfile.read(guitars[n % len(guitars)], dtype="float32", always_2d=True)
        copies = np.tile(guitar, (1 + 61 * rate // len(guitar), 1))
        # a little later each time, so that no two are the same file
        soundfile.write(folder / f"{n}.flac", copies[n * 1000 : n * 1000 + 60 * rate], rate)


def generate(here: Path, out: Path, workers: int = 1) -> list[str]:
    return [
        "-m", "morphsep", "generate", str(here / "songs"), "-o", str(out),
        "--recipe", str(here / "recipe.yaml"), "--separator", "none", "--workers", str(workers),
    ]  # fmt: skip


def write_chains(dataset: Path, here: Path) -> int:
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


def rows_of(file: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(file).num_rows)


class Took(NamedTuple):
    """What a command took, with its own processes."""

    cpu: float
    """s"""
    wall: float
    """s"""
    peak: float
    """MB of memory, of its largest process."""


def timed(*arguments: str, cwd: Path = ROOT) -> Took:
    """What a Python command took."""
    began = time.perf_counter()
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            [sys.executable, *arguments], cwd=cwd, stdout=said, stderr=subprocess.STDOUT
        ) as process,
    ):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(said.read().decode(errors="replace"))
    wall = time.perf_counter() - began
    return Took(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024 / 1e6)
