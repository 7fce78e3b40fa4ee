"""What a recording is like, and whether a repaired one is still the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from morphsep.dsp import ArrayReader, Reader, Signal, Span, from_db
from morphsep.restoration import (
    Band,
    Bounds,
    Identity,
    Speed,
    added_above,
    difference_outside,
    identity,
    level_change,
    loudness,
    noise_level,
    pitch_deviation,
    repaired,
    rests_change,
    surviving_band,
    timing,
    within,
)

RATE = 44_100
DEMO = Path(__file__).parent.parent / "demo"


def sounding(samples: Signal, rate: int = RATE) -> Reader:
    return ArrayReader(np.ascontiguousarray(samples, np.float32), rate)


@pytest.fixture(scope="module")
def guitar() -> Signal:
    """``[1, 8 s]``."""
    return soundfile.read(DEMO / "guitar-clean.flac", dtype="float32")[0][None]


def noise(num_samples: int, dbfs: float) -> Signal:
    drawn = np.random.default_rng(7).standard_normal((1, num_samples))
    return (from_db(dbfs) * drawn).astype(np.float32)


def limited(sound: Signal, low_hz: float, high_hz: float) -> Signal:
    from scipy.signal import butter, sosfiltfilt

    cut = butter(8, (low_hz, high_hz), "band", fs=RATE, output="sos")
    return sosfiltfilt(cut, sound).astype(np.float32)


@pytest.mark.parametrize("high_hz", [3_000, 5_500])
def test_the_band_in_which_there_is_music(guitar: Signal, high_hz: float) -> None:
    limited_sound = limited(guitar, 150, high_hz) + noise(guitar.shape[1], -58)
    band = surviving_band(sounding(limited_sound))
    assert band.low_hz == pytest.approx(130, rel=0.25)
    assert band.high_hz == pytest.approx(high_hz, rel=0.25)


@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_silence_has_no_band_no_noise_and_no_loudness(rate: int) -> None:
    silence = sounding(np.zeros((2, rate)), rate)
    assert surviving_band(silence) == (0.0, 0.0)
    assert noise_level(silence) == loudness(silence) == float("-inf")


def test_the_level_of_noise_is_that_of_the_rests(guitar: Signal) -> None:
    hissy = np.concatenate([guitar, np.zeros((1, RATE)), np.zeros((1, RATE))], axis=1)
    hissy[:, : 9 * RATE] += noise(9 * RATE, -55)
    assert noise_level(sounding(hissy)) == pytest.approx(-55, abs=0.5)


def test_loudness_is_that_of_the_whole() -> None:
    tone = from_db(-20) * np.sin(2 * np.pi * 997 * np.arange(25 * RATE) / RATE)[None]
    assert loudness(sounding(tone)) == pytest.approx(-23, abs=0.1)


def test_what_did_not_change_is_within_all_bounds(guitar: Signal) -> None:
    same = identity(sounding(guitar), sounding(guitar), high_hz=5_000)
    assert same == Identity(
        pitch_cents=0, timing_ms=0, onset_f1=1, rests_db=0, level_db=0, added_above_db=0
    )
    assert Bounds().broken(same) == ()


def test_silence_and_noise_have_an_identity_too() -> None:
    for sound in (np.zeros((1, 9_000), np.float32), noise(9_000, -60)):
        same = identity(sounding(sound), sounding(sound), high_hz=5_000)
        assert Bounds().broken(same) == ()


@pytest.mark.parametrize("cents", [-10.0, 4.0])
def test_another_pitch_is_found(guitar: Signal, cents: float) -> None:
    step = Speed(ratio=2 ** (cents / 1200))
    other = repaired(sounding(guitar), step, step.look(sounding(guitar)))
    same_length = sounding(other.read(0, guitar.shape[1]))
    assert pitch_deviation(sounding(guitar), same_length) == pytest.approx(cents, abs=0.5)


@pytest.mark.parametrize("milliseconds", [-12, 7])
def test_notes_that_are_late_are_found(guitar: Signal, milliseconds: int) -> None:
    moved = np.roll(guitar, round(milliseconds * RATE / 1000), axis=1)
    late, _ = timing(sounding(guitar), sounding(moved))
    assert late == pytest.approx(milliseconds, abs=0.5)


def test_notes_that_are_gone_are_missed(guitar: Signal) -> None:
    held = guitar.copy()
    held[:, 2 * RATE : 6 * RATE] *= np.float32(1e-3)
    _, share = timing(sounding(guitar), sounding(held))
    assert share < 0.9


def test_louder_rests_are_found(guitar: Signal) -> None:
    resting = np.concatenate([guitar, noise(2 * RATE, -70)], axis=1)
    louder = resting.copy()
    louder[:, 8 * RATE :] *= 2
    change = rests_change(sounding(resting), sounding(louder))
    assert change == pytest.approx(6, abs=0.3)


def test_what_happens_in_the_repaired_places_does_not_count(guitar: Signal) -> None:
    before, places = guitar.copy(), [Span(50_000, 50_020), Span(200_000, 200_300)]
    for place in places:
        before[:, place.start : place.stop] += 0.9
    readers = sounding(before), sounding(guitar)
    assert difference_outside(*readers, places) == float("-inf")
    assert difference_outside(*readers) == pytest.approx(20 * np.log10(0.9), abs=0.01)
    assert level_change(*readers, places) == 0
    assert level_change(*readers) < -0.1
    assert level_change(sounding(guitar), sounding(2 * guitar), places) == pytest.approx(
        6.02, abs=0.01
    )


def test_what_is_added_above_the_band_is_found(guitar: Signal) -> None:
    dull = limited(guitar, 80, 4_000) + noise(guitar.shape[1], -75)
    bright = dull + limited(noise(guitar.shape[1], -50), 6_000, 16_000)
    inside = dull + limited(noise(guitar.shape[1], -50), 500, 3_000)
    assert added_above(sounding(dull), sounding(bright), 5_000) > 15
    assert abs(added_above(sounding(dull), sounding(inside), 5_000)) < 0.5
    assert added_above(sounding(dull), sounding(bright), RATE / 2) == 0


def test_each_broken_bound_is_said() -> None:
    changed = Identity(
        pitch_cents=-4, timing_ms=6, onset_f1=0.9, rests_db=2, level_db=-3, added_above_db=9
    )
    said = Bounds().broken(changed)
    assert [sentence.split()[1] for sentence in said] == [
        "pitch", "are", "agree", "are", "level", "is",
    ]  # fmt: skip
    assert "-4.0 cents, more than 3" in said[0]
    softer = Identity(
        pitch_cents=3, timing_ms=-5, onset_f1=0.98, rests_db=-20, level_db=1, added_above_db=-9
    )
    assert Bounds().broken(softer) == ()


def test_what_is_added_stays_inside_the_band(guitar: Signal) -> None:
    added = noise(guitar.shape[1], -30)
    limited_read = within(sounding(added).read, RATE, Band(150, 5_000))
    kept = limited_read(0, guitar.shape[1])
    power = np.abs(np.fft.rfft(kept[0])) ** 2
    hertz = np.fft.rfftfreq(kept.shape[1], 1 / RATE)
    outside = (hertz > 5_000) | (hertz < 150)
    inside = (hertz > 180) & (hertz < 4_200)
    assert np.mean(power[outside]) < 1e-5 * np.mean(power[inside])
    difference = np.abs(np.fft.rfft(added[0]))[inside] ** 2 / power[inside]
    assert np.abs(10 * np.log10(np.median(difference))) < 0.1
    np.testing.assert_array_equal(limited_read(70_000, 30_001), kept[:, 70_000:100_001])


def test_a_band_up_to_the_end_is_no_limit(guitar: Signal) -> None:
    kept = within(sounding(guitar).read, RATE, Band(0, RATE / 2))(RATE, RATE)
    np.testing.assert_array_equal(kept, guitar[:, RATE : 2 * RATE])
