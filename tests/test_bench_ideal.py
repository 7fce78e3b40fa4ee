"""`jobs.bench.ideal`: a perfect separator has no error, another has, and the table says so."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jobs.bench import ideal
from morphsep.dsp import MODEL_RATE
from morphsep.errors import SettingError
from morphsep.testing import plucked

SECONDS = 2


def write_song(folder: Path, name: str, backing: float, guitar: float = 0.3) -> Path:
    """A song of noise and a guitar, at these levels."""
    stem = guitar * plucked(SECONDS * MODEL_RATE)
    noise = backing * np.random.default_rng(0).standard_normal(stem.size)
    soundfile.write(folder / f"{name}.guitar.wav", stem, MODEL_RATE, "FLOAT")
    soundfile.write(folder / f"{name}.wav", stem + noise, MODEL_RATE, "FLOAT")
    return folder / f"{name}.wav"


def test_only_what_is_not_separated_is_an_error(tmp_path: Path) -> None:
    alone, song = (
        ideal.excerpts(write_song(tmp_path, *each)) for each in (("alone", 0.0), ("song", 0.02))
    )
    (perfect,) = ideal.compare(alone, "distortion", ["none"])  # the mix is the guitar
    assert perfect.error == 0
    assert perfect.ratio_db == -math.inf
    assert perfect.louder == perfect.ideal_louder
    assert perfect.untouched > 1
    (poor,) = ideal.compare(song, "distortion", ["none"])  # the noise is distorted, too
    assert poor.error > poor.untouched
    assert poor.ratio_db == pytest.approx(20 * math.log10(poor.error / poor.untouched))


def test_it_prints_a_row_for_each_cell_and_names_what_cannot_be_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ideal, "DEMO", write_song(tmp_path, "demo", 0.02))
    other = write_song(tmp_path, "other", 0.01)
    options = ["--separators", "none,nowhere", "--tones", "chorus"]
    monkeypatch.setattr(sys, "argv", ["ideal", str(other), *options])
    ideal.main()
    lines = capsys.readouterr().out.splitlines()
    cells = [line.split(" | ")[:3] for line in lines if "| chorus |" in line]
    assert cells == [["| demo", "chorus", "`none`"], ["| other", "chorus", "`none`"]]
    assert any(line.startswith("| `none` |") and " of 2 |" in line for line in lines)
    assert lines[-1].startswith("Not measured: `nowhere`: there is no separator 'nowhere'")


def test_a_song_without_a_guitar_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="is silent"):
        ideal.excerpts(write_song(tmp_path, "song", 0.1, guitar=0.0))
    song = write_song(tmp_path, "cut", 0.1)
    soundfile.write(tmp_path / "cut.guitar.wav", np.zeros(100), MODEL_RATE)
    with pytest.raises(SettingError, match=r"cut\.guitar\.wav"):
        ideal.excerpts(song)
