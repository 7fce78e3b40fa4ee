"""Folders for copies: private, unpredictable, and gone when their owners are."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from morphsep import storage
from morphsep.errors import SettingError
from morphsep.pipelines import REPROCESS
from morphsep.request.inputs import collect
from morphsep.request.settings import make_settings
from morphsep.run.driver import run
from morphsep.run.jobs import settle_jobs
from morphsep.storage import scratch
from morphsep.storage.locations import location
from tests import songs
from tests.object_store import ObjectStore

OWNER = """
import sys, time
from morphsep import storage
with storage.private_folder() as mine:
    shared = storage.shared_folder("0123456789abcdef")
    for folder in (mine, shared):
        (folder / "song.wav").touch()
        print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of this test and the processes that it starts."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    scratch._sweep_once.cache_clear()
    return folder


class Owner:
    """Another process that has a folder of its own and one that it shares."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.folders = [Path(self.process.stdout.readline().strip()) for _ in range(2)]

    def end(self, how: signal.Signals | None) -> None:
        if how is not None:
            self.process.send_signal(how)
        self.process.communicate()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_a_killed_process_has_left_is_swept_and_only_that(
    disk: Path, how: signal.Signals
) -> None:
    dead, alive = Owner(), Owner()
    private, shared = dead.folders
    dead.end(how)
    assert private.exists(), "nobody was there to remove it"
    with storage.private_folder() as mine:
        assert set(disk.iterdir()) == {mine, *alive.folders}
        assert alive.folders[1] == shared
        assert all((folder / "song.wav").exists() for folder in alive.folders)
    alive.end(None)
    assert list(disk.iterdir()) == []


def test_the_last_to_leave_a_shared_folder_removes_it(disk: Path) -> None:
    other = Owner()
    ours = storage.shared_folder("0123456789abcdef")
    assert ours == other.folders[1]
    other.end(None)
    assert (ours / "song.wav").exists()
    storage.leave_folder("0123456789abcdef")
    assert list(disk.iterdir()) == []


def test_nobody_else_may_look_inside_or_have_been_there_before(disk: Path) -> None:
    with storage.private_folder() as mine:
        shared = storage.shared_folder("fedcba9876543210")
        for folder in (mine, shared):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        storage.leave_folder("fedcba9876543210")
    (disk / "open").mkdir(mode=0o755)
    for token, make in (
        ("aa", lambda path: path.mkdir(mode=0o755)),
        ("bb", lambda path: path.symlink_to(disk / "open")),
        ("cc", lambda path: path.touch()),
    ):
        make(disk / f"morphsep-{token}")
        with pytest.raises(SettingError, match="another user"):
            storage.shared_folder(token)


def test_a_folder_that_is_swept_while_it_is_joined_is_made_again(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, swept = Path.lstat, []

    def lstat(path: Path) -> os.stat_result:
        if path.parent == disk and not swept:
            swept.append(path)
            path.rmdir()
        return real(path)

    monkeypatch.setattr(Path, "lstat", lstat)
    folder = storage.shared_folder("0011223344556677")
    assert swept == [folder]
    assert folder.is_dir()
    storage.leave_folder("0011223344556677")


def test_a_run_in_a_bucket_leaves_nothing_on_this_machine(
    tmp_path: Path, disk: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = location(store.url(tmp_path.name))
    (bucket / "in/a.wav").write_bytes(
        songs.write(tmp_path / "a.wav", songs.guitar(2.0)).read_bytes()
    )
    settings = make_settings(to="fuzz", separator="none", uniform=False)
    jobs = settle_jobs(collect([str(bucket / "in")], str(bucket / "out"), settings))
    dead = Owner()
    dead.end(signal.SIGKILL)
    seen: set[str] = set()
    fetch = scratch.shared_folder

    def shared_folder(token: str) -> Path:
        seen.add(token)
        return fetch(token)

    monkeypatch.setattr("morphsep.stages.workspace.shared_folder", shared_folder)
    for _ in range(2):
        assert run(jobs, str(bucket / "out"), REPROCESS, force=True).exit_code == 0
        assert list(disk.iterdir()) == []
    assert len(seen) == 2, "each run has a name of its own"
