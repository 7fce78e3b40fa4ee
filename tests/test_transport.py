"""Transport of spectral mass: one partial in between and not two, whole attacks, exact ends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsep.backends.backend import Passage
from morphsep.backends.spectral.masses import matched
from morphsep.backends.spectral.spectral import Spectral
from morphsep.backends.spectral.transport import transport
from morphsep.dsp.signal import MODEL_RATE, Signal
from morphsep.tones.as_recorded import AS_RECORDED
from morphsep.tones.recordings.instrument import Instrument
from tests import songs

AMOUNTS = (0.1, 0.3, 0.5, 0.7, 0.9)


def sine(hertz: float, seconds: float = 1.5, level: float = 0.3, channels: int = 1) -> Signal:
    wave = level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * MODEL_RATE)) / MODEL_RATE)
    return np.tile(wave, (channels, 1)).astype(np.float32)


def harmonic(hertz: float, seconds: float = 1.5, partials: int = 6) -> Signal:
    return sum(sine(hertz * k, seconds, 0.2 / k) for k in range(1, partials + 1))  # type: ignore[return-value]  # sum of arrays


def move(source: Signal, target: Signal, amount: float | Signal, start: int = 0) -> Signal:
    curve = np.broadcast_to(np.float32(amount), source.shape[1]).astype(np.float32)
    moved = transport(source, target, curve, start, n_fft=2048, hop=512)
    assert moved.shape == source.shape
    assert moved.dtype == np.float32
    assert np.isfinite(moved).all()
    return moved


def partials(sound: Signal, above_db: float = -30.0) -> list[float]:
    """Frequencies in Hz of what is within so many dB of the strongest, settled part only."""
    x = sound[0, MODEL_RATE // 4 : -MODEL_RATE // 4]
    size = 8 * x.size
    spectrum = np.abs(np.fft.rfft(x * np.blackman(x.size), size))
    spectrum /= spectrum.max()
    inner = spectrum[1:-1]
    tops = (inner > spectrum[:-2]) & (inner >= spectrum[2:]) & (inner > 10 ** (above_db / 20))
    return [float(k * MODEL_RATE / size) for k in np.flatnonzero(tops) + 1]


def rms(x: Signal) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


@pytest.mark.parametrize("amount", AMOUNTS)
def test_two_sines_give_one_in_between(amount: float) -> None:
    found = partials(move(sine(440), sine(563.3), amount), above_db=-40)
    assert found == [pytest.approx(440 + amount * 123.3, abs=0.5)]


@settings(max_examples=15)
@given(st.floats(100, 4000), st.floats(100, 4000), st.floats(0.05, 0.95))
def test_any_two_sines_glide_along_a_straight_line(low: float, high: float, amount: float) -> None:
    found = partials(move(sine(low), sine(high), amount), above_db=-20)
    assert found == [pytest.approx(low + amount * (high - low), abs=1.0)]


def test_harmonic_tones_stay_harmonic_in_between() -> None:
    found = partials(move(harmonic(220), harmonic(330), 0.5))
    np.testing.assert_allclose(found, 275 * np.arange(1, 7), atol=0.5)


def test_a_curve_of_the_amount_is_a_glissando() -> None:
    moved = move(sine(400, 3.0), sine(800, 3.0), np.linspace(0, 1, 3 * MODEL_RATE))
    crossings = np.flatnonzero((moved[0, :-1] < 0) & (moved[0, 1:] >= 0))
    heard = MODEL_RATE / np.diff(crossings)
    expected = 400 + 400 * crossings[1:] / moved.shape[1]
    inside = (crossings[1:] > 5000) & (crossings[1:] < moved.shape[1] - 5000)
    assert np.abs(heard - expected)[inside].max() < 15


@pytest.mark.parametrize("amount", AMOUNTS)
def test_levels_are_the_sum_of_both_sides(amount: float) -> None:
    loud, soft = harmonic(196.0), 0.25 * harmonic(277.2)
    inside = slice(8000, -8000)
    expected = (1 - amount) * rms(loud[:, inside]) + amount * rms(soft[:, inside])
    assert rms(move(loud, soft, amount)[:, inside]) == pytest.approx(expected, rel=0.06)


def test_chords_move_without_getting_louder_than_both_sides() -> None:
    chords = harmonic(110) + harmonic(164.8), harmonic(146.8) + harmonic(185) + harmonic(220)
    for amount in AMOUNTS:
        moved = move(*chords, amount)
        level = (1 - amount) * rms(chords[0]) + amount * rms(chords[1])
        assert 0.6 * level < rms(moved) < 1.1 * level
        assert np.abs(moved).max() < 1.5 * max(np.abs(chord).max() for chord in chords)


@pytest.mark.parametrize("amount", AMOUNTS)
def test_equal_sounds_give_themselves(amount: float) -> None:
    guitar = songs.guitar(2.0)
    wrong = move(guitar, guitar, amount)[:, 2048:-2048] - guitar[:, 2048:-2048]
    assert rms(wrong) < 1e-3 * rms(guitar)


def test_silence_on_one_side_leaves_the_other_and_its_phases() -> None:
    guitar = songs.guitar(1.0)
    inside = slice(2048, -2048)
    for amount in AMOUNTS:
        left = move(guitar, np.zeros_like(guitar), amount)[:, inside]
        right = move(np.zeros_like(guitar), guitar, amount)[:, inside]
        np.testing.assert_allclose(left, (1 - amount) * guitar[:, inside], atol=1e-6)
        np.testing.assert_allclose(right, amount * guitar[:, inside], atol=1e-6)
    assert not move(np.zeros_like(guitar), np.zeros_like(guitar), 0.5).any()


def test_hiss_in_a_pause_moves_nothing() -> None:
    hiss = (1e-5 * np.random.default_rng(0).standard_normal((1, 60000))).astype(np.float32)
    tone = sine(440)[:, :60000]
    np.testing.assert_allclose(
        move(tone, hiss, 0.5)[:, 2048:-2048], 0.5 * tone[:, 2048:-2048], atol=1e-6
    )


def test_attacks_keep_their_shape() -> None:
    rest = np.zeros((1, 22050), np.float32)
    stem, other = (
        np.concatenate([rest, songs.guitar(1.0, channels=1, seed=seed)], axis=1) for seed in (0, 9)
    )
    moved = move(stem, other, 0.5)
    before = rms(moved[:, 22050 - 2048 : 22050 - 256])
    assert before < 0.1 * rms(moved[:, 22050 : 22050 + 2048])


def test_equal_channels_stay_equal_and_opposite_ones_opposite() -> None:
    guitar, violin = songs.guitar(1.5, channels=1), harmonic(311.1)
    for sign in (1, -1):
        moved = move(
            np.concatenate([guitar, sign * guitar]), np.concatenate([violin, sign * violin]), 0.4
        )
        np.testing.assert_allclose(moved[0], sign * moved[1], atol=1e-6)
        assert rms(moved) > 0.3 * min(rms(guitar), rms(violin))


@pytest.mark.parametrize("first", [MODEL_RATE + 777, 2 * MODEL_RATE + 5])
def test_a_cut_is_forgotten_after_an_attack(first: int) -> None:
    stem, other = (
        songs.guitar(5.0, channels=1),
        songs.guitar(5.0, channels=1, seed=40)[:, ::-1].copy(),
    )
    whole = move(stem, other, 0.5)
    part = move(stem[:, first:], other[:, first:], 0.5, start=first)
    rest = slice(MODEL_RATE, -MODEL_RATE)
    wrong = part[:, rest] - whole[:, first:][:, rest]
    assert rms(wrong) < 0.5 * rms(whole)
    assert rms(part[:, rest]) == pytest.approx(rms(whole[:, first:][:, rest]), rel=0.05)


@settings(max_examples=50)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=20),
    st.lists(st.floats(0, 1), min_size=1, max_size=20),
)
def test_matching_is_monotone_and_moves_everything(a: list[float], b: list[float]) -> None:
    shares = [np.array(each) + 1e-3 for each in (a, b)]
    shares = [each / each.sum() for each in shares]
    i, j, share = matched(*shares)
    assert (np.diff(i) >= 0).all()
    assert (np.diff(j) >= 0).all()
    for index, given_ in ((i, shares[0]), (j, shares[1])):
        np.testing.assert_allclose(np.bincount(index, share, len(given_)), given_, atol=1e-3)


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """A tone that is a given sound."""

    sound: Signal
    same_notes: bool = False
    name: str = "fixed"
    description: str = "synthetic"
    context: tuple[int, int] = (0, 0)

    def fingerprint(self) -> str:
        return "fixed"

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        return self.sound[:, : stem.shape[1]]


def test_spectral_moves_what_plays_other_notes_and_keeps_the_ends_exact() -> None:
    stem = sine(440, 2.0)
    curve = np.clip(np.linspace(-1, 2, stem.shape[1]), 0, 1).astype(np.float32)
    tone = Fixed(sound=sine(660, 2.0))
    passages = [
        Passage(
            stem=stem,
            start=0,
            amount=amount,
            source_tone=AS_RECORDED,
            target_tone=tone,
            level=-20.0,
        )
        for amount in (curve, np.full_like(curve, 0.5))
    ]
    swept, half = Spectral().morph(passages)
    np.testing.assert_array_equal(swept[:, curve == 0], stem[:, curve == 0])
    np.testing.assert_array_equal(swept[:, curve == 1], tone.sound[:, curve == 1])
    assert partials(half) == [pytest.approx(550, abs=0.5)]


def test_an_instrument_comes_with_more_context(tmp_path: Path) -> None:
    path = songs.write(tmp_path / "violin.wav", harmonic(311.1))
    instrument = Instrument.of(str(path))
    spectral = Spectral()
    plain = spectral.context(AS_RECORDED, AS_RECORDED)
    before, after = spectral.context(AS_RECORDED, instrument)
    assert before == plain[0] + instrument.context[0] + MODEL_RATE
    assert after == plain[1] + instrument.context[1]
