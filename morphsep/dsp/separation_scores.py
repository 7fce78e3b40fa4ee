"""How close a separated stem comes to the true one.

Formulas: J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR - half-baked or well done?",
ICASSP 2019 (arXiv:1811.02508), equation 3. Signals of several channels count as one long vector,
so that a wrong balance between the channels counts, and a silent channel does not.
"""

from __future__ import annotations

import numpy as np

from morphsep.dsp.signal import Signal, dbfs


def si_sdr(estimate: Signal, reference: Signal) -> float:
    """Scale-invariant signal-to-distortion ratio in dB, of `estimate` against `reference`.

    Both ``[C, T]`` (or ``[T]``). inf where the estimate is the reference up to a gain, -inf where
    it contains nothing of the reference (or is silent), nan where the reference is silent: there
    the ratio has no meaning.

    Raises:
        ValueError: the shapes differ.
    """
    if estimate.shape != reference.shape:
        raise ValueError(f"shapes differ: {estimate.shape} and {reference.shape}")
    wanted = reference.astype(np.float64).ravel()
    given = estimate.astype(np.float64).ravel()
    energy = float(wanted @ wanted)
    if energy == 0:
        return float("nan")
    target = (float(given @ wanted) / energy) * wanted
    error = given - target
    return _ratio_db(float(target @ target), float(error @ error))


def si_sdr_improvement(estimate: Signal, reference: Signal, mix: Signal) -> float:
    """By how many dB `estimate` is closer to `reference` than the unprocessed `mix` is, ``[C, T]``.

    Raises:
        ValueError: the shapes differ.
    """
    return si_sdr(estimate, reference) - si_sdr(mix, reference)


def null_residual(mix: Signal, *parts: Signal) -> float:
    """RMS in dBFS of what is left of `mix` when `parts` are taken from it; -inf for a perfect null.

    All ``[C, T]``. ``null_residual(mix, stem, backing)`` measures promise 3 of the design.

    Raises:
        ValueError: the shapes differ.
    """
    left = mix.astype(np.float64)
    for part in parts:
        if part.shape != mix.shape:
            raise ValueError(f"shapes differ: {part.shape} and {mix.shape}")
        left = left - part
    return dbfs(float(np.sqrt(np.mean(left**2)))) if left.size else float("-inf")


def _ratio_db(target: float, error: float) -> float:
    if target == 0:
        return float("-inf")
    return float(10 * np.log10(target / error)) if error > 0 else float("inf")
