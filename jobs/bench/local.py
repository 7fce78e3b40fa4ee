"""Measures one machine: speed, overhead, memory, start-up, re-running.

    python -m jobs.bench.local [--quick] [--only NAME ...]

Prints Markdown tables; docs/reference/benchmarks.md holds the last recorded ones. Demucs runs with
a full-size, randomly initialised checkpoint (its speed does not depend on its weights), or with a
shortened one where only memory is measured. ``--quick`` takes minutes instead of an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "demo" / "metal-madness.ogg"


def main() -> None:
    """Run the chosen parts and print their tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="shorter material, same tables")
    parser.add_argument("--only", nargs="*", choices=sorted(PARTS), help="some parts only")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    with tempfile.TemporaryDirectory(prefix="morphsep-bench-") as folder:
        for name in arguments.only or PARTS:
            print(f"### {name}\n", flush=True)
            PARTS[name](Path(folder), arguments.quick)
            print(flush=True)


def help_time(folder: Path, quick: bool) -> None:
    """``morphsep --help``, best and median of runs; goal 0.3 s."""
    times = []
    for _ in range(5 if quick else 15):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "morphsep", "--help"], check=True, capture_output=True
        )
        times.append(time.perf_counter() - began)
    times.sort()
    print(f"best {times[0]:.2f} s, median {times[len(times) // 2]:.2f} s of {len(times)}")


def backend_speed(folder: Path, quick: bool) -> None:
    """Backends' speed on one core in multiples of real time (goals: spectral 40, chain 100)."""
    command = [sys.executable, "-m", "jobs.bench.morph", "--repeats", "3" if quick else "7"]
    subprocess.run(command, check=True, cwd=ROOT)


def demucs_run(folder: Path, quick: bool) -> None:
    """A first run with demucs, a second run with another amount, and the time outside the
    models."""
    song = _tiled(folder / "song.wav", 30 if quick else 240)
    model = _checkpoint(folder / "full", full=True)
    settings = {"to": "distortion", "separator": f"demucs:{model}"}
    first = _measured(song, folder / "demucs", settings | {"amount": 0.5})
    again = _measured(song, folder / "demucs", settings | {"amount": 0.7})
    around = _measured(song, folder / "none", settings | {"separator": "none", "amount": 0.5})
    overhead = sum(
        around["row"][f"seconds_{stage}"] for stage in ("scan", "separate", "morph", "assemble")
    )
    overhead -= around["chunk_seconds"]
    whole = sum(
        first["row"][f"seconds_{stage}"] for stage in ("scan", "separate", "morph", "assemble")
    )
    print(f"{first['row']['duration']:.0f} s of stereo at 44.1 kHz, chain, whole processes\n")
    print("| what | seconds |\n|---|---|")
    print(f"| first run with demucs | {first['seconds']:.1f} |")
    print(f"| again with another amount | {again['seconds']:.1f} |")
    print(f"| ratio (goal 10) | {first['seconds'] / again['seconds']:.1f} |")
    print(f"| everything but models and tones | {overhead:.2f} |")
    print(f"| its share of the demucs run (goal 5 %) | {100 * overhead / whole:.1f} % |")
    print("\nSeconds by stage of the first run: " + _stages(first["row"]))
    print("Seconds by stage of the second run: " + _stages(again["row"]))
    print("Seconds by stage without a model: " + _stages(around["row"]))


def memory(folder: Path, quick: bool) -> None:
    """Peak resident memory of a long file against a short one (goal 1.25)."""
    model = _checkpoint(folder / "short-model", full=False)
    print("| separator | backend | short | its peak | long | its peak | ratio |")
    print("|---|---|---|---|---|---|---|")
    short, long = (120, 600) if quick else (600, 7200)
    for separator, backend in (
        ("none", "spectral"),
        (f"demucs:{model}", "chain"),
    ):
        peaks = []
        for seconds in (short, long):
            song = _tiled(folder / f"{seconds}.wav", seconds)
            out = folder / f"memory-{backend}-{seconds}"
            settings = {"to": "chorus", "amount": 0.5, "separator": separator, "backend": backend}
            peaks.append(_measured(song, out, settings)["peak_mb"])
            subprocess.run(["rm", "-rf", str(out)], check=True)
        print(
            f"| {separator.partition(':')[0]} | {backend} "
            f"| {short / 60:.0f} min | {peaks[0]:.0f} MB "
            f"| {long / 60:.0f} min | {peaks[1]:.0f} MB | {peaks[1] / peaks[0]:.2f} |",
            flush=True,
        )


PARTS: dict[str, Callable[[Path, bool], None]] = {
    "help": help_time,
    "backends": backend_speed,
    "demucs": demucs_run,
    "memory": memory,
}

CHILD = """
import json, resource, sys, time
song, out, settings = json.loads(sys.argv[1])
began = time.perf_counter()
import dataclasses, morphsep
from morphsep import manifest
row = morphsep.morph_file(song, out, **settings)
from pathlib import Path
print(json.dumps({
    "row": dataclasses.asdict(row),
    "chunk_seconds": sum(c.seconds for c in manifest.read_chunks(Path(out))),
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def _measured(song: Path, out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Morph one file in its own process: its row, wall seconds and peak memory."""
    arguments = json.dumps([str(song), str(out), settings])
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", CHILD, arguments], capture_output=True, text=True, cwd=ROOT
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stderr)
    result: dict[str, Any] = json.loads(done.stdout)
    return result | {"seconds": seconds}


def _stages(row: dict[str, Any]) -> str:
    stages = ("scan", "separate", "morph", "assemble")
    return ", ".join(f"{stage} {row[f'seconds_{stage}']:.2f}" for stage in stages)


def _tiled(path: Path, seconds: int) -> Path:
    """The demo clip, repeated to `seconds`, as 16-bit WAV."""
    import soundfile

    if not path.exists():
        clip, rate = soundfile.read(CLIP, dtype="int16")
        with soundfile.SoundFile(path, "w", rate, 2, "PCM_16") as file:
            left = seconds * rate
            while left:
                part = clip[:left]
                file.write(part)
                left -= len(part)
    return path


def _checkpoint(folder: Path, full: bool) -> Path:
    """A randomly initialised checkpoint in the published format; see tests/checkpoints.py."""
    sys.path.insert(0, str(ROOT))
    from tests.checkpoints import SIX_SOURCES, write_htdemucs

    # one source instead of six: only memory is measured, and the model has hours to process
    sources = SIX_SOURCES if full else ("guitar",)
    return write_htdemucs(folder, full=full, sources=sources)


if __name__ == "__main__":
    main()
