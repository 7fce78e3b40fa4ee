"""The head goes, and the whole cluster with it: the command says so and ends, and the same command
on another cluster goes on."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from morphsep import manifest
from morphsep.pipelines import REPROCESS
from morphsep.request.inputs import collect
from morphsep.request.settings import make_settings
from morphsep.run.driver import run
from morphsep.run.executors import local
from morphsep.run.executors.step import ClusterLostError, Pool, Steps
from morphsep.run.jobs import settle_jobs
from morphsep.run.status import read_status
from morphsep.run.verification import verify
from tests import songs
from tests.faults.disasters import Nodes

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("default")]
pytest.importorskip("ray")

OURS = ("--separator", "slow", "--backend", "crossfade", "--no-uniform", "--workers", "1-2")


class WithHead:
    """The local executor, which watches a head as the one on Ray does; the head goes when the first
    song is done."""

    def __init__(self) -> None:
        self._head = socket.create_server(("127.0.0.1", 0))

    def __call__(self, steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
        from morphsep.run.executors.ray.cluster import Head

        head = Head(f"127.0.0.1:{self._head.getsockname()[1]}")
        with head.watched():
            head.check()
            yield next(local.run(steps, records, pool))
            self._head.close()
            while True:
                head.check()
                time.sleep(0.01)


def test_a_run_whose_head_has_gone_ends_and_the_next_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from morphsep.run.executors.ray import cluster

    monkeypatch.setattr(cluster, "LOOK", 0.1)
    monkeypatch.setattr(cluster, "LOST", 1.0)
    for seed in range(3):
        songs.write(tmp_path / "in" / f"{seed}.wav", songs.guitar(1.0, seed=seed))
    out = tmp_path / "out"
    settings = make_settings(to="fuzz", separator="none", backend="crossfade", uniform=False)
    jobs = settle_jobs(collect([str(tmp_path / "in")], out, settings))
    with monkeypatch.context() as patch:
        patch.setattr("morphsep.run.driver.get_executor", lambda name: WithHead())
        with pytest.raises(ClusterLostError, match=r"^the cluster was lost.* same command again"):
            run(jobs, out, REPROCESS)
    assert [row.status for row in manifest.read_tracks(out)] == ["ok"]
    got = read_status(str(out))
    assert (got.state, str(got.stopped)[:20]) == ("interrupted", "the cluster was lost")
    assert [(o.row.status, o.fresh) for o in run(jobs, out, REPROCESS).outcomes] == [
        ("ok", False), ("ok", True), ("ok", True),
    ]  # fmt: skip
    assert verify(out) == (3, [])


@pytest.mark.slow
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
