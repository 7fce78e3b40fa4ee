"""How long the manifest takes with many tracks, and how much memory: made-up rows.

    nice -n 10 python -m jobs.bench.manifest [--tracks 1000 10000 100000] [--chunks 30]
    nice -n 10 python -m jobs.bench.manifest --parts 1000

Every figure is of a process of its own, which does this one thing: seconds (of them the processor
was at work, start-up and all threads included), peak memory. Files are local.

``--parts``: what a part costs as we write it, with its rows as an Arrow record batch in the footer,
and as plain Parquet without and with the Arrow schema; one process, in turns, processor time.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphsep import manifest
from morphsep.manifest import ChunkRow, TrackRow, schema, write_part
from morphsep.manifest.parts import bundles
from morphsep.storage import Location, digest, location

if TYPE_CHECKING:
    import pyarrow as pa

SETTINGS = json.dumps({f"setting {n}": "x" * 20 for n in range(30)})


def row(n: int) -> TrackRow:
    """A track's row as a run writes it, with texts as long as real ones."""
    name, failed = f"album {n // 12:05d}/{n:07d} song.flac", n % 50 == 0
    return TrackRow(
        track=name,
        status="failed" if failed else "ok",
        message="a sentence that says what to do" if failed else None,
        input=f"in/{name}",
        output=None if failed else name,
        key=f"{n:064x}",
        stem_key=f"{n * 31:064x}",
        content_hash=f"{n * 7919:064x}",
        output_hash=f"{n * 104729:064x}",
        duration=240.0 + n % 60,
        lufs=-14.0 - n % 9,
        settings=SETTINGS,
        versions=SETTINGS[:300],
    )


def chunks_of(track: TrackRow, count: int) -> list[ChunkRow]:
    """A track's chunks."""
    one = ChunkRow(track=track.track, key=track.key or "", status="morphed", seam_flux_db=1.5)
    one = replace(one, finished_ns=track.finished_ns, num_samples=352800)
    return [replace(one, index=n, start=n * 330750) for n in range(count)]


def stream_chunks(out: Path) -> None:
    """Goes through all chunks as `verify` does."""
    for _track, _chunks in manifest.chunks_by_track(out):
        pass


TASKS: dict[str, Callable[[Path], object]] = {
    "count by status": manifest.count_by_status,
    "what resuming needs": lambda out: manifest.read_known(out, ["key", "status", "output_hash"]),
    "all track rows": manifest.read_tracks,
    "compact": manifest.compact,
    "all chunks, by track": stream_chunks,
}


