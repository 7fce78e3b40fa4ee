"""A stereo transfer of a mono disc stays stereo, and that is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from morphsep import manifest
from tests import songs
from tests.commands import invoke


@pytest.mark.parametrize(("apart", "is_one"), [(0.003, True), (0.3, False)])
def test_two_channels_with_one_sound_are_named(apart: float, is_one: bool, tmp_path: Path) -> None:
    disc = songs.guitar(2.0, 44100, 1)[0]
    noise = np.random.default_rng(1).standard_normal((2, disc.size)) * apart
    sound = (np.stack([disc, 0.8 * disc]) + noise).astype(np.float32) * 0.5
    master = songs.write(tmp_path / "in/a.wav", sound, subtype="PCM_24")
    words = ("restore", master, "-o", tmp_path / "acc", "--steps", "none")
    assert ("both channels hold one sound" in invoke(*words, "--dry-run").stdout) == is_one
    assert invoke(*words).returncode == 0
    (row,) = manifest.read_tracks(tmp_path / "acc")
    assert ("both channels hold one sound" in (row.input_note or "")) == is_one
    page = (tmp_path / "acc/report/a.wav.html").read_text()
    assert ("both channels hold one sound" in page) == is_one
    assert soundfile.info(tmp_path / "acc/a.wav").channels == 2
