"""A reference finds drive where it is, and says so where it is no guitar or cannot be reached."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest

import morphsep
from morphsep.dsp.signal import MODEL_RATE, Signal
from morphsep.errors import SettingError
from morphsep.tones.recordings.doubts import Character, unreached
from morphsep.tones.recordings.recording import Recording
from morphsep.tones.recordings.reference import Reference, Tried, chosen
from morphsep.tones.recordings.statistics import (
    NUM_BANDS,
    Statistics,
    filter_gains,
    statistics,
)
from tests import songs
from tests.test_paired import TONES, stem, take, through
from tests.test_reference import demo

DEMO = Path(__file__).parents[1] / "demo"
METAL, FEELINGS, CLEAN = (
    DEMO / name for name in ("metal-madness.guitar.ogg", "feelings.guitar.ogg", "guitar-clean.flac")
)


def line(slope: float, partials: int, seed: int = 3, seconds: float = 6.0) -> Signal:
    """A line of a synthesiser: partials at ``k ** -slope``, nothing between or above them."""
    rng = np.random.default_rng(seed)
    out = np.zeros(int(seconds * MODEL_RATE))
    at = 1000
    while at < out.size - MODEL_RATE:
        pitch, length = 110 * 2 ** (rng.integers(0, 24) / 12), int(rng.uniform(0.25, 0.6) * 44100)
        time = np.arange(length) / MODEL_RATE
        fade = np.minimum(1, time / 0.005) * np.clip((time[-1] - time) / 0.01, 0, 1)
        waves = (k**-slope * np.sin(2 * np.pi * k * pitch * time) for k in range(1, partials + 1))
        out[at : at + length] += sum(waves) * np.exp(-3 * time) * fade
        at += length
    return (0.3 * out / np.abs(out).max())[None].astype(np.float32)


SYNTHESISED = [(1.0, 30), (1.5, 12), (2.5, 8)]


@pytest.mark.parametrize(("slope", "partials"), SYNTHESISED)
def test_a_clean_line_is_driven_towards_a_metal_solo(slope: float, partials: int) -> None:
    facts = Reference.of(str(METAL)).fit(stem(line(slope, partials)))
    assert facts["drive_db"] is not None
    assert facts["distance_after"] < facts["distance_before"]


@pytest.mark.parametrize("reference", [CLEAN, FEELINGS])
@pytest.mark.parametrize("guitar", ["bright line", "demo", "strings"])
def test_a_clean_guitar_is_not_driven_towards_another_clean_one(
    guitar: str, reference: Path
) -> None:
    sound = {
        "bright line": lambda: line(1.0, 30),
        "demo": lambda: demo()[0],
        "strings": lambda: take(1, seconds=6.0),
    }[guitar]()
    assert Reference.of(str(reference)).fit(stem(sound))["drive_db"] is None


def of_gaps(gaps_db: float) -> Statistics:
    return Statistics(
        mean_db=np.zeros(NUM_BANDS), spread_db=np.zeros((5, NUM_BANDS)),
        flatness_db=np.full(NUM_BANDS, gaps_db),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("gaps_db", "left", "drive_db"),
    [
        ((-9.0, -8.0), (6.7, 9.0, 9.0), None),
        ((-9.0, -8.0), (7.0, 6.5, 8.0), 12.0),
        ((-9.0, -8.0), (3.0, 2.04, 2.0), 12.0),  # as near as 2.0
        ((-9.0, -3.0), (9.5, 8.8, 9.9), 12.0),
        ((-9.0, -3.0), (9.5, 9.1, 9.9), None),
        ((-9.0, -5.0), (9.5, 7.5, 9.9), 12.0),
        ((-9.0, -5.0), (9.5, 8.0, 9.9), None),
        ((-3.0, -3.0), (9.5, 8.8, 9.9), None),  # the stem is distorted as well
    ],
)
def test_the_least_drive_is_used_that_is_worth_it(
    gaps_db: tuple[float, float], left: tuple[float, ...], drive_db: float | None
) -> None:
    own, wanted = (of_gaps(each) for each in gaps_db)
    tone = Reference.of(str(CLEAN))

    def tried(drive: float | None, distance: float) -> Tried:
        return Tried(
            tone=Reference(recording=tone.recording, drive_db=drive),
            statistics=own, distance=distance,
        )  # fmt: skip

    driven = [tried(drive, each) for drive, each in zip((6.0, 12.0, 18.0), left, strict=True)]
    assert chosen(tried(None, 10.0), driven, wanted, own).tone.drive_db == drive_db


@pytest.mark.parametrize("hiss_db", [-60, -40])
def test_hiss_between_the_partials_of_a_clean_guitar_is_not_taken_for_distortion(
    tmp_path: Path, hiss_db: float
) -> None:
    sound = demo()[1]
    noise = np.random.default_rng(0).standard_normal(sound.shape)
    hissing = sound + noise * np.sqrt(np.mean(sound**2)) * 10 ** (hiss_db / 20)
    path = songs.write(tmp_path / "tape.wav", hissing, subtype="FLOAT")
    for guitar in (line(1.0, 30), demo()[0]):
        assert Reference.of(str(path)).fit(stem(guitar))["drive_db"] is None


def test_a_filter_does_not_lift_what_is_not_there() -> None:
    dull, noise = line(2.5, 8), np.random.default_rng(0).standard_normal((1, 200_000))
    sound, bright = statistics([dull]), statistics([noise.astype(np.float32)])
    assert sound is not None
    assert bright is not None
    silent = sound.mean_db < sound.mean_db.max() - 80
    gains = filter_gains(sound, bright)
    assert silent.sum() > 5
    assert gains[silent].max() <= gains[~silent].max()
    # all the same silent bands: as if they had not been measured
    deeper = type(sound)(
        mean_db=np.where(silent, sound.mean_db - 100, sound.mean_db),
        spread_db=sound.spread_db, flatness_db=sound.flatness_db,
    )  # fmt: skip
    np.testing.assert_allclose(filter_gains(deeper, bright), gains, atol=0.5)


def drums(seconds: float = 6.0) -> Signal:
    """Kick drum, snare drum and cymbals."""
    time = np.arange(int(seconds * MODEL_RATE)) / MODEL_RATE
    beat, other, eighth = time % 0.5, (time - 0.25) % 0.5, time % 0.125
    noise = np.random.default_rng(1).standard_normal(time.size)
    kick = np.sin(2 * np.pi * (50 * beat - 8 * np.exp(-30 * beat))) * np.exp(-9 * beat)
    snare, cymbal = noise * np.exp(-25 * other), np.diff(noise, prepend=0) * np.exp(-40 * eighth)
    return (0.4 * kick + 0.1 * snare + 0.05 * cymbal)[None].astype(np.float32)


def character(path: Path) -> Character:
    recording = Recording(path=str(path))
    return Character.of([recording.read(0, recording.num_samples)])


def test_no_guitar_is_taken_for_anything_else() -> None:
    assert all(character(path).is_guitar for path in (METAL, FEELINGS, CLEAN))
    guitars = [demo()[0], take(1, seconds=6.0), songs.guitar(6.0), line(1.0, 30)]
    assert all(Character.of([sound]).is_guitar for sound in guitars)
    assert all(Character.of([through(name, demo()[1])]).is_guitar for name in TONES)


def test_drums_and_mixes_are_no_guitars() -> None:
    guitar = demo()[0][:, : 3 * MODEL_RATE]
    mix = 0.5 * guitar / np.abs(guitar).max() + drums(3.0)
    assert not character(DEMO / "metal-madness.ogg").is_guitar
    assert not Character.of([drums()]).is_guitar
    assert not Character.of([mix.astype(np.float32)]).is_guitar


def test_what_cannot_be_reached_is_said() -> None:
    everywhere, nothing = np.ones(NUM_BANDS), np.zeros(NUM_BANDS)
    high = np.where(np.arange(NUM_BANDS) == 30, -20.0, 0.0)
    assert unreached("x.wav", 24.0, 30.0, nothing, everywhere) == []
    assert unreached("x.wav", None, 5.0, nothing, everywhere) == []
    assert "20 dB" in unreached("x.wav", 24.0, 5.0, high, everywhere)[0]
    assert unreached("x.wav", 24.0, 5.0, high, nothing) == []  # where nothing is heard
    assert "30 dB are left" in unreached("x.wav", None, 30.0, nothing, everywhere)[0]


def test_warnings_are_logged_and_stand_in_the_row(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loop = songs.write(tmp_path / "loop.wav", drums())
    path = songs.song(tmp_path, 4.0)
    settings = {"backend": "crossfade", "uniform": False, "stem": "{stem}.guitar.wav"}
    with caplog.at_level(logging.WARNING):
        row = morphsep.morph_file(path, tmp_path / "out", to=str(loop), **settings)
    said = "loop.wav sounds like drums or a whole mix"
    assert said in row.tone_warning
    assert json.loads(row.fits)[1]["warning"] == row.tone_warning
    assert said in caplog.text
    row = morphsep.morph_file(path, tmp_path / "out2", to="distortion", **settings)
    assert row.tone_warning is None


@pytest.mark.parametrize("level", [0.0, 1e-5])
def test_a_silent_reference_is_refused(tmp_path: Path, level: float) -> None:
    path = songs.write(tmp_path / "rest.wav", level * take(1), subtype="FLOAT")
    with pytest.raises(SettingError, match=r"rest\.wav is silent"):
        Reference.of(str(path))


def test_a_reference_that_is_only_an_offset_is_no_crash(tmp_path: Path) -> None:
    path = songs.write(tmp_path / "offset.wav", np.full((1, 60000), 0.1, np.float32))
    facts = Reference.of(str(path)).fit(stem(songs.guitar(2.0)))
    assert np.isfinite(facts["gains_db"]).all()
