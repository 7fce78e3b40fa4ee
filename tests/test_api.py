"""From Python: what runs, runs here, whatever the environment says of a cluster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import morphsep
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
