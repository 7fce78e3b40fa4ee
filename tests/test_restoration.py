"""Steps of a restoration: what is damaged is repaired, what is not stays, however it is read."""

from __future__ import annotations

import dataclasses
import json
import pickle
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from morphsep.dsp import ArrayReader, Reader, Signal, from_db
from morphsep.errors import SettingError
from morphsep.restoration import (
    Declick,
    Dehiss,
    Dehum,
    Speed,
    findings_from_json,
    repaired,
)
from tests.songs import guitar

RATE = 22_050
DEMO = Path(__file__).parent.parent / "demo"


def demo(name: str, seconds: float, rate: int = 44_100) -> Signal:
    """The beginning of a clip of demo/, ``[1, T]``, and every second sample of it for 22.05 kHz."""
    sound = soundfile.read(DEMO / name, frames=round(44_100 * seconds), dtype="float32")[0]
    mono = sound if sound.ndim == 1 else sound.mean(axis=1)
    return np.ascontiguousarray(mono[None, :: 44_100 // rate], np.float32)


def read_whole(reader: Reader) -> Signal:
    return reader.read(0, reader.info.num_samples)


def noise(shape: tuple[int, int], dbfs: float, seed: int = 1) -> Signal:
    drawn = np.random.default_rng(seed).standard_normal(shape)
    return (from_db(dbfs) * drawn).astype(np.float32)


def with_clicks(sound: Signal, count: int, seed: int = 3) -> tuple[Signal, Signal]:
    """Sound with clicks of 1 ms at random places, and where they are."""
    rng = np.random.default_rng(seed)
    damaged, places = sound.copy(), np.zeros(sound.shape, bool)
    for _ in range(count):
        channel = rng.integers(len(sound))
        at, length = rng.integers(500, sound.shape[1] - 500), rng.integers(5, 25)
        shape = rng.standard_normal(length) * np.exp(-np.arange(length) / 6)
        damaged[channel, at : at + length] += (rng.uniform(0.2, 0.6) * shape).astype(np.float32)
        places[channel, at - 30 : at + length + 30] = True
    return damaged, places


def cut_in(reader: Reader, lengths: tuple[int, ...]) -> Signal:
    """The whole, read in pieces of these lengths in turn."""
    parts, at, turn = list[Signal](), 0, 0
    while at < reader.info.num_samples:
        length = min(lengths[turn % len(lengths)], reader.info.num_samples - at)
        parts.append(reader.read(at, length))
        at, turn = at + length, turn + 1
    return np.concatenate(parts, axis=1)


def error_db(sound: Signal, truth: Signal) -> float:
    """Against the truth's power, dB."""
    return float(10 * np.log10(np.mean((sound - truth) ** 2) / np.mean(truth**2)))


def test_clicks_are_filled_and_nothing_else_changes() -> None:
    truth = demo("guitar-clean.flac", 3)
    damaged, places = with_clicks(np.repeat(truth, 2, axis=0), 60)
    recording = ArrayReader(damaged, 44_100)
    found = Declick().look(recording)
    after = read_whole(repaired(recording, Declick(), found))
    assert error_db(after, truth) < error_db(damaged, truth) - 10
    np.testing.assert_array_equal(after[~places], damaged[~places])
    assert 50 <= len(found.table) <= 60
    assert found.per_minute == pytest.approx(20 * len(found.table))


def test_the_worst_repairs_are_those_that_remove_most() -> None:
    damaged = demo("guitar-clean.flac", 2)
    damaged[0, 30_000:30_012] += np.tile([0.5, -0.5], 6).astype(np.float32)
    damaged[0, 20_000:20_008] += np.tile([0.2, -0.2], 4).astype(np.float32)
    loud, soft = Declick().look(ArrayReader(damaged, 44_100)).worst(2)
    assert abs(loud.start - 30_000) < 12
    assert abs(soft.start - 20_000) < 12
    assert -12 < loud.size_db < -4
    assert -20 < soft.size_db < -11


def test_an_undamaged_distorted_guitar_is_left_alone() -> None:
    driven = demo("metal-madness.guitar.ogg", 4)
    assert Declick().look(ArrayReader(driven, 44_100)).per_minute == 0


@pytest.mark.parametrize("rate", [8_000, 44_100])
@pytest.mark.parametrize(
    "sound", [np.zeros((1, 9_000), np.float32), noise((2, 9_000), -60)], ids=["silence", "groove"]
)
def test_silence_and_a_run_in_groove_hold_no_clicks(sound: Signal, rate: int) -> None:
    recording = ArrayReader(sound, rate)
    found = Declick().look(recording)
    assert len(found.table) == 0
    np.testing.assert_array_equal(read_whole(repaired(recording, Declick(), found)), sound)


def test_a_clipped_transfer_is_not_full_of_clicks() -> None:
    clipped = np.clip(8 * demo("guitar-clean.flac", 3), -0.6, 0.6)
    assert np.mean(np.abs(clipped) == np.float32(0.6)) > 0.01
    assert len(Declick().look(ArrayReader(clipped, 44_100)).table) <= 1


def test_a_click_at_either_end_is_filled() -> None:
    sound = demo("guitar-clean.flac", 1)
    damaged = sound.copy()
    for at in (40, -50):
        damaged[0, at : at + 10] += np.tile([0.5, -0.5], 5).astype(np.float32)
    recording = ArrayReader(damaged, 44_100)
    after = read_whole(repaired(recording, Declick(), Declick().look(recording)))
    assert np.abs(damaged - sound).max() == pytest.approx(0.5)
    assert np.abs(after - sound).max() < 0.15


def hum(num_samples: int, rate: int, mains: float = 50.04, drift: float = 0.0) -> Signal:
    """Six lines, the loudest -40 dBFS, ``[1, T]``."""
    time = np.arange(num_samples) / rate
    phase = 2 * np.pi * np.cumsum(mains + drift * np.sin(2 * np.pi * time / 20)) / rate
    lines = [
        from_db(-40 - 3 * n) * 2**0.5 * np.cos(number * phase + n)
        for n, number in enumerate((1, 2, 3, 5, 7, 9))
    ]
    return np.sum(lines, axis=0)[None].astype(np.float32)


def damaged_guitar() -> Signal:
    clicks = with_clicks(guitar(4, RATE) + noise((2, 4 * RATE), -66), 40)[0]
    clicks[:, RATE : RATE + 700] = 0
    return clicks + hum(4 * RATE, RATE) * (clicks != 0)


STEPS: tuple[Any, ...] = (Declick(), Dehum(), Dehiss(), Speed(ratio=0.9786))


@cache
def once(step: Any) -> tuple[ArrayReader, Any, Signal]:
    """The damaged guitar, what a step finds in it, and the whole repaired."""
    recording = ArrayReader(damaged_guitar(), RATE)
    found = step.look(recording)
    return recording, found, read_whole(repaired(recording, step, found))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_cuts_do_not_matter(step: Any) -> None:
    recording, found, whole = once(step)
    for lengths in ((1_000, 77_777), (RATE,)):
        pieces = cut_in(repaired(recording, step, found), lengths)
        np.testing.assert_array_equal(pieces, whole)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_findings_travel(step: Any) -> None:
    recording, found, whole = once(step)
    stored = json.loads(json.dumps(found.to_json()))
    assert findings_from_json(stored).to_json() == found.to_json()
    for again in (findings_from_json(stored), pickle.loads(pickle.dumps(found))):
        np.testing.assert_array_equal(read_whole(repaired(recording, step, again)), whole)
    with pytest.raises(ValueError, match="another recording"):
        repaired(ArrayReader(np.zeros((2, 10), np.float32), RATE), step, found)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_beyond_the_ends_there_is_silence(step: Any) -> None:
    recording, found, _ = once(step)
    after = repaired(recording, step, found)
    length = after.info.num_samples
    assert not after.read(-50, 50).any()
    assert not after.read(length, 50).any()
    np.testing.assert_array_equal(after.read(-50, 150)[:, 50:], after.read(0, 100))


def test_other_settings_are_another_result() -> None:
    steps = (Declick(), Declick(sensitivity=0.3), Declick(longest_ms=5), Speed(ratio=1.1))
    assert len({step.fingerprint() for step in steps}) == len(steps)


def test_findings_that_no_step_has_made_are_refused() -> None:
    with pytest.raises(ValueError, match="no step"):
        findings_from_json({"step": "polish"})


@pytest.mark.parametrize("ratio", [1.00004, 1.0218044, 0.9999873, 76.59 / 78.26, 1.0, 3.14159265])
def test_speed_is_right_for_hours(ratio: float) -> None:
    hour = 3600 * RATE
    recording = ArrayReader(np.broadcast_to(np.zeros(1, np.float32), (1, hour)), RATE)
    after = Speed(ratio=ratio).look(recording).new_num_samples
    assert abs(after - hour / ratio) / RATE < 0.003


@pytest.mark.parametrize("ratio", [0.5, 76.59 / 78.26, 1.00004, 1.0, 1.25])
def test_speed_changes_pitch_and_length_by_its_ratio(ratio: float) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE).astype(np.float32)[None]
    step = Speed(ratio=ratio)
    after = read_whole(repaired(ArrayReader(tone, RATE), step, step.look(ArrayReader(tone, RATE))))
    assert after.shape[1] == pytest.approx(3 * RATE / ratio, abs=2)
    middle = after[0, RATE // 2 : -RATE // 2]
    crossings = np.count_nonzero(np.diff(np.signbit(middle)))
    assert crossings / 2 * RATE / len(middle) == pytest.approx(440 * ratio, rel=3e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Declick(sensitivity=2),
        lambda: Declick(longest_ms=0),
        lambda: Speed(ratio=9),
        lambda: Dehum(mains_hz=1),
        lambda: Dehiss(reduction_db=0),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: Any) -> None:
    with pytest.raises(SettingError):
        wrong()


def level_db(sound: Signal) -> float:
    return float(10 * np.log10(np.mean(sound.astype(np.float64) ** 2) + 1e-30))


def with_rests(seconds: int, rest: int = 1) -> Signal:
    """A guitar at 22.05 kHz that rests for every second span of so many s, ``[1, T]``."""
    sound = np.tile(demo("guitar-clean.flac", 4, RATE), (1, -(-seconds // 4)))[:, : seconds * RATE]
    sound[:, (np.arange(sound.shape[1]) // RATE // rest) % 2 == 1] = 0
    return sound + noise(sound.shape, -70)


@pytest.mark.parametrize("drift", [0.0, 0.02])
def test_hum_goes_and_the_music_beside_it_stays(drift: float) -> None:
    music = with_rests(24, rest=6)
    damage = hum(music.shape[1], RATE, drift=drift)
    recording = ArrayReader(music + damage, RATE)
    found = Dehum().look(recording)
    assert found.mains_hz == pytest.approx(50.04, abs=0.03)
    assert {1, 2, 3, 5, 7, 9} <= {line.number for line in found.lines}
    after = read_whole(repaired(recording, Dehum(), found))
    middle = slice(2 * RATE, -2 * RATE)
    only_hum = ArrayReader(damage, RATE)
    left = read_whole(repaired(only_hum, Dehum(), found))[:, middle]
    assert level_db(left) < level_db(damage) - 30
    kept = Dehum().repair(tones_between(found.notches), 0, found)
    assert abs(level_db(kept) - level_db(tones_between(found.notches))) < 0.1
    assert not np.array_equal(after, music)


def tones_between(notches: Any) -> Signal:
    """Half-way between the notches, and 1.1 Hz beside each, ``[1, 20 s]`` at `RATE`."""
    time = np.arange(20 * RATE) / RATE
    places = [notch.hz + beside for notch in notches for beside in (-25.0, -1.1, 1.1)]
    return np.sum([0.01 * np.sin(2 * np.pi * hz * time) for hz in places], axis=0)[None].astype(
        np.float32
    )


def test_hum_is_gone_from_the_first_sample_on() -> None:
    damage = hum(12 * RATE, RATE) + noise((1, 12 * RATE), -80)
    recording = ArrayReader(damage, RATE)
    after = read_whole(repaired(recording, Dehum(), Dehum().look(recording)))
    for end in (slice(0, RATE // 5), slice(-RATE // 5, None)):
        assert level_db(after[:, end]) < level_db(damage[:, end]) - 20


@pytest.mark.parametrize("rate", [8_000, 22_050])
@pytest.mark.parametrize("level", [-200, -60], ids=["silence", "groove"])
def test_where_no_hum_is_nothing_changes(rate: int, level: float) -> None:
    sound = noise((2, 6 * rate), level)
    recording = ArrayReader(sound, rate)
    found = Dehum().look(recording)
    assert found.mains_hz is None
    assert found.summary() == "no hum"
    np.testing.assert_array_equal(read_whole(repaired(recording, Dehum(), found)), sound)


def test_a_guitar_is_no_hum() -> None:
    assert Dehum().look(ArrayReader(demo("metal-madness.guitar.ogg", 8), 44_100)).lines == ()


def test_a_line_that_wanders_far_is_left_and_said() -> None:
    found = Dehum().look(ArrayReader(hum(20 * RATE, RATE) + noise((1, 20 * RATE), -70), RATE))
    wandering = dataclasses.replace(found, drift_hz=0.3)
    assert [notch.hz for notch in wandering.notches] == [line.hz for line in found.lines[:4]]
    assert "2 that wander too far are left" in wandering.summary()


@pytest.mark.parametrize("reduction", [4.0, 8.0])
def test_hiss_becomes_softer_by_what_is_asked_and_music_stays(reduction: float) -> None:
    music = with_rests(8)
    hissy = music + noise(music.shape, -48, seed=9)
    step = Dehiss(reduction_db=reduction)
    recording = ArrayReader(hissy, RATE)
    found = step.look(recording)
    assert found.level_db == pytest.approx(-48, abs=1)
    after = read_whole(repaired(recording, step, found))
    rest = slice(RATE + RATE // 4, 2 * RATE - RATE // 4)
    assert level_db(after[:, rest]) == pytest.approx(level_db(hissy[:, rest]) - reduction, abs=0.5)
    assert level_db(after - music) < level_db(hissy - music) - reduction / 2
    assert level_db(after) == pytest.approx(level_db(music), abs=0.2)


def test_what_is_left_of_hiss_does_not_flicker() -> None:
    """Musical noise is single bins that come and go: powers whose spread has grown."""
    hiss = noise((1, 6 * RATE), -50)
    step = Dehiss(reduction_db=10)
    after = read_whole(repaired(ArrayReader(hiss, RATE), step, step.look(ArrayReader(hiss, RATE))))

    def spread(sound: Signal) -> float:
        frames = np.lib.stride_tricks.sliding_window_view(sound[0], 1024)[RATE:-RATE:512]
        power = np.abs(np.fft.rfft(frames * np.hanning(1024))) ** 2
        return float(np.std(power[:, 5:-5]) / np.mean(power[:, 5:-5]))

    assert spread(after) < 1.05 * spread(hiss)


def test_digital_silence_stays_silent() -> None:
    sound = damaged_guitar()
    recording = ArrayReader(sound, RATE)
    hum_free = repaired(recording, Dehum(), Dehum().look(recording))
    hiss_free = repaired(recording, Dehiss(), Dehiss().look(recording))
    assert not hum_free.read(RATE, 700).any()
    assert not hiss_free.read(RATE, 700).any()
    assert hum_free.read(0, 700).any()
