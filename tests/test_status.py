"""``morphsep status``: what it says of a run that goes on, that ended, that was killed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import morphsep
from morphsep import manifest
from morphsep.errors import RefusedError, SettingError
from morphsep.manifest.rows import TrackRow
from morphsep.run import heartbeat, status
from morphsep.run.heartbeat import Heartbeat
from morphsep.run.status import SILENCE, read_status
from morphsep.stages.clip import Outcome
from morphsep.stages.run_context import RunContext
from morphsep.stages.workspace import Workspace
from morphsep.storage.faults import StorageError
from morphsep.storage.locations import Location
from tests import songs

MINUTE = 60 * 10**9
really = {"BEAT": heartbeat.BEAT, "SILENCE": status.SILENCE, "LISTEN": status.LISTEN}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT", 0.05)
    monkeypatch.setattr(status, "LISTEN", 1.0)


def work_in(out: Path) -> RunContext:
    return RunContext(out=str(out), command="morph", id="r")


def row(track: str, status: str = "ok", code: str | None = None) -> TrackRow:
    return TrackRow(track=track, status=status, error_code=code, message=code and f"why {code}")


@contextmanager
def clock(behind_ns: int) -> Iterator[None]:
    """Another machine's."""
    real = time.time_ns
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: real() - behind_ns)
        yield


def test_a_run_that_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT", 3600.0)
    work = work_in(tmp_path)
    before = manifest.commit(tmp_path, row("before.wav"))
    driver = Heartbeat(work, 10, "ray", before.finished_ns)
    with driver.beating():
        driver.record(Outcome(before, fresh=False))
        for made in (
            row("a.wav"), row("b.wav", "failed", "truncated"), row("c.wav", "failed", "truncated"),
            row("d.wav", "skipped", "duplicate"),
        ):  # fmt: skip
            driver.record(Outcome(manifest.commit(tmp_path, made)))
        for start, worker in ((0, "x:1"), (5, "y:1")):
            (work.workspace.attempt_notes("e.wav") / f"morph-{start}.json").write_json(
                {"track": "e.wav", "stage": "morph", "start": start, "tries": 1, "worker": worker}
            )
        work.count_retries("e.wav")
        with clock(-6_000_000_000):
            driver._write()
        got = read_status(str(tmp_path))
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
    assert (ended.state, ended.workers, ended.remaining) == ("finished", 0, None)


def test_the_rate_is_that_of_the_last_ten_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = Heartbeat(work_in(tmp_path), 10, "ray", 0)
    real, later = time.monotonic, 0.0
    monkeypatch.setattr(time, "monotonic", lambda: real() + later)
    for later in (0.0, 700.0, 710.0, 720.0):
        driver.record(Outcome(row(f"{later}.wav")))
    with clock(-60 * MINUTE):
        driver._write()
    assert read_status(str(tmp_path), time.time_ns() + 60 * MINUTE).per_hour == 3 * 6


def test_a_run_that_was_killed_is_lost(tmp_path: Path) -> None:
    Heartbeat(work_in(tmp_path), 1, "local", 0)._write()
    assert read_status(str(tmp_path)).state == "running"
    for seconds in (SILENCE + 5, -SILENCE - 5):
        reader = time.time_ns() + int(seconds * 1e9)
        got = read_status(str(tmp_path), reader)
        assert (got.state, got.stopped) == ("lost", None)


