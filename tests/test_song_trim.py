"""A song stays as loud as it was, however poor the stem; a stem of one's own is not touched."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import morphsep
from morphsep.dsp import MODEL_RATE, ArrayReader, ModelRateReader, Signal, from_db
from morphsep.dsp.loudness import LoudnessMeter
from morphsep.dsp.sum_loudness import SumLoudness
from morphsep.morphing import Change, MixView, SongTrim, build, trimmed
from morphsep.request import make_settings
from tests import songs

QUICK = {"to": "distortion", "chunk": 5, "uniform": False}


def lufs(sound: Signal, rate: int = MODEL_RATE) -> float:
    meter = LoudnessMeter(rate, len(sound))
    meter.add(sound)
    return meter.integrated()


@pytest.mark.parametrize("seconds", [0.25, 0.45, 3.333])
@pytest.mark.parametrize("gain_db", [-7.0, 0.0, 3.0])
def test_the_loudness_of_a_sum_is_known_for_every_gain(seconds: float, gain_db: float) -> None:
    one, other = songs.backing(seconds), songs.guitar(seconds)
    meter = SumLoudness(MODEL_RATE, 2)
    for start in range(0, one.shape[1], 7777):
        block = slice(start, start + 7777)
        meter.add(one[:, block], other[:, block], np.ones_like(one[0, block]))
    wanted = lufs(one + other * np.float32(from_db(gain_db)))
    assert meter.integrated(gain_db) == pytest.approx(wanted, abs=1e-4)


def test_a_gain_that_follows_a_curve_counts_where_it_is() -> None:
    one, other = songs.backing(4.0), songs.guitar(4.0)
    curve = np.linspace(0, 1, one.shape[1], dtype=np.float32)
    meter = SumLoudness(MODEL_RATE, 2)
    meter.add(one, other, curve)
    wanted = lufs(one + other * 10 ** (6.0 * curve / 20))
    assert meter.integrated(6.0) == pytest.approx(wanted, abs=0.02)
    assert abs(wanted - lufs(one + other)) > 0.5


@pytest.mark.parametrize("from_", ["as-recorded", "clean"])
@pytest.mark.parametrize("amount", ["1", "0:00=0 0:04=1"])
@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (8000, 1)])
def test_a_song_keeps_its_loudness(
    tmp_path: Path, rate: int, channels: int, amount: str, from_: str
) -> None:
    path = songs.song(tmp_path, 6.0, rate, channels, "FLOAT")
    settings = QUICK | {"separator": "harmonic", "amount": amount, "from_": from_}
    row = morphsep.morph_file(path, tmp_path / "out", **settings)
    assert abs(row.song_trim_db) > 0.1
    assert row.lufs == pytest.approx(row.lufs_before, abs=0.05)
    assert "LU" not in (row.stem_warning or "")
    in_memory = morphsep.morph_array(songs.read(path).astype(np.float32), rate, **settings)
    np.testing.assert_array_equal(in_memory, songs.read(tmp_path / "out" / row.output))


def test_an_own_stem_is_put_back_as_it_was_morphed(tmp_path: Path) -> None:
    path = songs.song(tmp_path, 6.0, 44100, 2, "FLOAT")
    stem = songs.read(tmp_path / "song.guitar.wav").astype(np.float32)
    settings = QUICK | {"stem": "{stem}.guitar.wav"}
    row = morphsep.morph_file(path, tmp_path / "out", **settings)
    assert (row.song_trim_db, row.stem_warning) == (None, None)
    # the same guitar without a song around it
    alone = morphsep.morph_array(stem, 44100, **QUICK, separator="none")
    mix = songs.read(path).astype(np.float32)
    np.testing.assert_array_equal(songs.read(tmp_path / "out" / row.output), mix + (alone - stem))


def song_of(mix: Signal, stem: Signal, morphed: Signal) -> tuple[MixView, Change]:
    reader = ModelRateReader(ArrayReader(mix, MODEL_RATE))
    view = MixView(
        reader=reader, num_samples=mix.shape[1], num_channels=len(mix), mean=0.0, std=1.0
    )
    change = Change(
        recipe=build(make_settings(to="distortion", separator="harmonic")),
        stem=ArrayReader(stem, MODEL_RATE).read,
        delta=ArrayReader(morphed - stem, MODEL_RATE).read,
    )
    return view, change


def test_a_stem_that_is_too_poor_is_corrected_up_to_4_db_and_said_so() -> None:
    mix = songs.guitar(3.0) + songs.backing(3.0)
    # all of the mix is taken out, and next to nothing comes back
    view, change = song_of(mix, mix * np.float32(0.9), songs.guitar(3.0) * np.float32(0.1))
    louder, trim = trimmed(view, change)
    assert (louder.gain_db, trim.gain_db) == (4.0, 4.0)
    made = mix + louder.read(0, mix.shape[1])
    assert trim.missed == pytest.approx(lufs(made) - lufs(mix), abs=0.01)
    assert f"{abs(trim.missed):.1f} LU quieter" in str(trim.warning)


def test_what_becomes_louder_is_made_quieter() -> None:
    mix = songs.guitar(3.0) + songs.backing(3.0)
    stem = songs.guitar(3.0)
    view, change = song_of(mix, stem, stem * np.float32(1.2))
    quieter, trim = trimmed(view, change)
    assert trim.gain_db == pytest.approx(-20 * np.log10(1.2), abs=1e-3)
    assert trim.warning is None
    assert lufs(mix + quieter.read(0, mix.shape[1])) == pytest.approx(lufs(mix), abs=0.01)


@pytest.mark.parametrize(
    ("out", "back", "gain_db"),
    [
        # the song becomes |1 - out + gain * back| times the mix
        (0.4, -0.4, -4.0),  # quieter at any gain, and the more the louder it is
        (0.9, -0.5, 4.0),  # quieter at any gain
        (0.9, -0.9, 20 * np.log10(11 / 9)),
        (0.4, -1.4, 20 * np.log10(8 / 7)),
        (-3.0, -3.8, 20 * np.log10(3 / 3.8)),  # as loud at 5 / 3.8, too, which is further from 1
    ],
)
def test_a_tone_that_inverts_the_polarity_gets_the_best_gain(
    out: float, back: float, gain_db: float
) -> None:
    mix = songs.guitar(3.0) + songs.backing(3.0)
    made, trim = trimmed(*song_of(mix, mix * np.float32(out), mix * np.float32(back)))
    assert made.gain_db == trim.gain_db == pytest.approx(gain_db, abs=1e-3)
    missed = lufs(mix + made.read(0, mix.shape[1])) - lufs(mix)
    assert trim.missed == pytest.approx(missed, abs=0.01)
    assert (trim.warning is None) == (abs(trim.gain_db) < 4)


@pytest.mark.parametrize("level", [0.0, 1e-5])
def test_nothing_is_done_to_silence_and_where_nothing_changes(level: float) -> None:
    mix = songs.backing(1.0) * np.float32(level)
    view, change = song_of(mix, mix, mix * np.float32(0.5))
    assert trimmed(view, change)[1] == SongTrim()
    mix = songs.guitar(1.0)
    view, change = song_of(mix, mix, mix)
    assert trimmed(view, change) == (dataclasses.replace(change), SongTrim())
