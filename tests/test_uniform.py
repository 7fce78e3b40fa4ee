"""The perceptual warp: exact ends, monotone, and equal steps after it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path as File

import numpy as np
import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st

from morphsep.backends.backend import Passage
from morphsep.backends.chain.chain import Chain
from morphsep.backends.crossfade import Crossfade
from morphsep.backends.perceptual.path import EVEN, Path, isotonic
from morphsep.backends.perceptual.scale import Heard
from morphsep.backends.perceptual.warp import (
    MOST_POINTS,
    MOST_STEPS,
    NEAR,
    Warp,
    measure,
    searched,
    solved,
)
from morphsep.backends.spectral.spectral import Spectral
from morphsep.dsp.excerpting import excerpt_spans, excerpts
from morphsep.dsp.loudness import LoudnessMeter, rms_per_second
from morphsep.dsp.mel_position import log_mel, mel_position, mel_power
from morphsep.dsp.signal import MODEL_RATE, Signal
from morphsep.errors import SettingError
from morphsep.evaluation.metrics import log_mel_steps, match_loudness
from morphsep.tones.catalogue import get_tone
from morphsep.tones.tone import Tone
from morphsep.tones.trim import measure_trim, trimmed
from tests import songs

CLEAN, DRIVEN = songs.Drive(), songs.Drive(decibels=30.0, peak=0.1, context=(0, 0))


def plucks(seconds: float, pitch: float = 110.0) -> Signal:
    length = int(seconds * MODEL_RATE)
    time = np.arange(length) / MODEL_RATE
    since = time % 0.7
    waves = [
        0.05 / k * np.sin(2 * np.pi * f * k * time) * np.exp(-(2 + k / 2) * since)
        for f in (pitch, 1.5 * pitch, 2.01 * pitch)
        for k in range(1, 9)
    ]
    mono = np.sum(waves, axis=0)
    return np.stack((mono, 0.7 * mono)).astype(np.float32)


def positions(backend: Spectral | Crossfade, stem: Signal, warp: Warp) -> np.ndarray:
    """Mel positions at the amounts 0.1 ... 0.9."""
    found = []
    for amount in np.arange(1, 10) / 10:
        curve = np.full(stem.shape[1], amount, np.float32)
        each = Passage(
            stem=stem,
            start=0,
            amount=warp(curve),
            source_tone=CLEAN,
            target_tone=DRIVEN,
            level=-20.0,
        )
        morphed = backend.morph([each])[0] * warp.gain(curve)
        found.append(mel_position(morphed, each.source, each.target))
    return np.array(found)


@pytest.mark.parametrize("backend", [Spectral(), Crossfade()], ids=lambda each: each.name)
def test_equal_steps_of_the_amount_become_equal_steps_of_the_position(
    backend: Spectral | Crossfade,
) -> None:
    stem = plucks(2.0)
    warp = measure(backend, CLEAN, DRIVEN, [(stem, 0)], -20.0)
    found = positions(backend, stem, warp)
    assert np.abs(found - np.arange(1, 10) / 10).max() < 0.05
    assert (np.diff(found) > 0).all()


def test_a_warp_helps_on_notes_that_it_was_not_measured_on() -> None:
    other = plucks(1.5, pitch=147.0)
    warp = measure(Crossfade(), CLEAN, DRIVEN, [(plucks(2.0), 0)], -20.0)
    amounts = np.arange(1, 10) / 10
    before, after = (
        np.abs(positions(Crossfade(), other, each) - amounts).max() for each in (Warp(), warp)
    )
    assert after < before / 2


def lufs(signal: Signal) -> float:
    meter = LoudnessMeter(MODEL_RATE, signal.shape[0])
    meter.add(signal)
    return meter.integrated()


@pytest.mark.parametrize(
    ("clip", "source"),
    [
        ("guitar-clean.flac", "as-recorded"),
        ("guitar-clean.flac", "clean"),
        ("metal-madness.guitar.ogg", "chorus"),
        pytest.param("guitar-clean.flac", "chorus", marks=pytest.mark.slow),
        pytest.param("metal-madness.guitar.ogg", "as-recorded", marks=pytest.mark.slow),
        pytest.param("metal-madness.guitar.ogg", "clean", marks=pytest.mark.slow),
    ],
)
def test_the_whole_guitar_is_where_and_as_loud_as_its_excerpts_said(clip: str, source: str) -> None:
    """Measured at most 0.064 off in position and 0.52 LU in loudness; without the gain 2.4 LU."""
    samples, _ = soundfile.read(
        File(__file__).parents[1] / "demo" / clip, always_2d=True, dtype="float32"
    )
    stem = np.ascontiguousarray(samples.T)
    length, level = stem.shape[1], lufs(stem)
    rms = rms_per_second([stem], MODEL_RATE)
    padded = np.pad(stem, ((0, 0), (4 * MODEL_RATE, 4 * MODEL_RATE)))

    def read(start: int, n: int) -> Signal:
        return padded[:, start + 4 * MODEL_RATE :][:, :n]

    ends = [get_tone(name) for name in (source, "distortion")]
    source_tone, target_tone = (
        trimmed(tone, measure_trim(tone, read, length, rms.tolist(), level)) for tone in ends
    )
    warp = measure(Chain(), source_tone, target_tone, excerpts(read, length, rms.tolist()), level)
    low, high = (tone.render(stem, 0, level) for tone in (source_tone, target_tone))
    softest, loudest = lufs(low), lufs(high)
    reference = max(float(mel_power(end).max()) for end in (low, high))
    mels = [log_mel(end, reference=reference) for end in (low, high)]
    for amount in np.arange(1, 10) / 10:
        curve = np.full(length, amount, np.float32)
        each = Passage(
            stem=stem,
            start=0,
            amount=warp(curve),
            source_tone=source_tone,
            target_tone=target_tone,
            level=level,
        )
        morphed = Chain().morph([each])[0] * warp.gain(curve)
        here = log_mel(morphed, reference=reference)
        d0, d1 = (float(np.linalg.norm(here - mel)) for mel in mels)
        assert d0 / (d0 + d1) == pytest.approx(amount, abs=0.1)
        on_the_line = softest + amount * (loudest - softest)
        assert lufs(morphed) == pytest.approx(on_the_line, abs=1.0)


@pytest.mark.parametrize("clip", ["guitar-clean.flac", "metal-madness.guitar.ogg"])
@pytest.mark.parametrize("ends", [("as-recorded", "chorus"), ("clean", "fuzz")])
def test_one_amount_of_a_short_clip_is_found_on_a_quarter_of_it(
    clip: str, ends: tuple[str, str]
) -> None:
    """Measured at most 0.064 off in position over 5 s of the clean guitar and seven pairs."""
    samples, rate = soundfile.read(
        File(__file__).parents[1] / "demo" / clip, frames=5 * MODEL_RATE, always_2d=True,
        dtype="float32",
    )  # fmt: skip
    assert rate == MODEL_RATE
    stem, level = np.ascontiguousarray(samples.T), lufs(samples.T)
    length = stem.shape[1]
    source_tone, target_tone = (get_tone(name) for name in ends)
    before, after = context = Chain().context(source_tone, target_tone)
    padded = np.pad(stem, ((0, 0), context))

    def read(start: int, n: int) -> Signal:
        return padded[:, start + before :][:, :n]

    found = excerpts(read, length, rms_per_second([stem], MODEL_RATE), context, share=0.25)
    assert sum(x.shape[1] - before - after for x, _ in found) <= 0.25 * length
    core = slice(before, before + length)
    for amount in (0.25, 0.5, 0.75):
        warp = measure(
            Chain(), source_tone, target_tone, found, level, amount=amount, with_context=True
        )
        curve = np.full(padded.shape[1], amount, np.float32)
        each = Passage(
            stem=padded, start=-before, amount=warp(curve), source_tone=source_tone,
            target_tone=target_tone, level=level,
        )  # fmt: skip
        morphed = Chain().morph([each])[0] * warp.gain(curve)
        ended = each.source[:, core], each.target[:, core]
        assert mel_position(morphed[:, core], *ended) == pytest.approx(amount, abs=0.1)


def way(place: Callable[[float], tuple[float, float]]) -> tuple[Path, Callable[[float], Heard]]:
    """A path over a plane instead of sounds, and what hears on it; 2 dB softer between the ends."""

    def hear(amount: float) -> Heard:
        lufs = -20.0 if amount in (0.0, 1.0) else -22.0
        return Heard(mel=np.array(place(amount))[None, None], lufs=lufs)

    return Path(heard={0.0: hear(0.0), 1.0: hear(1.0)}), hear


@given(
    st.floats(0.01, 0.99),
    st.floats(-2.0, 2.0).map(lambda power: 2.0**power),
    st.sampled_from([0.0, 0.3, 0.8]),
)
def test_one_amount_is_found_in_few_steps_or_as_near_as_a_jump_lets_it(
    wanted: float, power: float, jump: float
) -> None:
    tried = []

    def place(amount: float) -> tuple[float, float]:
        tried.append(amount)
        return 20 * (jump * (amount > 0.4) + (1 - jump) * amount**power), 0.0

    path, hear = way(place)
    tried.clear()
    warp = solved(path, hear, wanted)
    assert 0 < len(tried) == len(set(tried)) <= MOST_STEPS
    assert not {0.0, 1.0} & set(tried)
    half = np.array([wanted])
    found = float(np.interp(wanted, warp.positions, warp.amounts))
    errors = {amount: abs(place(amount)[0] / 20 - wanted) for amount in list(tried)}
    assert errors[found] == pytest.approx(min(errors.values()), abs=1e-9)
    assert min(errors.values()) <= NEAR + 1e-9 or jump or len(errors) == MOST_STEPS
    assert 20 * np.log10(warp.gain(half)) == pytest.approx(2.0, abs=1e-4)


def detour(
    sideways: float, where: float, power: float = 1.0
) -> Callable[[float], tuple[float, float]]:
    """Straight on but for a way out and back to the side, whose middle is at ``where``; at a knob
    that is steep at one of its ends."""

    def place(amount: float) -> tuple[float, float]:
        on = amount**power
        return 20 * on, sideways * np.exp(-(((on - where) / 0.3) ** 2))

    return place


def length_of(place: Callable[[float], tuple[float, float]]) -> float:
    """As finely measured where the knob is steep as elsewhere."""
    knob = np.linspace(0, 1, 501)
    amounts = np.union1d(knob**4, 1 - knob**4)
    return float(np.linalg.norm(np.diff([place(a) for a in amounts], axis=0), axis=1).sum())


detours = st.builds(
    detour,
    st.floats(-15.0, 15.0),
    st.floats(0.3, 0.7),
    st.floats(-2.0, 2.0).map(lambda power: 2.0**power),
)
STEEP = detour(15.0, 0.3, 0.25)


@given(detours)
@example(STEEP)
def test_no_step_of_a_map_is_large_however_far_the_sound_moves_sideways(
    place: Callable[[float], tuple[float, float]],
) -> None:
    path, hear = way(place)
    warp = searched(path, hear, MOST_POINTS)
    assert len(path.inner) <= MOST_POINTS
    walked = np.array(
        [place(a) for a in np.interp(np.arange(11) / 10, warp.positions, warp.amounts)]
    )
    steps = np.linalg.norm(np.diff(walked, axis=0), axis=1)
    assert steps.max() < 1.7 * steps.mean()


@given(detours, st.floats(0.05, 0.95))
@example(STEEP, 0.05)
def test_one_amount_is_where_the_whole_map_has_it(
    place: Callable[[float], tuple[float, float]], wanted: float
) -> None:
    whole, alone = searched(*way(place), 40), solved(*way(place), wanted)
    there, here = (np.interp(wanted, warp.positions, warp.amounts) for warp in (whole, alone))
    between = np.linalg.norm(np.subtract(place(there), place(here)))
    assert between < 0.12 * length_of(place)


@given(detours, st.integers(1, 20))
def test_places_increase_by_what_is_heard_and_are_the_position_where_that_is_even(
    place: Callable[[float], tuple[float, float]], number: int
) -> None:
    path, hear = way(place)
    for i in range(1, number):
        path.add(i / number, hear)
    places = path.places()
    lengths = np.array([0.0, *(path.distance(a, b) for a, b in pairwise(path.amounts))]).cumsum()
    assert places[0] == 0
    assert places[-1] == pytest.approx(1)
    assert (np.diff(places) >= EVEN * np.diff(lengths / lengths[-1]) - 1e-9).all()
    straight, along = way(lambda amount: (20 * amount**2, 0.0))
    for i in range(1, number):
        straight.add(i / number, along)
    np.testing.assert_allclose(straight.places(), (np.arange(number + 1) / number) ** 2, atol=1e-6)


@pytest.mark.parametrize("source", ["as-recorded", "clean"])
def test_a_flanger_that_moves_the_sound_sideways_has_no_large_step(source: str) -> None:
    """By the position alone 2.4 and 3.4 times the mean."""
    samples, _ = soundfile.read(
        File(__file__).parents[1] / "demo" / "guitar-clean.flac", frames=3 * MODEL_RATE,
        always_2d=True, dtype="float32",
    )  # fmt: skip
    stem = np.ascontiguousarray(samples.T[:1, MODEL_RATE:])
    tones = get_tone(source), get_tone("flanger")
    warp = measure(Chain(), *tones, [(stem, 0)], -20.0)
    heard = []
    for amount in np.arange(11) / 10:
        curve = warp(np.full(stem.shape[1], amount, np.float32))
        each = Passage(
            stem=stem, start=0, amount=curve, source_tone=tones[0], target_tone=tones[1],
            level=-20.0,
        )  # fmt: skip
        heard.append(Chain().morph([each])[0])
    steps = log_mel_steps(match_loudness(heard, MODEL_RATE), MODEL_RATE)
    assert max(steps) < 1.5 * np.mean(steps)


def test_the_gain_brings_a_hole_in_the_middle_up_and_stops_at_6_db() -> None:
    @dataclass(frozen=True)
    class Holed(Crossfade):
        """Softer by ``depth`` dB wherever it is between."""

        depth: float

        def morph(self, passages: Sequence[Passage]) -> list[Signal]:
            morphed = super().morph(passages)
            return [np.float32(10 ** (-self.depth / 20)) * x for x in morphed]

    stem = plucks(2.0)
    plain, small, large = (
        measure(Holed(depth), CLEAN, DRIVEN, [(stem, 0)], -20.0) for depth in (0.0, 3.0, 30.0)
    )
    assert max(plain.gains_db) < 2
    half = np.array([0.5], np.float32)
    assert small.gain(half) / plain.gain(half) == pytest.approx(10 ** (3 / 20), abs=0.02)
    assert max(large.gains_db) == 6.0
    ends = small.gain(np.array([0.0, 1.0], np.float32))
    assert ends.tolist() == [1.0, 1.0]


def test_a_place_counts_by_its_length_and_not_by_its_order() -> None:
    low, high = plucks(1.5), plucks(1.5, pitch=147.0)
    there, back, only = (
        measure(Crossfade(), CLEAN, DRIVEN, places, -20.0)
        for places in ([(low, 0), (high, 99)], [(high, 99), (low, 0)], [(low, 0)])
    )
    assert there.positions == pytest.approx(back.positions, abs=0.005)
    assert there.positions != pytest.approx(only.positions, abs=0.005)


def test_tones_that_sound_the_same_need_no_warp() -> None:
    stem = plucks(1.0)
    assert measure(Crossfade(), CLEAN, CLEAN, [(stem, 0)], -20.0) == Warp()
    assert measure(Crossfade(), CLEAN, DRIVEN, [(0 * stem, 0)], -20.0) == Warp()
    assert measure(Crossfade(), CLEAN, DRIVEN, [], -20.0) == Warp()


def test_ends_are_rendered_once() -> None:
    renders = []

    @dataclass(frozen=True, kw_only=True)
    class Counted(songs.Drive):
        def render(self, stem: Signal, start: int, level: float) -> Signal:
            renders.append(self.decibels)
            return super().render(stem, start, level)

    measure(Crossfade(), Counted(), Counted(decibels=30.0), [(plucks(1.0), 0)], -20.0)
    assert sorted(renders) == [0.0, 30.0]


def test_a_pair_that_the_backend_refuses_is_refused_here() -> None:
    class Picky(Crossfade):
        def context(self, source: Tone, target: Tone) -> tuple[int, int]:
            raise SettingError("not this pair")

    with pytest.raises(SettingError, match="not this pair"):
        measure(Picky(), CLEAN, DRIVEN, [(plucks(1.0), 0)], -20.0)


def test_amount_that_goes_back_and_forth_still_gives_a_monotone_warp() -> None:
    class Wobbly(Crossfade):
        """Position falls between the amounts 0.4 and 0.6."""

        def morph(self, passages: Sequence[Passage]) -> list[Signal]:
            bent = []
            for each in passages:
                a = np.interp(each.amount, [0, 0.4, 0.6, 1], [0, 0.3, 0.05, 1])
                bent.append(each.source * (1 - a) + each.target * a)
            return [np.asarray(x, np.float32) for x in bent]

    warp = measure(Wobbly(), CLEAN, DRIVEN, [(plucks(1.0), 0)], -20.0)
    curve = warp(np.linspace(0, 1, 1001, dtype=np.float32))
    assert (np.diff(curve) >= 0).all()
    assert len(warp.positions) > 3


@given(
    knots=st.lists(st.floats(0.001, 0.999), unique=True, max_size=12),
    seed=st.integers(0, 99),
)
def test_warp_is_exact_at_the_ends_monotone_and_survives_json(
    knots: list[float], seed: int
) -> None:
    amounts = np.sort(np.random.default_rng(seed).uniform(0, 1, len(knots))).tolist()
    gains = np.random.default_rng(seed).uniform(-6, 6, len(knots)).tolist()
    warp = Warp(
        positions=(0.0, *sorted(knots), 1.0),
        amounts=(0.0, *amounts, 1.0),
        gains_db=(0.0, *gains, 0.0),
    )
    curve = warp(np.linspace(0, 1, 501, dtype=np.float32))
    assert curve.dtype == np.float32
    assert curve[0] == 0
    assert curve[-1] == 1
    assert (np.diff(curve) >= 0).all()
    factors = warp.gain(np.linspace(0, 1, 501, dtype=np.float32))
    assert factors.dtype == np.float32
    assert factors[0] == factors[-1] == 1
    assert Warp.from_json(json.loads(json.dumps(warp.to_json()))) == warp


def test_knots_from_before_there_were_gains_are_still_read() -> None:
    warp = Warp.from_json({"positions": [0.0, 0.3, 1.0], "amounts": [0.0, 0.5, 1.0]})
    curve = np.linspace(0, 1, 11, dtype=np.float32)
    assert warp.gain(curve).tolist() == [1.0] * 11


def test_no_warp_changes_nothing() -> None:
    curve = np.random.default_rng(0).uniform(0, 1, 100).astype(np.float32)
    np.testing.assert_array_equal(Warp()(curve), curve)
    np.testing.assert_array_equal(Warp().gain(curve), np.ones(100, np.float32))


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20))
def test_isotonic_is_monotone_and_keeps_the_mean(values: list[float]) -> None:
    fitted = isotonic(np.array(values))
    assert (np.diff(fitted) >= -1e-12).all()
    assert fitted.mean() == pytest.approx(np.mean(values), abs=1e-9)
    np.testing.assert_allclose(isotonic(np.sort(values)), np.sort(values))


@pytest.mark.parametrize(
    ("levels", "extra", "starts"),
    [
        ([0.3] * 16, 0, [1, 5, 9, 13]),
        ([0.0] * 8 + [0.3] * 16, 0, [9, 13, 17, 21]),
        ([0.1] * 4 + [0.0] * 20, 0, [0, 0.5, 1.5, 2.5]),
        ([0.5] + [0.0] * 9 + [0.5], -22_050, [0, 8.5]),
        ([0.1, 0.1], 0, [0]),
        ([0.4], -1000, [0]),
        ([0.0, 0.0, 0.0], 0, []),
        ([], 10, []),
    ],
)
def test_excerpts_are_where_the_energy_is(
    levels: list[float], extra: int, starts: list[float]
) -> None:
    num_samples = len(levels) * MODEL_RATE + extra
    ramp = np.arange(num_samples, dtype=np.float32)[None]
    found = excerpt_spans(num_samples, levels, seconds=2.0)
    assert [span.start for span in found] == [seconds * MODEL_RATE for seconds in starts]
    assert all(span.num_samples == min(num_samples, 2 * MODEL_RATE) for span in found)
    read = excerpts(lambda a, n: ramp[:, a : a + n], num_samples, levels)
    at_most = min(8, max(1, int(num_samples / (2.5 * MODEL_RATE))))
    assert len(read) == len(excerpt_spans(num_samples, levels, num_spans=at_most, exponent=0.5))
    assert all(stem[0, 0] == start for stem, start in read)
    wider = excerpts(lambda a, n: np.full((1, n), a), num_samples, levels, context=(1000, 500))
    assert [start + 1000 for _, start in wider] == [start for _, start in read]
    assert all(
        stem.shape[1] == short.shape[1] + 1500
        for (stem, _), (short, _) in zip(wider, read, strict=True)
    )
