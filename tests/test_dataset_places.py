"""A data set comes out byte for byte the same wherever it is made, and whatever is killed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from morphsep.dataset import Generated, Running, Wanted, generate
from morphsep.dataset.recipe import parse_recipe
from morphsep.request import Settings, collect
from morphsep.run import Pool, settle_jobs
from morphsep.storage import Location, location
from tests import songs
from tests.object_store import ObjectStore

TEXT = """
clip_seconds: 1
splits: {train: 0.5, test: 0.5}
render: [{ladder: {from: clean, to: overdrive, steps: 2}}, {chains: {pedals: [{Drive: }]}}]
"""


def make(sources: Path, out: Location, running: Running) -> Generated:
    jobs = settle_jobs(collect([str(sources)], str(out), Settings(separator="none"), "generate"))
    wanted = Wanted(recipe=parse_recipe(TEXT, "recipe.yaml"), text=TEXT)
    return generate(jobs, out, wanted, running)


def digests(out: Location) -> dict[str, str]:
    files = (out / "data").children()
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    for n in range(3):
        songs.write(folder / f"{n}.wav", songs.guitar(2, seed=50 * n))
    return folder


@pytest.fixture(scope="module")
def expected(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Made by this process alone, on a disk."""
    out = location(tmp_path_factory.mktemp("out") / "set")
    assert make(sources, out, Running()).rows == 3 * 2 * 3
    return digests(out)


def test_in_a_bucket_as_on_a_disk(
    sources: Path, expected: dict[str, str], store: ObjectStore
) -> None:
    out = location(store.url("sets/one"))
    assert make(sources, out, Running()).exit_code == 0
    assert digests(out) == expected
    assert make(sources, out, Running()).summary is None


@pytest.mark.ray
@pytest.mark.filterwarnings("default")  # Ray warns of its own deprecations
@pytest.mark.usefixtures("cluster")
def test_on_ray_as_here(sources: Path, expected: dict[str, str], tmp_path: Path) -> None:
    out = location(tmp_path / "out")
    running = Running(executor="ray", pool=Pool(min_workers=2, max_workers=2))
    assert make(sources, out, running).exit_code == 0
    assert digests(out) == expected


def test_what_was_killed_goes_on(sources: Path, expected: dict[str, str], tmp_path: Path) -> None:
    recipe, out = tmp_path / "recipe.yaml", tmp_path / "out"
    recipe.write_text(TEXT, encoding="utf-8")
    command = [
        sys.executable, "-m", "morphsep", "generate", str(sources), "-o", str(out),
        "--recipe", str(recipe), "--separator", "none", "--workers", "1",
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        while not list(out.glob(".morphsep/clips/*/*.json")):  # the first source is done
            assert process.poll() is None, (process.stderr or sys.stderr).read()
            time.sleep(0.02)
        process.kill()
    found = make(sources, location(out), Running())
    assert found.exit_code == 0
    assert digests(location(out)) == expected
    assert not list(out.glob(".morphsep/clips/*/*"))
