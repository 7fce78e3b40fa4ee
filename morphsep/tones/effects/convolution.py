"""Convolution with long responses, on a grid that starts at the song's sample 0."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Signal
from morphsep.tones.effects.frames import framed

HOP = 8192
"""Samples a partition, and from one response to the next where it moves: 0.19 s."""
Spectra = npt.NDArray[np.complex64]
Matrix = Callable[[Spectra, Spectra], Spectra]
"""Spectra of the channels ``[C, ..., F]`` and of the responses ``[R, F]`` -> of the outputs
``[C, ..., F]``."""


def convolved(signal: Signal, start: int, responses: Signal, matrix: Matrix) -> Signal:
    """A signal ``[C, T]`` through responses ``[R, L]``: overlap-save, in partitions of one size
    (Wefers, "Partitioned convolution algorithms for real-time auralization", 2015).

    Needs ``L + HOP`` samples before.
    """
    from scipy import fft

    count = -(-responses.shape[1] // HOP)
    padded = np.pad(responses, ((0, 0), (0, count * HOP - responses.shape[1])))
    parts = fft.rfft(padded.reshape(-1, count, HOP), 2 * HOP)
    frames, origin = framed(signal, start, 2 * HOP, HOP, 0)
    spectra = fft.rfft(frames)
    total = np.zeros_like(spectra)
    for k in range(min(count, frames.shape[1])):
        total[:, k:] += matrix(spectra[:, : frames.shape[1] - k], parts[:, k])
    flat = fft.irfft(total, 2 * HOP)[..., HOP:].reshape(signal.shape[0], -1)
    return np.asarray(flat[:, start - origin :][:, : signal.shape[-1]], np.float32)


def crossfaded(
    signal: Signal, start: int, responses: Callable[[int], Signal], matrix: Matrix
) -> Signal:
    """The same with responses that change: what sounds while they do is shared out between those
    before and after, and rings on in the response that it began in.

    Needs ``HOP`` samples more before, and after.

    Args:
        signal: ``[C, T]``.
        start: the song's sample of ``signal[:, 0]``.
        responses: a sample from ``signal[:, 0]`` on, within the signal -> ``[R, L]``; ``L`` may
            differ. The same array again where nothing has changed saves its transform.
        matrix: see ``Matrix``.
    """
    from scipy import fft

    frames, origin = framed(signal, start, 2 * HOP, HOP, 0)
    window = np.hanning(2 * HOP + 1)[:-1].astype(np.float32)
    first = start - (origin - HOP)
    out = np.zeros((signal.shape[0], first + signal.shape[-1]), np.float32)
    held, spectra = None, np.zeros((0, 0), np.complex64)
    for i in range(frames.shape[1]):
        response = responses(min(max(origin + i * HOP - start, 0), signal.shape[-1] - 1))
        size = fft.next_fast_len(2 * HOP + response.shape[1], real=True)
        if response is not held:
            held, spectra = response, fft.rfft(response, size)
        wet = fft.irfft(matrix(fft.rfft(frames[:, i] * window, size), spectra), size)
        room = out[:, i * HOP :][:, :size]
        room += wet[:, : room.shape[1]]
    return out[:, first:]
