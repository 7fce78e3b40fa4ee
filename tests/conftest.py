"""What holds for all tests, and what several of them need."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from itertools import compress, groupby, takewhile, zip_longest
from operator import not_
from pathlib import Path

import pytest
from hypothesis import settings

from morphsep.request import registry
from morphsep.storage.locations import Location, location
from tests.contracts import witnesses
from tests.object_store import ObjectStore

# machines are shared and noisy: how long an example took says nothing about it
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

AFTER_RAY = pytest.StashKey[bool]()
"""Of tests after which none on Ray comes."""

# a shell that runs the tests in the background has SIGINT ignored, and children inherit that
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with tests on Ray come in turn with the others: they wait more than they compute, and
    nobody should wait for one of them at the end."""
    files = [list(found) for _, found in groupby(items, key=lambda item: item.path)]
    on_ray = [any(item.get_closest_marker("ray") for item in found) for found in files]
    turns = zip_longest(compress(files, on_ray), compress(files, map(not_, on_ray)), fillvalue=[])
    items[:] = [item for pair in turns for found in pair for item in found]
    for item in takewhile(lambda item: not item.get_closest_marker("ray"), reversed(items)):
        item.stash[AFTER_RAY] = True


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The cluster ends with the last test on it: idle, it takes a tenth of a core."""
    ray = sys.modules.get("ray")
    if item.stash.get(AFTER_RAY, False) and ray and ray.is_initialized():
        with warnings.catch_warnings(action="ignore"):  # Ray's own
            ray.shutdown()


@pytest.fixture(scope="session")
def diffusion_extra() -> None:
    """Skips a test where the packages are missing, which take too long to import for all workers
    that only look for tests."""
    for package in ("diffusers", "peft"):
        pytest.importorskip(package)


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


@pytest.fixture(scope="session")
def server() -> Iterator[ObjectStore]:
    """An object store on loopback, one for all tests of a process."""
    with ObjectStore() as store:
        yield store


@pytest.fixture(scope="session")
def witnessed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `witnesses` on the cluster leave their notes in."""
    return tmp_path_factory.mktemp("witnessed")


@pytest.fixture(scope="session")
def witness_plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whoever has this folder on its path knows `witnesses`; the workers of the cluster do."""
    return witnesses.install(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is installed in this folder, the workers of the cluster know, too."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="session")
def cluster(
    server: ObjectStore,
    witnessed: Path,
    witness_plugins: Path,
    site: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Ray in this process, one for all tests of it: a run on Ray takes the cluster that is there.

    It counts six CPUs and two GPUs whatever the machine has. Its workers keep the environment of
    its start: the object store, a folder for weights that is nobody else's, and the witnesses.
    """
    ray = pytest.importorskip("ray")
    path = os.pathsep.join([str(witness_plugins), str(site), os.getenv("PYTHONPATH", "")])
    environment = server.environment | {
        "PYTHONPATH": path, witnesses.FOLDER: str(witnessed), "CUDA_VISIBLE_DEVICES": "0,1",
        "MORPHSEP_WEIGHTS": str(tmp_path_factory.mktemp("weights")),
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        # nobody reads the workers' logs here, and to look for them takes minutes of all tests' time
        "LOG_NAME_UPDATE_INTERVAL_S": "3600",
    }  # fmt: skip
    with (
        # Ray's sockets need a short path
        tempfile.TemporaryDirectory(prefix="mc", ignore_cleanup_errors=True) as home,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.delenv("RAY_ADDRESS", raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        ray.init(
            "local", num_cpus=6, num_gpus=2, object_store_memory=100 << 20, _temp_dir=home,
            include_dashboard=False, log_to_driver=False, logging_level="WARNING",
        )  # fmt: skip
        patch.undo()
        yield
        ray.shutdown()


@pytest.fixture(scope="session")
def address(cluster: None) -> str:
    """Where commands find that cluster."""
    import ray

    return str(ray.get_runtime_context().gcs_address)


@pytest.fixture(scope="module")
def with_witnesses(witness_plugins: Path) -> Iterator[None]:
    """`witnesses` are installed while a module's tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(witness_plugins))
        registry._found.cache_clear()
        yield
    registry._found.cache_clear()


@pytest.fixture
def store(server: ObjectStore) -> Iterator[ObjectStore]:
    """The process's object store, as the environment's; what a test made fail is well again."""
    with server.used():
        yield server
    server.recover()


@pytest.fixture(params=["disk", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """A place that is not there yet, on a disk and in a bucket."""
    if request.param == "disk":
        return location(tmp_path / "place")
    store: ObjectStore = request.getfixturevalue("store")
    return location(store.url(f"{tmp_path.name}/place"))
