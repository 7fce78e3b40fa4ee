"""Runs a function over a stack in batches that fit the memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from morphsep.errors import TrackError
from morphsep.models import is_out_of_memory

if TYPE_CHECKING:
    import torch


def batched(
    function: Callable[[torch.Tensor], torch.Tensor],
    stack: torch.Tensor,
    batch: int,
    warn: Callable[[str], None],
) -> torch.Tensor:
    """Apply `function` to ``[B, ...]``, up to `batch` rows at once.

    Args:
        function: its result for a row must not depend on the other rows, except by rounding.
        warn: called when memory runs out and batches are halved.

    Raises:
        TrackError: one row alone does not fit.
    """
    import torch

    made: list[torch.Tensor] = []
    done, size = 0, batch
    while done < len(stack):
        try:
            made.append(function(stack[done : done + size]))
            done += size
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if size == 1:
                raise TrackError(
                    "out_of_memory",
                    "The memory of the device does not hold one chunk of the diffusion model: "
                    "free some, use a GPU with more, shorten --chunk, or set the device to cpu.",
                ) from error
            size //= 2
            warn("the device's memory did not hold a whole batch of chunks, so it was halved")
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
    return torch.cat(made)
