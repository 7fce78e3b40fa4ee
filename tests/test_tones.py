"""Tones: locked to song time, level in loudness, and a sentence for every mistake in a file."""

from __future__ import annotations

import pickle
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, lfilter, sosfilt

from jobs.calibrate_tones import TOLERANCE_DB, loudness, measured_trim
from morphsep.dsp.signal import MODEL_RATE, Signal, from_db
from morphsep.errors import SettingError
from morphsep.tones.catalogue import BUILTIN, get_tone, list_tones
from morphsep.tones.tone import Tone
from morphsep.tones.transitions import TRANSITIONS, get_transition

NAMES = [tone.name for tone in list_tones()]
LEVEL = -18.0


@cache
def guitar() -> Signal:
    """The clean guitar that ships with the repository, ``[1, T]``."""
    import soundfile

    path = Path(__file__).parents[1] / "demo" / "guitar-clean.flac"
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == MODEL_RATE
    return np.ascontiguousarray(samples.T)


@cache
def plucked(seconds: float = 6.0) -> Signal:
    """Karplus-Strong strings through a pickup's low-pass, ``[1, T]``."""
    rng = np.random.default_rng(3)
    out = np.zeros(int(seconds * MODEL_RATE))
    for k, midi in enumerate([40, 47, 52, 56, 59, 64, 52, 59] * 2):
        at = int(k * out.size / 16)
        period = round(MODEL_RATE / (440 * 2 ** ((midi - 69) / 12)) - 0.5)
        pluck = np.zeros(out.size - at)
        pluck[:period] = rng.uniform(-1, 1, pluck[:period].size)
        loop = np.zeros(period + 2)
        loop[0], loop[-2:] = 1, -0.498
        out[at:] += lfilter([1.0], loop, pluck)
    out = sosfilt(butter(2, 3000, fs=MODEL_RATE, output="sos"), out)
    return (out / np.abs(out).max() / 2).astype(np.float32)[None]


@cache
def stereo(seconds: float = 8.0) -> Signal:
    """Two different channels of strings, ``[2, T]``."""
    one = plucked(seconds)
    return np.concatenate([one, np.roll(one, 5000, axis=1)])


@cache
def whole(name: str) -> Signal:
    return get_tone(name).render(stereo(), 0, LEVEL)


def decibels(error: Signal, of: Signal) -> float:
    return float(20 * np.log10(np.abs(error).max() / np.abs(of).max() + 1e-12))


def test_the_named_tones_are_all_there() -> None:
    driven = "overdrive distortion fuzz gated-fuzz"
    others = "chorus flanger phaser tremolo ambient room hall"
    assert set(NAMES) >= {"as-recorded", "clean", *driven.split(), *others.split()}
    assert all(isinstance(tone, Tone) for tone in list_tones())
    assert all(tone.description.endswith(".") for tone in list_tones())


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_a_passage_equals_the_whole_after_its_context(name: str, data: st.DataObject) -> None:
    tone = get_tone(name)
    before, after = tone.context
    assert before <= 5 * MODEL_RATE
    start = data.draw(st.integers(1, 90_000))
    useful = data.draw(st.integers(1, 40_000))
    stem = stereo()[:, start : start + before + useful + after]
    passage = tone.render(stem, start, LEVEL)
    assert passage.shape == stem.shape
    assert passage.dtype == np.float32
    expected = whole(name)[:, start + before : start + before + useful]
    error = decibels(passage[:, before : before + useful] - expected, whole(name))
    assert error < -90, f"{name} from {start}"


@pytest.mark.parametrize("name", NAMES)
def test_silence_stays_silent_and_a_start_may_be_negative(name: str) -> None:
    tone = get_tone(name)
    silence = np.zeros((2, 30_000), np.float32)
    assert not tone.render(silence, -12_345, LEVEL).any()
    assert not tone.render(silence, -12_345, float("-inf")).any()
    before, after = tone.context
    stem = np.pad(stereo(), ((0, 0), (before, 0)))
    early = tone.render(stem, -before, LEVEL)[:, before:]
    settled = slice(before, early.shape[1] - after)
    assert decibels((early - whole(name))[:, settled], whole(name)) < -90


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [0, 1, 2, 3, 63])
def test_a_stem_of_a_few_samples_keeps_its_shape(name: str, length: int) -> None:
    for channels in (1, 2):
        out = get_tone(name).render(np.ones((channels, length), np.float32), 7, LEVEL)
        assert out.shape == (channels, length)
        assert np.isfinite(out).all()


