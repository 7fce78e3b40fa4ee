"""How far the seams between chunks stand out of a finished sound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal, Span, seam_score


class WorstSeam(NamedTuple):
    """The worst of all seams, in dB above the half second on both sides; 0 and less: not heard."""

    step_db: float
    flux_db: float


def worst_seam(morphed: Signal, original: Signal, seams: Sequence[Span]) -> WorstSeam:
    """Largest step and largest spectral flux at any seam, less what the original has there; both
    ``[C, T]`` at 44.1 kHz. The scores of the manifest (`morphsep.dsp.SeamScore`), taken from the
    finished sound. NaN without seams. Our own."""
    if not seams:
        return WorstSeam(float("nan"), float("nan"))
    scores = [_score(morphed, original, seam) for seam in seams]
    return WorstSeam(*np.max(scores, axis=0).tolist())


def _score(morphed: Signal, original: Signal, seam: Span) -> tuple[float, float]:
    flank = MODEL_RATE // 2
    start, stop = max(seam.start - flank, 0), min(seam.stop + flank, morphed.shape[-1])
    within = Span(seam.start - start, seam.stop - start)
    # the correlation of the two sides is not in the finished sound, and not in these two scores
    score = seam_score(morphed[:, start:stop], original[:, start:stop], within, float("nan"))
    return score.step_db, score.flux_db
