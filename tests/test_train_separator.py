"""What the training of `embedded` hears."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jobs.train_separator.data import STEMS
from jobs.train_separator.mixes import AUDIBLE, RATE, Recorded, Songs, drawn
from tests import songs

LENGTH = RATE


@pytest.fixture
def rendered(tmp_path: Path) -> Songs:
    noise = np.random.default_rng(0).normal(0, 3000, (len(STEMS), 2, 8 * RATE))
    np.save(tmp_path / "0.npy", noise.astype(np.int16))
    found = Songs(tmp_path)
    found.refresh()
    return found


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 60, 140), (1.0, 200, 200)])
def test_as_many_guitars_are_recorded_as_asked(rendered, share, least, most) -> None:
    tone = np.full((2, 3 * RATE), 9000, np.int16)
    recorded = Recorded((tone,), share)
    rng = np.random.default_rng(1)
    items = [drawn(rendered, 1, LENGTH, rng, recorded) for _ in range(200)]
    assert least <= sum(is_recorded for _, _, is_recorded in items) <= most
    for guitar, backing, is_recorded in items:
        assert guitar.shape == backing.shape == (2, LENGTH)
        assert np.isfinite(guitar).all()
        assert np.isfinite(backing).all()
        if is_recorded and guitar.any():
            assert np.ptp(guitar) == pytest.approx(0, abs=1e-5)  # the tone, nothing of the songs


def test_a_recorded_guitar_is_taken_where_it_plays(tmp_path: Path) -> None:
    guitar = songs.guitar(4.0)
    silence = np.zeros((2, 20 * 44_100), np.float32)
    path = songs.write(tmp_path / "g.flac", np.concatenate([silence, guitar, silence], axis=1))
    recorded = Recorded.read([path], 1.0)
    assert recorded.guitars[0].shape == (2, 44 * RATE)
    rng = np.random.default_rng(2)
    for _ in range(20):
        part = recorded.crop(LENGTH, rng)
        assert part.shape == (2, LENGTH)
        assert float(np.sqrt(np.mean(part**2))) > AUDIBLE
