"""Files that are whole or not there, and room for copies."""

from __future__ import annotations

import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from morphsep.storage import files


def test_nothing_is_left_of_what_failed(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("before")

    def fail() -> None:
        with files.whole(tmp_path / "x") as part:
            part.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("x", "before")]


def test_room_is_made_of_what_is_old_and_no_more_than_needed(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / str(number) / "deep").mkdir(parents=True)
        (tmp_path / str(number) / "deep" / "copy.wav").write_bytes(bytes(1000))
        begun = time.time() - 10_000 + number
        os.utime(tmp_path / str(number), (begun, begun))
    files.make_room(tmp_path, most_bytes=2500, idle_seconds=100)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2", "3"]
    files.make_room(tmp_path, most_bytes=0, idle_seconds=20_000)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2", "3"]
    files.make_room(tmp_path / "not there", most_bytes=0)


def test_room_is_made_while_others_fill_and_clear_the_folder(tmp_path: Path) -> None:
    """Whatever is removed between two looks at it is no error."""
    over = threading.Event()

    def fill_and_clear() -> None:
        while not over.is_set():
            for number in range(20):
                copy = tmp_path / str(number) / "deep" / "copy.wav"
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(b"x")
            for number in range(20):
                shutil.rmtree(tmp_path / str(number))

    with ThreadPoolExecutor(1) as others:
        busy = others.submit(fill_and_clear)
        try:
            for _ in range(300):
                files.make_room(tmp_path, most_bytes=1 << 30)
        finally:
            over.set()
        busy.result()
