"""The cluster of three nodes that accidents happen to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.disasters import Nodes
from tests.object_store import ObjectStore


@pytest.fixture(scope="module")
def nodes(server: ObjectStore) -> Iterator[Nodes]:
    """One for a module; its processes use the object store of the tests."""
    pytest.importorskip("ray")
    with Nodes(more=server.environment) as three:
        yield three
