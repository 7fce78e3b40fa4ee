"""Running a model on a device: which one, how many segments at once, and with what arithmetic."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from morphsep.dsp import Signal
from morphsep.errors import SettingError, TrackError

if TYPE_CHECKING:
    import torch

MAX_BATCH = 8
MAX_LANES = 4
"""Segments side by side on a CPU: each takes its own memory."""
BYTES_PER_SEGMENT = 2 << 30
"""What one segment of the largest published model may take on a GPU, generously."""

Key = TypeVar("Key")

logger = logging.getLogger("morphsep")


def device(name: str) -> torch.device:
    """The device of a name; ``auto`` is the best there is.

    Raises:
        SettingError: this machine does not have it.
    """
    import torch

    if name == "auto":
        better = "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device("cuda" if torch.cuda.is_available() else better)
    try:
        found = torch.device(name)
        if found.type == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("torch sees no CUDA device")
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise SettingError(f"The device {name!r} cannot be used: {reason}.") from error
    return found


class BatchRunner:
    """Runs segments in batches that fit the device; halves the batch when memory runs out.

    On a CPU several batches run side by side, each in one thread: nothing waits for the slowest
    thread after each operation. On two crowded cores two lanes took 0.32 of the wall time and 0.36
    of the CPU time of one after the other on two threads (the waiting is busy); how much on a quiet
    machine was not measured. How many threads share a product decides how its sums are rounded, so
    it is one, however many cores there are: else a result would depend on who made it.
    """

    def __init__(
        self, device: torch.device, batch_size: int | None, lanes: int | None = None
    ) -> None:
        self.device = device
        self.batch_size = batch_size or _fitting(device)
        self.lanes = lanes or _lanes(device)

    def run(
        self, model: Any, source: int, inputs: Iterable[tuple[Key, Signal]]
    ) -> Iterator[tuple[Key, Signal]]:
        """For each (key, ``[C, T]``) of equal T, in order: (key, estimate of `source` ``[C, T]``).

        Holds one batch for each lane at a time.

        Raises:
            TrackError: one segment alone does not fit.
        """
        coming, waiting = iter(inputs), list[tuple[Key, Signal]]()
        running: deque[tuple[list[tuple[Key, Signal]], Future[Signal | None]]] = deque()
        with lane_threads(self.lanes) as pool:
            while True:
                while len(running) < self.lanes:
                    waiting += islice(coming, max(0, self.batch_size - len(waiting)))
                    batch, waiting = waiting[: self.batch_size], waiting[self.batch_size :]
                    if not batch:
                        break
                    signals = np.stack([signal for _, signal in batch])
                    running.append((batch, pool.submit(self._forward, model, source, signals)))
                if not running:
                    return
                batch, future = running.popleft()
                estimates = future.result()
                if estimates is None:
                    waiting = [*batch, *(item for later, _ in running for item in later), *waiting]
                    running.clear()
                    self._halve()
                else:
                    yield from zip((key for key, _ in batch), estimates, strict=True)

    def _forward(self, model: Any, source: int, batch: Signal) -> Signal | None:
        """``[B, C, T]`` of one source, None if memory did not suffice."""
        import torch

        try:
            with torch.inference_mode(), full_precision(self.device):
                estimates = model(torch.from_numpy(batch).to(self.device))[:, source]
                result: Signal = estimates.cpu().numpy()
                return result
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        return None

    def _halve(self) -> None:
        import torch

        if self.lanes > 1:
            self.lanes = 1
            return
        if self.batch_size == 1:
            raise TrackError(
                "out_of_memory",
                f"The memory of {self.device} does not hold one segment: free some, use a GPU "
                "with more, or set the device to cpu.",
            )
        self.batch_size //= 2
        logger.warning("%s is out of memory: %d segments at once", self.device, self.batch_size)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


class _Here(Executor):
    """Runs what is submitted at once, in the caller's thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextmanager
def lane_threads(lanes: int) -> Iterator[Executor]:
    """Threads in each of which torch uses no other."""
    import torch

    threads = torch.get_num_threads()
    try:
        if lanes == 1:
            torch.set_num_threads(1)
            yield _Here()
            return
        with ThreadPoolExecutor(
            lanes, "morphsep-lane", initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            yield pool
    finally:
        # each lane has set it for the matrix products of all
        torch.set_num_threads(threads)


def _lanes(device: torch.device) -> int:
    import torch

    return min(MAX_LANES, torch.get_num_threads()) if device.type == "cpu" else 1


def _fitting(device: torch.device) -> int:
    import torch

    if device.type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(device)
    return int(min(MAX_BATCH, max(1, free // BYTES_PER_SEGMENT)))


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch has raised this because a device's memory did not suffice."""
    import torch

    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or (
        "out of memory" in text or "can't allocate memory" in text
    )


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Full float32 with repeatable kernels.

    TF32 convolutions, torch's default on CUDA, differ by 1e-3 from one batch size to another.
    """
    import torch

    exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
    with exact if device.type == "cuda" else nullcontext():
        yield
