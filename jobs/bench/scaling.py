"""Ray's overhead and scaling: python -m jobs.bench.scaling [--only PART] [--quick]

Parts (each prints a table for docs/reference/benchmarks.md):

  overhead   a batch through the real executor with stages that sleep as long as the real ones
             take, against the sum of these times
  scaling    1, 2, 4, 8, 16 workers whose stages sleep: throughput, and time to the first song
  memory     driver and object store over 100 to 10,000 tracks whose stages do nothing
  laptop     local against ray on this machine, with real songs: where does Ray begin to pay off

Sleeping stages show the pipeline's own cost on a machine with few cores: sleeping needs none.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from morphsep.run.executors.step import Pool, Step, Steps

ROOT = Path(__file__).resolve().parents[2]
SPEED = {"prepare": 66.0, "separate": 0.67, "measure": 400.0, "morph": 67.0, "assemble": 66.0}
"""Seconds of audio per second of work (CPU, 2 cores): docs/reference/benchmarks.md; `measure` is
estimated."""
SECTIONS = (2.0, 8.0)
"""Seconds that a section of 60 s takes: on a GPU, and a tenth of what it takes on a CPU."""
RECORD = 4000
"""Bytes of a song's record after scanning; before that it takes a few hundred."""
CPUS = 64
"""Logical CPUs: sleeping stages need none."""


@dataclass(frozen=True, slots=True)
class Song:
    """A record in the pipeline; `finished` holds when each stage finished it."""

    number: int
    finished: tuple[tuple[str, float], ...] = ()
    padding: bytes = b""


@dataclass(frozen=True, slots=True)
class Sleep:
    """A stage that only sleeps."""

    name: str
    seconds: float

    def __call__(self, song: Song) -> list[Song]:
        time.sleep(self.seconds)
        padding = song.padding or os.urandom(RECORD)
        return [replace(song, finished=(*song.finished, (self.name, time.time())), padding=padding)]


def pipeline(seconds: dict[str, float]) -> Steps:
    """The steps of ``morphsep morph``, with sleeping stages."""
    workers = ("separate", "morph")
    return [
        Step(name=name, call=Sleep(name, length), has_workers=name in workers)
        for name, length in seconds.items()
    ]


