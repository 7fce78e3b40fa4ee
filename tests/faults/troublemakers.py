"""Separators that do harm, found by entry point as anybody's: see `disasters.plugins`.

Each is the separator `none` until it meets a track of a certain length; there it does what it is
for, every time.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path

import numpy as np

from morphsep.dsp.signal import Signal
from morphsep.separators.separator import Mix

POISON = 3 * 44100 + 111
"""Length in samples of the tracks that are its victims."""

PACE = "MORPHSEP_TESTS_PACE"
"""The environment variable with the seconds that `Slow` takes over a section, if not 0.4."""

HOLD = "MORPHSEP_TESTS_HOLD"
"""The environment variable with a file: as long as it is there, `Slow` finishes no section."""


class _Nothing:
    weights_hash: str | None = None
    exact = True  # as for `none`, of whose stem nothing is estimated

    def fingerprint(self) -> str:
        # the stem is the one of `none`: byte-identical results are asked for
        return "none/1"

    def separate(self, mix: Mix, start: int, stop: int) -> Signal:
        if mix.num_samples == POISON:
            self.harm()
        return mix.read(start, stop - start)

    def harm(self) -> None:
        raise NotImplementedError


class Kills(_Nothing):
    """What a driver's bug or the kernel's memory killer does."""

    name = "kills"

    def harm(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Aborts(_Nothing):
    """What a failed assertion in a decoder does."""

    name = "aborts"

    def harm(self) -> None:
        os.abort()


class Hangs(_Nothing):
    """Never answers, and holds no lock."""

    name = "hangs"

    def harm(self) -> None:
        time.sleep(3600)


class Slow(_Nothing):
    """Takes its time over every section, so that there is one to kill."""

    name = "slow"

    def separate(self, mix: Mix, start: int, stop: int) -> Signal:
        time.sleep(float(os.environ.get(PACE, "0.4")))
        while os.path.exists(os.environ.get(HOLD, "")):
            time.sleep(0.05)
        return mix.read(start, stop - start)


class Hungry(_Nothing):
    """Asks for more memory than a process may have: the allocation fails, the process lives on."""

    name = "hungry"

    def harm(self) -> None:
        limits = resource.getrlimit(resource.RLIMIT_AS)
        in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (in_use + (64 << 20), limits[1]))
        try:
            np.ones(1 << 30, np.uint8)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limits)
