"""axe-core: what keeps people out of a page, found by a program in the page itself."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.browser import Browser

PACKAGE = "axe_core_python"
needs_axe = pytest.mark.skipif(find_spec(PACKAGE) is None, reason="axe-core-python is not there")


def findings(browser: Browser) -> list[tuple[str, list[Any]]]:
    """The rules that the page breaks now, and where."""
    spec = find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    browser.value(Path(spec.origin).with_name("axe.min.js").read_text("utf-8") + "; true")
    told = browser.value("axe.run().then((found) => found.violations)")
    return [(each["id"], [node["target"] for node in each["nodes"]]) for each in told]
