"""Processing in frames on a grid that starts at the song's sample 0.

Cutting a passage elsewhere never moves a frame, so two overlapping passages compute the same
numbers where they overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Signal

Float = TypeVar("Float", bound=np.floating[Any])
ROWS = 8
"""Frames times channels at a time: enough for SIMD across the rows of an FFT, few enough to stay in
the cache."""
SHORT_BATCH = 8
"""The same for the shorter frames of ``overlap_add``, in frames."""


def framed(signal: Signal, start: int, size: int, before: int, after: int) -> tuple[Signal, int]:
    """Overlapping frames of a signal, as a view.

    Frame k holds the song's samples ``[k * hop - before, (k + 1) * hop + after)`` with
    ``hop = size - before - after``; outside the signal there are zeros.

    Returns:
        ``[C, frames, size]``, and the song's sample at which the first frame's hop starts.
    """
    hop = size - before - after
    length = signal.shape[-1]
    first = start // hop
    last = (start + length - 1) // hop
    left = start - (first * hop - before)
    right = (last + 1) * hop + after - (start + length)
    padded = np.pad(signal, ((0, 0), (left, right)))
    view = np.lib.stride_tricks.sliding_window_view(padded, size, axis=-1)[:, ::hop]
    return view, first * hop


def overlap_save(
    signal: Signal,
    start: int,
    *,
    size: int,
    before: int,
    after: int,
    apply: Callable[[Signal, slice], Signal],
) -> Signal:
    """Apply a function with a finite memory to a signal of any length.

    Args:
        signal: ``[C, T]``.
        start: the song's sample of ``signal[:, 0]``.
        size: samples a frame.
        before: samples that ``apply`` needs on the left; its output there is dropped.
        after: the same on the right.
        apply: ``(frames [C, F, size], which frames) -> [C, F, size]``.
    """
    frames, origin = framed(signal, start, size, before, after)
    out = np.empty((*frames.shape[:2], size - before - after), np.float32)
    batch = max(ROWS // signal.shape[0], 1)
    for i in range(0, frames.shape[1], batch):
        these = slice(i, min(i + batch, frames.shape[1]))
        out[:, these] = apply(frames[:, these], these)[..., before : size - after]
    flat = out.reshape(signal.shape[0], -1)
    return flat[:, start - origin :][:, : signal.shape[-1]]


def overlap_add(
    signal: Signal,
    start: int,
    *,
    hop: int,
    size: int,
    response: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.complex64]],
) -> Signal:
    """A filter that changes with time: frozen within a frame, crossfaded from frame to frame.

    Hann windows of ``2 * hop`` samples sum to one, so a response that stays the same is an exact
    convolution; the filter may ring for ``size - 2 * hop`` samples.

    Args:
        signal: ``[C, T]``.
        start: the song's sample of ``signal[:, 0]``.
        hop: samples from frame to frame.
        size: samples of the FFT.
        response: the song's samples at the frames' centres ``[F]`` -> ``[F, size // 2 + 1]``.
    """
    from scipy import fft

    frames, origin = framed(signal, start, 2 * hop, hop, 0)
    window = np.hanning(2 * hop + 1)[:-1].astype(np.float32)
    count = frames.shape[1]
    segments = size // hop
    out = np.zeros((signal.shape[0], count + segments, hop), np.float32)
    for i in range(0, count, SHORT_BATCH):
        these = frames[:, i : i + SHORT_BATCH] * window
        centres = origin + hop * np.arange(i, i + these.shape[1])
        wet = fft.irfft(fft.rfft(these, size) * response(centres), size)
        parts = wet.reshape(*wet.shape[:2], segments, hop)
        for k in range(segments):
            out[:, i + k : i + k + these.shape[1]] += parts[:, :, k]
    flat = out.reshape(signal.shape[0], -1)
    offset = start - (origin - hop)
    return flat[:, offset : offset + signal.shape[-1]]


def knots(start: int, length: int, step: int) -> npt.NDArray[np.int64]:
    """Positions every ``step`` samples of the song around a signal, counted from its first sample:
    the first is ``start % step`` samples before it, the last after its end."""
    return np.arange(-(start % step), length + step, step)


def straight(knots: npt.NDArray[Float], step: int) -> npt.NDArray[Float]:
    """Straight lines between values ``step`` samples apart, ``[n] -> [(n - 1) * step]``."""
    ramp = (np.arange(step) / step).astype(knots.dtype)
    lines = np.diff(knots)[:, None] * ramp
    lines += knots[:-1, None]
    return lines.reshape(-1)
