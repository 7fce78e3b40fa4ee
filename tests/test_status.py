"""``morphsep status``: what it says of a run that goes on, that ended, that was killed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import morphsep
from morphsep import manifest
from morphsep.clip import Outcome
from morphsep.errors import SettingError
from morphsep.manifest import TrackRow
from morphsep.status import SILENCE, Heartbeat, read_status
from morphsep.work import Work
from tests import songs


def work_in(out: Path) -> Work:
    return Work(out=str(out), task="morph", run="r")


def row(track: str, status: str = "ok", code: str | None = None) -> TrackRow:
    return TrackRow(track=track, status=status, error_code=code, message=code and f"why {code}")


def test_a_run_that_goes_on(tmp_path: Path) -> None:
    work = work_in(tmp_path)
    manifest.commit(tmp_path, row("before.wav"))
    heartbeat = Heartbeat(work, 10, "ray")
    with heartbeat.beating():
        heartbeat.heard(Outcome(row("before.wav"), fresh=False))
        heartbeat._write()
        manifest.commit(tmp_path, row("a.wav"))
        manifest.commit(tmp_path, row("b.wav", "failed", "truncated"))
        manifest.commit(tmp_path, row("c.wav", "failed", "truncated"))
        manifest.commit(tmp_path, row("d.wav", "skipped", "duplicate"))
        for start, worker in ((0, "x:1"), (5, "y:1")):
            (work.workspace.tries("e.wav") / f"morph-{start}.json").write_json(
                {"track": "e.wav", "stage": "morph", "start": start, "tries": 1, "worker": worker}
            )
        work.count_retries("e.wav")
        got = read_status(str(tmp_path), time.time_ns() + 6_000_000_000)
    assert got.state == "running"
    assert (got.total, got.done, got.unchanged, got.skipped) == (10, 1, 1, 1)
    assert (got.failed, got.running, got.to_do, got.workers) == (2, 1, 4, 2)
    assert got.stages == {"morph": 2}
    # 4 rows in 6 s, and 5 tracks are not finished
    assert got.per_hour == pytest.approx(4 / 6 * 3600, rel=0.2)
    assert got.remaining == pytest.approx(5 / 4 * 6, rel=0.2)
    assert got.failures == [
        {"code": "truncated", "count": 2, "track": got.failures[0]["track"],
         "message": "why truncated"}
    ]  # fmt: skip
    assert any("2 x truncated" in line for line in got.lines())
    ended = read_status(str(tmp_path))
    assert (ended.state, ended.workers, ended.remaining) == ("ended", 0, None)


def test_a_run_that_was_killed_is_silent(tmp_path: Path) -> None:
    heartbeat = Heartbeat(work_in(tmp_path), 1, "local")
    with pytest.raises(RuntimeError, match="killed"), heartbeat.beating():
        raise RuntimeError("killed")
    assert read_status(str(tmp_path)).state == "running"
    later = time.time_ns() + int((SILENCE + 5) * 1e9)
    assert read_status(str(tmp_path), later).state == "silent"


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no run has begun"):
        read_status(str(tmp_path))


def test_a_real_run_leaves_its_status(tmp_path: Path) -> None:
    path = songs.write(tmp_path / "x.wav", songs.guitar(2.0))
    for unchanged in (0, 1):
        morphsep.morph_file(path, tmp_path / "out", to="chorus", amount=0, separator="none")
        got = read_status(str(tmp_path / "out"))
        assert (got.state, got.total, got.unchanged) == ("ended", 1, unchanged)
        assert (got.done, got.running, got.to_do) == (1 - unchanged, 0, 0)
