"""Files that are whole or not there, and room for copies."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from morphsep.audio import AudioWriter
from morphsep.pipelines import REPROCESS
from morphsep.request.inputs import collect
from morphsep.request.settings import make_settings
from morphsep.run.driver import run
from morphsep.run.jobs import settle_jobs
from morphsep.stages.section_store import STORED
from morphsep.storage import TEMPORARY, files, location
from tests import songs


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


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """("sync", path) and ("rename", new path) of every file, as it happens."""
    happened: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def sync(fd: int) -> None:
        happened.append(("sync", os.readlink(f"/proc/self/fd/{fd}")))
        fsync(fd)

    def rename(source: Any, target: Any, **more: Any) -> None:
        happened.append(("rename", os.fspath(target)))
        replace(source, target, **more)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", rename)
    return happened


def written_directly(folder: Path) -> None:
    with AudioWriter(str(folder / "a.wav"), 44100, 1, STORED) as writer:
        writer.write(songs.guitar(0.1)[:1])


def written_as_bytes(folder: Path) -> None:
    location(folder / "a.json").write_json({"a": 1})


def written_by_a_run(folder: Path) -> None:
    songs.write(folder / "in" / "a.wav", songs.guitar(6.0))
    settings = make_settings(
        to="fuzz", amount=0.5, separator="none", section=5, chunk=5, backend="crossfade",
        uniform=False,
    )  # fmt: skip
    out = str(folder / "out")
    summary = run(settle_jobs(collect([str(folder / "in")], out, settings)), out, REPROCESS)
    assert summary.exit_code == 0


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names open files by /proc")
@pytest.mark.parametrize("write", [written_directly, written_as_bytes, written_by_a_run])
def test_each_file_is_synced_and_renamed_once(
    tmp_path: Path, published: list[tuple[str, str]], write: Callable[[Path], None]
) -> None:
    write(tmp_path)
    synced = [path for what, path in published if what == "sync" and str(tmp_path) in path]
    renamed = [path for what, path in published if what == "rename" and str(tmp_path) in path]
    assert len(synced) == len(set(synced)) == len(renamed) > 0
    assert not [path for path in renamed if Path(path).match(TEMPORARY)]
