"""What one way of doing something on a device costs, and the row of a table that says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from morphsep.dsp import Signal, dbfs


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the parts share."""

    device: str
    folder: Path
    """For checkpoints."""
    seconds: float
    """Length of the song."""
    batches: tuple[int, ...]
    tiny: bool
    """A small model."""
    budget: float
    """Seconds that the script may take."""
    began: float = field(default_factory=time.monotonic)

    def has_time(self, what: str) -> bool:
        """Whether there is time left; says what is left out if there is none."""
        left = self.budget - (time.monotonic() - self.began)
        if left <= 0:
            print(f"left out, no time: {what}", flush=True)
        return left > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one way of doing it took."""

    result: Signal
    seconds: float
    gigabytes: float | None
    """Peak memory of the device; None: it is not known."""


def named(device: str) -> str:
    """The device and torch, in words."""
    import torch

    if not device.startswith("cuda"):
        return f"{device}, torch {torch.__version__}"
    found = torch.cuda.get_device_properties(device)
    memory = found.total_memory / 2**30
    return f"{found.name}, {memory:.0f} GiB, torch {torch.__version__}"


def measured(bench: Bench, work: Callable[[], Signal]) -> Cost:
    """The second of two runs: the first loads weights and chooses kernels."""
    import torch

    on_gpu = bench.device.startswith("cuda")
    work()
    if on_gpu:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - began
    peak = torch.cuda.max_memory_allocated() / 2**30 if on_gpu else None
    return Cost(result=result, seconds=seconds, gigabytes=peak)


def line(name: str, cost: Cost, base: Cost, length: float) -> str:
    """A row of a table; the error is that against `base`."""
    off = cost.result.astype(np.float64) - base.result
    error = dbfs(float(np.sqrt(np.mean(off**2)))) - dbfs(float(np.sqrt(np.mean(base.result**2))))
    memory = "-" if cost.gigabytes is None else f"{cost.gigabytes:.2f}"
    return (
        f"| {name} | {cost.seconds:.3f} | {length / cost.seconds:.1f} "
        f"| {base.seconds / cost.seconds:.2f} | {memory} | {np.abs(off).max():.1e} | {error:.1f} |"
    )


HEAD = (
    "| way | s | times real time | times as fast | peak GiB | largest error | error dB |\n"
    "|---|---|---|---|---|---|---|"
)
