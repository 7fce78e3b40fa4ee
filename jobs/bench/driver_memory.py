"""Peak memory of Ray's driver and object store by number of tracks: part of jobs.bench.scaling."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.bench.sleeping import SPEED, Song, cluster, pipeline
from morphsep.run.executors.step import Pool

ROOT = Path(__file__).resolve().parents[2]


def memory(quick: bool) -> None:
    """Print the peak memory of driver and object store, with records of the real size. Each count
    has its own driver: memory that one run has freed would hide the next one's.
    """
    print(
        "| tracks | driver, peak | object store, peak | tracks a second |\n|---|---|---|---|",
        flush=True,
    )
    for number in (100, 1000) if quick else (100, 1000, 10_000, 100_000):
        subprocess.run(
            [sys.executable, "-m", "jobs.bench.driver_memory", str(number)], check=True, cwd=ROOT
        )


def driver(number: int) -> None:
    """Print one line of that table."""
    from morphsep.run.executors.ray import run

    steps = pipeline(dict.fromkeys(SPEED, 0.0))
    with cluster(cpus=4), _watched() as peaks:
        songs = [Song(n) for n in range(number)]
        results = run(steps, songs, Pool(min_workers=2, max_workers=2))
        done = sum(1 for _ in itertools.islice(results, 1))
        began = time.time()  # the start of workers is no matter of the number of tracks
        rest = sum(1 for _ in results)
        rate, done = rest / (time.time() - began), done + rest
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
    import ray

    store = "object_store_memory"
    return float(ray.cluster_resources()[store] - ray.available_resources().get(store, 0.0)) / 1e6


if __name__ == "__main__":
    driver(int(sys.argv[1]))
