"""Faults that need no cluster: poison, two drivers, clocks that are wrong."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

import morphsep
from morphsep import manifest
from morphsep.run.verification import verify
from tests import songs
from tests.faults import troublemakers
from tests.faults.disasters import Note, Run, differences, environment, morph, plugins

HOUR_NS = 3600 * 10**9


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(plugins(tmp_path / "plugins"))


OURS = ("--backend", "crossfade", "--no-uniform")


@pytest.mark.parametrize(
    ("separator", "died_of"), [("kills", signal.SIGKILL), ("aborts", signal.SIGABRT)]
)
def test_an_input_that_kills_its_driver(tmp_path, env, separator, died_of) -> None:
    """In one process there is nobody to go on; but the same command does, and gives up in time."""
    songs.write(tmp_path / "in" / "b.wav", songs.guitar(3.1)[:, : troublemakers.POISON])
    for name in ("a.wav", "c.wav"):
        songs.write(tmp_path / "in" / name, songs.guitar(2.0))

    def begin() -> Run:
        return morph(env, tmp_path / "in", tmp_path / "out", "--separator", separator, *OURS)

    for _ in range(3):
        assert begin().wait() == -died_of
    last = begin()
    assert last.wait() == 2, last.said
    rows = {row.track: row for row in manifest.read_tracks(tmp_path / "out")}
    assert [rows[name].status for name in ("a.wav", "b.wav", "c.wav")] == ["ok", "failed", "ok"]
    assert rows["b.wav"].error_code == "worker_killed"
    assert rows["b.wav"].retries == 3
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
        songs.write(tmp_path / "in" / name, songs.guitar(13.0, seed=seed))

    def begin(out: str, separator: str = "slow") -> Run:
        return morph(env, tmp_path / "in", tmp_path / out, "--separator", separator, *OURS)

    assert begin("reference", "none").wait() == 0
    first = begin("out")
    note: Note = first.caught("separate")
    second = begin("out")
    assert second.wait() == 1
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
