"""A paired take: found to the sample through any tone, clocks followed, everything else refused."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soxr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from morphsep.backends.backend import Passage
from morphsep.backends.spectral.spectral import Spectral
from morphsep.dsp.loudness import LoudnessMeter, rms_per_second
from morphsep.dsp.signal import MODEL_RATE, Signal
from morphsep.errors import TrackError
from morphsep.tones.as_recorded import AS_RECORDED
from morphsep.tones.catalogue import get_tone, list_tones
from morphsep.tones.recordings.paired import FADE, Paired
from morphsep.tones.recordings.positions import read_at
from morphsep.tones.tone import Fitting, Stem
from tests import songs

SECONDS = 14
TONES = [tone.name for tone in list_tones() if tone.name != "as-recorded"]


@cache
def take(seed: int, hand: int = 0, seconds: float = SECONDS) -> Signal:
    """A melody ``seed`` as played by ``hand``: other strings' noise, 12 ms of its own timing."""
    notes, played = np.random.default_rng(seed), np.random.default_rng(1000 * hand + seed)
    length = int(seconds * MODEL_RATE)
    out = np.zeros(length + MODEL_RATE)
    at = 2000.0
    while at < length - MODEL_RATE // 2:
        pitch = 110 * 2 ** (notes.integers(0, 20) / 12)
        start = int(at + played.normal(0, 0.012 * MODEL_RATE)) if hand else int(at)
        start = max(0, start)
        out[start : start + MODEL_RATE] += songs.pluck(
            MODEL_RATE, MODEL_RATE, pitch, int(played.integers(1e9))
        )
        at += notes.uniform(0.2, 0.5) * MODEL_RATE
    out = out[:length] * 0.3 / np.abs(out).max()
    return out[None].astype(np.float32)


def lufs(sound: Signal) -> float:
    meter = LoudnessMeter(MODEL_RATE, sound.shape[0])
    meter.add(sound)
    return meter.integrated()


def stem(sound: Signal) -> Stem:
    def read(start: int, num_samples: int) -> Signal:
        out = np.zeros((sound.shape[0], num_samples), np.float32)
        first, last = max(start, 0), min(start + num_samples, sound.shape[1])
        if last > first:
            out[:, first - start : last - start] = sound[:, first:last]
        return out

    return Stem(
        read=read, num_samples=sound.shape[1], num_channels=sound.shape[0],
        rms_per_second=rms_per_second([sound], MODEL_RATE).tolist(), level=lufs(sound),
    )  # fmt: skip


def through(name: str, sound: Signal) -> Signal:
    return get_tone(name).render(sound, 0, lufs(sound))


def faster(sound: Signal, ppm: float) -> Signal:
    """As a clock has it that is so much faster."""
    out = soxr.resample(sound.T.astype(np.float64), 1e6, 1e6 + ppm, quality="VHQ")
    return np.ascontiguousarray(out.T, np.float32)


@pytest.fixture
def paired(tmp_path: Path):  # type: ignore[no-untyped-def]  # a function of one argument
    def of(recording: Signal) -> Paired:
        return Paired.of(str(songs.write(tmp_path / "take.wav", recording, subtype="FLOAT")))

    return of


@pytest.mark.parametrize("name", TONES)
def test_the_same_take_is_found_through_any_tone(paired, name: str) -> None:
    tone = paired(through(name, take(1)))
    assert isinstance(tone, Fitting)
    facts = tone.fit(stem(take(1)))
    # an amplifier's own filters delay by some samples
    assert abs(facts["delay"]) < 15
    assert facts["drift"] == 0
    assert facts["agree"] >= 0.9
    assert facts["covered"] == 1


@settings(max_examples=3)
@given(st.integers(-3 * MODEL_RATE, 20 * MODEL_RATE))
def test_any_delay_is_found_and_undone_to_the_sample(tmp_path_factory, delay: int) -> None:
    sound = take(1)
    shifted = np.pad(sound, ((0, 0), (delay, 0))) if delay > 0 else sound[:, -delay:]
    path = songs.write(tmp_path_factory.mktemp("x") / "take.wav", shifted, subtype="FLOAT")
    tone = Paired.of(str(path))
    facts = tone.fit(stem(sound))
    assert facts["delay"] == delay
    assert facts["lag_ms"] == pytest.approx(1000 * delay / MODEL_RATE, abs=1e-3)
    rendered = tone.fitted(facts).render(sound, 0, -20.0)
    np.testing.assert_allclose(rendered, sound, atol=0.02)


@pytest.mark.parametrize(
    ("ppm", "name"), [(200, "distortion"), (-200, "as-recorded"), (60, "chorus")]
)
def test_drift_is_measured_and_undone(paired, ppm: float, name: str) -> None:
    sound = take(1, seconds=40.0)
    tone = paired(faster(through(name, sound), ppm))
    facts = tone.fit(stem(sound))
    assert facts["drift_ppm"] == pytest.approx(ppm, abs=2.5)
    rendered = tone.fitted(facts).render(sound, 0, -20.0)
    again = paired(rendered).fit(stem(sound))
    assert again["drift"] == 0
    assert abs(again["delay"]) < 15


def test_inverted_polarity_is_told_and_turned(paired) -> None:
    tone = paired(-through("overdrive", take(1)))
    facts = tone.fit(stem(take(1)))
    assert facts["inverted"]
    rendered = tone.fitted(facts).render(take(1), 0, -20.0)
    assert float((rendered * take(1)).sum()) > 0
    assert not paired(through("overdrive", take(1))).fit(stem(take(1)))["inverted"]