@pytest.mark.parametrize("name", NAMES)
def test_rendering_twice_gives_the_same_bits(name: str) -> None:
    tone = pickle.loads(pickle.dumps(get_tone(name)))
    stem = stereo()[:, :100_000].copy()
    assert np.array_equal(tone.render(stem, 99, LEVEL), get_tone(name).render(stem, 99, LEVEL))
    assert np.array_equal(stem, stereo()[:, :100_000]), "the stem must not be written to"


def test_as_recorded_is_the_stem_itself() -> None:
    assert np.array_equal(get_tone("as-recorded").render(stereo(), 5, -7.0), stereo())


@pytest.mark.parametrize("name", NAMES)
def test_a_tone_keeps_the_loudness_of_the_demo_guitar(name: str) -> None:
    level = loudness(guitar())
    out = get_tone(name).render(guitar(), 0, level)
    assert loudness(out) == pytest.approx(level, abs=1.0)


@pytest.mark.parametrize("file", sorted(BUILTIN.glob("*.yaml")), ids=lambda f: f.stem)
def test_trims_are_what_the_calibration_measures(file: Path) -> None:
    tone = get_tone(str(file))
    assert tone.trim_db == pytest.approx(measured_trim(tone, guitar()), abs=TOLERANCE_DB)


@pytest.mark.parametrize("name", NAMES)
def test_the_recorded_level_changes_nothing_but_the_level(name: str) -> None:
    """Loudness on strings that the trims were not measured on: measured at most 5.4 LU off
    (distortion, whose presence peak meets brighter strings), and the same for every level."""
    tone, gains = get_tone(name), []
    for level in (-30.0, -12.0):
        stem = plucked() * np.float32(from_db(level - loudness(plucked())))
        gains.append(loudness(tone.render(stem, 0, level)) - level)
    assert abs(gains[0]) < 6.0
    assert gains[0] == pytest.approx(gains[1], abs=0.02)


def test_mono_meets_the_same_drive_as_the_same_signal_in_two_channels() -> None:
    tone = get_tone("distortion")
    mono = plucked()
    double = mono.repeat(2, axis=0)
    one = tone.render(mono, 0, loudness(mono))
    two = tone.render(double, 0, loudness(double))
    assert decibels(one[0] - two[0], one) < -80


def test_overdrive_and_fuzz_have_even_harmonics() -> None:
    time = np.arange(2 * MODEL_RATE) / MODEL_RATE
    sine = (0.2 * np.sin(2 * np.pi * 441 * time)).astype(np.float32)[None]
    for name in ("overdrive", "fuzz", "gated-fuzz"):
        spectrum = np.abs(np.fft.rfft(get_tone(name).render(sine, 0, LEVEL)[0, MODEL_RATE:]))
        assert 20 * np.log10(spectrum[882] / spectrum[441]) > -40, name


def test_a_tremolo_swings_in_song_time() -> None:
    ones = np.ones((1, 2 * MODEL_RATE), np.float32)  # its compressor settles in the first second
    late = get_tone("tremolo").render(ones, 10 * 3600 * MODEL_RATE, LEVEL)[0, MODEL_RATE:]
    turns = (10 * 3600 + 1 + np.arange(MODEL_RATE) / MODEL_RATE) * 5.2
    expected = 1 - 0.55 * (0.5 - 0.5 * np.cos(2 * np.pi * turns))
    assert np.corrcoef(late, expected)[0, 1] > 0.999999


def test_transitions_name_tones_that_exist() -> None:
    for name, pair in TRANSITIONS.items():
        assert get_transition(name) == pair
        assert set(pair) <= set(NAMES)
    with pytest.raises(SettingError, match="clean-to-chorus"):
        get_transition("clean-to-disco")


def test_an_unknown_tone_is_answered_with_the_nearest_and_all_names() -> None:
    with pytest.raises(SettingError, match=r"did you mean 'distortion'.*tremolo"):
        get_tone("distorsion")


RIG = """\
name: my-rig
pedals:
  - NoiseGate: {threshold_db: -70, ratio: 2}
  - Drive: {drive_db: 20}
  - LadderFilter: {mode: LPF24, cutoff_hz: 4000}
  - Chorus
  - Delay: {delay_seconds: 0.2, mix: 0.3}
"""


