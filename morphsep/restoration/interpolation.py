"""Fills gaps in a signal from what surrounds them: least squares under an autoregressive model.

Janssen, Veldhuis and Vries, "Adaptive interpolation of discrete-time signals that can be modeled
as autoregressive processes", IEEE Trans. ASSP 34 (1986), one iteration. Each gap is solved by
itself in float64, so that its samples do not depend on what else is repaired in the same call.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ORDER = 64
"""Of the model."""
SURROUNDINGS = 4 * ORDER
"""Samples on each side that the model is fitted to."""
WHITENING = 1.0001
"""Lag 0 against the others: a pure tone must not make the equations singular."""
LEAST_POWER = 1e-14


def filled(window: Floats, known: npt.NDArray[np.bool_], gap: slice) -> Floats:
    """The samples of a gap, ``[gap.stop - gap.start]``.

    Args:
        window: the signal, ``[T]``, with `SURROUNDINGS` samples on either side of the gap.
        known: False where samples are damaged, in this gap and in others, or beyond the recording.
        gap: what is wanted.
    """
    if not known.any():
        return np.zeros(gap.stop - gap.start)
    bridged = _bridged(window, known)
    before = bridged[gap.start - SURROUNDINGS : gap.start]
    after = bridged[gap.stop : gap.stop + SURROUNDINGS]
    correlation = _correlation(before) + _correlation(after)
    if correlation[0] < LEAST_POWER:
        return bridged[gap]
    return _least_squares(bridged, gap, _error_filter(correlation))


def _bridged(window: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """The other gaps filled with straight lines: their damage must not be modelled."""
    places = np.arange(window.size)
    return np.where(known, window, np.interp(places, places[known], window[known]))


def _correlation(part: Floats) -> Floats:
    return np.correlate(part, part, "full")[part.size - 1 :][: ORDER + 1]


def _error_filter(correlation: Floats) -> Floats:
    """``[ORDER + 1]``: what turns the signal into the model's prediction error."""
    from scipy.linalg import solve_toeplitz

    first = correlation[:-1].copy()
    first[0] *= WHITENING
    return np.concatenate(([1.0], -solve_toeplitz(first, correlation[1:])))


def _least_squares(bridged: Floats, gap: slice, error_filter: Floats) -> Floats:
    """The samples with which the prediction errors around the gap become least."""
    from scipy.linalg import solve_toeplitz

    size = gap.stop - gap.start
    without = bridged[gap.start - ORDER : gap.stop + ORDER].copy()
    without[ORDER : ORDER + size] = 0.0
    errors = np.convolve(without, error_filter, "valid")
    wanted = -np.correlate(errors, error_filter, "valid")
    column = np.zeros(size)
    lags = np.correlate(error_filter, error_filter, "full")[ORDER:][:size]
    column[: lags.size] = lags
    return np.asarray(solve_toeplitz(column, wanted))
