"""The Ray executor: songs are finished while others wait, few are begun before that, one long track
leaves a worker to others, a lost worker's records are done by others, what workers warn of is heard
here, and what a step raises arrives as it was."""

from __future__ import annotations

import errno
import logging
import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from morphsep.errors import SettingError
from morphsep.run.executors.executor import get_executor
from morphsep.run.executors.step import Pool, Step

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("default"),  # Ray warns of its own deprecations
    pytest.mark.usefixtures("cluster"),
]

ONE = Pool(min_workers=1, max_workers=1)


def noted(record: int, folder: Path) -> list[int]:
    (folder / str(record)).touch()
    return [record]


def passed_on(record: int) -> list[int]:
    return [record]


def through(pool: Pool, records: Any, *calls: Any, gpu: Any = ()) -> list[Any]:
    steps = [Step(name=str(n), call=call, wants_gpu=n in gpu) for n, call in enumerate(calls)]
    return list(get_executor("ray")(steps, records, pool))


@pytest.mark.parametrize("gpu", [(), (1, 3)], ids=["one kind of worker", "two kinds"])
def test_songs_are_finished_while_others_have_not_begun(tmp_path: Path, gpu: Any) -> None:
    calls = (partial(noted, folder=tmp_path), passed_on, passed_on, passed_on, passed_on)
    steps = [Step(name=str(n), call=call, wants_gpu=n in gpu) for n, call in enumerate(calls)]
    songs = 200
    begun = [len(list(tmp_path.iterdir())) for _ in get_executor("ray")(steps, range(songs), ONE)]
    assert begun[0] < songs / 4
    assert len(begun) == begun[-1] == songs


def slowly(record: int, folder: Path) -> list[int]:
    """Keeps its worker at the first record until nothing has been begun for a second."""
    before = -1
    while record == 0 and (now := len(list(folder.iterdir()))) != before:
        before = now
        time.sleep(1)
    return [record]


def test_one_kind_of_worker_does_not_run_far_ahead_of_the_other(tmp_path: Path) -> None:
    from morphsep.run.executors.dispatch import OPEN

    calls = (partial(noted, folder=tmp_path), partial(slowly, folder=tmp_path))
    steps = [Step(name=str(n), call=call, wants_gpu=n == 1) for n, call in enumerate(calls)]
    songs = 10 * OPEN
    ahead = [len(list(tmp_path.iterdir())) for _ in get_executor("ray")(steps, range(songs), ONE)]
    assert 2 < ahead[0] <= 2 * OPEN + 2
    assert len(ahead) == ahead[-1] == songs


def cut(record: int) -> list[tuple[int, int]]:
    """The first track has many sections."""
    return [(record, section) for section in range(60 if record == 0 else 1)]


def section(record: tuple[int, int]) -> list[tuple[int, int]]:
    time.sleep(0.1)
    return [record]


def test_a_long_track_does_not_keep_others_waiting() -> None:
    order = through(Pool(min_workers=2, max_workers=2), range(10), cut, section)
    assert sorted(order) == [each for record in range(10) for each in cut(record)]
    assert order.index((9, 0)) < 30
    assert {record for record, _ in order[-20:]} == {0}  # two workers: in whatever order


