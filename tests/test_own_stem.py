"""The user's own stem: found in the mix to the sample, or refused with the reason."""

import logging
import os
import pickle
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given
from hypothesis import strategies as st

from morphsep.dsp.signal import Signal
from morphsep.errors import SettingError, TrackError
from morphsep.separators.none import NoSeparation
from morphsep.separators.own_stem.alignment import Excerpt, fit
from morphsep.separators.own_stem.own_stem import OwnStem, check_stem_pattern, resolve_stem
from morphsep.testing import ArrayMix
from tests.songs import backing, guitar

RATE = 44_100
SECONDS = 9
LENGTH = SECONDS * RATE


def plucks(seed: int, channels: int = 2) -> Signal:
    """Decaying strings on a beat of their own: harmonic, repetitive, pauses in between."""
    rng = np.random.default_rng(seed)
    sound = np.zeros((channels, LENGTH))
    time = np.arange(RATE) / RATE
    for start in range(RATE // 4, LENGTH - RATE, RATE // 2 + 1000 * (seed % 7)):
        pitch = 110 * 2 ** (rng.integers(0, 24) / 12)
        partials = np.arange(1, 20)[:, None]
        phases = rng.uniform(0, 2 * np.pi, (channels, 19, 1))
        waves = np.sin(2 * np.pi * pitch * partials * time + phases) / partials
        sound[:, start : start + RATE] += waves.sum(axis=1) * np.exp(-6 * time) * 0.1
    return sound.astype(np.float32)


GUITAR = plucks(1)
BACKING = plucks(2) + 0.03 * np.random.default_rng(3).standard_normal((2, LENGTH)).astype(
    np.float32
)
MIX = GUITAR + BACKING


def write(path: Path, samples: Signal, rate: int = RATE, subtype: str = "FLOAT") -> str:
    soundfile.write(path, samples.T, rate, subtype=subtype)
    return str(path)


def separate(path: str, mix: Signal = MIX) -> Signal:
    return OwnStem().separate(ArrayMix(mix, path), 0, mix.shape[1])


def refusal(path: str, mix: Signal = MIX) -> TrackError:
    with pytest.raises(TrackError) as caught:
        separate(path, mix)
    return caught.value


def test_the_right_stem_comes_back_bit_for_bit(tmp_path: Path) -> None:
    assert np.array_equal(separate(write(tmp_path / "g.wav", GUITAR)), GUITAR)


@pytest.mark.parametrize(
    "shift",
    [1, -13_230, 44_100, -44_100]
    + [pytest.param(shift, marks=pytest.mark.slow) for shift in (-1, 13_230)],
)
def test_a_shifted_stem_is_put_back_exactly(tmp_path: Path, shift: int) -> None:
    padded = np.pad(GUITAR, ((0, 0), (RATE, RATE)))
    moved = padded[:, RATE - shift : RATE - shift + LENGTH]
    path = write(tmp_path / "g.wav", moved)
    found = OwnStem().alignment(ArrayMix(MIX, path))
    assert found is not None
    assert found.lag == -shift
    kept = slice(max(0, -shift), LENGTH - max(0, shift))
    assert np.array_equal(separate(path)[:, kept], GUITAR[:, kept])


def test_a_stem_at_another_rate_is_resampled_in_place(tmp_path: Path) -> None:
    path = write(tmp_path / "g.flac", soxr.resample(GUITAR.T, RATE, 48_000).T, 48_000, "PCM_24")
    error = separate(path) - GUITAR
    assert np.sqrt(np.mean(error**2)) < 1e-2 * np.sqrt(np.mean(GUITAR**2))


def test_a_lossy_stem_is_decoded_once_and_lies_in_place(tmp_path: Path) -> None:
    path = write(tmp_path / "g.ogg", GUITAR, subtype="VORBIS")
    own, mix = OwnStem(), ArrayMix(MIX, path)
    whole = own.separate(mix, 0, LENGTH)
    parts = [own.separate(mix, a, b) for a, b in ((0, 70_001), (70_001, LENGTH))]
    assert np.array_equal(np.concatenate(parts, axis=1), whole)
    error = whole - GUITAR
    assert np.sqrt(np.mean(error**2)) < 0.2 * np.sqrt(np.mean(GUITAR**2))


@pytest.fixture(scope="module")
def early(tmp_path_factory: pytest.TempPathFactory) -> tuple[OwnStem, ArrayMix]:
    """A stem that has to be moved, found already."""
    path = write(tmp_path_factory.mktemp("cut") / "g.wav", np.roll(GUITAR, 500, axis=1))
    own, mix = OwnStem(), ArrayMix(MIX, path)
    assert own.alignment(mix) is not None
    return own, mix


@given(st.lists(st.integers(1, LENGTH - 1), max_size=4))
def test_any_cut_gives_the_same(early: tuple[OwnStem, ArrayMix], cuts: list[int]) -> None:
    own, mix = early
    edges = [0, *sorted(cuts), LENGTH]
    parts = [own.separate(mix, a, b) for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate(parts, axis=1), own.separate(mix, 0, LENGTH))


def test_channels_follow_the_mix(tmp_path: Path) -> None:
    mono = GUITAR.mean(axis=0, keepdims=True)
    stem = separate(write(tmp_path / "mono.wav", mono), np.repeat(mono, 2, axis=0) + BACKING)
    assert np.array_equal(stem, np.repeat(mono, 2, axis=0))
    stem = separate(write(tmp_path / "stereo.wav", GUITAR), MIX.mean(axis=0, keepdims=True))
    assert stem.shape == (1, LENGTH)
    assert np.allclose(stem, mono, atol=1e-7)


def test_a_silent_stem_is_a_valid_one(tmp_path: Path) -> None:
    path = write(tmp_path / "g.wav", np.zeros_like(GUITAR))
    assert OwnStem().alignment(ArrayMix(MIX, path)) is None
    assert not separate(path).any()


def test_a_stem_that_sounds_only_briefly_is_found(tmp_path: Path) -> None:
    brief = np.where((np.arange(LENGTH) // RATE == 4)[None], GUITAR, 0)
    assert np.array_equal(separate(write(tmp_path / "g.wav", brief), brief + BACKING), brief)


SHORT = [0.05, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0]


def short(seconds: float, channels: int, seed: int) -> tuple[Signal, Signal]:
    """A guitar of a few notes, the same a little quieter on the right, and its mix."""
    stem = guitar(seconds, channels=channels, seed=seed)
    return stem, stem + backing(seconds, channels=channels, seed=100 + seed)


@pytest.mark.parametrize(
    ("before", "channels", "num_seeds"),
    [(0, 1, 3), (0, 2, 1), (4 * RATE, 2, 1)]
    + [
        pytest.param(*other, 3, marks=pytest.mark.slow)
        for other in ((0, 2), (4 * RATE, 1), (4 * RATE, 2))
    ],
)
@pytest.mark.parametrize("seconds", SHORT)
def test_a_right_stem_of_a_few_notes_is_not_doubted(
    tmp_path: Path, before: int, seconds: float, channels: int, num_seeds: int
) -> None:
    for seed in range(num_seeds):
        pad = ((0, 0), (before, before))
        stem, mix = (np.pad(sound, pad) for sound in short(seconds, channels, seed))
        path = write(tmp_path / f"{seed}.wav", stem)
        assert np.array_equal(separate(path, mix), stem)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("seconds", SHORT)
@pytest.mark.parametrize(("gain", "words"), [(-1, "polarity"), (4, "quieter"), (0.25, "louder")])
def test_a_level_that_is_far_off_is_seen_in_a_few_notes(
    tmp_path: Path, gain: float, words: str, seconds: float, channels: int
) -> None:
    stem, mix = short(seconds, channels, 0)
    assert words in refusal(write(tmp_path / "g.wav", gain * stem), mix).message


def test_another_songs_guitar_is_refused(tmp_path: Path) -> None:
    error = refusal(write(tmp_path / "g.wav", plucks(5)))
    assert error.code == "stem_does_not_fit"
    assert "not in the mix" in error.message


def test_more_than_a_second_off_is_refused(tmp_path: Path) -> None:
    error = refusal(write(tmp_path / "g.wav", np.pad(GUITAR, ((0, 0), (66_150, 0)))[:, :LENGTH]))
    assert error.code == "stem_does_not_fit"
    assert "1.500 s late" in error.message


@pytest.mark.parametrize(("gain", "words"), [(0.5, "6.0 dB louder"), (2.0, "6.0 dB quieter")])
def test_another_level_is_refused(tmp_path: Path, gain: float, words: str) -> None:
    error = refusal(write(tmp_path / "g.wav", GUITAR * np.float32(gain)))
    assert error.code == "stem_does_not_fit"
    assert words in error.message


def test_a_small_difference_of_level_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "g.wav", GUITAR * np.float32(0.8))
    with caplog.at_level(logging.WARNING):
        separate(path)
    assert "+1.9 dB" in caplog.text


def test_inverted_polarity_is_refused(tmp_path: Path) -> None:
    assert "polarity" in refusal(write(tmp_path / "g.wav", -GUITAR)).message


def spoiled(left: Signal, right: Signal) -> Signal:
    return np.stack([left, right])


LEFT, RIGHT = GUITAR
SILENCE = np.zeros_like(LEFT)
SPOILED_CHANNELS = {
    "swapped": (spoiled(RIGHT, LEFT), "left and right channels are swapped"),
    "dead left": (spoiled(SILENCE, RIGHT), "left channel is (silent|not in)"),
    "dead right": (spoiled(LEFT, SILENCE), "right channel is (silent|not in)"),
    "left twice": (spoiled(LEFT, LEFT), "right channel is not in the mix's right channel"),
    "inverted right": (spoiled(LEFT, -RIGHT), "polarity of its right channel"),
    "quiet left": (spoiled(LEFT / 4, RIGHT), r"left channel 1[12]\.\d dB louder than the stem"),
    "late right": (
        spoiled(LEFT, np.roll(RIGHT, 441)),
        "left channel is 10.00 ms early|right channel is 10.00 ms late",
    ),
}


@pytest.mark.parametrize(
    ("kind", "lag"),
    [(kind, (0, 5000)[index % 2]) for index, kind in enumerate(SPOILED_CHANNELS)]
    + [
        pytest.param(kind, (5000, 0)[index % 2], marks=pytest.mark.slow)
        for index, kind in enumerate(SPOILED_CHANNELS)
    ],
)
def test_what_is_wrong_with_one_channel_is_named(tmp_path: Path, kind: str, lag: int) -> None:
    stem, words = SPOILED_CHANNELS[kind]
    mix = MIX + 0.5 * GUITAR[::-1] if kind.startswith("dead") else MIX
    error = refusal(write(tmp_path / "g.wav", np.roll(stem, -lag, axis=1)), mix)
    assert error.code == "stem_does_not_fit"
    assert re.search(words, error.message), error.message


def drifting(ppm: float) -> Signal:
    """The guitar, played faster by a clock."""
    time = np.arange(LENGTH) * (1 + ppm / 1e6)
    return np.stack([np.interp(time, np.arange(LENGTH), one) for one in GUITAR]).astype(np.float32)


@pytest.mark.parametrize(
    ("ppm", "channels"),
    [(200, 1), (-200, 2), (60, 2)]
    + [pytest.param(*other, marks=pytest.mark.slow) for other in ((200, 2), (-200, 1), (60, 1))],
)
def test_a_clock_that_drifts_is_named_with_its_speed(
    tmp_path: Path, ppm: int, channels: int
) -> None:
    stem = drifting(ppm)
    stem, mix = (stem, MIX) if channels == 2 else (stem[:1], LEFT + BACKING)
    message = refusal(write(tmp_path / "g.wav", stem), mix).message
    told = re.search(r"clock runs (\d+) ppm (fast|slow)", message)
    assert told, message
    assert int(told[1]) == pytest.approx(abs(ppm), rel=0.1)
    assert told[2] == ("fast" if ppm > 0 else "slow")


NARROW = GUITAR.mean(axis=0, keepdims=True)
FITTING = {
    "hard left": (spoiled(LEFT, SILENCE), MIX - spoiled(SILENCE, RIGHT)),
    "mostly left": (spoiled(LEFT, LEFT / 20), BACKING + spoiled(LEFT, LEFT / 20)),
    "narrow": (NARROW.repeat(2, axis=0), BACKING + NARROW),
    "mono in the middle": (NARROW, BACKING + NARROW),
    "stereo in mono": (GUITAR, MIX.mean(axis=0, keepdims=True)),
    "both 2 dB quieter": (GUITAR * np.float32(0.8), MIX),
    "masked on one side": (GUITAR, MIX + spoiled(SILENCE, 4 * BACKING[1])),
}


@pytest.mark.parametrize("kind", FITTING)
def test_channels_that_are_as_in_the_mix_pass(tmp_path: Path, kind: str) -> None:
    stem, mix = FITTING[kind]
    assert separate(write(tmp_path / "g.wav", stem), mix).shape == mix.shape


def test_a_mono_stem_of_a_guitar_on_one_side_is_told_to_be_stereo(tmp_path: Path) -> None:
    path = write(tmp_path / "g.wav", NARROW)
    assert "it is mono" in refusal(path, BACKING + spoiled(NARROW[0], SILENCE)).message


def test_a_dead_channel_in_a_mono_mix_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "g.wav", spoiled(NARROW[0], SILENCE))
    mix = (BACKING + NARROW).mean(axis=0, keepdims=True)
    assert "right channel is silent" in refusal(path, mix).message


def test_another_length_is_refused(tmp_path: Path) -> None:
    error = refusal(write(tmp_path / "g.wav", GUITAR[:, : LENGTH - 2 * RATE]))
    assert "lasts 7.00 s and the track 9.00 s" in error.message
    assert not separate(write(tmp_path / "h.wav", GUITAR[:, : LENGTH - 4000]))[:, -4000:].any()


def test_another_speed_is_refused(tmp_path: Path) -> None:
    slower = soxr.resample(GUITAR.T, 44_100, 44_200).T[:, :LENGTH]
    error = refusal(write(tmp_path / "g.wav", slower))
    assert error.code == "stem_does_not_fit"


def test_faulty_files_are_this_tracks_fault(tmp_path: Path) -> None:
    assert refusal(str(tmp_path / "none.wav")).code == "stem_not_found"
    assert refusal(str(tmp_path)).code == "stem_not_found"
    (tmp_path / "text.wav").write_text("no sound")
    assert refusal(str(tmp_path / "text.wav")).code == "stem_does_not_fit"
    with pytest.raises(TrackError) as caught:
        OwnStem().separate(ArrayMix(MIX), 0, 10)
    assert caught.value.code == "stem_not_found"


def test_nan_in_the_stem_is_refused(tmp_path: Path) -> None:
    broken = GUITAR.copy()
    broken[0, 100] = np.nan
    assert refusal(write(tmp_path / "g.wav", broken)).code == "non_finite"


def test_a_stem_that_changed_is_looked_at_again(tmp_path: Path) -> None:
    path, own = tmp_path / "g.wav", OwnStem()
    mix = ArrayMix(MIX, write(path, GUITAR))
    assert np.array_equal(own.separate(mix, 0, LENGTH), GUITAR)
    write(path, np.roll(GUITAR, 700, axis=1))
    os.utime(path, ns=(1, 1))
    found = own.alignment(mix)
    assert found is not None
    assert found.lag == -700
    assert own.fingerprint() == OwnStem().fingerprint()


def test_a_used_separator_can_be_pickled(tmp_path: Path) -> None:
    mix = ArrayMix(MIX, write(tmp_path / "g.ogg", GUITAR, subtype="VORBIS"))
    own = OwnStem()
    again = pickle.loads(pickle.dumps((own, own.separate(mix, 0, 1000))))
    assert np.array_equal(again[0].separate(mix, 0, 1000), again[1])


def test_fit_reads_lag_and_gain() -> None:
    rng = np.random.default_rng(0)
    stem = rng.standard_normal((1, 20_000)).astype(np.float32)
    mix = rng.standard_normal((1, 24_000)).astype(np.float32)
    mix[:, 2000 + 123 : 2000 + 123 + 20_000] += 0.7 * stem
    found = fit([Excerpt(stem=stem, mix=mix)], RATE)
    assert found.lag == 123
    assert found.gain == pytest.approx(0.7, abs=0.05)
    assert found.lags == (123,)


def test_patterns() -> None:
    track = "/music/album/01 {odd} song.flac"
    assert resolve_stem("/a/b.wav", track) == "/a/b.wav"
    assert resolve_stem("b.wav", track) == "b.wav"
    assert resolve_stem("{stem}.guitar.wav", track) == "/music/album/01 {odd} song.guitar.wav"
    assert resolve_stem("stems/{name}", track) == "/music/album/stems/01 {odd} song.flac"
    assert resolve_stem("{parent}/guitar.ogg", track) == "/music/album/guitar.ogg"
    assert resolve_stem("/g/{stem}{{1}}.wav", track) == "/g/01 {odd} song{1}.wav"
    assert resolve_stem("{parent}/g.wav", "x/song.ogg") == str(Path("x").absolute() / "g.wav")


@pytest.mark.parametrize(
    "pattern",
    ["{song}.wav", "{stem.__class__}", "{stem[0]}", "{stem!r}", "{stem:>9}", "{}", "{stem"],
)
def test_anything_else_in_a_pattern_is_refused_before_the_run(pattern: str) -> None:
    with pytest.raises(SettingError, match="stem pattern"):
        check_stem_pattern(pattern)


def test_an_empty_pattern_is_refused() -> None:
    with pytest.raises(SettingError, match="empty"):
        resolve_stem("", "x.wav")


def test_none_gives_the_mix() -> None:
    mix = ArrayMix(MIX)
    assert np.array_equal(NoSeparation().separate(mix, 5, 900), MIX[:, 5:900])
    assert NoSeparation().weights_hash is None
