"""The reverberator: its room is the one that was asked for, and there is one room at a time."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

import morphsep
from morphsep import manifest
from morphsep.backends.backend import Passage
from morphsep.backends.chain.chain import Chain
from morphsep.backends.perceptual import Warp
from morphsep.dsp import MODEL_RATE, Signal, decay, decay_curve
from morphsep.morphing.recipe import build_anew
from morphsep.morphing.rooms import STEPS, Rooms
from morphsep.request import make_settings
from morphsep.storage import location
from morphsep.tones.catalogue import get_tone
from morphsep.tones.chain.chain import EffectChain
from morphsep.tones.effects.convolution import HOP
from morphsep.tones.effects.reverberator import Reverberator
from morphsep.tones.trim import trimmed
from tests import songs

HALL = {
    "t60_s": 5.0, "high_ratio": 0.4, "pre_delay_ms": 20.0, "late_db": 0.0, "early_db": -60.0,
}  # fmt: skip
ROOM = HALL | {"t60_s": 0.4, "pre_delay_ms": 5.0}
SETTLED = 1323
"""Samples after which a click's tail has set in: the longest pre-delay, and the rise."""


def octave(signal: Signal, hz: float) -> Signal:
    band = [hz / 2**0.5, hz * 2**0.5]
    return np.asarray(sosfilt(butter(4, band, "band", fs=MODEL_RATE, output="sos"), signal))


def click(seconds: float, channels: int = 2) -> Signal:
    stem = np.zeros((channels, round(seconds * MODEL_RATE)), np.float32)
    stem[:, 0] = 1
    return stem


@cache
def noise(seconds: float = 6.0) -> Signal:
    length = round(seconds * MODEL_RATE)
    return (0.1 * np.random.default_rng(5).standard_normal((2, length))).astype(np.float32)


def hall_of(tone: EffectChain) -> dict[str, float]:
    (pedal,) = (pedal for pedal in tone.pedals if pedal.kind == "Reverberator")
    return {name: float(str(value)) for name, value in pedal.settings if name != "mix"}


def between(amount: float, a: dict[str, float] = ROOM, b: dict[str, float] = HALL) -> Signal:
    """What the chain makes of a click between two rooms, ``[2, T]``."""
    ends = [_chain(room) for room in (a, b)]
    stem = click(6.0)
    passage = Passage(
        stem=stem, start=0, amount=np.full(stem.shape[1], amount, np.float32),
        source_tone=ends[0], target_tone=ends[1], level=-18.0,
    )  # fmt: skip
    return Chain().morph([passage])[0]


def _chain(room: dict[str, float]) -> EffectChain:
    from morphsep.tones.chain.rack import Pedal

    settings = tuple(sorted({**room, "mix": 1.0}.items()))
    return EffectChain(
        name="room", description="A room.", pedals=(Pedal(kind="Reverberator", settings=settings),)
    )


@pytest.mark.parametrize("name", ["ambient", "room", "hall"])
def test_a_tone_rings_as_long_as_its_file_says(name: str) -> None:
    tone = get_tone(name)
    assert isinstance(tone, EffectChain)
    room = hall_of(tone)
    out = Reverberator().process(click(room["t60_s"] + 0.5), 0, room | {"early_db": -60.0})
    for octaves, hz in enumerate((500, 1000, 2000, 4000, 8000)):
        measured = decay(octave(out[:, 1 + round(room["pre_delay_ms"] * 44.1) :], hz))
        assert measured is not None
        expected = room["t60_s"] * room["high_ratio"] ** (octaves / 4)
        assert measured.t60_s == pytest.approx(expected, rel=0.1), hz


def test_the_tail_has_the_energy_that_was_asked_for() -> None:
    """Below 500 Hz, where the whole tail decays at one rate."""
    out = Reverberator().process(click(3.0), 0, HALL | {"t60_s": 2.5, "late_db": -10.0})
    direct, out = out[:, 0].copy(), out.copy()
    out[:, 0] = 0
    hz = np.fft.rfftfreq(out.shape[1], 1 / MODEL_RATE)
    power = np.abs(np.fft.rfft(out)[:, (hz > 100) & (hz < 500)]) ** 2
    assert 10 * np.log10(power.mean() / np.mean(direct**2)) == pytest.approx(-10, abs=0.5)


