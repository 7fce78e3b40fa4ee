"""What of this machine a run may use: its cores, and its memory."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

CONTAINER = Path("/sys/fs/cgroup")
"""Where Linux says what a container may use."""
MEMORY = Path("/proc/meminfo")


def num_cores() -> int:
    """The cores that the system, a container or `taskset` leaves to this process."""
    if not hasattr(os, "sched_getaffinity"):  # not on Linux
        return os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0))
    with suppress(OSError, ValueError):  # no container, or no limit ("max")
        # microseconds of all cores together in each period
        quota, period = map(int, (CONTAINER / "cpu.max").read_text().split())
        allowed = min(allowed, max(1, quota // period))
    return allowed


def free_memory() -> float:
    """GB that processes could take without swapping; infinite where that is not known."""
    free = float("inf")
    with suppress(OSError):
        for line in MEMORY.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1024 / 1e9
    with suppress(OSError, ValueError):
        most, used = (
            int((CONTAINER / name).read_text()) for name in ("memory.max", "memory.current")
        )
        free = min(free, (most - used) / 1e9)
    return free
