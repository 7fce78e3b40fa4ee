"""Estimated stems: what they are worth, and what is done with a poor one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr

import morphsep
from morphsep import manifest
from morphsep.cli import display
from morphsep.dsp import SILENT, ArrayReader, Signal, dbfs
from morphsep.errors import SettingError, TrackError
from morphsep.morphing import EstimateFacts, Recipe, build, morph_samples
from morphsep.request import make_settings
from morphsep.run import Summary, TrackResult
from morphsep.run.verification import verify
from morphsep.separators import Mix
from morphsep.storage import location
from tests import songs

QUICK: dict[str, Any] = {"to": "distortion", "chunk": 5, "uniform": False}
RATE = 44100


def level(sound: Signal) -> float:
    return dbfs(float(np.sqrt(np.mean(np.asarray(sound, np.float64) ** 2))))


@dataclass(frozen=True)
class Leaky:
    """A guitar and some of its backing: an estimate as separators make them."""

    guitar: Signal
    backing: Signal
    leak: float
    name: str = "leaky"
    weights_hash: str | None = None

    def fingerprint(self) -> str:
        return f"leaky {self.leak}"

    def separate(self, mix: Mix, start: int, stop: int) -> Signal:
        stem = self.guitar + np.float32(self.leak) * self.backing
        return stem[:, start:stop]


def recipe(separator: Leaky, **settings: Any) -> Recipe:
    made = build(make_settings(**{**QUICK, "separator": "harmonic", **settings}))
    return replace(made, separator=separator)


def with_a_rest(seconds: float) -> tuple[Signal, Signal]:
    """A guitar that plays for the first half only, and the backing of a whole song."""
    guitar = songs.guitar(seconds)
    guitar[:, guitar.shape[1] // 2 :] = 0
    return guitar, songs.backing(seconds)


def facts(stem: Signal, mix: Signal) -> EstimateFacts:
    reads = (ArrayReader(sound, RATE).read for sound in (mix, stem))
    return EstimateFacts.of(*reads, mix.shape[1])


@pytest.mark.parametrize("leak", [0.05, 0.13])
def test_where_the_guitar_rests_the_song_is_left_as_it_is(leak: float) -> None:
    guitar, backing = with_a_rest(12.0)
    mix, rest = guitar + backing, slice(7 * RATE, 12 * RATE)
    separator = Leaky(guitar, backing, leak)
    change = morph_samples(recipe(separator), mix, RATE) - mix
    unprotected = morph_samples(recipe(separator, protect=False), mix, RATE) - mix
    assert level(change[:, rest]) < level(backing[:, rest]) - 20
    assert level(unprotected[:, rest]) > level(change[:, rest]) + 10
    played = slice(RATE, 5 * RATE)
    assert level(change[:, played]) == pytest.approx(level(unprotected[:, played]), abs=1.0)


def test_a_quiet_guitar_that_plays_alone_is_no_rest() -> None:
    guitar, backing = with_a_rest(8.0)
    guitar[:, 4 * RATE :] = songs.guitar(4.0) * np.float32(0.1)
    backing[:, 4 * RATE :] = 0
    stem = guitar + np.float32(0.1) * backing
    share = facts(stem, guitar + backing).share(0, guitar.shape[1])
    assert share[5 * RATE :].min() > 0.9


def test_how_much_is_changed_does_not_depend_on_what_is_asked_for_at_once() -> None:
    guitar, backing = with_a_rest(6.0)
    found = facts(guitar + np.float32(0.1) * backing, guitar + backing)
    whole = found.share(-3000, 6 * RATE + 6000)
    pieces = [found.share(start, 7001) for start in range(-3000, 6 * RATE, 7001)]
    np.testing.assert_array_equal(np.concatenate(pieces)[: whole.size], whole)
    assert 0.0 <= whole.min() < 0.1 < 0.9 < whole.max() <= 1.0


def test_a_room_rings_out_where_the_guitar_rests() -> None:
    """The change of a hall is held back as much as before only once it has rung out."""
    guitar, backing = with_a_rest(12.0)
    mix, separator = guitar + backing, Leaky(guitar, backing, 0.05)
    change, unprotected = (
        morph_samples(recipe(separator, to="hall", protect=protect), mix, RATE) - mix
        for protect in (True, False)
    )
    rings, over = slice(7 * RATE, 8 * RATE), slice(11 * RATE, 12 * RATE)
    assert level(change[:, rings]) == pytest.approx(level(unprotected[:, rings]), abs=0.5)
    assert level(change[:, over]) < level(unprotected[:, over]) - 10


def test_where_the_stem_is_silent_the_song_is_left_as_it_is_bit_for_bit() -> None:
    guitar, backing = with_a_rest(16.0)
    guitar[:, 8 * RATE :] = songs.guitar(8.0) * np.float32(1e-4)
    backing[:, 8 * RATE :] = 0
    separator = Leaky(guitar, backing, 0.05)
    mix = guitar + backing
    after = morph_samples(recipe(separator), mix, RATE)
    assert 0 < np.abs(guitar[:, 10 * RATE :]).max() < SILENT
    np.testing.assert_array_equal(after[:, 10 * RATE :], mix[:, 10 * RATE :])
    assert (after[:, : 8 * RATE] != mix[:, : 8 * RATE]).any()


def test_a_better_stem_has_a_higher_quality() -> None:
    guitar, backing = songs.guitar(4.0), songs.backing(4.0)
    stems = [guitar + np.float32(leak) * backing for leak in (0.0, 0.1, 0.3, 0.6)]
    found = [facts(stem, guitar + backing).quality for stem in stems]
    assert found == sorted(found, reverse=True)
    assert found[0] - found[-1] > 0.1
    assert all(0 <= quality <= 1 for quality in found)
    assert facts(np.zeros_like(guitar), backing).quality is None
    assert facts(np.zeros_like(guitar), np.zeros_like(guitar)).quality is None


def test_a_stem_that_is_poorer_than_wanted_makes_a_skipped_row(tmp_path: Path) -> None:
    path, out = songs.song(tmp_path, 6.0), tmp_path / "out"
    parts: dict[str, Any] = {"separator": "harmonic"}
    separated = morphsep.separate_file(path, tmp_path / "parts", **parts)
    quality = separated.stem_quality
    assert 0 < quality < 1
    asked = QUICK | parts
    row = morphsep.morph_file(path, out, **asked, min_stem_quality=quality)
    assert (row.status, row.stem_quality) == ("ok", quality)
    more = np.nextafter(quality, 1)
    for work, how in ((morphsep.morph_file, asked), (morphsep.separate_file, parts)):
        folder = tmp_path / f"out-{work.__name__}"
        with pytest.raises(TrackError, match="min-stem-quality") as raised:
            work(path, folder, **how, min_stem_quality=more)
        assert raised.value.code == "poor_stem"
        (row,) = manifest.read_tracks(folder)
        assert (row.status, row.error_code, row.stem_quality) == ("skipped", "poor_stem", quality)
        assert row.output is None
        assert verify(folder) == (1, [])
    with pytest.raises(TrackError, match="min-stem-quality"):
        morphsep.morph_array(songs.read(path), RATE, **asked, min_stem_quality=more)


def test_an_own_stem_has_no_quality_and_is_never_skipped(tmp_path: Path) -> None:
    path = songs.song(tmp_path, 6.0)
    row = morphsep.morph_file(
        path, tmp_path / "out", **QUICK, stem="{stem}.guitar.wav", min_stem_quality=1.0
    )
    assert (row.status, row.stem_quality, row.song_trim_db) == ("ok", None, None)


def test_what_is_protected_does_not_change_an_own_stem(tmp_path: Path) -> None:
    path = songs.song(tmp_path, 6.0)
    rows = [
        morphsep.morph_file(
            path, tmp_path / "out", **QUICK, stem="{stem}.guitar.wav", protect=protect
        )
        for protect in (True, False)
    ]
    assert rows[0].output_hash == rows[1].output_hash
    assert rows[0].finished_ns == rows[1].finished_ns, "it was done twice"


def test_the_closing_table_shows_the_qualities(capsys: pytest.CaptureFixture[str]) -> None:
    def table(**qualities: float | None) -> str:
        tracks = {
            name: TrackResult("ok", True, None, name, lacks_tags=False, stem_quality=quality)
            for name, quality in qualities.items()
        }
        tracks["poor"] = TrackResult("skipped", True, "too poor", None, False, 0.125)
        display.closing_table(Summary(location("out"), tracks), "out")
        return capsys.readouterr().out

    assert "0.40 (0.20 to 0.90)" in table(a=0.9, b=0.2, c=0.4, d=None)
    assert "0.12 " in table(a=None)
    display.closing_table(Summary(location("out"), {}), "out")
    assert "quality" not in capsys.readouterr().out


@pytest.mark.parametrize("poor", [True, False])
def test_a_poor_stem_is_said_in_the_log_and_the_row(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, poor: bool
) -> None:
    path = songs.song(tmp_path, 4.0)
    monkeypatch.setattr("morphsep.morphing.estimate.POOR", 0.9 if poor else 0.05)
    morphed = morphsep.morph_file(path, tmp_path / "out", **QUICK, separator="harmonic")
    parts = morphsep.separate_file(path, tmp_path / "parts", separator="harmonic")
    said = f"stem quality of {morphed.stem_quality:.2f}"
    assert [said in str(row.stem_warning) for row in (morphed, parts)] == [poor, poor]
    assert [said in message for message in caplog.messages] == [True, True] * poor


def test_a_copy_of_the_mix_is_a_poor_stem_and_a_guitar_with_some_backing_none() -> None:
    guitar, backing = songs.guitar(4.0), songs.backing(4.0)
    mix = guitar + backing
    assert facts(mix * np.float32(0.5), mix).warning is not None
    assert facts(guitar + np.float32(0.4) * backing, mix).warning is None


@pytest.mark.parametrize("least", [-0.1, 1.5, float("nan")])
def test_a_quality_lies_between_0_and_1(tmp_path: Path, least: float) -> None:
    with pytest.raises(SettingError, match="min-stem-quality"):
        morphsep.morph_file("x.wav", tmp_path / "out", to="chorus", min_stem_quality=least)


@pytest.mark.parametrize(
    ("rate", "channels"), [(44100, 2), (44100, 1), (8000, 2), (8000, 1), (96000, 2)]
)
def test_without_a_guitar_the_change_is_silent(tmp_path: Path, rate: int, channels: int) -> None:
    backing = soxr.resample(songs.backing(6.0, RATE, channels).T, RATE, rate).T
    path = songs.write(tmp_path / "x.wav", backing, rate, "FLOAT")
    row = morphsep.morph_file(path, tmp_path / "out", **QUICK, separator="embedded")
    change = songs.read(tmp_path / "out" / row.output) - songs.read(path)
    assert level(change) < level(backing) - 20
    assert row.lufs == pytest.approx(row.lufs_before, abs=0.3)
    assert verify(tmp_path / "out") == (1, [])


@pytest.mark.parametrize(("rate", "channels"), [(44100, 1), (8000, 2), (96000, 1)])
def test_digital_silence_stays_what_it_is(tmp_path: Path, rate: int, channels: int) -> None:
    silence = np.zeros((channels, 2 * rate), np.float32)
    path = songs.write(tmp_path / "x.wav", silence, rate, "FLOAT")
    row = morphsep.morph_file(path, tmp_path / "out", **QUICK, separator="embedded")
    assert not songs.read(tmp_path / "out" / row.output).any()
    assert (row.stem_quality, row.song_trim_db, row.stem_warning) == (None, 0.0, None)
