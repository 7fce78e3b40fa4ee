"""Chorus, flanger and phaser against their formulas, sample by sample and bin by bin."""

from __future__ import annotations

import numpy as np
import pytest

from morphsep.dsp.signal import MODEL_RATE, Signal
from morphsep.tones.effects.modulation import Flanger
from morphsep.tones.effects.phaser import LOWEST, STAGES, Phaser


def noise(size: int, channels: int = 2) -> Signal:
    return np.random.default_rng(1).uniform(-0.3, 0.3, (channels, size)).astype(np.float32)


@pytest.mark.parametrize("start", [0, -100, 54_321])
@pytest.mark.parametrize("feedback", [0.0, 0.4, 0.9])
def test_a_flanger_feeds_back_what_it_reads(feedback: float, start: int) -> None:
    signal, out = noise(2000), []
    settings = {
        "rate_hz": 0.7, "shortest_ms": 0.5, "longest_ms": 2.0, "feedback": feedback, "spread": 0.3,
    }  # fmt: skip
    for channel, row in enumerate(signal.astype(np.float64)):
        fed = np.zeros(1000 + row.size)
        read = np.empty(row.size)
        for i, sample in enumerate(row):
            turn = (start + i) / MODEL_RATE * 0.7 + 0.3 * channel
            delay = 0.5 * 4 ** (0.5 + 0.5 * np.sin(2 * np.pi * turn)) * MODEL_RATE / 1000
            base = int(np.floor(1000 + i - delay))
            near = np.arange(base - 1, base + 3)
            at = 1000 + i - delay
            weights = [
                np.prod([(at - k) / (j - k) for k in near if k != j]) for j in near
            ]  # fmt: skip
            read[i] = fed[near] @ weights
            fed[1000 + i] = sample - feedback * read[i]
        out.append(read)
    error = Flanger().process(signal, start, settings) - np.array(out)
    # straight lines between the delays of every 64th sample
    assert np.abs(error).max() < 1e-3


@pytest.mark.parametrize("feedback", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("hz", [LOWEST, 1000.0, 9000.0])
def test_a_phaser_at_rest_is_its_formula(hz: float, feedback: float) -> None:
    settings = {"rate_hz": 1.0, "depth": 0.0, "centre_frequency_hz": hz, "feedback": feedback}
    impulse = np.zeros((1, 65_536), np.float32)
    impulse[0, 0] = 1
    out = Phaser().process(impulse, 777, settings)[0]
    turn = np.pi * np.arange(32_769) / 65_536
    t = np.tan(np.minimum(turn, np.pi / 2 - 1e-9)) / np.tan(np.pi * hz / MODEL_RATE)
    stages = ((1 - 1j * t) / (1 + 1j * t)) ** STAGES
    expected = np.fft.irfft(stages / (1 + feedback * stages))
    assert np.abs(out - expected).max() < 1e-5
    before, after = Phaser().context(settings)
    assert after == 0
    assert np.sum(out[before:] ** 2) < 1e-8 * np.sum(out**2)
