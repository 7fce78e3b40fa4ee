"""Faults that need no cluster: poison, workers and drivers that are killed or told to end, two
drivers, clocks that are wrong."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

import morphsep
from morphsep import manifest
from morphsep.run.status import read_status
from morphsep.run.verification import verify
from tests import songs
from tests.faults import troublemakers
from tests.faults.disasters import (
    Note,
    Run,
    children,
    differences,
    environment,
    gone,
    morph,
    plugins,
)

HOUR_NS = 3600 * 10**9


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(plugins(tmp_path / "plugins"))


OURS = ("--backend", "crossfade", "--no-uniform")
SLOWLY = ("--separator", "slow", *OURS)
AT_ONCE = {troublemakers.PACE: "0"}
"""Nobody is to be struck in such a run."""


@pytest.mark.parametrize(
    ("separator", "died_of"),
    [
        ("kills", signal.SIGKILL),
        pytest.param("aborts", signal.SIGABRT, marks=pytest.mark.slow),
    ],
)
def test_an_input_that_kills_its_driver(tmp_path, env, separator, died_of) -> None:
    """In one process there is nobody to go on; but the same command does, and gives up in time."""
    songs.write(tmp_path / "in" / "b.wav", songs.guitar(3.1)[:, : troublemakers.POISON])
    for name in ("a.wav", "c.wav"):
        songs.write(tmp_path / "in" / name, songs.guitar(2.0))

    def begin() -> Run:
        here = ("--workers", "1", "--separator", separator, *OURS)
        return morph(env, tmp_path / "in", tmp_path / "out", *here)

    for _ in range(3):
        assert begin().wait() == -died_of
    last = begin()
    assert last.wait() == 2, last.said
    rows = {row.track: row for row in manifest.read_tracks(tmp_path / "out")}
    assert [rows[name].status for name in ("a.wav", "b.wav", "c.wav")] == ["ok", "failed", "ok"]
    assert rows["b.wav"].error_code == "worker_killed"
    assert rows["b.wav"].retries == 3
    assert verify(tmp_path / "out") == (3, [])


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three songs of several sections, and in ``reference`` what one process makes of them."""
    folder = tmp_path_factory.mktemp("pool")
    for seed, name in enumerate(("a.wav", "b.flac", "c.wav")):
        songs.write(folder / "in" / name, songs.guitar(8.0, seed=seed), subtype="PCM_24")
    env = environment(plugins(folder / "plugins")) | AT_ONCE
    quiet = morph(env, folder / "in", folder / "reference", "--workers", "1", *SLOWLY)
    assert quiet.wait() == 0, quiet.said
    return folder


def with_two(material: Path, out: Path, more: Mapping[str, str] | None = None) -> Run:
    env = environment(material / "plugins") | dict(more or {})
    workers = ("--workers", "2", "--executor", "local")
    return morph(env, material / "in", out, *workers, *SLOWLY)


@pytest.mark.parametrize("stage", ["separate", pytest.param("assemble", marks=pytest.mark.slow)])
def test_a_worker_is_killed(tmp_path: Path, material: Path, stage: str) -> None:
    run = with_two(material, tmp_path)
    note = run.strike(stage)
    assert note.pid != run.process.pid
    assert run.wait() == 0, run.said
    assert "a worker was lost; others do what it had in hand" in run.said
    assert "SIGKILL" in run.said
    assert differences(tmp_path, material / "reference") == []
    assert verify(tmp_path) == (3, [])
    assert sum(row.retries for row in manifest.read_tracks(tmp_path)) >= 1


@pytest.mark.parametrize(
    ("how", "whole_group"),
    [
        pytest.param(signal.SIGINT, True, id="Ctrl-C in a terminal"),
        pytest.param(signal.SIGTERM, False, id="kill", marks=pytest.mark.slow),
    ],
)
def test_a_driver_that_is_told_to_end_takes_its_workers_along(
    tmp_path: Path, material: Path, how: signal.Signals, whole_group: bool
) -> None:
    run = with_two(material, tmp_path)
    run.caught("separate", "morph")
    workers = children(run.process.pid)
    assert len(workers) >= 2
    (os.killpg if whole_group else os.kill)(run.process.pid, how)
    assert run.wait() == 130, run.said
    assert "interrupted; the same command goes on where this stopped" in run.said
    assert "Traceback" not in run.said
    gone(*workers, seconds=5.0)
    status = read_status(str(run.out))
    assert (status.state, status.stopped) == ("interrupted", "it was told to end")
    again = with_two(material, tmp_path, AT_ONCE)
    assert again.wait() == 0, again.said
    assert differences(tmp_path, material / "reference") == []


