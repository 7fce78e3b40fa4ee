"""What is read off a recording before any trial: rates, sweeps and echoes, of the demo's guitar."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import soundfile

from jobs.bench.match import GUITAR
from morphsep.dsp.signal import MODEL_RATE, Signal
from morphsep.tones.effects.registry import effect_named, knobs
from morphsep.tones.match.choices import MOVEMENTS
from morphsep.tones.match.guess import echo_times, turning_rates
from morphsep.tones.match.ripple import ripples
from morphsep.tones.match.start import Starts

CHORUS, FLANGER, PHASER, TREMOLO, ROOM = MOVEMENTS


@cache
def guitar() -> Signal:
    """The demo's clean guitar, ``[1, T]``."""
    return np.asarray(soundfile.read(GUITAR, dtype="float32", always_2d=True)[0].T.copy())


def through(kind: str, start: int = 0, mix: float = 1.0, **settings: float) -> Signal:
    """The guitar behind a pedal whose LFO is where it is at that sample of a song."""
    values = {name: knob.default for name, knob in knobs(kind).items()} | settings
    wet = effect_named(kind).process(guitar(), start, values)
    return np.asarray(guitar() + np.float32(mix) * (wet - guitar()), np.float32)


@pytest.mark.parametrize(
    ("start", "rate", "depth", "centre"),
    [
        (0, 0.55, 0.17, 7.3),
        (123_456, 1.13, 0.13, 12.4),
        pytest.param(123_456, 0.55, 0.17, 7.3, marks=pytest.mark.slow),
        pytest.param(0, 1.13, 0.13, 12.4, marks=pytest.mark.slow),
    ],
)
def test_a_chorus_is_read_off_whatever_its_phase(
    rate: float, depth: float, centre: float, start: int
) -> None:
    heard = through("Chorus", start, rate_hz=rate, depth=depth, centre_delay_ms=centre, mix=0.45)
    assert turning_rates([heard], [guitar()])[0] == pytest.approx(rate, rel=0.02)
    first = Starts([heard], [guitar()]).of(CHORUS)[0]
    assert first["rate_hz"] == pytest.approx(rate, rel=0.02)
    assert first["centre_delay_ms"] == pytest.approx(centre, rel=0.05)
    assert first["depth"] == pytest.approx(depth, rel=0.15)


def test_a_flanger_is_read_off() -> None:
    heard = through(
        "Flanger", 77_777, rate_hz=0.33, shortest_ms=0.8, longest_ms=4.1, feedback=0.3, mix=0.45
    )
    first = Starts([heard], [guitar()]).of(FLANGER)[0]
    assert first["rate_hz"] == pytest.approx(0.33, rel=0.02)
    assert first["shortest_ms"] == pytest.approx(0.8, rel=0.1)
    assert first["longest_ms"] == pytest.approx(4.1, rel=0.1)


def test_a_tremolo_is_among_the_rates() -> None:
    heard = through("Tremolo", rate_hz=3.7, depth=0.5)
    rates = [guess["rate_hz"] for guess in Starts([heard], [guitar()]).of(TREMOLO)]
    assert min(abs(rate - 3.7) for rate in rates) < 0.05


def test_an_echo_is_found_to_the_sample_even_behind_other_notes() -> None:
    delay = round(0.2345 * MODEL_RATE)
    wet = guitar().copy()
    wet[:, delay:] += 0.3 * guitar()[:, :-delay]
    half = guitar().shape[1] // 2
    for heard, untouched in ((wet, guitar()), (wet[:, half:], guitar()[:, :half])):
        found = echo_times([heard], [untouched], shortest=0.05, longest=0.6)
        assert found[0] == pytest.approx(delay / MODEL_RATE, abs=1.5 / MODEL_RATE)
    assert Starts([wet], [guitar()]).of(ROOM)[0] == {
        "delay_seconds": pytest.approx(0.2345, abs=1e-4)
    }


def test_ripples_are_those_of_the_sound_and_not_of_its_level() -> None:
    heard = through("Chorus", mix=0.5)
    for a, b, other in zip(
        ripples([heard]), ripples([heard * np.float32(0.1)]), ripples([guitar()]), strict=True
    ):
        assert a.shape == other.shape
        assert np.abs(a - b).max() < 0.02 * np.abs(a - other).max()


def test_silence_tells_nothing() -> None:
    silence = np.zeros((1, MODEL_RATE), np.float32)
    starts = Starts([silence], [silence])
    assert starts.of(ROOM) == []
    assert starts.of(PHASER) == []
    assert all(np.isfinite(list(guess.values())).all() for guess in starts.of(CHORUS))
