"""Workers, nodes and drivers that die on a cluster of three nodes: the songs are what they would
have been, every input has one row, and nothing is left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import morphsep
from morphsep import manifest
from morphsep.run.status import read_status
from morphsep.run.verification import verify
from tests import songs
from tests.checkpoints import write_htdemucs
from tests.faults import troublemakers
from tests.faults.disasters import (
    Nodes,
    Run,
    differences,
    environment,
    gone,
    kill,
    morph,
    notes,
    plugins,
)

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("default"),
]
pytest.importorskip("ray")


@pytest.fixture(scope="module")
def material(nodes: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Songs in ``in``, a Demucs model, and in ``reference`` what a quiet run makes of them."""
    folder = tmp_path_factory.mktemp("cluster")
    for seed, name in enumerate(("a.wav", "b.flac", "c.wav")):
        mix = songs.guitar(13.0, seed=seed) + songs.backing(13.0)
        songs.write(folder / "in" / name, mix, subtype="PCM_24")
    model = write_htdemucs(folder / "model")
    (folder / "separator").write_text(f"demucs:{model}")
    quiet = morph(nodes.environment, folder / "in", folder / "reference", *with_demucs(folder))
    assert quiet.wait() == 0, quiet.said
    return folder


def with_demucs(material: Path) -> list[str]:
    separator = (material / "separator").read_text()
    return ["--separator", separator, "--backend", "spectral", "--no-uniform"]


def begin(nodes: Nodes, material: Path, out: Path) -> Run:
    return nodes.morph(material / "in", out, *with_demucs(material), "--workers", "1-2")


def check(nodes: Nodes, material: Path, run: Run, retried: bool = True) -> None:
    assert run.wait() == 0, run.said
    assert differences(run.out, material / "reference") == []
    assert verify(run.out) == (3, [])
    assert nodes.leaks() == []
    if retried:
        assert sum(row.retries for row in manifest.read_tracks(run.out)) >= 1


def test_a_worker_is_killed_on_a_single_node(address: str, tmp_path: Path) -> None:
    """The one that is not slow: on the tests' own cluster."""
    path = songs.write(tmp_path / "in" / "a.wav", songs.guitar(8.0), subtype="PCM_24")
    recipe = {"to": "distortion", "amount": 0.5, "section": 6, "chunk": 5}  # as in `morph`
    plain = {"separator": "none", "backend": "spectral", "uniform": False}
    morphsep.morph_file(path, tmp_path / "reference", **recipe | plain)
    on_ray = ("--executor", "ray", "--address", address, "--workers", "1-2")
    plain_options = ("--separator", "none", "--backend", "spectral", "--no-uniform")
    env = environment(plugins(tmp_path / "plugins"))
    run = morph(env, path.parent, tmp_path / "out", *on_ray, *plain_options)
    run.strike("morph")
    assert run.wait() == 0, run.said
    assert differences(run.out, tmp_path / "reference") == []
    assert verify(run.out) == (1, [])
    assert sum(row.retries for row in manifest.read_tracks(run.out)) >= 1


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["prepare", "separate", "morph"])
def test_a_worker_is_killed(nodes: Nodes, material: Path, tmp_path: Path, stage: str) -> None:
    run = begin(nodes, material, tmp_path / "out")
    run.strike(stage)
    check(nodes, material, run)


@pytest.mark.slow
def test_a_node_goes(nodes: Nodes, material: Path, tmp_path: Path) -> None:
    run = begin(nodes, material, tmp_path / "out")
    while True:
        note = run.caught("prepare", "separate", "measure", "morph", "assemble")
        if nodes.is_on_worker_node(note.pid):
            break
    nodes.replace(note.pid)
    check(nodes, material, run, retried=False)


@pytest.mark.slow
def test_nodes_come_and_go(nodes: Nodes, tmp_path: Path) -> None:
    for seed in range(100):
        songs.write(tmp_path / "in" / f"{seed}.wav", songs.guitar(7.0, seed=seed))
    slow = ("--separator", "slow", "--backend", "crossfade", "--no-uniform", "--workers", "8")
    run = nodes.morph(tmp_path / "in", tmp_path / "out", *slow)
    run.caught("separate")
    node = nodes.add()
    while not nodes.is_on(node, run.caught("prepare", "separate", "morph", "assemble").pid):
        pass
    nodes.remove(node)
    assert run.wait() == 0, run.said
    assert {row.status for row in manifest.read_tracks(run.out)} == {"ok"}
    assert verify(run.out) == (100, [])
    assert nodes.leaks() == []


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_driver_is_told_to_end(
    nodes: Nodes, material: Path, tmp_path: Path, how: signal.Signals
) -> None:
    run = begin(nodes, material, tmp_path / "out")
    run.caught("separate", "morph")
    kill(run.process.pid, how)
    assert run.wait() == 130
    assert "interrupted; the same command goes on where this stopped" in run.said
    assert "received at time" not in run.said, "Ray's own trace"
    assert "Traceback" not in run.said
    status = read_status(str(run.out))
    assert (status.state, status.stopped) == ("interrupted", "it was told to end")
    assert nodes.leaks() == []
    check(nodes, material, begin(nodes, material, tmp_path / "out"), retried=False)


