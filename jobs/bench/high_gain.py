"""A model of a high-gain amplifier, to hold `distortion` against: slow and plain.

Three stages of a preamplifier, each a high-pass, a gain of 12 to 22 dB with a bias, a clipper whose
two sides differ, and a low-pass; eight-fold oversampled, in float64; behind them the cabinet of the
tone `distortion`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.tones import get_tone
from morphsep.tones.chain import EffectChain, run

OVERSAMPLING = 8
STAGES = ((4.0, 0.2, 200.0, 9000.0), (12.0, 0.25, 100.0, 9000.0), (8.0, 0.2, 60.0, 12_000.0))
"""Gain, bias, high-pass and low-pass in Hz of each."""
FULL = 0.126
"""Amplitude that stands for 1 at the first stage: the RMS of two channels as pedals expect them."""
COUPLING = 20.0
"""Hz below which nothing goes from stage to stage."""
CUT_OFF = 0.7
"""Where a stage clips below, against above."""


def high_gain(sound: Signal) -> Signal:
    """``[1, T]`` at the loudness that pedals expect, through the model."""
    from scipy.signal import resample_poly

    fine = resample_poly(sound[0].astype(np.float64), OVERSAMPLING, 1) / FULL
    for stage in STAGES:
        fine = _stage(fine, *stage)
    out = resample_poly(fine, 1, OVERSAMPLING)[: sound.shape[1]]
    return _cabinet((out * FULL).astype(np.float32)[None])


def _stage(
    signal: npt.NDArray[np.float64], gain: float, bias: float, lowest: float, highest: float
) -> npt.NDArray[np.float64]:
    driven = _band(signal, lowest, None) * gain + bias
    shaped = np.where(driven > 0, np.tanh(driven), CUT_OFF * np.tanh(driven / CUT_OFF))
    return _band(shaped, COUPLING, highest)


def _band(
    signal: npt.NDArray[np.float64], lowest: float, highest: float | None
) -> npt.NDArray[np.float64]:
    """First-order slopes."""
    from scipy.signal import butter, sosfilt

    rate = OVERSAMPLING * MODEL_RATE
    above = sosfilt(butter(1, lowest, "highpass", fs=rate, output="sos"), signal)
    if highest is None:
        return np.asarray(above)
    return np.asarray(sosfilt(butter(1, highest, "lowpass", fs=rate, output="sos"), above))


def _cabinet(signal: Signal) -> Signal:
    tone = get_tone("distortion")
    assert isinstance(tone, EffectChain)
    pedals = [pedal for pedal in tone.pedals if pedal.kind == "Cabinet"]
    return run([(pedal.effect, pedal.values) for pedal in pedals], signal, 0)
