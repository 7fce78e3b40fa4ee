"""Running a model on a device: which one, how many segments at once, and with what arithmetic."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from morphsep.errors import SettingError, TrackError
from morphsep.signal import Signal

if TYPE_CHECKING:
    import torch

MAX_BATCH = 8
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
    """Runs segments in batches that fit the device; halves the batch when memory runs out."""

    def __init__(self, device: torch.device, batch_size: int | None) -> None:
        self.device = device
        self.batch_size = batch_size or _fitting(device)

    def run(
        self, model: Any, source: int, inputs: Iterable[tuple[Key, Signal]]
    ) -> Iterator[tuple[Key, Signal]]:
        """For each (key, ``[C, T]``) of equal T, in order: (key, estimate of `source` ``[C, T]``).

        Holds one batch at a time.

        Raises:
            TrackError: one segment alone does not fit.
        """
        coming, waiting = iter(inputs), list[tuple[Key, Signal]]()
        while True:
            waiting += islice(coming, max(0, self.batch_size - len(waiting)))
            batch, waiting = waiting[: self.batch_size], waiting[self.batch_size :]
            if not batch:
                return
            estimates = self._forward(model, source, np.stack([signal for _, signal in batch]))
            if estimates is None:
                waiting = batch + waiting
                self._halve()
            else:
                yield from zip((key for key, _ in batch), estimates, strict=True)

    def _forward(self, model: Any, source: int, batch: Signal) -> Signal | None:
        """``[B, C, T]`` of one source, None if memory did not suffice."""
        import torch

        try:
            with torch.inference_mode(), _float32(self.device):
                estimates = model(torch.from_numpy(batch).to(self.device))[:, source]
                result: Signal = estimates.cpu().numpy()
                return result
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
        return None

    def _halve(self) -> None:
        import torch

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


def _fitting(device: torch.device) -> int:
    import torch

    if device.type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(device)
    return int(min(MAX_BATCH, max(1, free // BYTES_PER_SEGMENT)))


def _is_out_of_memory(error: RuntimeError) -> bool:
    import torch

    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or (
        "out of memory" in text or "can't allocate memory" in text
    )


@contextmanager
def _float32(device: torch.device) -> Iterator[None]:
    """Full float32 with repeatable kernels, and the faster attention.

    TF32 convolutions, torch's default on CUDA, differ by 1e-3 from one batch size to another. The
    fast path of ``nn.MultiheadAttention`` bypasses flash attention, which is 1.1-1.3x faster on a
    CPU and equal to 3e-8.
    """
    import torch

    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
    try:
        with exact if device.type == "cuda" else nullcontext():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
