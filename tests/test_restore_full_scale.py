"""An access copy gets no gain: what its format cannot hold is refused, and nothing is clipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from morphsep import manifest, restoration
from morphsep.dsp import Signal
from tests import masters, songs
from tests.commands import invoke
from tests.test_restore import MORPHED, digest, restore


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A declick that needs no network."""
    monkeypatch.setattr(restoration, "Declick", masters.Mute)


def listed(master: Path, form: str, subtype: str) -> Path:
    """A list of one master, whose access copy is written in this form."""
    rows = master.parent / f"{subtype}.csv"
    rows.write_text(f"path,format,subtype\n{master.name},{form},{subtype}\n")
    return rows


def square(level: float) -> Signal:
    """What coders overshoot with, ``[1, T]``."""
    return (level * np.sign(np.sin(np.arange(44_100) / 9)))[None].astype(np.float32)


@pytest.mark.parametrize(
    ("name", "subtype", "level"),
    [("a.mp3", "MPEG_LAYER_III", 1.0), ("a.ogg", "VORBIS", 1.0), ("a.wav", "FLOAT", 1.5)],
)
def test_a_master_above_full_scale_is_refused_or_kept_in_floats(
    name: str, subtype: str, level: float, tmp_path: Path
) -> None:
    master = songs.write(tmp_path / "in" / name, square(level), subtype=subtype)
    assert np.abs(songs.read(master)).max() > 1
    given = listed(master, "wav", "PCM_24") if subtype == "FLOAT" else master
    (row,) = restore(given, tmp_path / "acc", "--steps", "none", code=3)
    assert (row.status, row.error_code) == ("failed", "would_clip")
    assert "subtype FLOAT" in (row.message or "")
    row = restore(listed(master, "wav", "FLOAT"), tmp_path / "acc", "--steps", "none")[-1]
    same = songs.read(master).astype(np.float32)
    assert np.array_equal(songs.read(tmp_path / "acc" / str(row.output)), same)


def test_what_is_left_after_a_step_is_taken_back_is_not_clipped(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav", size=1.0)
    for name, given in {"acc": master, "floats": listed(master, "wav", "FLOAT")}.items():
        restore(given, tmp_path / name, *MORPHED)
    access = tmp_path / "acc/a.wav"
    before = digest(access)
    assert np.abs(masters.added_up(master, access, "declick")).max() > 1
    done = invoke("restore", "-o", tmp_path / "acc", "--revert", "declick")
    assert (done.returncode, "would exceed full scale" in done.stdout) == (3, True)
    assert digest(access) == before
    assert invoke("restore", "-o", tmp_path / "floats", "--revert", "declick").returncode == 0
    access = tmp_path / "floats/a.wav"
    assert np.array_equal(songs.read(access), masters.added_up(master, access, "declick"))
    for name in ("acc", "floats"):
        assert invoke("verify", tmp_path / name).returncode == 0


def test_another_speed_does_not_clip_what_overshoots(tmp_path: Path) -> None:
    master = songs.write(tmp_path / "in/a.wav", square(1.0), subtype="PCM_24")
    words = ("--steps", "speed", "--speed", "0.97")
    (row,) = restore(master, tmp_path / "acc", *words, code=3)
    assert (row.status, row.error_code) == ("failed", "would_clip")
    (row,) = restore(listed(master, "wav", "FLOAT"), tmp_path / "acc", *words)
    assert np.abs(songs.read(tmp_path / "acc/a.wav")).max() > 1
    (step,) = manifest.steps_by_track(tmp_path / "acc", [row])["a.wav"]
    assert step.step == "speed"


@pytest.mark.parametrize(
    ("level", "words", "said"),
    [(1.5, (), "dB above full scale"), (0.99, ("--speed", "0.5"), "it would exceed full scale by")],
)
def test_a_dry_run_says_what_would_clip(
    level: float, words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    master = songs.write(tmp_path / "in/a.wav", square(level), subtype="FLOAT")
    for subtype, code in {"PCM_24": 3, "FLOAT": 0}.items():
        done = invoke("restore", listed(master, "wav", subtype), "-o", tmp_path / "acc",
                      "--steps", "none", *words, "--dry-run")  # fmt: skip
        assert (done.returncode, said in done.stdout) == (code, code == 3)
    assert not (tmp_path / "acc").exists()


def test_a_dry_run_refuses_what_is_no_sound_and_says_what_it_does_not_try(tmp_path: Path) -> None:
    sound = square(0.5)
    whole = songs.write(tmp_path / "in/a.wav", sound, subtype="FLOAT")
    sound[0, 100] = np.nan
    songs.write(tmp_path / "in/b.wav", sound, subtype="FLOAT")
    words = ("--steps", "none", "--to", "fuzz", "--separator", "none", "--dry-run")
    done = invoke("restore", whole.parent, "-o", tmp_path / "acc", *words)
    assert done.returncode == 2
    assert "b.wav: a sample at 0.002 s is not a number" in done.stdout
    assert "timbre   not tried" in done.stdout
