"""Joins chunks inaudibly and scores every seam. Pure.

A crossfade alone repeats a model's edge errors in every seam, so chunks come here with their
context already thrown away (design, section 6); what is left to do is to keep the power constant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from morphsep.dsp.grid import Grid, Span
from morphsep.dsp.signal import MODEL_RATE, Signal

FLANK = MODEL_RATE // 2
"""Samples on each side of a seam that its score compares it with."""


def correlation(left: Signal, right: Signal) -> float:
    """Normalised correlation of two signals ``[C, T]`` in [0, 1]; 1 if either is silent."""
    power = float(np.vdot(left, left)) * float(np.vdot(right, right))
    if power <= 0.0:
        return 1.0
    return float(np.clip(float(np.vdot(left, right)) / power**0.5, 0.0, 1.0))


def crossfade(left: Signal, right: Signal) -> Signal:
    """Fades from `left` to `right` (both ``[C, T]``, the same moments) at constant power.

    The gains follow the measured correlation r: with raised-cosine weights a + b = 1 they are
    a/n and b/n, n^2 = a^2 + b^2 + 2 r a b: amplitude-complementary where the sides agree (r = 1),
    power-complementary where they do not (r = 0). Fink, Holters, Zoelzer, "Signal-matched
    power-complementary cross-fading and dry-wet mixing", DAFx-16.
    """
    num_samples = left.shape[-1]
    phase = (np.arange(num_samples) + 0.5) * (np.pi / 2 / max(num_samples, 1))
    b = np.sin(phase) ** 2
    a = 1.0 - b
    norm = np.sqrt(a * a + b * b + 2 * correlation(left, right) * a * b)
    joined: Signal = (left * (a / norm) + right * (b / norm)).astype(np.float32)
    return joined


@dataclass(frozen=True, slots=True)
class SeamScore:
    """How far a seam stands out from the half second before and after it (0 dB: not at all), less
    what stands out at the same position before morphing: an onset in the music is no fault."""

    step_db: float
    """Largest jump in slope within the seam against the largest beside it, dB."""
    flux_db: float
    """Largest spectral flux (rising log-magnitudes) within the seam against that beside it, dB."""
    correlation: float
    """Measured correlation of the two sides, 0 to 1."""


def seam_score(window: Signal, original: Signal, seam: Span, agreement: float) -> SeamScore:
    """Scores the seam at samples `seam` of `window` ``[C, T]``, flanks included.

    Args:
        original: ``[C, T]``, the same moments before morphing.
        agreement: measured correlation of the two sides.
    """
    step = _step_stand_out(window, seam) - max(_step_stand_out(original, seam), 0.0)
    flux = _flux_stand_out(window, seam) - max(_flux_stand_out(original, seam), 0.0)
    return SeamScore(step, flux, agreement)


def _step_stand_out(window: Signal, seam: Span) -> float:
    bend = np.abs(np.diff(window, n=2, axis=-1)).max(axis=0, initial=0.0)
    # two samples more: a jump AT the seam's edge bends across it
    return _stand_out(bend, max(seam.start - 2, 0), seam.stop)


def _stand_out(curve: Signal, start: int, stop: int) -> float:
    beside = max(curve[:start].max(initial=0.0), curve[stop:].max(initial=0.0))
    within = curve[start:stop].max(initial=0.0)
    floor = 1e-7
    return float(20 * np.log10((within + floor) / (beside + floor)))


def _flux_stand_out(window: Signal, seam: Span, size: int = 1024, hop: int = 256) -> float:
    mono = window.mean(axis=0)
    if mono.size < size + hop:
        return 0.0
    frames = np.lib.stride_tricks.sliding_window_view(mono, size)[::hop] * np.hanning(size)
    level = np.log10(np.abs(np.fft.rfft(frames, axis=-1)) + 1e-4)
    flux = np.maximum(np.diff(level, axis=0), 0.0).mean(axis=-1)
    # frame i + 1 brings in samples up to (i + 1) * hop + size
    first = max((seam.start - size) // hop, 0)
    return _stand_out(flux.astype(np.float32), first, seam.stop // hop + 1)


@dataclass(frozen=True, slots=True)
class Piece:
    """Stitched samples, in song order."""

    start: int
    """The song's sample of ``audio[:, 0]``."""
    audio: Signal
    seam: tuple[int, SeamScore] | None = None
    """Index of the later chunk and the score, if this piece is a seam."""


def stitch(
    grid: Grid,
    num_samples: int,
    section: Span,
    render: Callable[[int], Signal],
    original: Callable[[int, int], Signal],
) -> Iterator[Piece]:
    """The samples of `section`, each exactly once, from the chunks that touch it.

    Args:
        render: gives chunk `i` as ``[C, T]`` over ``grid.span(i, num_samples)``; called once for
            each chunk, in order. At most two chunks are held.
        original: ``original(start, n)`` gives the track before morphing, for the seams' scores.
    """
    left: Signal | None = None
    for index in grid.touching(section, num_samples):
        span = grid.span(index, num_samples)
        here = render(index)
        body = span.start
        if left is not None:
            seam = grid.seam(index, num_samples)
            joined, score = _join(left, here, seam, original)
            yield from _within(Piece(seam.start, joined, (index, score)), section)
            body = seam.stop
        elif index > 0:
            # this section begins after the seam, which belongs to the section before
            body = grid.seam(index, num_samples).stop
        until = span.stop
        if index + 1 < grid.num_chunks(num_samples):
            until = grid.seam(index + 1, num_samples).start
        yield from _within(Piece(body, here[:, body - span.start : until - span.start]), section)
        left = here


def _join(
    left: Signal, right: Signal, seam: Span, original: Callable[[int, int], Signal]
) -> tuple[Signal, SeamScore]:
    overlap = seam.num_samples
    tail, head = left[:, left.shape[-1] - overlap :], right[:, :overlap]
    joined = tail if np.array_equal(tail, head) else crossfade(tail, head)
    before = left[:, max(left.shape[-1] - overlap - FLANK, 0) : left.shape[-1] - overlap]
    window = np.concatenate([before, joined, right[:, overlap : overlap + FLANK]], axis=-1)
    shift = before.shape[-1]
    was = original(seam.start - shift, window.shape[-1])
    return joined, seam_score(window, was, Span(shift, shift + overlap), correlation(tail, head))


def _within(piece: Piece, section: Span) -> Iterator[Piece]:
    stop = piece.start + piece.audio.shape[-1]
    a, b = max(piece.start, section.start), min(stop, section.stop)
    if a < b:
        # a seam belongs to the section in which it begins
        seam = piece.seam if piece.start >= section.start else None
        yield Piece(a, piece.audio[:, a - piece.start : b - piece.start], seam)
