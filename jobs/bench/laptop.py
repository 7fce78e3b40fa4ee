"""One machine: this process, several and Ray side by side. Part of jobs.bench.scaling.

Whole commands in turns, with songs and separators of the real size (small ones would flatter Ray).
Who shares the machine with other work compares ratios, and CPU beside wall.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACES = {
    "one process": ("--executor", "local", "--workers", "1"),
    "processes": ("--executor", "local", "--workers", str(os.cpu_count())),
    "ray": ("--executor", "ray", "--workers", f"1-{os.cpu_count()}"),
    "auto": ("--executor", "auto"),
}


@dataclass(frozen=True, slots=True)
class Batch:
    """Songs that are alike, and what is done with them."""

    separator: str
    backend: str
    number: int
    seconds: int

    def __str__(self) -> str:
        name = self.separator.partition(":")[0]
        return f"{name}, {self.backend} | {self.number} of {self.seconds} s"


def laptop(quick: bool) -> None:
    """Times whole commands on this machine in every place. Wall seconds (of the processor)."""
    print(f"| separator, backend | songs | {' | '.join(PLACES)} | processes: efficiency, CPU |")
    print("|" + "---|" * (len(PLACES) + 3))
    with tempfile.TemporaryDirectory(prefix="morphsep-") as folder:
        for batch in _batches(Path(folder), quick):
            songs = Path(folder, "in")
            _write(songs, batch)
            took = _in_turns(songs, batch, rounds=1 if quick else 3)
            shutil.rmtree(songs)
            alone, shared = took["one process"], took["processes"]
            efficiency = alone[0] / shared[0] / (os.cpu_count() or 1)
            cells = [f"{wall:.1f} ({cpu:.1f})" for wall, cpu in took.values()]
            print(
                f"| {batch} | {' | '.join(cells)} | {efficiency:.2f}, {shared[1] / alone[1]:.2f} |",
                flush=True,
            )


def _batches(folder: Path, quick: bool) -> Iterator[Batch]:
    few = 10 if quick else 100
    for backend in ("chain", "spectral"):
        yield Batch("none", backend, few, 5)
        yield Batch("none", backend, few // 10, 60)
    yield Batch("none", "chain", 1, 5)
    yield Batch("embedded", "chain", few, 5)
    yield Batch("embedded", "chain", few // 10, 60)
    if not quick:
        sys.path.insert(0, str(ROOT))
        from tests.checkpoints import write_htdemucs

        model = f"demucs:{write_htdemucs(folder / 'model', full=True)}"
        yield Batch(model, "chain", 1, 60)
        yield Batch(model, "chain", 5, 60)
        yield Batch(model, "chain", 20, 5)


def _in_turns(songs: Path, batch: Batch, rounds: int) -> dict[str, tuple[float, float]]:
    """Medians of (wall, CPU) seconds, by place."""
    found: dict[str, list[tuple[float, float]]] = {place: [] for place in PLACES}
    for _ in range(rounds):
        for place, took in found.items():
            took.append(_command(songs, batch, PLACES[place]))
    return {
        place: (statistics.median(w for w, _ in took), statistics.median(c for _, c in took))
        for place, took in found.items()
    }


def _command(songs: Path, batch: Batch, place: tuple[str, ...]) -> tuple[float, float]:
    """(wall, CPU) seconds; of Ray's processes some are not ours to count."""
    with tempfile.TemporaryDirectory(prefix="morphsep-") as out:
        began, before = time.perf_counter(), _of_children()
        subprocess.run(
            [sys.executable, "-m", "morphsep", "morph", str(songs), "-o", out,
             "--to", "chorus", "--amount", "0.5", "--separator", batch.separator,
             "--backend", batch.backend, *place],
            check=True, capture_output=True, cwd=ROOT,
        )  # fmt: skip
        return time.perf_counter() - began, _of_children() - before


def _of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _write(folder: Path, batch: Batch) -> None:
    import numpy as np
    import soundfile

    clip, rate = soundfile.read(ROOT / "demo" / "metal-madness.ogg", dtype="float32")
    song = np.concatenate([clip] * (2 + batch.seconds * rate // len(clip)))
    folder.mkdir()
    for n in range(batch.number):
        part = song[n * 100 : n * 100 + batch.seconds * rate]
        soundfile.write(folder / f"{n:03}.flac", part, rate)
