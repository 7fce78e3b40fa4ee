"""Recordings as tones: read once, whole, at the models' rate; refused with a sentence."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from morphsep.dsp.loudness import LoudnessMeter
from morphsep.dsp.signal import MODEL_RATE, Signal
from morphsep.errors import SettingError
from morphsep.tones.catalogue import check_recording, get_tone
from morphsep.tones.recordings import recording as module
from morphsep.tones.recordings.instrument import CROSSFADE, Instrument
from morphsep.tones.recordings.recording import Recording
from morphsep.tones.tone import Tone
from morphsep.tones.trim import Trimmed
from tests import songs


def sound(seconds: float = 2.0, channels: int = 2, rate: int = MODEL_RATE) -> Signal:
    return songs.guitar(seconds, rate, channels)


def test_reads_any_span_bit_for_bit_and_zeros_outside(tmp_path: Path) -> None:
    whole = sound()
    recording = Recording(path=str(songs.write(tmp_path / "a.wav", whole, subtype="FLOAT")))
    assert (recording.num_channels, recording.num_samples) == whole.shape
    np.testing.assert_array_equal(recording.read(100, 500), whole[:, 100:600])
    np.testing.assert_array_equal(recording.read(-10, 30)[:, :10], 0)
    np.testing.assert_array_equal(recording.read(-10, 30)[:, 10:], whole[:, :20])
    np.testing.assert_array_equal(recording.read(whole.shape[1] - 5, 9)[:, 5:], 0)
    assert not recording.read(10**9, 4).any()


@pytest.mark.parametrize(("rate", "suffix"), [(48000, ".wav"), (22050, ".flac"), (44100, ".ogg")])
def test_other_rates_and_formats_come_at_44100_hz(tmp_path: Path, rate: int, suffix: str) -> None:
    given = sound(3.0, 1, rate)
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, given.T, rate)
    expected = soxr.resample(given.T, rate, MODEL_RATE, quality="VHQ").T
    read = Recording(path=str(path)).read(0, expected.shape[1])
    inside = slice(2000, -2000)
    wrong = np.sqrt(np.mean((read - expected)[:, inside] ** 2))
    assert wrong < (0.2 if suffix == ".ogg" else 1e-3) * np.sqrt(np.mean(expected**2))


def test_a_long_recording_is_mapped_and_memory_stays_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELD", 1_000_000)
    monkeypatch.setattr(module, "_all", {})
    paths = [songs.write(tmp_path / f"{i}.wav", sound(1.0 + i)) for i in range(3)]
    recordings = [Recording(path=str(path)) for path in paths]
    assert isinstance(module._held(recordings[2].path).samples, np.memmap)
    for path, recording in zip(paths, recordings, strict=True):
        np.testing.assert_array_equal(recording.read(0, 9999), songs.read(path)[:, :9999])
        assert sum(each.num_bytes for each in module._all.values()) <= 1_000_000


def test_is_named_by_its_content_and_equal_by_its_path(tmp_path: Path) -> None:
    a = Recording(path=str(songs.write(tmp_path / "a.wav", sound())))
    b = Recording(path=str(songs.write(tmp_path / "b.wav", sound())))
    assert a != b
    assert a.fingerprint() == b.fingerprint()
    assert pickle.loads(pickle.dumps(a)) == a
    assert hash(pickle.loads(pickle.dumps(a))) == hash(a)
    before = a.fingerprint(), a.num_samples
    songs.write(tmp_path / "a.wav", sound(2.5))
    assert (a.fingerprint(), a.num_samples) != before


def test_levels_are_those_of_the_file(tmp_path: Path) -> None:
    loud = np.concatenate([sound(1.0), np.zeros((2, MODEL_RATE), np.float32)], axis=1)
    recording = Recording(path=str(songs.write(tmp_path / "a.wav", loud, subtype="FLOAT")))
    assert len(recording.rms_per_second) == 2
    rms = np.sqrt(np.mean(loud[:, :MODEL_RATE].astype(np.float64) ** 2))
    assert recording.rms_per_second[0] == pytest.approx(rms, rel=1e-4)
    assert recording.rms_per_second[1] == 0
    assert -40 < recording.lufs < 0


@pytest.mark.parametrize(
    ("samples", "complaint"),
    [
        (np.zeros((2, 60000), np.float32), "silent"),
        (sound(0.2), "too short"),
        (np.full((1, 60000), np.nan, np.float32), "NaN"),
        (np.tile(sound(1.0, 1), (6, 1)), "more than two channels"),
    ],
)
def test_refuses_what_gives_no_tone(tmp_path: Path, samples: Signal, complaint: str) -> None:
    path = songs.write(tmp_path / "bad.wav", samples, subtype="FLOAT")
    with pytest.raises(SettingError, match=complaint):
        Recording(path=str(path))


def test_refuses_what_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "empty.wav").write_bytes(b"")
    whole = songs.write(tmp_path / "whole.flac", sound()).read_bytes()
    (tmp_path / "cut.flac").write_bytes(whole[: len(whole) // 2])
    for name in ("text.wav", "empty.wav", "cut.flac", "missing.wav"):
        with pytest.raises(SettingError, match=name):
            Recording(path=str(tmp_path / name))


@pytest.mark.parametrize("kind", ["reference", "paired", "transport"])
def test_a_file_is_a_tone_of_the_kind_asked_for(tmp_path: Path, kind: str) -> None:
    path = songs.write(tmp_path / "solo.wav", sound())
    tone = get_tone(str(path), kind)
    assert isinstance(tone, Tone)
    assert tone.name == "solo.wav"
    assert pickle.loads(pickle.dumps(tone)) == tone
    other = get_tone(str(songs.write(tmp_path / "b.wav", sound(1.0))), kind)
    assert tone.fingerprint() != other.fingerprint()
    assert (getattr(tone, "reference", None) is None) == (kind == "paired")
    kinds = ("reference", "paired", "transport")
    assert len({get_tone(str(path), each).fingerprint() for each in kinds}) == 3


def test_kinds_that_cannot_be_are_refused(tmp_path: Path) -> None:
    path = str(songs.write(tmp_path / "take.wav", sound()))
    check_recording("paired", "as-recorded", path)
    check_recording("reference", "clean", "distortion")
    with pytest.raises(SettingError, match=r"--paired takes a recording.* rig\.yaml are none"):
        check_recording("paired", "distortion", "rig.yaml")
    with pytest.raises(SettingError, match="none of them"):
        get_tone("solo.wav", "sung")
    with pytest.raises(SettingError, match="did you mean 'distortion'"):
        get_tone("distorton")


def test_a_trim_hides_neither_the_recording_nor_the_notes(tmp_path: Path) -> None:
    violin = songs.write(tmp_path / "violin.wav", sound())
    tone = get_tone(str(violin), "transport")
    assert Trimmed(tone, 3.0).reference == Recording(path=str(violin))
    assert Trimmed(tone, 3.0).same_notes is False
    assert Trimmed(get_tone("distortion"), 3.0).same_notes is True
    assert Trimmed(get_tone("distortion"), 3.0).reference is None


def test_another_instrument_lies_along_the_song_and_repeats_without_a_step(tmp_path: Path) -> None:
    time = np.arange(3 * MODEL_RATE) / MODEL_RATE
    tone_of = np.sin(2 * np.pi * 50.3 * time)[None].astype(np.float32) * 0.3
    path = songs.write(tmp_path / "a.wav", tone_of, subtype="FLOAT")
    instrument = Instrument.of(str(path))
    # as loud at any moment as the recording is, over which a level is a mean of 0.2 s
    stem = np.full((2, 20 * MODEL_RATE), 0.3 / np.sqrt(2), np.float32)
    level = instrument.reference.lufs + 3.0103
    whole = instrument.render(stem, 0, level)
    inner = slice(MODEL_RATE, 2 * MODEL_RATE)
    assert np.abs(whole[:, inner] - tone_of[:, inner]).max() < 2e-3
    assert np.abs(np.diff(whole[:, 9000:])).max() < 2 * np.abs(np.diff(tone_of)).max()
    seconds = np.sqrt(np.mean(whole[0].reshape(-1, MODEL_RATE // 10) ** 2, axis=1))
    assert seconds.min() > 0.18
    context = instrument.context[0]
    for start, length in ((CROSSFADE, 70000), (3 * MODEL_RATE - CROSSFADE - 9000, 40000)):
        part = instrument.render(stem[:, :length], start, level)[:, context:-context]
        there = whole[:, start + context : start + length - context]
        np.testing.assert_allclose(part, there, atol=1e-6)
    early = instrument.render(stem[:, :1000], -500, level)
    assert not early[:, :500].any()
    assert early[:, 500:].any()


def test_another_instrument_rests_where_the_guitar_rests(tmp_path: Path) -> None:
    instrument = Instrument.of(str(songs.write(tmp_path / "a.wav", 0.1 * sound(4.0, 1))))
    stem = sound(4.0)
    rest = slice(MODEL_RATE, 2 * MODEL_RATE)
    stem[:, rest] = 0
    stem[:, 3 * MODEL_RATE :] *= 0.1
    level = LoudnessMeter(MODEL_RATE, 2)
    level.add(stem)
    rendered = instrument.render(stem, 0, level.integrated())
    reach = instrument.context[0]
    assert not rendered[:, rest][:, reach:-reach].any()

    def rms(x: Signal, second: float) -> float:
        begin = round(second * MODEL_RATE)
        return float(np.sqrt(np.mean(x[:, begin : begin + MODEL_RATE // 2] ** 2)))

    for second in (0.3, 2.3, 3.3):
        assert rms(rendered, second) == pytest.approx(rms(stem, second), rel=0.15)


def test_another_instrument_is_as_loud_as_the_stem_and_silent_beside_silence(
    tmp_path: Path,
) -> None:
    instrument = Instrument.of(str(songs.write(tmp_path / "a.wav", 0.1 * sound(4.0, 1))))
    stem = sound(4.0)
    before, after = LoudnessMeter(MODEL_RATE, 2), LoudnessMeter(MODEL_RATE, 2)
    before.add(stem)
    after.add(instrument.render(stem, 0, before.integrated()))
    assert after.integrated() == pytest.approx(before.integrated(), abs=1.0)
    assert not instrument.render(0 * stem, 0, -17.0).any()
    assert not instrument.render(np.zeros((1, 99), np.float32), 0, float("-inf")).any()