@pytest.mark.parametrize("amount", [0.25, 0.5, 0.75])
def test_half_way_between_two_rooms_is_one_room(amount: float) -> None:
    out = octave(between(amount)[:, SETTLED:], 500)
    measured = decay(out)
    assert measured is not None
    assert measured.t60_s == pytest.approx(0.4 * 12.5**amount, rel=0.1)
    assert measured.double_slope == pytest.approx(1, abs=0.3)
    assert measured.deviation_db < 0.7


def test_the_sum_of_two_rooms_has_two_slopes() -> None:
    """What a crossfade makes of the same two rooms, so that the test above can fail."""
    mixed = octave((0.75 * between(0.0) + 0.25 * between(1.0))[:, SETTLED:], 500)
    measured = decay(mixed)
    assert measured is not None
    assert measured.double_slope > 2


def test_from_no_room_the_reverberation_time_grows_by_equal_ratios() -> None:
    tone, dry = _chain(HALL), get_tone("as-recorded")
    stem, times = click(6.0), []
    for amount in (0.25, 0.5, 0.75):
        passage = Passage(
            stem=stem, start=0, amount=np.full(stem.shape[1], amount, np.float32),
            source_tone=dry, target_tone=tone, level=-18.0,
        )  # fmt: skip
        measured = decay(octave(Chain().morph([passage])[0][:, SETTLED:], 500))
        assert measured is not None
        assert measured.double_slope == pytest.approx(1, abs=0.3)
        times.append(measured.t60_s)
    np.testing.assert_allclose(times, 0.4 * 12.5 ** np.array([0.25, 0.5, 0.75]), rtol=0.1)


def test_a_decay_is_measured() -> None:
    """Against a decay that is known, and one that does not fall far enough."""
    time = np.arange(2 * MODEL_RATE) / MODEL_RATE
    exact = np.exp(-6.9078 * time / 1.2)[None].astype(np.float32)
    measured = decay(exact)
    assert measured is not None
    assert measured.t60_s == pytest.approx(1.2, rel=1e-3)
    assert measured.double_slope == pytest.approx(1, abs=1e-3)
    assert decay_curve(exact)[0] == 0
    assert decay(exact[:, :2000]) is None
    assert decay(np.zeros((1, 100), np.float32)) is None


MOVING = {"t60_s": (0.4, 2.0), "late_db": (-30.0, -3.0), "early_db": (-30.0, -9.0)}


@pytest.mark.parametrize("cut", [1, 8192, 44_100])
@pytest.mark.parametrize("moving", [False, True])
def test_a_room_does_not_depend_on_where_a_passage_is_cut(cut: int, moving: bool) -> None:
    stem, effect = noise(), Reverberator()
    room: dict[str, float | Signal] = {**HALL, "t60_s": 2.0}
    before, after = effect.context({**HALL, "t60_s": 2.0})
    part = dict(room)
    if moving:
        for name, (low, high) in MOVING.items():
            curve = np.linspace(low, high, stem.shape[1], dtype=np.float32)
            room[name], part[name] = curve, curve[cut:]
    whole = effect.process(stem, 7, room)
    passage = effect.process(stem[:, cut:], 7 + cut, part)
    settled = slice(before, passage.shape[1] - after)
    error = np.abs((passage - whole[:, cut:])[:, settled]).max()
    assert error < 1e-5 * np.abs(whole).max()


def test_settings_that_stand_still_sound_like_numbers() -> None:
    stem, effect = noise(), Reverberator()
    room = HALL | {"t60_s": 1.0}
    curves = {name: np.full(stem.shape[1], value, np.float32) for name, value in room.items()}
    settled = slice(0, stem.shape[1] - HOP)
    error = effect.process(stem, 0, curves) - effect.process(stem, 0, room)
    assert np.abs(error[:, settled]).max() < 1e-5


