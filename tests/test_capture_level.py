"""The output level of a capture is measured and made up for, within bounds."""

from __future__ import annotations

import numpy as np
import pytest

from morphsep.dsp import from_db
from morphsep.tones.capture.rates import MOST_GAIN, restoring_gain


@pytest.mark.parametrize(
    ("level_db", "restored_db"), [(6.0, -6.0), (-30.0, 30.0), (-60.0, 40.0), (-120.0, 40.0)]
)
def test_a_nearly_silent_capture_is_not_raised_without_limit(
    level_db: float, restored_db: float
) -> None:
    factor = np.float32(from_db(level_db))
    gain = restoring_gain(lambda test: test * factor, 44_100, 0)
    assert gain == pytest.approx(from_db(restored_db), rel=1e-4)
    assert gain <= MOST_GAIN


def test_silence_stays_silence() -> None:
    assert restoring_gain(lambda test: test * 0, 44_100, 0) == 1.0