@contextmanager
def cluster(cpus: int = CPUS) -> Iterator[None]:
    """A local Ray cluster with more logical CPUs than the machine has."""
    import ray

    ray.init(
        "local",
        num_cpus=cpus,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield
    finally:
        ray.shutdown()


def through(steps: Steps, songs: list[Song], workers: int) -> list[tuple[Song, float]]:
    """Each finished song, and when it came out."""
    from morphsep.run.executors.ray import run

    pool = Pool(min_workers=workers, max_workers=workers)
    return [(song, time.time()) for song in run(steps, songs, pool)]


def overhead(quick: bool) -> None:
    """Print the wall time of the busy part over the stages' own time."""
    scale = 0.02 if quick else 0.1
    number = 16 if quick else 60
    seconds = {name: 60.0 / speed * scale for name, speed in SPEED.items()}
    with cluster():
        done = through(pipeline(seconds), [Song(n) for n in range(number)], workers=4)
    ends = sorted(dict(song.finished)["separate"] for song, _ in done)
    # from the first song that each worker has finished on: the start of Ray and its workers is not
    # an overhead per song, and is printed by itself
    first = ends[4 - 1]
    busy = ends[-1] - first
    ideal = (number - 4) / 4 * seconds["separate"]
    print(
        "| songs of 1 min | stages' time each, scaled by | 4 workers' own time | measured | over |"
    )
    print("|---|---|---|---|---|")
    print(
        f"| {number} | {scale:g} | {ideal:.1f} s | {busy:.1f} s "
        f"| {100 * (busy / ideal - 1):.1f} % |"
    )


def scaling(quick: bool) -> None:
    """Print the throughput of N workers against N times that of one."""
    print(
        "| section takes | workers | songs | songs a second | efficiency | first song after |\n"
        "|---|---|---|---|---|---|"
    )
    for length in (2.0,) if quick else SECTIONS:
        _scaling(length, (1, 2, 4) if quick else (1, 2, 4, 8, 16), each=6 if quick else 20)


def _scaling(length: float, pools: tuple[int, ...], each: int) -> None:
    seconds = {"prepare": 0.02, "separate": length, "measure": 0.02, "morph": 0.2, "assemble": 0.02}
    alone = None
    for workers in pools:
        songs = [Song(n) for n in range(each * workers)]
        with cluster():
            began = time.time()
            done = through(pipeline(seconds), songs, workers)
        ends = sorted(dict(song.finished)["separate"] for song, _ in done)
        # all workers have started by the end of their first song, and none is idle before the last
        # round
        a, b = 2 * workers - 1, len(ends) - workers - 1
        rate = (b - a) / (ends[b] - ends[a])
        alone = alone or rate
        first = min(when for _, when in done) - began
        print(
            f"| {length:g} s | {workers} | {len(songs)} | {rate:.2f} "
            f"| {rate / alone / workers:.3f} | {first:.1f} s |",
            flush=True,
        )


def memory(quick: bool) -> None:
    """Print the peak memory of driver and object store, with records of the real size. Each count
    has its own driver: memory that one run has freed would hide the next one's.
    """
    print(
        "| tracks | driver, peak | object store, peak | tracks a second |\n|---|---|---|---|",
        flush=True,
    )
    for number in (100, 1000) if quick else (100, 1000, 10_000):
        subprocess.run(
            [sys.executable, "-m", "jobs.bench.scaling", "--driver", str(number)],
            check=True, cwd=ROOT,
        )  # fmt: skip


def driver(number: int) -> None:
    """Print one line of that table."""
    from morphsep.run.executors.ray import run

    steps = pipeline(dict.fromkeys(SPEED, 0.0))
    with cluster(cpus=4), _watched() as peaks:
        began = time.time()
        songs = [Song(n) for n in range(number)]
        done = sum(1 for _ in run(steps, songs, Pool(min_workers=2, max_workers=2)))
        rate = done / (time.time() - began)
    print(f"| {done} | {peaks[0]:.0f} MB | {peaks[1]:.1f} MB | {rate:.1f} |", flush=True)


@contextmanager
def _watched() -> Iterator[list[float]]:
    """Peaks of [driver's resident memory, object store] in MB within the context."""
    peaks, stop = [0.0, 0.0], threading.Event()

    def watch() -> None:
        while not stop.wait(1.0):
            peaks[0] = max(peaks[0], _resident())
            peaks[1] = max(peaks[1], _object_store())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        stop.set()
        thread.join()


def _resident() -> float:
    """Resident memory of this process in MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _object_store() -> float:
    """Size of all objects in the store in MB."""
    import re

    import ray
    from ray._private.internal_api import memory_summary

    # by its address: there may be other clusters on this machine
    summary = memory_summary(ray.get_runtime_context().gcs_address, stats_only=True)
    found = re.search(r"Plasma memory usage ([\d.]+) MiB", summary)
    return float(found[1]) * 1.048576 if found else 0.0


def laptop(quick: bool) -> None:
    """Time whole commands on this machine with both executors and separators of the real size (a
    small one would flatter Ray)."""
    sys.path.insert(0, str(ROOT))
    from tests.checkpoints import write_htdemucs

    seconds = 20 if quick else 60
    print("| separator | songs | local | ray | ray / local |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="morphsep-") as folder:
        runs = [("embedded", number) for number in ((1, 4) if quick else (1, 4, 16))]
        if not quick:
            write_htdemucs(Path(folder, "model"), full=True)
            runs += [(f"demucs:{folder}/model", number) for number in (1, 5)]
        for separator, number in runs:
            name = separator.partition(":")[0]
            here = Path(folder, f"{name}-{number}")
            _songs(here, number, seconds)
            spent = [_command(here, executor, separator) for executor in ("local", "ray")]
            print(
                f"| {name} | {number} of {seconds} s | {spent[0]:.1f} s | {spent[1]:.1f} s "
                f"| {spent[1] / spent[0]:.2f} |",
                flush=True,
            )


def _songs(folder: Path, number: int, seconds: int) -> None:
    import numpy as np
    import soundfile

    clip, rate = soundfile.read(ROOT / "demo" / "metal-madness.ogg", dtype="float32")
    folder.mkdir()
    for n in range(number):
        parts = [clip] * (1 + seconds * rate // len(clip))
        song = np.concatenate(parts)
        soundfile.write(folder / f"{n}.wav", song[n * 100 : n * 100 + seconds * rate], rate)


def _command(folder: Path, executor: str, separator: str) -> float:
    out = folder.with_name(f"{folder.name}-{executor}")
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "morphsep", "morph", str(folder), "-o", str(out),
         "--to", "chorus", "--amount", "0.5", "--separator", separator,
         "--executor", executor, "--workers", f"1-{os.cpu_count()}"],
        check=True, capture_output=True, cwd=ROOT,
    )  # fmt: skip
    return time.perf_counter() - began


PARTS: dict[str, Callable[[bool], None]] = {
    "overhead": overhead, "scaling": scaling, "memory": memory, "laptop": laptop,
}  # fmt: skip


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--quick", action="store_true", help="smaller, to see that it works")
    parser.add_argument("--driver", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.driver:
        driver(arguments.driver)
        return
    for name in arguments.only or PARTS:
        print(f"\n### {name}\n")
        PARTS[name](arguments.quick)


if __name__ == "__main__":
    # as the module that workers import, so that they know its records
    from jobs.bench import scaling as bench_scaling

    bench_scaling.main()
