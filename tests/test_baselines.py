"""Crossfade and vocoder: the baselines that a morph has to beat."""

from __future__ import annotations

import numpy as np
import pytest

from morphsep.backends.backend import Backend, Passage
from morphsep.backends.crossfade import Crossfade
from morphsep.backends.vocoder import Vocoder
from morphsep.dsp.signal import MODEL_RATE, Signal
from tests import songs

CLEAN, DRIVEN = songs.Drive(), songs.Drive(decibels=30.0, context=(3, 11))
BACKENDS = (Crossfade(), Vocoder())


def tone(seconds: float = 1.0) -> Signal:
    time = np.arange(int(seconds * MODEL_RATE)) / MODEL_RATE
    waves = [np.sin(2 * np.pi * f * time) * np.exp(-2 * time) for f in (196.0, 247.0)]
    return (0.1 * np.stack(waves)).astype(np.float32)


def passage(stem: Signal, amount: float | Signal, start: int = 0) -> Passage:
    curve = np.broadcast_to(np.float32(amount), stem.shape[1]).astype(np.float32)
    return Passage(
        stem=stem, start=start, amount=curve, source_tone=CLEAN, target_tone=DRIVEN, level=-20.0
    )


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda each: each.name)
def test_ends_are_exact(backend: Backend) -> None:
    stem = tone()
    source, target = (passage(stem, amount) for amount in (0.0, 1.0))
    first, last = backend.morph([source, target])
    np.testing.assert_array_equal(first, source.source)
    np.testing.assert_array_equal(last, target.target)


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda each: each.name)
def test_the_curve_is_followed_inside_a_passage(backend: Backend) -> None:
    stem = tone()
    curve = np.clip(np.linspace(-1, 2, stem.shape[1]), 0, 1).astype(np.float32)
    each = passage(stem, curve)
    (morphed,) = backend.morph([each])
    np.testing.assert_array_equal(morphed[:, curve == 0], each.source[:, curve == 0])
    np.testing.assert_array_equal(morphed[:, curve == 1], each.target[:, curve == 1])
    assert morphed.dtype == np.float32


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda each: each.name)
def test_context_covers_both_tones(backend: Backend) -> None:
    before, after = backend.context(CLEAN, DRIVEN)
    assert before >= 7
    assert after >= 11


def test_crossfade_is_the_weighted_sum() -> None:
    each = passage(tone(), 0.25)
    (morphed,) = Crossfade().morph([each])
    np.testing.assert_allclose(morphed, 0.75 * each.source + 0.25 * each.target, atol=1e-7)


def test_vocoder_agrees_with_itself_however_the_song_is_cut() -> None:
    stem = tone(1.5)
    curve = np.linspace(0.1, 0.9, stem.shape[1]).astype(np.float32)
    (whole,) = Vocoder().morph([passage(stem, curve, start=100)])
    (part,) = Vocoder().morph([passage(stem[:, 7_777:50_001], curve[7_777:50_001], start=7_877)])
    before, after = Vocoder().context(CLEAN, DRIVEN)
    difference = whole[:, 7_777 + before : 50_001 - after] - part[:, before:-after]
    assert np.sqrt(np.mean(difference**2)) <= 1e-6


def test_vocoder_reaches_the_targets_band_levels_with_the_sources_partials() -> None:
    """Near the end the fundamental's level is the target's, but a partial that the source lacks
    stays missing: why this is a baseline."""
    each = passage(tone(), 0.94)
    (morphed,) = Vocoder().morph([each])
    mid = slice(MODEL_RATE // 4, 3 * MODEL_RATE // 4)

    def line(x: Signal, frequency: float) -> float:
        time = np.arange(x.shape[1])[mid] / MODEL_RATE
        carrier = np.hanning(len(time)) * np.exp(-2j * np.pi * frequency * time)
        return float(20 * np.log10(np.abs(x[0, mid] @ carrier) + 1e-9))

    assert abs(line(morphed, 196.0) - line(each.target, 196.0)) < 2
    assert line(morphed, 5 * 196.0) < line(each.target, 5 * 196.0) - 10
