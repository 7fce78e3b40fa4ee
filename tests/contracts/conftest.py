"""Separators and backends that tell what they do, known to this process, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from morphsep.request import registry


@pytest.fixture(scope="module")
def with_witnesses(witness_plugins: Path) -> Iterator[None]:
    """`witnesses` are installed while a module's tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(witness_plugins))
        registry._found.cache_clear()
        yield
    registry._found.cache_clear()
