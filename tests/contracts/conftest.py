"""A Ray cluster for all tests of a module, with separators and backends that tell what they do."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from morphsep.request import registry
from tests.contracts import witnesses


@pytest.fixture(scope="module")
def witnessed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that `witnesses` leave their notes in; they are installed meanwhile."""
    folder = tmp_path_factory.mktemp("witnessed")
    site = witnesses.install(tmp_path_factory.mktemp("site"))
    path = os.pathsep.join(filter(None, [str(site), os.getenv("PYTHONPATH")]))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        patch.setenv("PYTHONPATH", path)
        patch.setenv(witnesses.FOLDER, str(folder))
        registry._found.cache_clear()
        yield folder
    registry._found.cache_clear()


@pytest.fixture(scope="module")
def cluster(witnessed: Path) -> Iterator[None]:
    """Ray in this process, which counts six CPUs and two GPUs whatever the machine has: a run on
    Ray takes the cluster that is there."""
    ray = pytest.importorskip("ray")
    with (
        pytest.MonkeyPatch.context() as patch,
        # Ray's sockets need a short path
        tempfile.TemporaryDirectory(prefix="mc", ignore_cleanup_errors=True) as home,
    ):
        patch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        ray.init(
            "local", num_cpus=6, num_gpus=2, object_store_memory=100 << 20, _temp_dir=home,
            include_dashboard=False, log_to_driver=False, logging_level="WARNING",
        )  # fmt: skip
        yield
        ray.shutdown()