def test_a_file_describes_a_chain(tmp_path: Path) -> None:
    file = tmp_path / "rig.yaml"
    file.write_text(RIG)
    tone = get_tone(str(file))
    assert tone.name == "my-rig"
    out = tone.render(stereo()[:, :50_000], 0, LEVEL)
    assert np.isfinite(out).all()
    assert decibels(out - stereo()[:, :50_000], out) > -20


def test_a_fingerprint_follows_the_sound_not_the_name(tmp_path: Path) -> None:
    prints = []
    for text in (RIG, RIG.replace("my-rig", "other"), RIG.replace("20}", "21}")):
        file = tmp_path / "rig.yaml"
        file.write_text(text)
        prints.append(get_tone(str(file)).fingerprint())
    assert prints[0] == prints[1]
    assert prints[0] != prints[2]
    assert len({tone.fingerprint() for tone in list_tones()}) == len(NAMES)


def test_an_impulse_response_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    import soundfile

    (tmp_path / "a").mkdir()
    for value in (0.5, 0.25):
        soundfile.write(tmp_path / "ir.wav", np.array([1, value, 0.1]), MODEL_RATE)
        file = tmp_path / "cab.yaml"
        file.write_text("pedals:\n  - Convolution: {impulse_response_filename: ir.wav}\n")
        shutil.copy(tmp_path / "ir.wav", tmp_path / "a" / f"{value}.wav")
        if value == 0.5:
            first = get_tone(str(file)).fingerprint()
    assert get_tone(str(file)).fingerprint() != first
    moved = tmp_path / "a" / "cab.yaml"
    moved.write_text("pedals:\n  - Convolution: {impulse_response_filename: 0.5.wav}\n")
    assert get_tone(str(moved)).fingerprint() == first


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("pedals:\n  - Drive: {gian: 3}", r"line 2: pedal 1 \(Drive\).*gian.*drive_db"),
        ("pedals:\n  - Chorus\n  - Wahwah", r"line 3: pedal 2 \(Wahwah\).*Phaser"),
        ("pedals:\n  - Drive: {drive_db: 99}", r"line 2.*drive_db: 99 is out of range -24 to 60"),
        ("pedals:\n  - Drive: {drive_db: .nan}", "out of range"),
        ("pedals:\n  - Drive: {drive_db: loud}", "'loud' is not a number"),
        ("pedals:\n  - Drive: {drive_db: true}", "True is not a number"),
        ("pedals:\n  - Reverb: {room_size: 3}", r"line 2: pedal 1 \(Reverb\).*between 0.0 and 1.0"),
        ("pedals:\n  - LadderFilter: {mode: LPF99}", r"pedal 1 \(LadderFilter\).*LPF99"),
        ("pedals:\n  - PitchShift: {semitones: 2}", "cannot be locked to song time"),
        ("pedals:\n  - VST3: {path: none.vst3}", r"line 2.*there is no .*none\.vst3"),
        ("pedals:\n  - Drive: [1]", "must be a mapping"),
        ("pedals:\n  - {Drive: {}, Chorus: {}}", "a pedal is one name"),
        ("pedals: []", "at least one pedal"),
        ("name: x\npedal:\n  - Drive", "line 2: unknown field 'pedal'"),
        ("trim_db: 100\npedals: [Drive]", "trim_db: 100 is out of range"),
        ("context: 600\npedals: [Drive]", "context: 600 is out of range"),
        ("just text", "a tone is a mapping"),
        ("pedals: [", "is not YAML"),
        ("pedals: !!python/object/apply:os.getcwd []", "is not YAML"),
    ],
)
def test_a_mistake_in_a_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "rig.yaml"
    file.write_text(text)
    with pytest.raises(SettingError, match=says) as caught:
        get_tone(str(file))
    assert "rig.yaml" in str(caught.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(SettingError, match=r"nowhere\.yaml cannot be read"):
        get_tone("nowhere.yaml")


def test_a_plugin_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    (tmp_path / "fake.vst3").write_bytes(b"no plugin")
    file = tmp_path / "rig.yaml"
    file.write_text("pedals:\n  - VST3: {path: fake.vst3}\n")
    with pytest.raises(SettingError, match=r"pedal 1 \(VST3\).*cannot be loaded"):
        get_tone(str(file))
