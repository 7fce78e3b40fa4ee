"""Which executor a run gets."""

from __future__ import annotations

import os

from morphsep.errors import SettingError
from morphsep.run.executors.address import check_address
from morphsep.run.executors.step import Executor, Pool

NAMES = ("auto", "local", "ray")


def is_for_cluster(name: str, pool: Pool) -> bool:
    """Whether an executor of this name, ``auto`` too, is Ray."""
    return name == "ray" or (name == "auto" and bool(_address(pool)))


def choose_executor(name: str, pool: Pool) -> str:
    """The executor for ``auto``: Ray where there is a cluster to use, else this machine.

    On one machine Ray's start and its processes cost more than ours (docs/reference/benchmarks.md).

    Raises:
        SettingError: nothing of Ray's answers at the cluster's address.
    """
    address = _address(pool)
    if name == "auto":
        name = "ray" if address else "local"
    if name == "ray" and address:
        check_address(address)
    return name


def _address(pool: Pool) -> str | None:
    return pool.address or os.environ.get("RAY_ADDRESS")


def get_executor(name: str) -> Executor:
    """The named executor.

    Raises:
        SettingError: there is no such executor, or Ray is not installed.
    """
    if name == "local":
        from morphsep.run.executors.local import run

        return run
    if name == "ray":
        try:
            from morphsep.run.executors.ray import run as run_on_ray
        except ImportError as error:
            raise SettingError("--executor ray needs Ray: pip install 'morphsep[ray]'") from error
        return run_on_ray
    raise SettingError(f"there is no executor {name!r}; there are: {', '.join(NAMES)}")