@pytest.mark.slow
def test_the_driver_goes(nodes: Nodes, material: Path, tmp_path: Path) -> None:
    run = begin(nodes, material, tmp_path / "out")
    note = run.caught("morph")
    run.end()
    made = {path: path.stat().st_mtime_ns for path in run.out.rglob("0*.wav")}
    assert made
    gone(note.pid)  # a driver takes its workers along
    again = begin(nodes, material, tmp_path / "out")
    check(nodes, material, again, retried=False)
    for path, when in made.items():
        if "stems" in path.parts:
            assert path.stat().st_mtime_ns == when, "separated twice"


@pytest.mark.slow
def test_inputs_that_kill_their_workers_or_hang(
    nodes: Nodes, material: Path, tmp_path: Path
) -> None:
    lines = ["path,separator"]
    # of songs that are alike the stem would be made once, by the one that does no harm
    for seed, separator in enumerate(("kills", "hangs", "hungry", "none")):
        mix = songs.guitar(3.1, seed=seed)[:, : troublemakers.POISON]
        songs.write(tmp_path / f"{separator}.wav", mix)
        lines.append(f"{separator}.wav,{separator}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    run = nodes.morph(tmp_path / "list.csv", tmp_path / "out", "--timeout", "8")
    assert run.wait() == 2, run.said
    rows = {row.track: row for row in manifest.read_tracks(tmp_path / "out")}
    assert {name: (row.status, row.error_code) for name, row in rows.items()} == {
        "kills.wav": ("failed", "worker_killed"),
        "hangs.wav": ("failed", "worker_killed"),
        "hungry.wav": ("failed", "out_of_memory"),
        "none.wav": ("ok", None),
    }
    assert (rows["kills.wav"].retries, rows["hangs.wav"].retries) == (3, 3)
    assert "3 times" in str(rows["kills.wav"].message)
    assert verify(tmp_path / "out") == (4, [])
    assert nodes.leaks() == []


@pytest.mark.slow
def test_the_work_directory_is_full(nodes: Nodes, tmp_path: Path, small_disk: Path) -> None:
    songs.write(tmp_path / "in" / "1 short.wav", songs.guitar(2.0))
    songs.write(tmp_path / "in" / "2 long.wav", songs.guitar(60.0))
    songs.write(tmp_path / "in" / "3 short.wav", songs.guitar(2.0))
    run = nodes.morph(tmp_path / "in", small_disk, "--separator", "none", "--section", "30")
    assert run.wait() == 2, run.said
    rows = {row.track: row for row in manifest.read_tracks(small_disk)}
    assert (rows["2 long.wav"].status, rows["2 long.wav"].error_code) == ("failed", "disk_full")
    assert verify(small_disk) == (3, [])
    assert list(notes(small_disk)) == []


FILL = """
import sys, time, numpy as np, ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On
ray.init(sys.argv[1], log_to_driver=False, logging_level=50)
@ray.remote(num_cpus=0)
def fill(): return np.ones(70 << 20, np.uint8)
kept = [fill.options(scheduling_strategy=On(n["NodeID"], soft=False)).remote() for n in ray.nodes() if n["Alive"]]
ray.wait(kept, num_returns=len(kept), fetch_local=False)
print("full", flush=True)
sys.stdin.read()
"""  # noqa: E501


@pytest.mark.slow
def test_the_object_stores_are_nearly_full(nodes: Nodes, material: Path, tmp_path: Path) -> None:
    full = subprocess.Popen(
        [sys.executable, "-c", FILL, nodes.address],
        env=nodes.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert "full" in str(full.stdout.readline())
        assert nodes.held()["object_store_memory"] >= 2 * (70 << 20)
        run = begin(nodes, material, tmp_path / "out")
        assert run.wait() == 0, run.said
        assert differences(run.out, material / "reference") == []
    finally:
        full.communicate()
    assert nodes.leaks() == []
