"""What tracks cost besides their sound: a run with nothing to do, its memory, many short clips.

    nice -n 10 python -m jobs.bench.records nothing [--tracks 100000] [--memory]
    nice -n 10 python -m jobs.bench.records clips [--tracks 1000]

Processor time is what counts; other programs on the machine do not change it much. Requests of a
song in a bucket are counted by tests/test_requests.py.

``nothing``: seconds of a run over that many made-up finished tracks, on a disk, step by step, and
bytes a track that resuming holds. Inputs and results are files of a few bytes: none is opened.

``clips``: ms of CPU of a stereo FLAC of 5 s through ``--separator none --backend chain``, and of
them what decoding and encoding take by themselves.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from morphsep import manifest
from morphsep.manifest import TrackRow, schema, write_part
from morphsep.morphing import build
from morphsep.pipelines import REPROCESS
from morphsep.request import collect, make_settings
from morphsep.run import run, settle_jobs
from morphsep.stages import as_read
from morphsep.storage import full_stamps, location

SETTINGS = {"to": "fuzz", "separator": "none"}


def nothing(tracks: int, is_traced: bool) -> None:
    """Print the seconds of every step of a run that has nothing to do, or the memory it holds."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        make_library(top, tracks)
        with timed("making up the library's rows"):
            make_rows(top)
        if is_traced:
            tracemalloc.start()
        with timed("finding the inputs"):
            jobs = settle_jobs(collect([str(top / "in")], top / "out", make_settings(**SETTINGS)))
        with timed("the run"):
            before = tracemalloc.get_traced_memory()[0] if is_traced else 0
            summary = run(jobs, top / "out", REPROCESS)
        assert len(summary.which("skipped")) == tracks
        if is_traced:
            held, peak = tracemalloc.get_traced_memory()
            print(f"held by the jobs: {before / tracks:.0f} bytes a track")
            print(f"held by the run's results: {(held - before) / tracks:.0f} bytes a track")
            print(f"peak of the run: {(peak - before) / tracks:.0f} bytes a track")


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Prints how long something took."""
    began, worked = time.perf_counter(), time.process_time()
    yield
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    print(f"{what}: {seconds:.1f} s ({cpu:.1f} s of CPU)", flush=True)


def make_library(top: Path, tracks: int) -> None:
    """Files of albums, as inputs and as results."""

    def album(first: int) -> None:
        for n in range(first, min(first + 100, tracks)):
            for kind in ("in", "out"):
                path = top / kind / f"album {n // 100:05d}" / f"{n:07d} a song's title.flac"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"%07d" % n)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(album, range(0, tracks, 100)))


def make_rows(top: Path) -> None:
    """The rows that a run would have left of the library, had it been sound."""
    import pyarrow as pa

    out = location(top / "out")
    jobs = settle_jobs(collect([str(top / "in")], top / "out", make_settings(**SETTINGS)))
    places = [location(job.path) for job in jobs], [out / job.track for job in jobs]
    rows = []
    for n, (job, *stamps) in enumerate(zip(jobs, *map(full_stamps, places), strict=True)):
        recipe = build(job.settings)
        stem_key = recipe.stem_key(f"{n:064x}", "")
        rows.append(
            TrackRow(
                track=job.track, status="ok", input=job.path, output=job.track,
                content_hash=f"{n:064x}", output_hash=f"{n * 7919:064x}", stem_key=stem_key,
                key=recipe.key(stem_key, "morph"), input_stamp=as_read(stamps[0]),
                output_stamp=stamps[1], num_samples=10_584_000, settings="x" * 600,
                versions="y" * 300, finished_ns=time.time_ns(),
            )
        )  # fmt: skip
    shape = schema(TrackRow)
    for start in range(0, len(rows), 1000):
        some = rows[start : start + 1000]
        table = pa.table([pa.array([getattr(r, n) for r in some]) for n in shape.names], shape)
        write_part(manifest.table_folder(out, "tracks") / f"{start:09d}.parquet", table)
    manifest.compact(out)


def clips(number: int) -> None:
    """Print the milliseconds of CPU of a clip, whole and of its decoding and encoding."""
    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        make_clips(top / "in", number)
        chosen = make_settings(
            to="overdrive", amount=0.5, separator="none", backend="chain", uniform=False
        )
        jobs = settle_jobs(collect([str(top / "in")], top / "out", chosen))
        run(jobs[:1], top / "warm", REPROCESS)
        began = time.process_time()
        summary = run(jobs, top / "out", REPROCESS)
        whole = time.process_time() - began
        assert len(summary.which("done")) == number
        began = time.process_time()
        for job in jobs:
            sound, rate = soundfile.read(job.path, dtype="float32")
            soundfile.write(top / "again.flac", sound, rate)
        coding = time.process_time() - began
    print(f"{1e3 * whole / number:.1f} ms of CPU a clip; decoded and encoded once: "
          f"{1e3 * coding / number:.1f} ms")  # fmt: skip


def make_clips(folder: Path, number: int) -> None:
    """Plucked tones of 5 s, each of another pitch."""
    import numpy as np
    import soundfile

    folder.mkdir()
    moments = np.arange(5 * 44100) / 44100
    for n in range(number):
        tone = np.sin(2 * np.pi * (110 + n % 400) * moments) * np.exp(-3 * (moments % 1))
        soundfile.write(folder / f"{n:05d}.flac", 0.3 * np.stack([tone, tone]).T, 44100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["nothing", "clips"])
    parser.add_argument("--tracks", type=int)
    parser.add_argument("--memory", action="store_true", help="measure memory, and not time")
    given = parser.parse_args()
    if given.what == "clips":
        clips(given.tracks or 1000)
    else:
        nothing(given.tracks or 100_000, given.memory)


if __name__ == "__main__":
    main()