def test_a_dead_driver_is_noticed_within_20_seconds() -> None:
    assert really["SILENCE"] + really["LISTEN"] <= 20
    assert 2 * really["BEAT"] <= really["SILENCE"]
    assert 2 * really["BEAT"] < really["LISTEN"]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (KeyboardInterrupt(), "it was told to end"),
        (OSError("the disk is full"), "the disk is full"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_a_run_that_was_stopped_says_so(tmp_path: Path, error: BaseException, why: str) -> None:
    driver = Heartbeat(work_in(tmp_path), 1, "ray", 0)
    with pytest.raises(type(error)), driver.beating():
        raise error
    got = read_status(str(tmp_path))
    assert (got.state, got.stopped) == ("interrupted", why)
    assert f"interrupted, 0:00 min since the start ({why})" in got.lines()[0]


def test_the_last_warnings_are_shown(tmp_path: Path) -> None:
    driver = Heartbeat(work_in(tmp_path), 1, "ray", 0)
    log = logging.getLogger("morphsep")
    log.warning("before")
    with driver.beating():
        for number in range(9):
            log.warning("node-%d: trying again\nand why", number)
        log.info("of no interest")
    got = read_status(str(tmp_path))
    assert [w["text"] for w in got.warnings] == [f"node-{n}: trying again" for n in range(4, 9)]
    assert got.lines()[-1].endswith("node-8: trying again")
    assert log.handlers == []


@pytest.mark.parametrize("minutes", [90, -90])
def test_the_clock_of_who_looks_does_not_matter(tmp_path: Path, minutes: int) -> None:
    driver = Heartbeat(work_in(tmp_path), 1, "ray", 0)
    with driver.beating():
        got = read_status(str(tmp_path), time.time_ns() + minutes * MINUTE)
        assert got.state == "running"
        assert 0 <= got.elapsed < 10 * SILENCE
    assert read_status(str(tmp_path), time.time_ns() + minutes * MINUTE).state == "finished"


def test_a_run_that_ends_while_it_is_listened_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT", 3600.0)
    monkeypatch.setattr(status, "LISTEN", 20.0)
    looks = threading.Event()

    def look(place: Location, read: Callable[[Location], Any] = Location.read_json) -> Any:
        found = read(place)
        looks.set()
        return found

    monkeypatch.setattr(Location, "read_json", look)
    found: list[status.Status] = []
    reader = threading.Thread(
        target=lambda: found.append(read_status(str(tmp_path), time.time_ns() + 90 * MINUTE))
    )
    with Heartbeat(work_in(tmp_path), 1, "ray", 0).beating():
        reader.start()
        looks.wait()
    reader.join()
    assert found[0].state == "finished"


@pytest.mark.parametrize("error", [StorageError("away for 40 s"), RefusedError("expired")])
def test_signs_of_life_come_again_when_the_storage_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    driver = Heartbeat(work_in(tmp_path), 1, "ray", 0)
    tries = []
    again = threading.Event()

    def write(write: Callable[[], None] = driver._write) -> None:
        tries.append(1)
        if len(tries) in (2, 3):
            raise error
        write()
        if len(tries) > 3:
            again.set()

    monkeypatch.setattr(driver, "_write", write)
    with driver.beating():
        assert again.wait(10)


def test_a_last_sign_that_cannot_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write(place: Location, value: Any, write: Any = Location.write_json) -> None:
        if is_away.is_set():
            raise StorageError("away")
        write(place, value)

    is_away = threading.Event()
    monkeypatch.setattr(Location, "write_json", write)
    driver = Heartbeat(work_in(tmp_path), 1, "ray", 0)
    with driver.beating():
        is_away.set()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message.endswith("how this run ended: away")
    is_away.clear()
    with pytest.raises(KeyError, match="why it ended"), driver.beating():  # noqa: PT012
        is_away.set()
        raise KeyError("why it ended")
    with pytest.raises(StorageError), driver.beating():
        pytest.fail("a run does not begin where nothing can be written")


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no run has begun"):
        read_status(str(tmp_path))


def test_a_real_run_leaves_its_status(tmp_path: Path) -> None:
    path = songs.write(tmp_path / "x.wav", songs.guitar(2.0))
    for unchanged in (0, 1):
        morphsep.morph_file(path, tmp_path / "out", to="chorus", amount=0, separator="none")
        got = read_status(str(tmp_path / "out"))
        assert (got.state, got.total, got.unchanged) == ("finished", 1, unchanged)
        assert (got.done, got.running, got.to_do) == (1 - unchanged, 0, 0)


def test_a_run_of_an_earlier_version_has_a_status(tmp_path: Path) -> None:
    path = songs.write(tmp_path / "x.wav", songs.guitar(2.0))
    morphsep.morph_file(path, tmp_path / "out", to="chorus", amount=0, separator="none")
    place = Workspace(tmp_path / "out").progress
    said = place.read_json()
    assert said is not None
    place.write_json({k: v for k, v in said.items() if k in status.NEEDED | {"work"}})
    got = read_status(str(tmp_path / "out"))
    assert (got.state, got.total, got.done) == ("finished", 1, 1)


def test_the_clocks_of_workers_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run's are ahead of the second's; the second's are behind its driver's."""
    path = songs.write(tmp_path / "x.wav", songs.guitar(2.0))
    out = tmp_path / "out"
    settings: dict[str, Any] = {"to": "chorus", "amount": 0, "separator": "none"}
    with clock(-5 * MINUTE):
        morphsep.morph_file(path, out, **settings)
    path.rename(tmp_path / "y.wav")
    really = manifest.commit

    def commit(*args: Any, **values: Any) -> TrackRow:
        with clock(5 * MINUTE):
            return really(*args, **values)

    monkeypatch.setattr(manifest, "commit", commit)
    morphsep.morph_file(tmp_path / "y.wav", out, **settings)
    got = read_status(str(out))
    assert (got.state, got.total, got.done, got.to_do) == ("finished", 1, 1, 0)
    assert got.per_hour > 0