def test_a_driver_that_is_killed_takes_its_workers_along(tmp_path: Path, material: Path) -> None:
    run = with_two(material, tmp_path)
    run.caught("separate", "morph")
    workers = children(run.process.pid)
    run.end()
    gone(*workers, seconds=60.0)  # one that is only starting notices when it has started
    again = with_two(material, tmp_path, AT_ONCE)
    assert again.wait() == 0, again.said
    assert differences(tmp_path, material / "reference") == []
    rows = manifest.read_tracks(tmp_path)
    assert [row.retries for row in rows] == [0, 0, 0], "no input was at fault"


@pytest.mark.parametrize(
    ("separator", "code", "retries"),
    [
        ("kills", "worker_killed", 3),
        pytest.param("hungry", "out_of_memory", 0, marks=pytest.mark.slow),  # as alone, below
        pytest.param("aborts", "worker_killed", 3, marks=pytest.mark.slow),
        pytest.param("hangs", "worker_killed", 3, marks=pytest.mark.slow),
    ],
)
def test_an_input_that_harms_its_workers(
    tmp_path: Path, env: dict[str, str], separator: str, code: str, retries: int
) -> None:
    songs.write(tmp_path / "in" / "b.wav", songs.guitar(3.1)[:, : troublemakers.POISON])
    for name in ("a.wav", "c.wav"):
        songs.write(tmp_path / "in" / name, songs.guitar(2.0))
    options = ("--workers", "2", "--timeout", "30", "--separator", separator, *OURS)
    run = morph(env, tmp_path / "in", tmp_path / "out", *options)
    assert run.wait() == 2, run.said
    rows = {row.track: row for row in manifest.read_tracks(tmp_path / "out")}
    assert [rows[name].status for name in ("a.wav", "b.wav", "c.wav")] == ["ok", "failed", "ok"]
    assert (rows["b.wav"].error_code, rows["b.wav"].retries) == (code, retries)
    assert verify(tmp_path / "out") == (3, [])


def test_an_input_that_needs_too_much_memory(tmp_path: Path, env: dict[str, str]) -> None:
    """Where the allocation fails, the file's row says so and the run goes on; where the kernel
    kills instead, the input is poison as above."""
    songs.write(tmp_path / "in" / "b.wav", songs.guitar(3.1)[:, : troublemakers.POISON])
    for name in ("a.wav", "c.wav"):
        songs.write(tmp_path / "in" / name, songs.guitar(2.0))
    run = morph(env, tmp_path / "in", tmp_path / "out", "--separator", "hungry", *OURS)
    assert run.wait() == 2, run.said
    rows = {row.track: row for row in manifest.read_tracks(tmp_path / "out")}
    assert [rows[name].status for name in ("a.wav", "b.wav", "c.wav")] == ["ok", "failed", "ok"]
    assert rows["b.wav"].error_code == "out_of_memory"
    assert "--section" in str(rows["b.wav"].message)
    assert verify(tmp_path / "out") == (3, [])


def test_two_drivers_at_once(tmp_path: Path, env: dict[str, str]) -> None:
    for seed, name in enumerate(("a.wav", "b.wav")):
        songs.write(tmp_path / "in" / name, songs.guitar(8.0, seed=seed))

    def begin(out: str, separator: str = "slow") -> Run:
        one = "--separator", separator, "--workers", "1"  # so that the driver is who does it
        return morph(env, tmp_path / "in", tmp_path / out, *one, *OURS)

    assert begin("reference", "none").wait() == 0
    first = begin("out")
    note: Note = first.caught("separate")
    os.kill(note.pid, signal.SIGSTOP)  # it is still at work, however long the second takes to begin
    try:
        second = begin("out")
        assert second.wait() == 1
    finally:
        os.kill(note.pid, signal.SIGCONT)
    assert f"another run (process {note.pid} " in second.said
    assert first.wait() == 0
    assert differences(tmp_path / "out", tmp_path / "reference") == []
    assert verify(tmp_path / "out") == (2, [])


@pytest.mark.parametrize("hours", [-5, 5])
def test_the_last_row_counts_whatever_the_clocks_say(tmp_path, monkeypatch, hours) -> None:
    """Nodes whose clocks are hours apart take turns at one track."""
    path = songs.write(tmp_path / "x.wav", songs.guitar(3.0))
    right = time.time_ns
    outputs = []
    for turn, amount in enumerate((0.2, 0.4, 0.6, 0.4)):
        skew = HOUR_NS * hours if turn % 2 else 0
        monkeypatch.setattr(time, "time_ns", lambda skew=skew: right() + skew)
        row = morphsep.morph_file(
            path, tmp_path / "out", to="fuzz", amount=amount, separator="none", uniform=False
        )
        assert manifest.read_tracks(tmp_path / "out") == [row]
        assert row.amount == str(amount)
        assert verify(tmp_path / "out") == (1, [])
        outputs.append(row.output_hash)
    assert outputs[1] == outputs[3]
    assert len(set(outputs)) == 3
    assert manifest.compact(tmp_path / "out")[1] <= 2
    assert manifest.read_tracks(tmp_path / "out") == [row]
