"""The knob, where a curve turns it."""

from __future__ import annotations

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.errors import SettingError
from morphsep.request import Curve, parse_amount


def parse_knob(text: str) -> Curve:
    """The curve that a user writes.

    Raises:
        SettingError: it is none, or an amount that is known only when the song is over.
    """
    amount = parse_amount(text)
    if not isinstance(amount, Curve):
        raise SettingError(
            f"{text!r} follows a whole song, which live does not know: give a number or a curve"
        )
    return amount


def knob_at(curve: Curve, num_samples: int, sample_rate: int) -> Signal:
    """The amount at each sample of a recording, ``[T]``."""
    when, what = zip(*curve.points, strict=True)
    places = np.arange(num_samples) * (MODEL_RATE / sample_rate)
    return np.asarray(np.interp(places, when, what), np.float32)
