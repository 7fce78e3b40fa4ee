"""``morphsep restore`` with its real repairs, on masters that are silent, short or narrow."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from morphsep import manifest
from tests import masters, songs, tag_files
from tests.commands import invoke


def test_silent_short_and_narrow_masters_are_restored(tmp_path: Path) -> None:
    sounds = {
        "silent": (np.zeros((2, 5 * 44_100), np.float32), 44_100),
        "short": (songs.guitar(0.3), 44_100),
        "narrow": (songs.guitar(4.0, 8_000, 1), 8_000),
        "one": (np.full((1, 1), 0.1, np.float32), 44_100),
    }
    for name, (sound, rate) in sounds.items():
        songs.write(tmp_path / f"in/{name}.wav", sound, rate, "PCM_24")
    words = ("--steps", "dehum,dehiss")
    done = invoke("restore", tmp_path / "in", "-o", tmp_path / "acc", *words)
    assert done.returncode == 0, done.stderr
    for row in manifest.read_tracks(tmp_path / "acc"):
        access = tmp_path / "acc" / row.track
        same = masters.added_up(tmp_path / "in" / row.track, access)
        assert np.array_equal(songs.read(access), same)
    assert not songs.read(tmp_path / "acc/silent.wav").any()
    assert invoke("verify", tmp_path / "acc").returncode == 0


def test_the_speed_is_the_one_that_was_asked_for(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav", seconds=1.0)
    words = ("--steps", "none", "--speed", "1.0218044")
    done = invoke("restore", master, "-o", tmp_path / "acc", *words)
    assert done.returncode == 0, done.stderr
    rows = manifest.read_tracks(tmp_path / "acc")
    (speed,) = manifest.steps_by_track(tmp_path / "acc", rows)["a.wav"]
    assert json.loads(speed.findings or "")["ratio"] == pytest.approx(1.0218044, rel=1e-9)
    assert "1.0218044 times" in (speed.summary or "")


@pytest.mark.parametrize("kind", ["cue", "cue sheet", "chapter", "none"])
def test_times_in_tags_are_said_to_be_the_masters(kind: str, tmp_path: Path) -> None:
    suffix = "wav" if kind == "cue" else "flac"
    master = masters.write(tmp_path / f"in/a.{suffix}", seconds=1.0)
    if kind == "cue":
        cue = struct.pack("<I6I", 1, 5, 0, 0, 0, 0, 4800)
        tag_files.with_chunks(master, [(b"cue ", cue)])
    elif kind != "none":
        timed(master, kind)
    said = {}
    for speed in ("1", "0.5"):
        words = ("--steps", "none", "--speed", speed)
        assert invoke("restore", master, "-o", tmp_path / speed, *words).returncode == 0
        (row,) = manifest.read_tracks(tmp_path / speed)
        said[speed] = row.tags_outdated
        assert invoke("verify", tmp_path / speed).returncode == 0
    assert said["1"] is None
    assert ("times of" in (said["0.5"] or "")) == (kind != "none")


def timed(master: Path, kind: str) -> None:
    """A FLAC with a cue sheet, or a chapter."""
    from mutagen.flac import FLAC, CueSheet, CueSheetTrack

    file = FLAC(master)
    if kind == "chapter":
        file["chapter001"] = "00:00:00.100"
    else:
        file.cuesheet = CueSheet(None)
        file.cuesheet.tracks = [CueSheetTrack(1, 4_800), CueSheetTrack(170, 44_100)]
    file.save()
