"""What a worker tries before it is given work: whether it sees what the driver sees."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from morphsep.errors import RefusedError, SettingError
from morphsep.pipelines import REPROCESS
from morphsep.request.inputs import collect
from morphsep.request.settings import make_settings
from morphsep.run import driver
from morphsep.run.executors.step import Pool, Steps
from morphsep.run.jobs import settle_jobs
from morphsep.run.reach import try_storage
from morphsep.stages.workspace import Workspace
from morphsep.storage import faults
from morphsep.storage.faults import StorageError
from morphsep.storage.locations import Location
from tests import songs
from tests.object_store import ObjectStore


def test_who_sees_it_leaves_nothing_behind(place: Location) -> None:
    work = place / "work"
    workspace = Workspace(place, work)
    workspace.progress.write_json({"run": "r"})
    before = {str(found) for found in place.walk()}
    try_storage(str(place), str(work))
    assert {str(found) for found in place.walk()} == before


def test_a_machine_that_has_another_folder_of_that_name_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=f"a worker on {socket.gethostname()} does not see"):
        try_storage(str(tmp_path / "out"), "")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    Workspace(tmp_path).progress.write_json({"run": "r"})
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SettingError, match=r"a worker on .* cannot write to .*file"):
        try_storage(str(tmp_path), str(tmp_path / "file"))


def test_other_rights_are_told_at_once(store: ObjectStore) -> None:
    place = store.url("reach/out")
    Workspace(place).progress.write_json({"run": "r"})
    store.fail("403", times=-1, key="reach/out")
    with pytest.raises(RefusedError, match=r"a worker on .* has other rights than this machine"):
        try_storage(place, "")


def test_storage_that_is_away_is_told(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "ATTEMPTS", 2)
    store.fail("503", times=-1, key="reach/away")
    with pytest.raises(StorageError, match=r"a worker on .* does not reach the storage"):
        try_storage(store.url("reach/away"), "")


@pytest.mark.parametrize("executor", ["local", "ray"])
def test_workers_of_a_run_try_it_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    given: list[Pool] = []

    def execute(steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
        given.append(pool)
        if pool.probe is not None:
            pickle.loads(pickle.dumps(pool.probe))()  # the driver's own first sign is there
        yield from ()

    monkeypatch.setattr("morphsep.run.driver.get_executor", lambda name: execute)
    songs.song(tmp_path / "in", 1.0)
    settings = make_settings(to="fuzz", separator="none", uniform=False)
    jobs = settle_jobs(collect([str(tmp_path / "in")], tmp_path / "out", settings))
    driver.run(jobs, tmp_path / "out", REPROCESS, executor=executor)
    assert [pool.probe is not None for pool in given] == [executor == "ray"]
