"""Workers on this machine: nothing is lost with one that dies, what they say and raise arrives, and
none is left behind."""

from __future__ import annotations

import errno
import logging
import os
import signal
import time
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest

from morphsep.errors import SettingError
from morphsep.run.executors import Pool, Step, dispatch, fleet, processes, tell
from morphsep.run.executors.executor import get_executor
from morphsep.run.executors.step import Results

TWO = Pool(max_workers=2)


def through(records: Any, *calls: Any, pool: Pool = TWO) -> Results:
    steps = [Step(name=str(n), call=call) for n, call in enumerate(calls)]
    return get_executor("local")(steps, records, pool)


def who(record: Any) -> list[tuple[Any, int]]:
    return [(record, os.getpid())]


def together(record: Any, folder: Path) -> list[tuple[Any, int]]:
    """Waits for the other worker, which may start later."""
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < 2:
        time.sleep(0.01)
    return who(record)


def test_records_are_shared_among_processes_and_none_are_left(tmp_path: Path) -> None:
    found = dict(through(range(30), partial(together, folder=tmp_path)))
    assert sorted(found) == list(range(30))
    assert len(set(found.values())) == 2
    assert os.getpid() not in found.values()
    assert active_children() == []


def test_one_worker_is_this_process() -> None:
    for pool in (Pool(), Pool(max_workers=1)):
        assert list(through([0], who, pool=pool)) == [(0, os.getpid())]


def test_no_more_processes_than_records() -> None:
    for _ in through([0], who, pool=Pool(max_workers=9)):
        assert len(active_children()) == 1


def cut(record: int) -> list[tuple[int, int]]:
    return [(record, section) for section in range(20)]


def test_the_sections_of_one_track_are_spread(tmp_path: Path) -> None:
    pool = Pool(max_workers=2, min_workers=1)
    found = dict(through([0], cut, partial(together, folder=tmp_path), pool=pool))
    assert sorted(found) == cut(0)
    assert len(set(found.values())) == 2


def dies_once(record: int, folder: Path) -> list[int]:
    """Takes its worker along, the first time."""
    if record % 3 == 0 and not (folder / str(record)).exists():
        (folder / str(record)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return [record]


def test_what_a_dead_worker_had_is_done_by_another(tmp_path: Path, caplog: Any) -> None:
    found = list(through(range(9), partial(dies_once, folder=tmp_path)))
    assert sorted(found) == list(range(9))
    lost = [text for text in caplog.messages if "a worker was lost" in text]
    assert len(lost) == 3
    assert all("ended: SIGKILL" in text for text in lost)


def kills(record: int) -> list[int]:
    if record == 1:
        os.abort()
    return [record]


def test_what_kills_every_worker_is_given_up(monkeypatch: Any, caplog: Any) -> None:
    monkeypatch.setattr(dispatch, "MOST_LOSSES", 2)
    found = list(through(range(20), kills))
    assert 1 not in found
    assert len(found) >= 15  # what was in the dead ones' hands beside it may be given up with it
    assert "2 workers have died over it" in caplog.text


def says(record: int) -> list[int]:
    logging.getLogger("morphsep").warning("the store answers late, %d", record)
    tell(("half", record))
    tell(("whole", record))
    return [record]


def test_what_workers_say_and_tell_arrives_before_their_answers(caplog: Any) -> None:
    told: list[Any] = []
    for record in through(range(6), says, pool=Pool(max_workers=2, on_told=told.append)):
        assert ("half", record) in told[: told.index(("whole", record))]
        assert f"the store answers late, {record}" in caplog.messages
    assert len(told) == 12
    says(7)  # here nobody hears what is told
    assert len(told) == 12


def full(record: int) -> list[int]:
    raise OSError(errno.ENOSPC, "No space left on device", "manifest")


def test_what_a_step_raises_arrives_as_it_was() -> None:
    with pytest.raises(OSError, match=r"^\[Errno 28\] No space left on device: 'manifest'$"):
        list(through([0], full))
    assert active_children() == []


def dies() -> None:
    os._exit(7)


def refuses() -> None:
    raise SettingError("no credentials here")


def test_workers_that_cannot_begin_end_the_run(monkeypatch: Any) -> None:
    monkeypatch.setattr(fleet, "PAUSES", (0.0,))  # tests/test_fleet.py holds those that there are
    with pytest.raises(SettingError, match="no credentials here"):
        list(through([0], who, pool=Pool(max_workers=2, probe=refuses)))
    with pytest.raises(SettingError, match=r"workers cannot begin: process .* exit code 7"):
        list(through([0], who, pool=Pool(max_workers=2, probe=dies)))
    assert active_children() == []


def rests(record: int) -> list[int]:
    if record == 2:
        signal.raise_signal(signal.SIGSTOP)  # it will not even hear that it should end
    time.sleep(3600 if record else 0)
    return [record]


@pytest.mark.parametrize("records", [(0, 1), (0, 2)], ids=["at work", "stopped"])
def test_who_stops_early_leaves_none_behind(monkeypatch: Any, records: tuple[int, ...]) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 0.5)
    results = through(records, rests)
    assert next(results) == 0
    begun = time.monotonic()
    results.close()
    assert active_children() == []
    assert time.monotonic() - begun < 30


def threads(record: int) -> list[dict[str, Any]]:
    import torch
    from threadpoolctl import threadpool_info

    blas = {one["num_threads"] for one in threadpool_info()}
    return [{"torch": torch.get_num_threads(), "most": max(blas), "ctrl-c": blocked()}]


def blocked() -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.parametrize(
    ("given", "cores", "share"),
    [("", 4, 2), ("1", 4, 1), pytest.param("9", 4, 2, marks=pytest.mark.slow)],
)
def test_cores_are_divided_and_ctrl_c_is_left_to_the_driver(
    monkeypatch: Any, given: str, cores: int, share: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    monkeypatch.setattr("morphsep.run.executors.local.num_cores", lambda: cores)
    for found in through(range(4), threads):
        assert found["ctrl-c"]
        assert found["torch"] == share
        assert found["most"] <= share
    assert not blocked()
