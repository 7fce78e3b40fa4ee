"""Does a sound between two tones sound like two guitars? Two measures of our own.

Chosen among nine on 60 pairs (6 transitions of ten 3 s clips, real and synthesised; the true knob
by ``chain`` against a crossfade of its ends). Not kept, because they separate the two worse:
partials counted, agreement of the bands' envelopes, spread of the positions of cells, distance to
the louder end. No listener has judged either.
"""

from __future__ import annotations

import numpy as np

from morphsep.dsp import Signal, hann, mel_power
from morphsep.evaluation.metrics.floats import Floats

APART_DB = 6.0
"""Difference of the ends above which a cell tells them apart."""
RANGE_DB = 50.0
"""Below the loudest cell of both ends: cells further down are not heard."""
LEAST_CELLS = 20
"""On either side, for a median."""
N_FFT = 2048
HOP = 512
BAND_EDGES = (0, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, N_FFT // 2 + 1)
"""Bins, about an equal number of bands an octave."""


def lean_to_louder(morphed: Signal, source: Signal, target: Signal, sample_rate: int) -> float:
    """How far a sound leans to the louder end, cell by cell of the mel spectrogram; all
    ``[C, T]``, loudness-matched. No unit, about -1 to 1, best near 0: 0 where every cell is as far
    on its way in dB from source to target, towards 1 where each is as the louder of both, towards
    -1 where each is as the softer.

    Two guitars at once are heard by the louder one in each cell, a single guitar between them is
    between them everywhere. The median position in dB of the cells where the target is louder by
    ``APART_DB``, less that of the cells where the source is. NaN if either are few. Compare it
    with a crossfade's at the same amount.
    """
    here, start, end = (mel_power(each, rate=sample_rate) for each in (morphed, source, target))
    largest = max(float(start.max()), float(end.max()))
    if largest <= 0:
        return float("nan")
    here, start, end = (_decibels(each, largest) for each in (here, start, end))
    way = end - start
    audible = np.maximum(start, end) > -RANGE_DB
    rising, falling = audible & (way > APART_DB), audible & (way < -APART_DB)
    if min(rising.sum(), falling.sum()) < LEAST_CELLS:
        return float("nan")
    return float(
        np.median((here - start)[rising] / way[rising])
        - np.median((here - start)[falling] / way[falling])
    )


def unmixed_part(morphed: Signal, source: Signal, target: Signal) -> float:
    """Level in dB, against the sound itself, of what no mix of both ends explains: the residual of
    least squares with one complex gain for each end and band of the STFT; all ``[C, T]``.

    A crossfade, or one by bands, is explained to rounding (-120 dB and below); so is a true knob
    that is a mix itself (a reverb's). It takes the ends' phases: a crossfade of delayed or
    resynthesised ends is not seen, `lean_to_louder` sees it. NaN for silence.
    """
    here, start, end = (_bands(each) for each in (morphed, source, target))
    total = sum(float(np.vdot(x, x).real) for x in here)
    if total == 0:
        return float("nan")
    left = sum(_unexplained(*bands) for bands in zip(here, start, end, strict=True))
    return float(10 * np.log10(max(left / total, 1e-15)))


def _unexplained(here: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    """Energy of one band's residual."""
    both = np.stack([start, end], axis=1)
    gains, *_ = np.linalg.lstsq(both, here, rcond=None)
    residual = here - both @ gains
    return float(np.vdot(residual, residual).real)


def _bands(sound: Signal) -> list[np.ndarray]:
    """The STFT in double precision, each band as one row of all its values."""
    padded = np.pad(sound.astype(np.float64), ((0, 0), (N_FFT // 2, N_FFT // 2)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT, axis=-1)[:, ::HOP]
    spectrum = np.fft.rfft(frames * hann(N_FFT), axis=-1)
    return [part.ravel() for part in np.split(spectrum, BAND_EDGES[1:-1], axis=-1)]


def _decibels(power: np.ndarray, reference: float) -> Floats:
    return 10 * np.log10(np.maximum(power.astype(np.float64) / reference, 1e-8))
