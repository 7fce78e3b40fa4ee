"""Runs as many channels at once as memory allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from morphsep.dsp import Signal
from morphsep.errors import TrackError

Run = Callable[..., Signal]
"""Arrays ``[B, ...]``, one for each part of an item -> ``[B, ...]``."""


@dataclass(slots=True, kw_only=True)
class Batches:
    """Runs channels of equal shapes, `size` at once; fewer when memory runs out."""

    size: int
    lanes: int = 1
    """Batches side by side, each in one thread of its own."""
    warn: Callable[[str], None]

    def run(self, run: Run, items: Sequence[tuple[Signal, ...]]) -> list[Signal]:
        """The results of `run`, one ``[C, ...]`` for each item.

        Raises:
            TrackError: one channel alone does not fit.
        """
        results = [[np.empty(0, np.float32)] * item[0].shape[0] for item in items]
        alike: dict[tuple[int, ...], list[tuple[int, int]]] = {}
        for index, item in enumerate(items):
            owners = alike.setdefault(item[0].shape[1:], [])
            owners += [(index, channel) for channel in range(item[0].shape[0])]
        for owners in alike.values():
            channels = [[part[c] for part in items[index]] for index, c in owners]
            for (index, c), result in zip(owners, self._each(run, channels), strict=True):
                results[index][c] = result
        return [np.stack(channels) for channels in results]

    def _each(self, run: Run, channels: Sequence[Sequence[Signal]]) -> Iterator[Signal]:
        from morphsep.models import is_out_of_memory

        done = 0
        while done < len(channels):
            now = channels[done : done + self.size * self.lanes]
            try:
                results = self._side_by_side(run, now)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._fewer(min(self.size, len(now)), len(now))
                continue
            yield from results
            done += len(now)

    def _side_by_side(self, run: Run, channels: Sequence[Sequence[Signal]]) -> list[Signal]:
        from morphsep.models import lane_threads

        starts = range(0, len(channels), self.size)
        stacked = [
            [np.stack(part) for part in zip(*channels[start : start + self.size], strict=True)]
            for start in starts
        ]
        with lane_threads(min(self.lanes, len(starts))) as pool:
            futures = [pool.submit(run, *parts) for parts in stacked]
            return [result for future in futures for result in future.result()]

    def _fewer(self, size: int, at_once: int) -> None:
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if at_once == 1:
            raise TrackError(
                "out_of_memory",
                "The memory does not hold one chunk: use shorter chunks (--chunk 5), free some "
                "memory, or set the device to cpu.",
            )
        self.size, self.lanes = (size, 1) if self.lanes > 1 else (size // 2, 1)
        self.warn(f"Memory ran out with {at_once} channels of chunks at once; went on with fewer.")
