"""Excerpts that stand for a whole stem."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from morphsep.dsp.grid import Span, samples
from morphsep.dsp.signal import MODEL_RATE, Seconds, Signal


def excerpt_spans(
    num_samples: int,
    rms_per_second: Sequence[float] | Signal,
    *,
    num_spans: int = 4,
    seconds: Seconds = 2.5,
    exponent: float = 2.0,
) -> list[Span]:
    """Where excerpts of a stem lie, each in the middle of an equal share of its energy.

    Args:
        num_samples: the stem's length at 44.1 kHz.
        rms_per_second: linear RMS of each second of the stem.
        exponent: of the RMS that is divided into equal shares: 2 is energy, less favours soft
            passages.

    Returns:
        Spans in order of time; the whole stem once if it is shorter than one span, none if it is
        silent.
    """
    weight = np.cumsum(np.asarray(rms_per_second, np.float64) ** exponent)
    if not weight.size or weight[-1] == 0:
        return []
    shares = (np.arange(num_spans) + 0.5) / num_spans * weight[-1]
    centres = np.interp(shares, [0.0, *weight], np.arange(weight.size + 1)) * MODEL_RATE
    length = min(samples(seconds), num_samples)
    starts = np.clip(np.rint(centres).astype(int) - length // 2, 0, num_samples - length)
    return [Span(start, start + length) for start in sorted(set(starts.tolist()))]


def excerpts(
    read: Callable[[int, int], Signal],
    num_samples: int,
    rms_per_second: Sequence[float] | Signal,
    context: tuple[int, int] = (0, 0),
) -> list[tuple[Signal, int]]:
    """Eight excerpts of a stem, soft passages among them: (``[C, T]``, first sample) each.

    One excerpt is not the song: with a map measured on 5 s of the demo song's riff, the morphs of
    its whole guitar came out up to 0.15 off in mel position; with four loud excerpts 0.02. From
    ambient, whose hall fills the pauses, towards fuzz it took eight, with soft ones: 0.11 -> 0.03.

    Args:
        read: ``read(start, n)`` -> ``[C, n]`` of the stem at 44.1 kHz, zeros outside.
        context: samples before and after each excerpt that come with it.
    """
    before, after = context
    return [
        (read(span.start - before, before + span.num_samples + after), span.start - before)
        for span in excerpt_spans(num_samples, rms_per_second, num_spans=8, exponent=0.5)
    ]
