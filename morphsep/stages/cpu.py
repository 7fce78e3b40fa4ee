"""What kind of CPU this machine has: one kind gives the same bytes, two kinds may round apart."""

from __future__ import annotations

import platform
from functools import cache
from typing import Any

import numpy as np


@cache
def kind_of_cpu() -> str:
    """The architecture, the newest instructions that numpy uses, and what BLAS takes the CPU for.

    Where two machines give the same text, they do the same sums in the same order.
    """
    from threadpoolctl import threadpool_info

    config: Any = np.show_config(mode="dicts")
    simd = config.get("SIMD Extensions", {})
    instructions = [*simd.get("baseline", []), *simd.get("found", [])][-1:]
    blas = {str(info["architecture"]) for info in threadpool_info() if "architecture" in info}
    return " ".join([platform.machine(), *instructions, *sorted(blas)])
