"""``morphsep restore`` with its real repairs, on masters that are silent, short or narrow."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from morphsep import manifest
from tests import masters, songs
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
