"""A guitar played in real time from a recording: what each block takes, and which come too late."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Seconds, Signal, rms_dbfs
from morphsep.live.block_morph import BlockMorph

METER_SECONDS = 0.25
WARM_BLOCKS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """What is shown while it plays."""

    at: Seconds
    amount: float
    in_db: float
    out_db: float
    worst: float
    """The longest that a block took since the last meter, as a share of its length."""
    xruns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """How it went."""

    blocks: int
    block: int
    sample_rate: int
    latency: int
    """Samples."""
    median: float
    """Time that a block took, as a share of its length."""
    most: float
    """The same of 99 in 100 blocks."""
    worst: float
    xruns: int
    """Blocks that were not ready when the next one had come."""


class RealTime:
    """Plays a guitar through a `BlockMorph` block by block, each when it would come from an
    instrument. A rest that does not fill a block is left out.

    Args:
        live: has played nothing yet.
        guitar: ``[C, T]``.
        amount: ``[T]``.
        block: samples.
    """

    def __init__(
        self, live: BlockMorph, guitar: Signal, amount: Signal, sample_rate: int, block: int
    ) -> None:
        self._live, self._guitar, self._amount = live, guitar, amount
        self._rate, self._block = sample_rate, block
        count = guitar.shape[1] // block
        # written to once now, so that no page is missing later
        self.out = np.full((len(guitar), count * block), np.nan, np.float32)
        """What was played, ``[C, n]``, `BlockMorph.latency` samples late."""
        self._took = np.full(count, np.nan)
        self._xruns = 0

    def play(self, on_meter: Callable[[Meter], None], *, paced: bool = True) -> Played:
        """Plays all of it.

        Args:
            on_meter: called four times a second, between two blocks.
            paced: waits for each block; otherwise each comes as soon as the last one is done, and
                none can be late.
        """
        shown = max(round(METER_SECONDS * self._rate / self._block), 1)
        with undisturbed():
            due = time.perf_counter()
            for index in range(self._took.size):
                if paced:
                    _wait_until(due)
                self._play(index)
                due += self._block / self._rate
                if paced and (now := time.perf_counter()) > due:
                    self._xruns += 1
                    due = now  # a device goes on from here, too
                if (index + 1) % shown == 0:
                    on_meter(self._meter(index, shown))
        return self._played()

    def _play(self, index: int) -> None:
        here = slice(index * self._block, (index + 1) * self._block)
        before = time.perf_counter()
        self.out[:, here] = self._live.process(self._guitar[:, here], self._amount[here])
        self._took[index] = time.perf_counter() - before

    def _meter(self, index: int, shown: int) -> Meter:
        last = (index + 1) * self._block
        lately = slice(max(last - shown * self._block, 0), last)
        return Meter(
            at=last / self._rate, amount=float(self._amount[last - 1]),
            in_db=rms_dbfs(self._guitar[:, lately]), out_db=rms_dbfs(self.out[:, lately]),
            worst=float(self._share()[index + 1 - shown : index + 1].max()), xruns=self._xruns,
        )  # fmt: skip

    def _share(self) -> npt.NDArray[np.float64]:
        return self._took * (self._rate / self._block)

    def _played(self) -> Played:
        share = self._share()
        return Played(
            blocks=share.size, block=self._block, sample_rate=self._rate,
            latency=self._live.latency, median=float(np.median(share)),
            most=float(np.percentile(share, 99)), worst=float(share.max()), xruns=self._xruns,
        )  # fmt: skip


def warm_up(live: BlockMorph, block: int) -> None:
    """Plays noise, so that all code is compiled and read; to be thrown away afterwards: another
    `BlockMorph` of the same tones is warm then, too."""
    noise = np.random.default_rng(0).standard_normal((live.channels, block)).astype(np.float32)
    for index in range(WARM_BLOCKS):
        live.process(noise * np.float32(0.1), index / WARM_BLOCKS)


@contextmanager
def undisturbed() -> Iterator[None]:
    """No garbage is collected meanwhile."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def _wait_until(moment: float) -> None:
    while (left := moment - time.perf_counter()) > 0:
        time.sleep(left)