def measured(task: str, out: Path) -> str:
    """ "seconds (peak MB)" of a task in a process of its own."""
    command = [sys.executable, "-m", "jobs.bench.manifest", "--task", task, str(out)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    seconds, processor, peak = json.loads(done.stdout)
    print(f"  {task}: {seconds:.1f} s", file=sys.stderr, flush=True)
    return f"{seconds:.1f} s ({processor:.1f} s), {peak:.0f} MB"


def bench(tracks: int, chunks: int) -> dict[str, str]:
    """All figures for a number of tracks."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        began = time.perf_counter()
        make(out, 0, tracks, chunks)
        print(f"{tracks} tracks made in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        first = ("count by status", "what resuming needs", "all track rows")
        found = {f"{task}, not compacted": measured(task, out) for task in first}
        found["compact"] = measured("compact", out)
        found["files then"] = str(len(list((out / "manifest").rglob("*.parquet"))))
        found["compact again"] = measured("compact", out)
        make(out, tracks, 1000, chunks)
        found["compact 1000 more"] = measured("compact", out)
        return found | {task: measured(task, out) for task in TASKS if task != "compact"}


def make(out: Path, first: int, tracks: int, chunks: int) -> None:
    """The parts that workers leave which commit tracks."""
    from concurrent.futures import ProcessPoolExecutor

    starts = range(first, first + tracks, 1000)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(_make_some, *zip(*((out, start, chunks) for start in starts), strict=True)))


def _make_some(out: Path, first: int, chunks: int) -> None:
    """1000 tracks: many rows at once become Arrow's, which `manifest.commit` does one by one."""
    os.fsync = lambda fd: None  # the disk is not what is measured
    now = time.time_ns()
    rows = [replace(row(n), finished_ns=now + n) for n in range(first, first + 1000)]
    below = [chunk for track in rows for chunk in chunks_of(track, chunks)]
    tables = {"tracks": (as_table(rows), 1), "chunks": (as_table(below), chunks)}
    for n, track in enumerate(rows):
        name = f"{digest(track.track)[:24]}-{track.finished_ns}.parquet"
        for table, (content, size) in tables.items():
            part = content.slice(n * size, size)
            write_part(location(out) / "manifest" / table / name, part)


def as_table(rows: Sequence[TrackRow] | Sequence[ChunkRow]) -> pa.Table:
    """The rows as `manifest.commit` writes them."""
    import pyarrow as pa

    shape = schema(type(rows[0]))
    columns = [pa.array([getattr(row, f.name) for row in rows], f.type) for f in shape]
    return pa.Table.from_arrays(columns, schema=shape)


ROUNDS = 5


def bench_parts(count: int, chunks: int) -> Iterator[str]:
    """Lines of a table: ms to write and to read a part, the best of some rounds, and its size."""
    tracks = [replace(row(n), finished_ns=n + 1) for n in range(count)]
    below = [chunk for track in tracks for chunk in chunks_of(track, chunks)]
    yield "| part | write | read | bytes |"
    yield "|---|---|---|---|"
    for table, rows, size in (("tracks", tracks, 1), ("chunks", below, chunks)):
        content = as_table(rows)
        parts = [content.slice(n * size, size) for n in range(count)]
        rounds = [[costs(way, parts) for way in WAYS] for _ in range(ROUNDS)]
        for way, found in zip(WAYS, zip(*rounds, strict=True), strict=True):
            write, read, num_bytes = (min(each) for each in zip(*found, strict=True))
            yield f"| {table}, {way} | {write:.2f} ms | {read:.2f} ms | {num_bytes:.0f} |"


def costs(way: str, parts: Sequence[pa.Table]) -> tuple[float, float, float]:
    """ms to write a part, ms to read it, bytes."""
    write, read = WAYS[way]
    with tempfile.TemporaryDirectory() as folder:
        files = [location(folder) / f"{n:07d}.parquet" for n in range(len(parts))]
        began = time.process_time()
        for file, part in zip(files, parts, strict=True):
            write(file, part)
        written = time.process_time()
        found = read(files, parts[0].schema)
        ended = time.process_time()
        assert sum(map(len, found)) == sum(map(len, parts))
        num_bytes = sum(Path(file.text).stat().st_size for file in files)
    times = (1e3 * (written - began), 1e3 * (ended - written), float(num_bytes))
    per_part = [each / len(parts) for each in times]
    return per_part[0], per_part[1], per_part[2]


def read_batches(files: Sequence[Location], schema: pa.Schema) -> list[pa.RecordBatch]:
    """As the manifest reads its own parts."""
    return [rows for _, found in bundles(files, schema) for rows in found if rows is not None]


def write_plain(file: Location, part: pa.Table, *, store_schema: bool) -> None:
    """As lean as Parquet can be."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    lean = {"use_dictionary": False, "write_statistics": False, "compression": "none"}
    pq.write_table(part, sink, store_schema=store_schema, **lean)
    file.write_bytes(sink.getvalue())


def read_plain(files: Sequence[Location], schema: pa.Schema) -> list[pa.Table]:
    """One file after the other, as they may vanish meanwhile."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    contents = (pa.BufferReader(file.read_bytes()) for file in files)
    return [pq.ParquetFile(content).read(use_threads=False) for content in contents]


WAYS: dict[str, tuple[Callable[..., None], Callable[..., Sequence[Any]]]] = {
    "rows in the footer": (write_part, read_batches),
    "plain": (partial(write_plain, store_schema=False), read_plain),
    "plain, Arrow schema stored": (partial(write_plain, store_schema=True), read_plain),
}


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--chunks", type=int, default=30, help="chunks of a track")
    parser.add_argument("--parts", type=int, metavar="N", help="compare ways to write N parts")
    parser.add_argument("--task", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.parts:
        os.fsync = lambda fd: None  # the disk is not what is measured
        print(*bench_parts(arguments.parts, arguments.chunks), sep="\n")
        return
    if arguments.task:
        task, out = arguments.task
        began = time.perf_counter()
        TASKS[task](Path(out))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(json.dumps([time.perf_counter() - began, time.process_time(), peak]))
        return
    found = [bench(tracks, arguments.chunks) for tracks in arguments.tracks]
    print("| what |", " | ".join(f"{tracks:,} tracks" for tracks in arguments.tracks), "|")
    print("|---" * (len(found) + 1) + "|")
    for name in found[0]:
        print(f"| {name} |", " | ".join(column[name] for column in found), "|")


if __name__ == "__main__":
    main()