def dies_once(record: int, folder: Path) -> list[int]:
    """Takes its worker along, the first time; so do those after it."""
    if record % 3 == 0 and not (folder / str(record)).exists():
        (folder / str(record)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return [record]


def test_what_a_dead_worker_had_is_done_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("morphsep.run.executors.ray.on_cluster.SIGN", 0.0)  # to the dead ones, too
    calls = (passed_on, partial(dies_once, folder=tmp_path), passed_on)
    found = through(Pool(min_workers=2, max_workers=2), range(12), *calls)
    assert sorted(found) == list(range(12))
    assert len(list(tmp_path.iterdir())) == 4


def kills(record: int) -> list[int]:
    if record == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return [record]


def test_what_kills_every_worker_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from morphsep.run.executors import dispatch

    monkeypatch.setattr(dispatch, "MOST_LOSSES", 3)
    found = through(Pool(min_workers=1, max_workers=2), range(40), kills)
    assert 1 not in found
    assert len(found) >= 30  # what was in the dead ones' hands beside it may be given up with it
    assert "3 workers have died over it" in caplog.text


def visible_gpus(record: int) -> list[str | None]:
    return [os.environ.get("CUDA_VISIBLE_DEVICES")]


def test_a_worker_without_gpus_sees_none() -> None:
    assert through(Pool(max_workers=1, gpus=0.0), [0], visible_gpus, gpu=[0]) == [""]
    assert os.environ.get("CUDA_VISIBLE_DEVICES") != ""


def warns(record: int) -> list[int]:
    logging.getLogger("morphsep").warning("the store answers late, %d", record)
    return [record]


def test_what_workers_warn_of_is_heard_here(caplog: pytest.LogCaptureFixture) -> None:
    import socket

    through(ONE, [7], warns)
    assert f"{socket.gethostname()}: the store answers late, 7" in caplog.messages


def test_a_flood_of_warnings_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    through(ONE, range(500), warns)
    heard = [text for text in caplog.messages if "answers late" in text]
    more = [int(text.split()[1]) for text in caplog.messages if text.startswith("and ")]
    assert len(heard) + sum(more) == 500
    assert more


def full(record: int) -> list[int]:
    raise OSError(errno.ENOSPC, "No space left on device", "manifest")


class UnpicklableError(Exception):
    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


def raises_unpicklable(record: int) -> list[int]:
    raise UnpicklableError("this", "that")


def test_what_a_step_raises_arrives_as_it_was() -> None:
    with pytest.raises(OSError, match=r"^\[Errno 28\] No space left on device: 'manifest'$"):
        through(ONE, [0], full)
    with pytest.raises(RuntimeError, match="UnpicklableError: this and that"):
        through(ONE, [0], raises_unpicklable)


def refuses() -> None:
    raise SettingError("no credentials here")


def hangs() -> None:
    time.sleep(3600)


def test_a_probe_that_fails_ends_the_run_before_there_is_work(tmp_path: Path) -> None:
    pool = Pool(min_workers=1, max_workers=1, probe=refuses)
    with pytest.raises(SettingError, match="no credentials here"):
        through(pool, [0], partial(noted, folder=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_probe_that_hangs_ends_the_run() -> None:
    pool = Pool(min_workers=1, max_workers=1, probe=hangs, probe_seconds=1.0)
    with pytest.raises(TimeoutError, match=r"the storage has not answered a worker on .* for 1 s"):
        through(pool, [0], passed_on)


def rests(record: int) -> list[int]:
    time.sleep(3600 if record else 0)
    return [record]


def test_who_stops_early_leaves_no_worker_behind(tmp_path: Path) -> None:
    import ray

    steps = [Step(name="a", call=rests)]
    results = get_executor("ray")(steps, range(4), Pool(min_workers=2, max_workers=2))
    assert next(results) == 0
    results.close()
    deadline = time.monotonic() + 60
    while ray.available_resources().get("CPU") != ray.cluster_resources()["CPU"]:
        assert time.monotonic() < deadline, "a worker keeps its CPU"
        time.sleep(0.2)


def test_no_records_need_no_cluster() -> None:
    pool = Pool(address="nowhere:1")
    assert list(get_executor("ray")([Step(name="a", call=passed_on)], [], pool)) == []


@pytest.mark.parametrize("on_interrupt", [signal.default_int_handler, signal.SIG_IGN])
def test_sigterm_ends_a_run_whatever_becomes_of_ctrl_c(on_interrupt: Any) -> None:
    from morphsep.storage import ended_by_sigterm

    before = signal.signal(signal.SIGINT, on_interrupt), signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(KeyboardInterrupt), ended_by_sigterm():
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is before[1]
    finally:
        signal.signal(signal.SIGINT, before[0])
