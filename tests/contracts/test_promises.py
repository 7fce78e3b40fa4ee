"""The design's promises, over every separator and backend; with ``slow`` over every pair."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

import morphsep
from morphsep.run.verification import verify
from tests import songs
from tests.checkpoints import write_htdemucs
from tests.contracts.pairs import OTHER_PAIRS, PAIRS, SEPARATORS
from tests.roformer_checkpoints import write_roformer


@pytest.fixture(scope="session")
def named(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Separators whose names say where a model lies."""
    folder = tmp_path_factory.mktemp("models")
    demucs = f"demucs:{write_htdemucs(folder / 'demucs', kind='safetensors')}"
    roformer = f"roformer:{write_roformer(folder / 'roformer')}"
    return {
        "demucs": demucs, "roformer": roformer, "ensemble": f"ensemble:{roformer}+harmonic@2",
    }  # fmt: skip


@pytest.fixture
def separation(request: pytest.FixtureRequest, named: dict[str, str]) -> dict[str, str]:
    if request.param == "stem":
        return {"stem": "{stem}.guitar.wav"}
    return {"separator": named.get(request.param, request.param)}


@pytest.fixture(scope="module")
def song_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The path of a song of 13 s in a folder of its own for each set of arguments. All backends
    share the folder, and so what was separated there."""

    @cache
    def path(rate: int, subtype: str, *separation: str) -> Path:
        return songs.song(tmp_path_factory.mktemp("of-all-backends"), 13.0, rate, 2, subtype)

    return path


every_separator = pytest.mark.parametrize("separation", SEPARATORS, indirect=True)


def rms(signal: np.ndarray) -> float:
    return float(np.sqrt(np.mean(signal**2)))


@every_separator
@pytest.mark.parametrize(
    ("subtype", "rate", "channels"),
    [("PCM_16", 44100, 2), ("PCM_24", 48000, 1), ("FLOAT", 22050, 2), ("PCM_32", 44100, 1)],
)
def test_amount_0_gives_the_input_back_bit_for_bit(tmp_path, separation, subtype, rate, channels):
    path = songs.song(tmp_path, 2.0, rate, channels, subtype)
    row = morphsep.morph_file(path, tmp_path / "out", to="distortion", amount=0, **separation)
    np.testing.assert_array_equal(songs.read(tmp_path / "out" / row.output), songs.read(path))
    assert row.num_morphed == 0


@pytest.mark.parametrize(
    ("separation", "backend", "uniform"),
    [*((*pair, False) for pair in PAIRS),
     *(pytest.param(*pair, False, marks=pytest.mark.slow) for pair in OTHER_PAIRS),
     ("harmonic", "chain", True)],
    indirect=["separation"],
)  # fmt: skip
def test_promises_1_to_3_and_5_to_7(song_of, separation, backend, uniform) -> None:
    path = song_of(48000, "PCM_24", *separation.values())
    out = path.parent / "out"
    row = morphsep.morph_file(
        path, out, to="distortion", amount="0:00=0 0:06=0 0:10=1",
        backend=backend, chunk=5, uniform=uniform, **separation,
        protect=False,  # what a small separator makes of a toy song may not pass for a guitar
    )  # fmt: skip
    got, given = soundfile.info(out / row.output), soundfile.info(path)
    for name in ("frames", "samplerate", "channels", "format", "subtype"):
        assert getattr(got, name) == getattr(given, name)
    before, after = songs.read(path), songs.read(out / row.output)
    gain = 10 ** (row.gain_db / 20)
    untouched = slice(0, round(4.6 * 48000))
    assert np.abs(after[:, untouched] - gain * before[:, untouched]).max() <= 2.0**-23
    assert rms(after[:, -96000:] - gain * before[:, -96000:]) > 1e-3
    assert row.null_residual_dbfs is None
    assert verify(out) == (1, [])


@pytest.mark.parametrize(
    ("separation", "backend", "rate", "uniform"),
    [*((*pair, 44100, False) for pair in PAIRS),
     *(pytest.param(*pair, 44100, False, marks=pytest.mark.slow) for pair in OTHER_PAIRS),
     ("demucs", "chain", 32000, False), ("harmonic", "spectral", 32000, True),
     ("roformer", "crossfade", 96000, False), ("ensemble", "crossfade", 8000, False),
     *(pytest.param(name, "chain", 32000, False, marks=pytest.mark.slow)
       for name in SEPARATORS if name != "demucs"),
     pytest.param("roformer", "crossfade", 8000, False, marks=pytest.mark.slow),
     pytest.param("ensemble", "crossfade", 96000, False, marks=pytest.mark.slow)],
    indirect=["separation"],
)  # fmt: skip
def test_the_result_does_not_depend_on_the_sections(song_of, separation, backend, rate, uniform):
    path = song_of(rate, "FLOAT", *separation.values())
    results = []
    for section in (300.0, 5.0):
        out = path.parent / f"out-{section}"
        row = morphsep.morph_file(
            path, out, to="chorus", from_="clean", amount="0:00=0 0:10=1",
            backend=backend, chunk=5, section=section, uniform=uniform, **separation,
        )  # fmt: skip
        results.append(songs.read(out / row.output))
    assert rms(results[0] - results[1]) <= 1e-6


@every_separator
def test_separate_writes_parts_that_add_up(tmp_path: Path, separation) -> None:
    path = songs.song(tmp_path, 7.0, 48000, 2, "PCM_24")
    row = morphsep.separate_file(path, tmp_path / "out", **separation)
    parts = [songs.read(tmp_path / "out" / name) for name in (row.output, row.backing)]
    missed = np.abs(songs.read(path) - parts[0] - parts[1]).max()
    assert missed < 10 ** (-120 / 20)
    written = 0 if row.null_residual_dbfs is None else 10 ** (row.null_residual_dbfs / 20)
    assert missed == pytest.approx(written, rel=1e-9)
    assert verify(tmp_path / "out") == (1, [])


def test_one_gain_for_the_whole_track_if_it_would_clip(tmp_path: Path) -> None:
    # six seconds without guitar, then as much as fits: a clean amplifier's filters raise its peaks
    audio = songs.guitar(14.0) * 3.33
    audio[:, : 6 * 44100] = 0
    path = songs.write(tmp_path / "loud.wav", audio.clip(-1, 1), subtype="PCM_16")
    row = morphsep.morph_file(path, tmp_path / "out", to="clean", separator="none", chunk=5)
    assert row.gain_db < 0
    after = songs.read(tmp_path / "out" / row.output)
    assert np.abs(after).max() <= 1.0
    assert verify(tmp_path / "out") == (1, [])