@pytest.mark.parametrize(
    "kind", ["another take", "another song", "noise", "another take, distorted"]
)
def test_what_is_not_the_same_take_is_refused(paired, kind: str) -> None:
    recording = {
        "another take": take(1, hand=2),
        "another song": take(5),
        "noise": 0.1 * np.random.default_rng(0).standard_normal(take(1).shape).astype(np.float32),
        "another take, distorted": through("distortion", take(1, hand=2)),
    }[kind]
    with pytest.raises(
        TrackError, match=r"take\.wav does not play what .* omit --paired"
    ) as caught:
        paired(recording).fit(stem(take(1)))
    assert caught.value.code == "not_same_take"


def test_a_recording_of_a_part_leaves_the_rest_as_it_is(paired, caplog) -> None:
    sound = take(1)
    stop = 10 * MODEL_RATE
    tone = paired(through("overdrive", sound)[:, :stop])
    with caplog.at_level(logging.WARNING):
        facts = tone.fit(stem(sound))
    assert "stays as it is" in caplog.text
    assert 0.6 < facts["covered"] < 0.8
    assert facts["longer_s"] == -4
    rendered = tone.fitted(facts).render(sound, 0, -20.0)
    np.testing.assert_array_equal(rendered[:, stop:], sound[:, stop:])
    assert np.abs(np.diff(rendered))[:, stop - FADE : stop].max() < 0.3
    with pytest.raises(TrackError, match=r"reaches only .* whole take"):
        paired(through("overdrive", sound)[:, : 5 * MODEL_RATE]).fit(stem(sound))


def test_loudness_is_that_of_the_stem_whatever_the_channels(paired) -> None:
    sound = take(1)
    stereo = np.repeat(0.01 * through("distortion", sound), 2, axis=0)
    tone = paired(stereo)
    fitted = tone.fitted(tone.fit(stem(sound)))
    rendered = fitted.render(sound, 0, -20.0)
    assert rendered.shape == sound.shape
    assert lufs(rendered) == pytest.approx(lufs(sound), abs=0.5)


def test_passages_agree_however_they_are_cut(paired) -> None:
    sound = take(1)
    tone = paired(faster(through("clean", sound), 150))
    fitted = tone.fitted(tone.fit(stem(sound)))
    assert fitted.drift != 0
    whole = fitted.render(sound, 0, -20.0)
    for start, length in ((12345, 50000), (MODEL_RATE * 9 + 1, 99), (sound.shape[1] - 7, 7)):
        part = fitted.render(sound[:, start : start + length], start, -20.0)
        np.testing.assert_allclose(part, whole[:, start : start + length], atol=1e-6)


def test_fingerprints_tell_what_was_fitted(paired) -> None:
    tone = paired(take(1))
    facts = tone.fit(stem(take(1)))
    fitted = tone.fitted(facts)
    assert fitted.fingerprint() != tone.fingerprint()
    assert fitted.fingerprint() != tone.fitted(facts | {"delay": 9.0}).fingerprint()


def test_silence_is_no_fault(paired) -> None:
    silent = np.zeros((1, 3 * MODEL_RATE), np.float32)
    tone = paired(take(1))
    assert tone.fitted(tone.fit(stem(silent))).render(silent, 0, -20.0).shape == silent.shape


def test_blends_with_the_stem_at_half_way(paired) -> None:
    sound = take(1)
    tone = paired(-through("overdrive", sound))
    fitted = tone.fitted(tone.fit(stem(sound)))
    piece = sound[:, : 4 * MODEL_RATE]
    (half,) = Spectral().morph(
        [
            Passage(
                stem=piece, start=0, amount=np.full(piece.shape[1], 0.5, np.float32),
                source_tone=AS_RECORDED, target_tone=fitted, level=lufs(sound),
            )
        ]
    )  # fmt: skip
    assert lufs(half) == pytest.approx(lufs(piece), abs=1.5)


@settings(max_examples=30)
@given(st.floats(-50, 200), st.floats(-1e-3, 1e-3), st.integers(0, 30000), st.integers(0, 9000))
@example(-1e-90, 0.0, 0, 1)
@example(-1e-17, 1e-4, 0, 9000)
def test_values_between_samples_are_those_of_the_wave(
    start: float, drift: float, skip: int, length: int
) -> None:
    def read(first: int, num_samples: int) -> Signal:
        time = np.arange(first, first + num_samples)
        return np.stack([np.sin(0.9 * time), np.cos(0.05 * time)]).astype(np.float32)

    step = 1 + drift
    values = read_at(read, start + step * skip, step, length)
    position = start + step * (skip + np.arange(length))
    expected = np.stack([np.sin(0.9 * position), np.cos(0.05 * position)])
    assert values.shape == (2, length)
    assert np.abs(values - expected).max(initial=0) < 1e-4


@given(st.integers(-9, 60), st.integers(0, 40))
def test_whole_positions_are_read_as_they_are(start: int, length: int) -> None:
    whole = np.random.default_rng(0).standard_normal((1, 200)).astype(np.float32)
    got = read_at(lambda first, n: whole[:, first + 50 : first + 50 + n], float(start), 1.0, length)
    np.testing.assert_array_equal(got, whole[:, start + 50 : start + 50 + length])
