"""From Python: what runs, runs here, whatever the environment says of a cluster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import morphsep
from morphsep.errors import SettingError
from morphsep.request import checked_sample_rate, checked_samples
from morphsep.stages import Event
from tests import songs

HOW = {"to": "distortion", "amount": 0.5, "separator": "none", "uniform": False}


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a cluster that does not exist, where Ray would look for one."""
    address = "127.0.0.1:1"
    monkeypatch.setenv("RAY_ADDRESS", address)
    return address


def test_a_file_is_morphed_here_though_a_cluster_is_named(nowhere: str, tmp_path: Path) -> None:
    song = songs.write(tmp_path / "x.wav", songs.guitar(1.0))
    for stage, do in (("morph", morphsep.morph_file), ("separate", morphsep.separate_file)):
        events: list[Event] = []
        settings = HOW if stage == "morph" else {"separator": "none"}
        row = do(song, tmp_path / stage, on_progress=events.append, **settings)
        assert row.status == "ok"
        assert stage in {event.stage for event in events}
        assert {event.track for event in events} == {row.track}


def test_an_array_is_morphed_here_and_ray_is_not_even_loaded(nowhere: str) -> None:
    code = (
        "import sys, numpy as np, morphsep\n"
        "audio = np.sin(np.arange(22050) / 20).astype('float32')\n"
        f"morphed = morphsep.morph_array(audio, 44100, **{HOW!r})\n"
        "assert morphed.shape == audio.shape and np.isfinite(morphed).all()\n"
        "assert (morphed != audio).any()\n"
        "assert 'ray' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("shape", [(11025,), (2, 11025)])
def test_an_array_keeps_its_shape(shape: tuple[int, ...]) -> None:
    audio = np.resize(songs.guitar(0.25), shape).astype(np.float32)
    morphed = morphsep.morph_array(audio, 44100, **HOW)
    assert (morphed.shape, morphed.dtype) == (shape, np.float32)


def of_type(dtype: str) -> np.ndarray:
    """A quarter of a second in stereo, at the full scale of the type."""
    sound = songs.guitar(0.25)
    scale = -float(np.iinfo(dtype).min) if np.dtype(dtype).kind == "i" else 1.0
    return (sound * scale).astype(dtype)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int16", "int32", ">i2", ">f4"])
def test_every_type_with_a_full_scale_is_taken_at_that_scale(dtype: str) -> None:
    morphed = morphsep.morph_array(of_type(dtype), 44100, **HOW | {"amount": 0})
    assert morphed.dtype == np.float32
    assert np.abs(morphed - songs.guitar(0.25)).max() < 2e-4


def test_the_full_scale_of_an_integer_type_is_1() -> None:
    lowest = np.array([-(2**15), 2**15 - 1, 0], np.int16)
    assert list(checked_samples(lowest)) == [-1.0, np.float32(1 - 2**-15), 0.0]
    assert checked_samples(lowest[None].repeat(2, 0)).shape == (2, 3)


def test_the_callers_array_is_left_alone() -> None:
    audio = np.full(9, 0.5, np.float32)
    checked_samples(audio)[:] = 0
    assert (audio == 0.5).all()


RAGGED: list[list[float]] = [[0.0], [0.0, 0.1]]
NO_AUDIO = [
    (np.zeros((44100, 2)), "audio.T"),
    (np.zeros((3, 2)), "audio.T"),
    (np.zeros((44100, 6), np.int16), "audio.T"),
    (np.zeros((4, 44100)), r"channels=\(0, 1\)"),
    (np.float32(0.5), "0 axes"),
    (np.zeros((1, 2, 44100)), "3 axes"),
    (np.zeros(0), "no samples"),
    (np.zeros((2, 0)), "no samples"),
    (np.zeros((0, 2)), "no samples"),
    (np.zeros(9, np.uint8), "128"),
    (np.zeros(9, np.int8), "full scale is not known"),
    (np.zeros(9, np.int64), "full scale is not known"),
    (np.zeros(9, bool), "type bool"),
    (np.zeros(9, complex), "type complex128"),
    (np.zeros(9, object), "type object"),
    (["a.wav"], "type <U5"),
    ("a.wav", "type <U5"),
    (None, "type object"),
    (RAGGED, "cannot be taken as an array"),
    (np.array([0.0, np.nan]), "NaN or infinite"),
    (np.array([0.0, -np.inf]), "NaN or infinite"),
    (np.array([0.0, 28106.0]), "peaks at 28106"),
]


@pytest.mark.parametrize(("audio", "sentence"), NO_AUDIO)
def test_what_is_no_audio_is_a_sentence(audio: Any, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        morphsep.morph_array(audio, 44100, **HOW)


@pytest.mark.parametrize(
    "rate", [0, -44100, 7999, 192_001, 44100.5, np.nan, np.inf, True, "44100", None]
)
def test_what_is_no_rate_is_a_sentence(rate: Any) -> None:
    with pytest.raises(SettingError, match="sample_rate is"):
        morphsep.morph_array(np.zeros(9), rate, **HOW)


@pytest.mark.parametrize("rate", [44100, 44100.0, np.int64(44100), np.float32(44100)])
def test_whole_numbers_of_any_type_are_rates(rate: Any) -> None:
    assert checked_sample_rate(rate) == 44100


def test_two_channels_of_an_array_with_more_are_taken() -> None:
    audio = np.repeat(songs.guitar(0.25), 2, axis=0)
    morphed = morphsep.morph_array(audio, 44100, **HOW | {"channels": (0, 2), "amount": 0})
    assert np.array_equal(morphed, audio[[0, 2]])