def test_an_amount_that_jumps_leaves_the_tail_ringing() -> None:
    """The room is gone at once for what comes later, not for what still rings in it."""
    stem = noise().copy()
    jump = 2 * MODEL_RATE
    stem[:, jump - HOP :] = 0
    curve = np.full(stem.shape[1], 0.0, np.float32)
    curve[jump:] = -60
    still = Reverberator().process(stem, 0, HALL | {"t60_s": 2.0, "late_db": 0.0})
    jumped = Reverberator().process(stem, 0, HALL | {"t60_s": 2.0, "late_db": curve})
    rings = slice(jump + HOP, stem.shape[1] - 2 * HOP)
    ratio = np.std(jumped[:, rings]) / np.std(still[:, rings])
    assert 20 * np.log10(ratio) == pytest.approx(20 * np.log10(2**0.25), abs=0.1)


def test_a_sound_comes_back_from_all_around_with_its_energy() -> None:
    """Middle, side, and one channel alone; two equal channels sound like one."""
    room = HALL | {"t60_s": 1.0}
    one = noise()[:1]
    nothing = np.zeros_like(one)
    energies = []
    for stem in ([one, one], [one, -one], [one, nothing], [nothing, one]):
        both = np.concatenate(stem)
        added = Reverberator().process(both, 0, room) * 2**0.25 - both
        energies.append(np.sum(added**2) / np.sum(both**2))
        assert abs(np.corrcoef(added)[0, 1]) < 0.1
    np.testing.assert_allclose(energies, energies[0], rtol=0.1)
    mono = Reverberator().process(one, 0, room)
    double = Reverberator().process(np.concatenate([one, one]), 0, room)
    np.testing.assert_allclose(double[0], mono[0], atol=1e-6)


@pytest.mark.parametrize(("backend", "low", "high"), [("chain", 0.7, 1.3), ("crossfade", 2, 5)])
def test_the_chunk_table_tells_one_room_from_two(
    tmp_path: Path, backend: str, low: float, high: float
) -> None:
    path = songs.song(tmp_path, 6.0)
    row = morphsep.morph_file(
        path, tmp_path / "out", from_="room", to="hall", amount=0.1, backend=backend,
        separator="none", uniform=False,
    )  # fmt: skip
    (chunk,) = manifest.read_chunks(location(tmp_path / "out"))
    assert chunk.double_slope is not None
    assert low < chunk.double_slope < high
    assert row.worst_double_slope == pytest.approx(chunk.double_slope)
    if backend == "chain":
        assert chunk.t60_s == pytest.approx(0.5 * 4.4**0.1, rel=0.1)


@pytest.mark.parametrize(("to", "amount"), [("chorus", "0.5"), ("hall", "0"), ("ambient", "0.2")])
def test_what_is_no_room_has_no_decay(to: str, amount: str) -> None:
    """Nothing rings; nothing is morphed; an echo is louder than the room."""
    settings = make_settings(to=to, amount=amount, separator="none", backend="chain")
    assert Rooms(recipe=build_anew(settings), warp=Warp()).at(float(amount)) is None


def test_rooms_are_measured_once_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """At few amounts, whatever the section or the track; never at an end for what is between."""
    heard, morph = [], Chain.morph

    def counted(self: Chain, passages: list[Passage]) -> list[Signal]:
        heard.extend((each.stem.shape[0], float(each.amount[0])) for each in passages)
        return morph(self, passages)

    monkeypatch.setattr(Chain, "morph", counted)
    settings = make_settings(from_="room", to="hall", separator="none", backend="chain")
    recipe = build_anew(settings)
    recipe = replace(recipe, target=trimmed(recipe.target, -0.123))  # as no other test has
    amounts = [*np.linspace(0.001, 0.999, 50), 0.0, 1.0]
    first = [Rooms(recipe=recipe, warp=Warp()).at(amount) for amount in amounts]
    assert sorted(heard) == [(1, step / STEPS) for step in range(STEPS + 1)]
    assert first[0] != first[-2], "an amount in between is no end"
    again = Rooms(recipe=replace(recipe), warp=Warp())
    assert [again.at(amount) for amount in amounts] == first
    assert len(heard) == STEPS + 1


def test_the_time_that_a_room_takes_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rooms, "at", lambda *_: time.sleep(1.0))
    row = morphsep.morph_file(
        songs.song(tmp_path, 2.0), tmp_path / "out", to="chorus", separator="none", uniform=False
    )
    (chunk,) = manifest.read_chunks(location(tmp_path / "out"))
    assert chunk.seconds >= 1
    assert row.seconds_morph is not None
    assert row.seconds_morph >= 1
