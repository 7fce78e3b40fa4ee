"""A real browser for tests: Chromium without a window, told what to do through pipes.

    with Browser() as browser:
        browser.open(path)
        browser.press("2")
        browser.value("document.title")

The protocol is Chromium's own (DevTools), one JSON message after the other, each closed by a NUL.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--mute-audio", "--no-first-run",
    "--autoplay-policy=no-user-gesture-required", "--remote-debugging-pipe",
)  # fmt: skip
START = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for place, end in zip((3, 4), ends): os.dup2(end, place)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""The browser reads from descriptor 3 and writes to 4."""
PATIENCE = 60.0
"""Seconds until a page must have done something."""


class Browser:
    """One page. What it complains of, and what it asks the network for, is kept."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._number = 0
        self._loaded = False
        self._session: str | None = None

    def __enter__(self) -> Browser:
        assert CHROMIUM is not None
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        (read_here, write_there), (read_there, write_here) = os.pipe(), os.pipe()
        options = [*OPTIONS, f"--user-data-dir={self._profile.name}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, str(read_there), str(write_there), CHROMIUM, *options],
            pass_fds=(read_there, write_there), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for there in (read_there, write_there):
            os.close(there)
        self._answers: BinaryIO = os.fdopen(read_here, "rb", 0)
        self._orders: BinaryIO = os.fdopen(write_here, "wb", 0)
        self._rest = b""
        target = self.tell("Target.createTarget", url="about:blank")["targetId"]
        attached = self.tell("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.tell(f"{domain}.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._orders.close()
        self._process.kill()
        self._process.wait()
        self._answers.close()
        self._profile.cleanup()

    def open(self, place: Path | str) -> None:
        """Loads a file, or what lies at an address."""
        self._loaded = False
        url = place if isinstance(place, str) else place.absolute().as_uri()
        self.tell("Page.navigate", url=url)
        while not self._loaded:
            self._note(self._next())

    def value(self, expression: str) -> Any:
        """What JavaScript makes of an expression in the page; a promise is waited for."""
        told = self.tell(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def press(self, key: str) -> None:
        """A key where the focus is."""
        for kind in ("keyDown", "keyUp"):
            self.tell("Input.dispatchKeyEvent", type=kind, key=key)

    def click(self, selector: str, across: float = 0.5) -> None:
        """The left button, in the middle of what is found, or at another part of its width."""
        x, y = self.value(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)});"
            "found.scrollIntoView({block: 'nearest'}); const box = found.getBoundingClientRect();"
            f"return [box.x + {across} * box.width, box.y + box.height / 2]; }})()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.tell("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def wait(self, expression: str) -> None:
        """Until an expression is true."""
        self._until(lambda: bool(self.value(expression)), expression)

    def _until(self, is_so: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < end, what
            time.sleep(0.02)

    def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends an order; its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._orders.write(json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            block = self._answers.read(2**16)
            assert block, "the browser ended"
            self._rest += block
        message, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def _note(self, event: dict[str, Any]) -> None:
        told = event.get("params", {})
        match event.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Log.entryAdded":
                self.complaints.append(told["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(told["exceptionDetails"]))
            case "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])
