"""Tones that drive: quiet playing, held notes, pauses, aliasing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jobs.bench import tone_measures as measures
from jobs.bench.high_gain import high_gain
from jobs.bench.tones import HEAD, is_moving, line, measure
from morphsep.dsp.signal import MODEL_RATE, Signal
from morphsep.tones.catalogue import get_tone, list_tones
from morphsep.tones.chain.chain import EffectChain
from morphsep.tones.chain.definition import parse_chain

DRIVEN = [
    tone.name
    for tone in list_tones()
    if isinstance(tone, EffectChain) and any(pedal.kind == "Drive" for pedal in tone.pedals)
]
STEADY = [name for name in DRIVEN if not is_moving(get_tone(name)) and name != "gated-fuzz"]


def play(name: str) -> measures.Play:
    return measures.through(get_tone(name))


@pytest.mark.parametrize(
    ("name", "least"), [("distortion", -4), ("fuzz", -6), ("overdrive", -22), ("gated-fuzz", -80)]
)
def test_softer_playing_comes_out_softer_by_less(name: str, least: float) -> None:
    """30 dB softer; distortion of old put out -16 dB, the fuzz that is now gated -72."""
    out = measures.compression(play(name))
    assert out[-1] > least
    assert all(np.diff([0, *out]) <= 0)


def test_overdrive_answers_to_touch_and_distortion_hardly() -> None:
    assert -8 < measures.compression(play("overdrive"))[0] < -4
    assert measures.compression(play("distortion"))[0] > -1


def test_distortion_is_near_a_high_gain_amplifier() -> None:
    chord = measures.compression(high_gain)
    assert np.abs(np.subtract(measures.compression(play("distortion")), chord)).max() < 3
    dry = measures.picked_fifths()
    ours, amplifier = get_tone("distortion").render(dry, 0, measures.LEVEL), high_gain(dry)
    assert measures.dynamics(ours) == pytest.approx(measures.dynamics(amplifier), abs=1)
    assert measures.crest(ours) == pytest.approx(measures.crest(amplifier), abs=1)
    assert measures.centroid(ours) == pytest.approx(measures.centroid(amplifier), rel=0.15)


def test_only_the_gated_fuzz_deletes_quiet_playing() -> None:
    assert measures.compression(play("gated-fuzz"))[1] < -40
    assert measures.compression(play("fuzz"))[1] > -2


@pytest.mark.parametrize(("name", "seconds"), [("overdrive", 3), ("distortion", 4), ("fuzz", 4)])
def test_a_held_note_sounds_longer_than_the_string(name: str, seconds: float) -> None:
    assert measures.sustain(lambda sound: sound) < 2.6
    assert measures.sustain(play(name)) > seconds


@pytest.mark.parametrize("name", STEADY)
def test_a_note_ends_without_a_step(name: str) -> None:
    """The gate's end included: down to 40 dB below the note no 50 ms fall by 6 dB or rise by 3."""
    levels = measures.levels(play(name)(measures.held_note()), 0.05)[4:]
    heard = np.diff(levels)[levels[1:] > levels[:20].mean() - 40]
    assert heard.min() > -6
    assert heard.max() < 3


@pytest.mark.parametrize("name", DRIVEN)
def test_pauses_are_quiet(name: str) -> None:
    """Distortion of old: -15 dB, and it sustained less."""
    assert measures.pause(play(name)) < -19


@pytest.mark.parametrize("name", [tone.name for tone in list_tones() if not is_moving(tone)])
def test_tones_hardly_alias(name: str) -> None:
    """Two-fold oversampled, distortion and fuzz have -60 and -44 dB."""
    assert measures.aliasing(play(name), 1000) < -70
    assert measures.aliasing(play(name), 6000) < -50


@pytest.mark.parametrize("name", DRIVEN)
def test_silence_and_a_full_stem_come_through(name: str) -> None:
    """A stem that is quiet or at full scale throughout meets the same drive."""
    loud = np.sign(measures.power_chord()) * np.float32(0.999)
    out = [
        get_tone(name).render(loud * gain, 0, measures.loudness(loud * gain)) / gain
        for gain in (np.float32(1), np.float32(1e-3))
    ]
    assert np.isfinite(out[0]).all()
    assert np.abs(out[0] - out[1]).max() < 1e-4 * np.abs(out[0]).max()


def chain(drive: str) -> EffectChain:
    return parse_chain(f"pedals: [Drive: {{{drive}}}]", Path("rig.yaml"))


def test_an_asymmetry_that_follows_keeps_the_colour_of_a_note() -> None:
    size, k = 1 << 14, 111
    sine = np.sin(2 * np.pi * k / size * np.arange(3 * size)).astype(np.float32)[None]

    def first_and_second(follow: int, amplitude: float) -> Signal:
        tone = chain(f"drive_db: 50, asymmetry: 0.3, follow: {follow}")
        out = tone.render(sine * np.float32(amplitude), 0, measures.LEVEL)[0, size : 2 * size]
        return np.asarray(20 * np.log10(np.abs(np.fft.rfft(out))[[k, 2 * k]]))

    usual, soft = first_and_second(1, 0.126), first_and_second(1, 0.005)
    assert soft[0] > usual[0] - 3
    assert soft[1] - soft[0] == pytest.approx(usual[1] - usual[0], abs=6)
    assert first_and_second(0, 0.005)[0] < usual[0] - 40


def test_both_channels_share_the_shift() -> None:
    """One that rests does not get a shift of its own; silence stays silent in it."""
    both = np.concatenate([measures.power_chord(), 0 * measures.power_chord()])
    out = chain("drive_db: 40, asymmetry: 0.3, follow: 1").render(both, 0, measures.LEVEL)
    assert not out[1].any()


def gated(hold: int) -> Signal:
    """Bursts of 60 ms every 200 ms for a second, then silence but for a faint sine."""
    time = np.arange(2 * MODEL_RATE) / MODEL_RATE
    bursts = np.where((time % 0.2 < 0.06) & (time < 1), 0.1, 0.0005)
    sound = (bursts * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)[None]
    text = f"pedals: [Gate: {{threshold_db: -50, ratio: 10, hold_ms: {hold}}}]"
    return parse_chain(text, Path("rig.yaml")).render(sound, 0, measures.LEVEL)


def test_a_gate_that_holds_does_not_chop_and_closes_all_the_same() -> None:
    held, plain = (measures.levels(gated(hold), 0.02) for hold in (150, 0))
    assert held[10:45].min() > -70
    assert plain[10:45].min() < -120
    assert held[75:].max() < -120


def test_the_table_shows_old_and_new() -> None:
    row = measure(lambda sound: sound, moves=True)
    assert set(row) == set(HEAD)
    assert row["compression"] == pytest.approx(measures.SOFTER, abs=0.01)
    assert line("dry", row, None) == line("dry", row, row)
    assert "0.0 -> 0.0" not in line("dry", row, {**row, "loudness": [3.0]})
    assert "| 3.0 -> 0.0 |" in line("dry", {**row, "loudness": [0.0]}, {**row, "loudness": [3.0]})
    assert "| - |" in line("dry", row, None)
