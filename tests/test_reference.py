"""A reference recording: its sound comes over, its notes do not, and nothing depends on the cut.

``python -m tests.test_reference`` prints the table of docs/reference/tones.md.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soxr

from morphsep.dsp.mel_position import log_mel, mel_power
from morphsep.dsp.signal import MODEL_RATE, Signal, from_db
from morphsep.tones.recordings.recording import Recording
from morphsep.tones.recordings.reference import Reference
from morphsep.tones.recordings.statistics import NUM_BANDS, filter_gains, statistics
from morphsep.tones.tone import Fitting, Tone
from tests import songs
from tests.test_paired import TONES, lufs, stem, take, through

LEVEL = -18.0
MOVING = ("flanger", "phaser", "tremolo", "room")
"""What averages over time do not see."""


def at_level(sound: Signal) -> Signal:
    return (sound * from_db(LEVEL - lufs(sound))).astype(np.float32)


def apart(sound: Signal, wanted: Signal) -> float:
    """Distance of the log-mel spectrograms in dB (RMS), both equally loud."""
    sound, wanted = at_level(sound), at_level(wanted)
    reference = float(mel_power(wanted).max())
    a, b = (log_mel(each, reference=reference) for each in (sound, wanted))
    return float(np.sqrt(np.mean((a - b) ** 2)))


def reference(folder: Path, sound: Signal) -> Reference:
    return Reference.of(str(songs.write(folder / "solo.wav", sound, subtype="FLOAT")))


def fitted(folder: Path, solo: Signal, sound: Signal) -> Reference:
    tone = reference(folder, solo)
    return tone.fitted(json.loads(json.dumps(tone.fit(stem(sound)))))


def distances(folder: Path, name: str, sound: Signal, other: Signal) -> tuple[float, float]:
    """How far from ``sound`` through the named tone ``sound`` itself is, and ``sound`` with
    ``other`` through that tone as its reference."""
    tone = fitted(folder, through(name, other), sound)
    wanted = through(name, sound)
    return apart(sound, wanted), apart(tone.render(sound, 0, lufs(sound)), wanted)


@cache
def demo() -> tuple[Signal, Signal]:
    """The demo's clean guitar, and the same three semitones lower: other notes."""
    sound = Recording(path=str(Path(__file__).parents[1] / "demo" / "guitar-clean.flac"))
    whole = sound.read(0, sound.num_samples)
    lower = soxr.resample(whole.T, MODEL_RATE, MODEL_RATE * 2 ** (3 / 12), quality="VHQ")
    return whole, np.ascontiguousarray(lower.T, np.float32)


def melodies() -> tuple[Signal, Signal]:
    return take(1, seconds=10.0), take(5, seconds=12.0)


@pytest.mark.parametrize("name", TONES)
def test_other_notes_through_a_tone_bring_the_stem_nearer_to_that_tone(
    tmp_path: Path, name: str
) -> None:
    before, after = distances(tmp_path, name, *melodies())
    assert after < before + 0.1
    if name not in MOVING:
        assert after < 0.95 * before
    if name in ("overdrive", "fuzz", "ambient"):
        assert after < 0.7 * before


@pytest.mark.parametrize("name", ["overdrive", "distortion", "tremolo"])
def test_so_it_does_on_a_real_guitar(tmp_path: Path, name: str) -> None:
    before, after = distances(tmp_path, name, *demo())
    assert after < (before + 0.3 if name in MOVING else 0.85 * before)


def test_a_clean_reference_of_the_same_guitar_drives_nothing(tmp_path: Path) -> None:
    tone = reference(tmp_path, demo()[1])
    facts = tone.fit(stem(demo()[0]))
    assert facts["drive_db"] is None
    assert np.sqrt(np.mean(np.square(facts["gains_db"]))) < 6
    assert len(facts["gains_db"]) == NUM_BANDS


def test_a_louder_or_softer_reference_is_the_same_tone(tmp_path: Path) -> None:
    solo = through("distortion", melodies()[1])
    facts = [reference(tmp_path, gain * solo).fit(stem(melodies()[0])) for gain in (1.0, 0.05)]
    assert facts[0]["drive_db"] == facts[1]["drive_db"]
    np.testing.assert_allclose(facts[0]["gains_db"], facts[1]["gains_db"], atol=0.05)


def test_nothing_depends_on_how_the_song_is_cut(tmp_path: Path) -> None:
    sound = melodies()[0]
    tone = fitted(tmp_path, through("fuzz", melodies()[1]), sound)
    whole = tone.render(sound, 0, -20.0)
    before, after = tone.context
    for start, length in ((before, 40000), (99991, 5000), (sound.shape[1] - 9999, 9999)):
        first, last = max(0, start - before), min(sound.shape[1], start + length + after)
        part = tone.render(sound[:, first:last], first, -20.0)[:, start - first :][:, :length]
        rms = np.sqrt(np.mean((part - whole[:, start : start + length]) ** 2))
        assert rms < 1e-6


def test_notes_stay_where_they_are(tmp_path: Path) -> None:
    sound = np.zeros((2, MODEL_RATE), np.float32)
    sound[:, 20000] = 0.5
    sound[:, 20000:] += songs.guitar(1.0)[:, : MODEL_RATE - 20000]
    tone = fitted(tmp_path, through("distortion", melodies()[1]), melodies()[0])
    rendered = tone.render(sound, 0, -20.0)
    early = np.abs(rendered[:, : 20000 - 200]).max()
    assert early < 1e-3 * np.abs(rendered).max()
    assert rendered.shape == sound.shape


def test_silence_is_fitted_and_stays_silent(tmp_path: Path) -> None:
    silent = np.zeros((1, 2 * MODEL_RATE), np.float32)
    tone = fitted(tmp_path, melodies()[1], silent)
    assert not tone.render(silent, 0, float("-inf")).any()
    assert tone.render(silent[:, :0], 0, -20.0).shape == (1, 0)


def test_is_a_tone_that_is_fitted_and_named_by_what_was_found(tmp_path: Path) -> None:
    tone = reference(tmp_path, melodies()[1])
    assert isinstance(tone, Tone)
    assert isinstance(tone, Fitting)
    assert isinstance(tone.fitted({"drive_db": None, "gains_db": [1.0] * NUM_BANDS}), Tone)
    found = {
        tone.fitted({"drive_db": drive, "gains_db": [gain] * NUM_BANDS}).fingerprint()
        for drive in (None, 12.0)
        for gain in (0.0, 1.0)
    }
    assert len(found | {tone.fingerprint()}) == 5


def test_statistics_know_neither_level_nor_time() -> None:
    sound = take(1)
    a, b = statistics([sound]), statistics([0.1 * sound[:, ::-1]])
    assert a is not None
    assert b is not None
    np.testing.assert_allclose(a.mean_db, b.mean_db, atol=0.3)
    assert np.abs(filter_gains(a, a)).max() == 0
    assert statistics([np.zeros((1, 50000), np.float32)]) is None


def main() -> None:
    import tempfile

    for title, pair in (("two melodies", melodies()), ("demo, 3 semitones lower", demo())):
        print(title)
        for name in TONES:
            with tempfile.TemporaryDirectory() as folder:
                before, after = distances(Path(folder), name, *pair)
            print(f"{name:12s} {before:6.2f} {after:6.2f}")


if __name__ == "__main__":
    main()
