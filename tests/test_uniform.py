"""The perceptual warp: exact ends, monotone, and equal steps after it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsep.backends import Passage
from morphsep.backends.crossfade import Crossfade
from morphsep.backends.spectral import Spectral
from morphsep.errors import SettingError
from morphsep.metrics.melposition import mel_position
from morphsep.signal import MODEL_RATE, Signal
from morphsep.tones import Tone
from morphsep.uniform import Warp, excerpt, isotonic, measure


@dataclass(frozen=True, kw_only=True)
class Drive:
    """tanh; 0 dB is the stem itself."""

    decibels: float = 0.0
    name: str = "drive"
    description: str = "synthetic"
    context: tuple[int, int] = (0, 0)

    def fingerprint(self) -> str:
        return repr(self)

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        if self.decibels == 0:
            return stem
        return (0.1 * np.tanh(stem * 10 ** (self.decibels / 20))).astype(np.float32)


CLEAN, DRIVEN = Drive(), Drive(decibels=30.0)


def plucks(seconds: float, pitch: float = 110.0) -> Signal:
    length = int(seconds * MODEL_RATE)
    time = np.arange(length) / MODEL_RATE
    since = time % 0.7
    waves = [
        0.05 / k * np.sin(2 * np.pi * f * k * time) * np.exp(-(2 + k / 2) * since)
        for f in (pitch, 1.5 * pitch, 2.01 * pitch)
        for k in range(1, 9)
    ]
    mono = np.sum(waves, axis=0)
    return np.stack((mono, 0.7 * mono)).astype(np.float32)


def positions(backend: Spectral | Crossfade, stem: Signal, warp: Warp) -> np.ndarray:
    """Mel positions at the amounts 0.1 ... 0.9."""
    found = []
    for amount in np.arange(1, 10) / 10:
        curve = warp(np.full(stem.shape[1], amount, np.float32))
        each = Passage(
            stem=stem, start=0, amount=curve, source_tone=CLEAN, target_tone=DRIVEN, level=-20.0
        )
        found.append(mel_position(backend.morph([each])[0], each.source, each.target))
    return np.array(found)


@pytest.mark.parametrize("backend", [Spectral(), Crossfade()], ids=lambda each: each.name)
def test_equal_steps_of_the_amount_become_equal_steps_of_the_position(
    backend: Spectral | Crossfade,
) -> None:
    stem = plucks(2.0)
    warp = measure(backend, CLEAN, DRIVEN, stem, 0, -20.0)
    found = positions(backend, stem, warp)
    assert np.abs(found - np.arange(1, 10) / 10).max() < 0.05
    assert (np.diff(found) > 0).all()


def test_a_warp_helps_on_notes_that_it_was_not_measured_on() -> None:
    other = plucks(1.5, pitch=147.0)
    warp = measure(Crossfade(), CLEAN, DRIVEN, plucks(2.0), 0, -20.0)
    amounts = np.arange(1, 10) / 10
    before, after = (
        np.abs(positions(Crossfade(), other, each) - amounts).max() for each in (Warp(), warp)
    )
    assert after < before / 2


def test_tones_that_sound_the_same_need_no_warp() -> None:
    stem = plucks(1.0)
    assert measure(Crossfade(), CLEAN, CLEAN, stem, 0, -20.0) == Warp()
    assert measure(Crossfade(), CLEAN, DRIVEN, 0 * stem, 0, -20.0) == Warp()


def test_ends_are_rendered_once() -> None:
    renders = []

    @dataclass(frozen=True, kw_only=True)
    class Counted(Drive):
        def render(self, stem: Signal, start: int, level: float) -> Signal:
            renders.append(self.decibels)
            return super().render(stem, start, level)

    measure(Crossfade(), Counted(), Counted(decibels=30.0), plucks(1.0), 0, -20.0)
    assert sorted(renders) == [0.0, 30.0]


def test_a_pair_that_the_backend_refuses_is_refused_here() -> None:
    class Picky(Crossfade):
        def context(self, source: Tone, target: Tone) -> tuple[int, int]:
            raise SettingError("not this pair")

    with pytest.raises(SettingError, match="not this pair"):
        measure(Picky(), CLEAN, DRIVEN, plucks(1.0), 0, -20.0)


def test_amount_that_goes_back_and_forth_still_gives_a_monotone_warp() -> None:
    class Wobbly(Crossfade):
        """Position falls between the amounts 0.4 and 0.6."""

        def morph(self, passages: Sequence[Passage]) -> list[Signal]:
            bent = []
            for each in passages:
                a = np.interp(each.amount, [0, 0.4, 0.6, 1], [0, 0.3, 0.05, 1])
                bent.append(each.source * (1 - a) + each.target * a)
            return [np.asarray(x, np.float32) for x in bent]

    warp = measure(Wobbly(), CLEAN, DRIVEN, plucks(1.0), 0, -20.0)
    curve = warp(np.linspace(0, 1, 1001, dtype=np.float32))
    assert (np.diff(curve) >= 0).all()
    assert len(warp.positions) > 3


@given(
    knots=st.lists(st.floats(0.001, 0.999), unique=True, max_size=12),
    seed=st.integers(0, 99),
)
def test_warp_is_exact_at_the_ends_monotone_and_survives_json(
    knots: list[float], seed: int
) -> None:
    amounts = np.sort(np.random.default_rng(seed).uniform(0, 1, len(knots))).tolist()
    warp = Warp(positions=(0.0, *sorted(knots), 1.0), amounts=(0.0, *amounts, 1.0))
    curve = warp(np.linspace(0, 1, 501, dtype=np.float32))
    assert curve.dtype == np.float32
    assert curve[0] == 0
    assert curve[-1] == 1
    assert (np.diff(curve) >= 0).all()
    assert Warp.from_json(json.loads(json.dumps(warp.to_json()))) == warp


def test_no_warp_changes_nothing() -> None:
    curve = np.random.default_rng(0).uniform(0, 1, 100).astype(np.float32)
    np.testing.assert_array_equal(Warp()(curve), curve)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20))
def test_isotonic_is_monotone_and_keeps_the_mean(values: list[float]) -> None:
    fitted = isotonic(np.array(values))
    assert (np.diff(fitted) >= -1e-12).all()
    assert fitted.mean() == pytest.approx(np.mean(values), abs=1e-9)
    np.testing.assert_allclose(isotonic(np.sort(values)), np.sort(values))


@pytest.mark.parametrize(
    ("levels", "extra", "start"),
    [
        ([0.1, 0.1, 0.1, 0.8, 0.8, 0.8, 0.8, 0.9], 0, 4 * MODEL_RATE),
        ([0.1, 0.1, 0.1], 0, 0),
        ([0.0, 0.0, 0.0, 0.7, 0.7], 0, 3 * MODEL_RATE),
        ([0.0, 0.0, 0.9], -22_050, MODEL_RATE - 22_050),
        ([0.0, 0.0, 0.0], 0, 0),
        ([0.4], -1000, 0),
        ([], 10, 0),
    ],
)
def test_excerpt_is_where_the_energy_is(levels: list[float], extra: int, start: int) -> None:
    num_samples = len(levels) * MODEL_RATE + extra
    ramp = np.arange(num_samples, dtype=np.float32)[None]
    stem, at = excerpt(lambda a, n: ramp[:, a : a + n], num_samples, levels, seconds=2)
    assert at == start
    assert stem.shape == (1, min(num_samples, 2 * MODEL_RATE))
    assert stem[0, 0] == start


def test_excerpt_is_neither_the_loudest_nor_the_quietest_place() -> None:
    levels = [0.1] * 10 + [0.3] * 20 + [0.9] * 2
    _, start = excerpt(
        lambda a, n: np.zeros((1, n), np.float32), 32 * MODEL_RATE, levels, seconds=2
    )
    assert 10 <= start // MODEL_RATE < 30
