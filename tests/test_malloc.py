"""Freed memory is used again, where the C library can be told so."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

COUNT = """
import resource
import numpy as np
from morphsep.run import keep_freed_memory
KEEP
def once():
    arrays = [np.ones(1 << 20, np.float32) for _ in range(3)]
once()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    once()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(keep: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", COUNT.replace("KEEP", keep)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return int(done.stdout)


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="not glibc"
)
def test_arrays_of_some_mb_are_not_cleared_by_the_system_each_time() -> None:
    assert faults("keep_freed_memory()") < 1000 < faults("")
