"""Impulse responses of one's own: played as pedalboard does, and turned like a room."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pedalboard
import pytest
import soundfile
from scipy.signal import butter, sosfilt

from morphsep.backends.backend import Passage
from morphsep.backends.chain.chain import Chain
from morphsep.dsp import MODEL_RATE, Signal, decay, reverberation_time
from morphsep.errors import SettingError
from morphsep.tones.catalogue import get_tone
from morphsep.tones.chain.chain import EffectChain
from morphsep.tones.effects.convolution import HOP
from morphsep.tones.effects.measured_room import measured_room
from morphsep.tones.effects.room import Room
from morphsep.tones.effects.room_response import RoomResponse

T60, HIGH = 2.0, 0.4
TIMES = {500: T60, 1000: T60 * HIGH**0.25, 2000: T60 * HIGH**0.5, 4000: T60 * HIGH**0.75}
"""Of the room below, by octaves."""
DELAY = 400
"""Samples until its direct sound."""


def room(seconds: float = 4.0, noise_db: float = -70.0) -> Signal:
    """A response as it is measured: after a delay, with noise to its end, ``[2, T]``."""
    noise = np.random.default_rng(3).standard_normal((2, round(seconds * MODEL_RATE)))
    out = noise * 10 ** (noise_db / 20)
    heard = Room(t60_s=T60, high_ratio=HIGH, pre_delay_ms=10, late_db=0, early_db=-20).response()
    length = min(heard.shape[1], out.shape[1] - DELAY)
    out[:, DELAY : DELAY + length] += heard[:, :length]
    out[:, DELAY] += 1
    return out.astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A room's response, and a chain that is only that."""
    path = tmp_path_factory.mktemp("responses")
    soundfile.write(path / "room.wav", room().T, MODEL_RATE, "FLOAT")
    return path


def chain(folder: Path, name: str = "room.wav") -> EffectChain:
    file = folder / "tone.yaml"
    file.write_text(f"pedals:\n  - Convolution: {{impulse_response_filename: {name}}}\n")
    tone = get_tone(str(file))
    assert isinstance(tone, EffectChain)
    return tone


def octave(signal: Signal, hz: float) -> Signal:
    band = [hz / 2**0.5, hz * 2**0.5]
    return np.asarray(sosfilt(butter(4, band, "band", fs=MODEL_RATE, output="sos"), signal))


def settings(folder: Path, **values: float | Signal) -> dict[str, object]:
    name = str(folder / "room.wav")
    return {"impulse_response_filename": name, "decay": 1.0, "level_db": 0.0, **values}


def click(seconds: float) -> Signal:
    stem = np.zeros((2, round(seconds * MODEL_RATE)), np.float32)
    stem[:, 0] = 1
    return stem


def test_it_sounds_as_pedalboard_plays_it(folder: Path) -> None:
    stem = np.random.default_rng(0).standard_normal((2, 3 * MODEL_RATE)).astype(np.float32)
    expected = pedalboard.Convolution(str(folder / "room.wav"), 1.0).process(stem, MODEL_RATE)
    (pedal,) = chain(folder).pedals
    assert pedal.kind == "RoomResponse"
    got = RoomResponse().process(stem, 0, settings(folder))
    assert np.abs(got - expected).max() < 1e-3 * np.abs(expected).max()
    mono = RoomResponse().process(stem[:1], 0, settings(folder))
    np.testing.assert_allclose(mono[0], got[0], atol=1e-6)


def test_its_own_reverberation_is_measured_in_spite_of_its_noise() -> None:
    for noise_db in (-200.0, -75.0):
        heard = room(noise_db=noise_db)[0, DELAY + 600 :]
        for hz, expected in TIMES.items():
            assert reverberation_time(octave(heard, hz)) == pytest.approx(expected, rel=0.1)
    assert reverberation_time(np.random.default_rng(1).standard_normal(MODEL_RATE)) is None
    assert reverberation_time(np.zeros(MODEL_RATE)) is None


