"""An output folder in an object store that is away for a while, slow, or full of errors."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from morphsep import manifest
from morphsep.storage.locations import location
from tests import songs
from tests.faults.disasters import Run, environment, morph, plugins
from tests.faults.troublemakers import HOLD, PACE
from tests.object_store import ObjectStore

pytest.importorskip("moto")


pytestmark = pytest.mark.usefixtures("store")

OURS = ("--backend", "crossfade", "--no-uniform")


@pytest.fixture(scope="module")
def env(server: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    ours = environment(plugins(tmp_path_factory.mktemp("plugins")))
    return ours | server.environment | {PACE: "0"}  # who has to be at work is held there


@pytest.fixture(scope="module")
def material(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("away")
    for seed, name in enumerate(("a.wav", "b.wav")):
        songs.write(folder / "in" / name, songs.guitar(13.0, seed=seed))
    quiet = morph(env, folder / "in", folder / "reference", "--separator", "none", *OURS)
    assert quiet.wait() == 0, quiet.said
    return folder


def begin(env: dict[str, str], store: ObjectStore, material: Path, name: str) -> tuple[Run, str]:
    out = store.url(name)
    more = ("--separator", "slow", "--executor", "local", *OURS)
    return morph(env, material / "in", out, *more), out


def wait_for(store: ObjectStore, run: Run, key: str) -> None:
    while not any(key in line and line.startswith("PUT") for line in store.requests()):
        assert run.process.poll() is None, run.end()
        time.sleep(0.05)


def check(run: Run, out: str, material: Path) -> None:
    assert run.wait() == 0, run.said
    rows = manifest.read_tracks(out)
    assert [(row.track, row.status) for row in rows] == [("a.wav", "ok"), ("b.wav", "ok")]
    for row in rows:
        made = (location(out) / row.track).read_bytes()
        assert made == (material / "reference" / row.track).read_bytes()
    left = {place.text.removeprefix(out).split("/")[2] for place in
            (location(out) / ".morphsep").walk()}  # fmt: skip
    assert left <= {"scans", "stems", "claims", "run.json"}
    assert sum(row.retries for row in rows) >= 1


def test_gone_for_a_while(env, store, material, tmp_path) -> None:
    hold = tmp_path / "hold"
    hold.touch()  # stems are still to be written, however late it is seen that the run has begun
    run, out = begin(env | {HOLD: str(hold)}, store, material, "gone")
    try:
        wait_for(store, run, "gone/.morphsep/scans")
        began = time.monotonic()
        store.go_away(6)
    finally:
        hold.unlink()
    check(run, out, material)
    assert time.monotonic() - began > 6, "it was over before the storage came back"


def test_errors_by_the_dozen(env, store, material) -> None:
    for kind in ("503", "500", "reset", "cut"):
        for method in ("GET", "PUT", "HEAD"):
            store.fail(kind, times=1, method=method, key="errors/.morphsep/s")  # scans, stems
            store.fail(kind, times=1, method=method, key="errors/")
    store.fail("slow", times=2, method="PUT", key="errors/", seconds=2.0)
    run, out = begin(env, store, material, "errors")
    check(run, out, material)
    store.recover()


def test_two_drivers_in_one_place(env, store, material, tmp_path) -> None:
    hold = tmp_path / "hold"
    hold.touch()  # the first is still at work, however long the second takes to begin
    first, out = begin(env | {HOLD: str(hold)}, store, material, "two")
    wait_for(store, first, "two/.morphsep/scans")
    store.fail("503", times=1, method="PUT", key="two/.morphsep/s")  # which only the first writes
    second, _ = begin(env, store, material, "two")
    try:
        assert second.wait() == 1
    finally:
        hold.unlink()
    assert "another run" in second.said
    check(first, out, material)
