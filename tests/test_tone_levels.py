"""Loudness and peaks of tones: at every level of a stem, on other guitars than the demo's."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import morphsep
from jobs.bench import tone_measures as measures
from morphsep.backends import Passage
from morphsep.backends.chain import Chain
from morphsep.dsp.loudness import rms_per_second
from morphsep.dsp.signal import MODEL_RATE, Signal, from_db
from morphsep.testing import plucked
from morphsep.tones import get_tone, list_tones, measure_trim, trimmed
from morphsep.tones.effects.drive import Drive

NAMES = [tone.name for tone in list_tones() if tone.name != "as-recorded"]


@cache
def guitars() -> dict[str, Signal]:
    return {
        "picked fifths": measures.picked_fifths(),
        "a note that decays": measures.held_note(),
        "plucked strings": np.asarray(plucked(4 * MODEL_RATE)[None], np.float32),
    }


def fitted(name: str, sound: Signal) -> Signal:
    """A whole track through a tone, trimmed as in a run."""

    def read(start: int, num_samples: int) -> Signal:
        around = num_samples + abs(start)
        return np.pad(sound, ((0, 0), (around, around)))[:, start + around :][:, :num_samples]

    level, length = measures.loudness(sound), sound.shape[1]
    tone = get_tone(name)
    before, after = tone.context
    trim = measure_trim(tone, read, length, rms_per_second([sound], MODEL_RATE).tolist(), level)
    whole = trimmed(tone, trim).render(read(-before, length + before + after), -before, level)
    return whole[:, before : before + length]


@pytest.mark.parametrize("name", NAMES)
def test_a_track_keeps_its_loudness(name: str) -> None:
    for what, sound in guitars().items():
        louder = measures.loudness(fitted(name, sound)) - measures.loudness(sound)
        assert abs(louder) < 0.3, what


@pytest.mark.parametrize("name", ["tremolo", "chorus"])
def test_a_swing_raises_the_peaks_of_a_stem_little(name: str) -> None:
    """It was up to 3 dB, with which a whole song of integers is lowered."""
    for what in ("picked fifths", "plucked strings"):
        sound = guitars()[what]
        raised = np.abs(fitted(name, sound)).max() / np.abs(sound).max()
        assert 20 * np.log10(raised) < 1.6, what


@pytest.mark.parametrize("name", ["overdrive", "distortion", "fuzz", "gated-fuzz", "clean"])
def test_a_very_quiet_stem_sounds_like_a_loud_one(name: str) -> None:
    """Peaks at 0, -40, -60 and -80 dBFS; below -70 LUFS nothing was driven."""
    loud = measures.power_chord() / np.abs(measures.power_chord()).max()
    morph = morphsep.Morph("as-recorded", name, uniform=False, backend="chain")
    wanted = morph(loud, MODEL_RATE)
    for quieter in (-40.0, -60.0, -80.0):
        gain = np.float32(from_db(quieter))
        error = morph(loud * gain, MODEL_RATE) / gain - wanted
        assert np.abs(error).max() < from_db(-60) * np.abs(wanted).max(), quieter


@pytest.mark.parametrize("amount", [0.6, "0=0 0:01=1"])
def test_an_in_between_of_a_very_quiet_stem_is_that_of_a_loud_one(amount: float | str) -> None:
    """The map of a stem below -70 LUFS said that all amounts sound alike."""
    loud = measures.power_chord() / np.abs(measures.power_chord()).max()
    morph = morphsep.Morph("as-recorded", "distortion", backend="chain")
    wanted = morph(loud, MODEL_RATE, amount=amount)
    gain = np.float32(from_db(-80.0))
    error = morph(loud * gain, MODEL_RATE, amount=amount) / gain - wanted
    assert np.abs(error).max() < from_db(-50) * np.abs(wanted).max()


def test_silence_stays_silent() -> None:
    for name in NAMES:
        silence = np.zeros((2, MODEL_RATE), np.float32)
        assert not morphsep.Morph("as-recorded", name, uniform=False)(silence, MODEL_RATE).any()


@pytest.mark.parametrize("name", ["overdrive", "distortion", "fuzz", "tremolo", "chorus"])
def test_an_amount_that_jumps_makes_no_peak(name: str) -> None:
    """From one end to the other in 1 ms, four times a second."""
    sound = measures.power_chord()
    time = np.arange(sound.shape[1]) / MODEL_RATE
    amount = np.clip(500 * np.sin(2 * np.pi * 4 * time) + 0.5, 0, 1).astype(np.float32)
    ends = get_tone("as-recorded"), get_tone(name)
    (out,) = Chain().morph([
        Passage(
            stem=sound, start=0, amount=amount, source_tone=ends[0], target_tone=ends[1],
            level=measures.LEVEL,
        )
    ])  # fmt: skip
    largest = max(np.abs(tone.render(sound, 0, measures.LEVEL)).max() for tone in ends)
    assert np.isfinite(out).all()
    assert np.abs(out).max() < 1.3 * largest


@pytest.mark.parametrize("length", [20, 100, 250])
@pytest.mark.parametrize("at", [5120, 5130, 5200])
def test_a_short_jump_of_a_drive_makes_no_peak(length: int, at: int) -> None:
    """Between two computed values of the make-up gain, too."""
    sound = 0.3 * np.sin(2 * np.pi * 220 * np.arange(8820) / MODEL_RATE)[None].astype(np.float32)
    drive_db = np.full(sound.shape[1], -12, np.float32)
    drive_db[at : at + length] = 56
    settings = {name: each.default for name, each in Drive().parameters.items()}
    out = Drive().process(sound, 0, settings | {"drive_db": drive_db})
    driven = Drive().process(sound, 0, settings | {"drive_db": 56.0})
    assert np.abs(out).max() < 1.3 * max(np.abs(driven).max(), 0.3)


def test_a_drive_that_jumps_sounds_the_same_however_it_is_cut() -> None:
    sound = 0.3 * np.sin(2 * np.pi * 220 * np.arange(20_000) / MODEL_RATE)[None].astype(np.float32)
    drive_db = np.where(np.arange(20_000) // 50 % 7 == 0, 50, -12).astype(np.float32)
    settings = {name: each.default for name, each in Drive().parameters.items()}
    whole = Drive().process(sound, 0, settings | {"drive_db": drive_db})
    before, after = Drive().context(settings)
    for start in (3000, 3051, 3127):
        part = slice(start - before, start + 9000 + after)
        cut = Drive().process(sound[:, part], part.start, settings | {"drive_db": drive_db[part]})
        # what is rounded is 3,000 times louder a moment later
        kept = cut[:, before:-after]
        np.testing.assert_allclose(kept, whole[:, start : start + 9000], atol=2e-4, rtol=0)