@pytest.mark.parametrize("amount", [0.25, 0.5, 0.75])
def test_half_way_each_octave_has_its_share_of_its_own_time(folder: Path, amount: float) -> None:
    stem = click(4.0)
    passage = Passage(
        stem=stem, start=0, amount=np.full(stem.shape[1], amount, np.float32),
        source_tone=get_tone("as-recorded"), target_tone=chain(folder), level=-18.0,
    )  # fmt: skip
    out = Chain().morph([passage])[0][:, DELAY + 1000 :]
    for hz, own in TIMES.items():
        measured = decay(octave(out, hz))
        assert measured is not None
        assert measured.t60_s == pytest.approx(own * 0.1 ** (1 - amount), rel=0.15), hz
        assert measured.double_slope == pytest.approx(1, abs=0.35)


def test_a_turned_room_does_not_depend_on_where_a_passage_is_cut(folder: Path) -> None:
    stem = np.random.default_rng(0).standard_normal((2, 7 * MODEL_RATE)).astype(np.float32)
    decays = np.geomspace(0.1, 1, stem.shape[1], dtype=np.float32)
    effect = RoomResponse()
    before, after = effect.context(settings(folder))
    assert before >= room().shape[1]
    whole = effect.process(stem, 0, settings(folder, decay=decays))
    cut = 12_345
    part = effect.process(stem[:, cut:], cut, settings(folder, decay=decays[cut:]))
    settled = slice(before, part.shape[1] - after)
    error = np.abs((part - whole[:, cut:])[:, settled]).max()
    assert error < 1e-5 * np.abs(whole).max()


def test_a_loudspeaker_stays_what_it_is(tmp_path: Path) -> None:
    time = np.arange(MODEL_RATE) / MODEL_RATE
    speaker = np.exp(-time / 0.004) * np.sin(2 * np.pi * 400 * time)
    soundfile.write(tmp_path / "cab.wav", speaker, MODEL_RATE)
    tone = chain(tmp_path, "cab.wav")
    assert [pedal.kind for pedal in tone.pedals] == ["Convolution"]
    assert tone.tail == 0


def test_a_long_response_is_played_to_its_end(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", room(20.0).T, MODEL_RATE, "FLOAT")
    tone = chain(tmp_path, "long.wav")
    assert 20 <= tone.tail / MODEL_RATE < 21
    out = tone.render(click(0.2).repeat(2, axis=1), 0, -18.0)
    assert np.isfinite(out).all()


@pytest.mark.parametrize("rate", [11_025, 48_000])
def test_a_response_of_just_30_s_is_allowed(tmp_path: Path, rate: int) -> None:
    response = 1e-3 * np.random.default_rng(0).standard_normal(30 * rate)
    response[0] = 1
    soundfile.write(tmp_path / "long.wav", response, rate, "FLOAT")
    (pedal,) = chain(tmp_path, "long.wav").pedals
    assert pedal.kind == "RoomResponse"
    assert pedal.context()[0] == pytest.approx(30 * MODEL_RATE + HOP, abs=2)


def test_what_rings_above_30_s_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tone.yaml"
    file.write_text("pedals:\n  - Delay: {delay_seconds: 2, feedback: 0.95}\n")
    with pytest.raises(
        SettingError, match=r"line 2: pedal 1 \(Delay\): it rings for more than 30 s"
    ):
        get_tone(str(file))


def test_a_response_at_another_rate_rings_as_long(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "slow.wav", room()[:, ::2].T, MODEL_RATE // 2, "FLOAT")
    response = measured_room(str(tmp_path / "slow.wav")).response
    assert response.shape[1] == pytest.approx(4 * MODEL_RATE, abs=2)


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        (np.zeros(MODEL_RATE), "line 2: pedal 1 .*the impulse response is silent"),
        (np.zeros(30 * MODEL_RATE + 1), "lasts longer than 30 s: cut it off"),
        (np.full(MODEL_RATE, np.nan), "samples that are no numbers"),
    ],
    ids=["silent", "long", "not a number"],
)
def test_what_is_no_response_is_refused(tmp_path: Path, samples: Signal, says: str) -> None:
    soundfile.write(tmp_path / "bad.wav", samples, MODEL_RATE, "FLOAT")
    with pytest.raises(SettingError, match=says):
        chain(tmp_path, "bad.wav")


def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("no audio")
    with pytest.raises(SettingError, match=r"tone\.yaml, line 2: pedal 1"):
        chain(tmp_path, "bad.wav")
