"""The head goes, and the whole cluster with it: the command says so and ends, and the same command
on another cluster goes on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from morphsep import manifest
from morphsep.run.status import read_status
from morphsep.run.verification import verify
from tests import songs
from tests.faults.disasters import Nodes

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("default")]
pytest.importorskip("ray")

OURS = ("--separator", "slow", "--backend", "crossfade", "--no-uniform", "--workers", "1-2")


def test_a_lost_head_ends_the_command_with_a_sentence(tmp_path: Path) -> None:
    for seed in range(20):
        songs.write(tmp_path / "in" / f"{seed}.wav", songs.guitar(13.0, seed=seed))
    out = tmp_path / "out"
    with Nodes() as nodes:
        run = nodes.morph(tmp_path / "in", out, *OURS)
        run.caught("separate")
        began = time.monotonic()
        nodes.lose_head()
        code = run.wait()
        print(run.said, "after", time.monotonic() - began)
    assert "the cluster was lost" in run.said
    assert "run the same command again" in run.said
    assert "Traceback" not in run.said
    assert code == 3
    got = read_status(str(out))
    assert got.state == "interrupted"
    assert str(got.stopped).startswith("the cluster was lost")
    with Nodes() as nodes:
        again = nodes.morph(tmp_path / "in", out, *OURS)
        assert again.wait() == 0, again.said
        assert nodes.leaks() == []
    assert [row.status for row in manifest.read_tracks(out)] == ["ok"] * 20
    assert verify(out) == (20, [])
