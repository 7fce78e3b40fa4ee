"""What holds for all tests, and what several of them need."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from morphsep.storage import locking
from morphsep.storage.locations import Location, location
from tests.object_store import ObjectStore

# machines are shared and noisy: how long an example took says nothing about it
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Sums are rounded alike in every run of a model."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 12 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("no right to mount a small disk here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    """An object store on loopback, one for a module."""
    with ObjectStore() as store:
        yield store


@pytest.fixture
def store(server: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """The module's object store, as the environment's; what a test made fail is well again."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    yield server
    server.recover()


@pytest.fixture(params=["disk", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """A place that is not there yet, on a disk and in a bucket."""
    if request.param == "disk":
        return location(tmp_path / "place")
    store: ObjectStore = request.getfixturevalue("store")
    return location(store.url(f"{tmp_path.name}/place"))


@pytest.fixture
def settles_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket on loopback says at once who came first."""
    monkeypatch.setattr(locking, "SETTLE", 0.05)
