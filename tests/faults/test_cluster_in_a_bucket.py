"""Results and work in an object store while workers and the driver die: the songs are what they
would have been, and nothing is left but what the documents say."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from morphsep import manifest
from morphsep.run.status import read_status
from morphsep.run.verification import verify
from morphsep.storage.locations import Location, location
from tests import songs
from tests.faults.disasters import Nodes, Run, morph
from tests.object_store import ObjectStore

pytestmark = [
    pytest.mark.slow,
    pytest.mark.ray,
    pytest.mark.filterwarnings("default"),
    pytest.mark.usefixtures("store"),
]
pytest.importorskip("ray")
pytest.importorskip("moto")

OURS = ("--backend", "crossfade", "--no-uniform")


@pytest.fixture(scope="module")
def material(nodes: Nodes, server: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Songs in the bucket, and in ``reference`` what a quiet run makes of them."""
    folder = tmp_path_factory.mktemp("bucket")
    for seed, name in enumerate(("a.wav", "b.flac", "c.wav")):
        path = songs.write(folder / "in" / name, songs.guitar(13.0, seed=seed), subtype="PCM_24")
        with server.used():
            (location(server.url("bucket-in")) / name).write_bytes(path.read_bytes())
    more = ("--separator", "none", *OURS)
    quiet = morph(nodes.environment, folder / "in", folder / "reference", *more)
    assert quiet.wait() == 0, quiet.said
    return folder


def begin(nodes: Nodes, server: ObjectStore, name: str) -> Run:
    out, work = server.url(f"{name}/out"), server.url(f"{name}/work")
    more = ("--separator", "slow", *OURS, "--work", work, "--workers", "1-2")
    return nodes.morph(server.url("bucket-in"), out, *more)


def tops(place: Location) -> set[str]:
    root = place / ".morphsep"
    return {found.text.removeprefix(f"{root}/").split("/")[0] for found in root.walk()}


def check(nodes: Nodes, server: ObjectStore, material: Path, run: Run, name: str) -> None:
    assert run.wait() == 0, run.said
    out = location(server.url(f"{name}/out"))
    rows = manifest.read_tracks(out)
    assert [(row.track, row.status) for row in rows] == [
        ("a.wav", "ok"), ("b.flac", "ok"), ("c.wav", "ok"),
    ]  # fmt: skip
    for row in rows:
        made = (out / row.track).read_bytes()
        assert made == (material / "reference" / row.track).read_bytes(), row.track
    assert tops(out) == {"claims", "run.json"}
    assert tops(location(server.url(f"{name}/work"))) == {"scans", "stems"}
    others = {place.text.removeprefix(f"{out}/").split("/")[0] for place in out.walk()}
    assert others == {".morphsep", "manifest", "a.wav", "b.flac", "c.wav"}
    assert verify(out) == (3, [])
    assert nodes.leaks() == []


def test_workers_are_killed(nodes: Nodes, server: ObjectStore, material: Path) -> None:
    run = begin(nodes, server, "workers")
    run.strike("separate")
    run.strike("morph", "assemble")
    assert read_status(server.url("workers/out")).total == 3
    check(nodes, server, material, run, "workers")
    rows = manifest.read_tracks(server.url("workers/out"))
    assert sum(row.retries for row in rows) >= 2


def test_the_driver_is_killed(nodes: Nodes, server: ObjectStore, material: Path) -> None:
    run = begin(nodes, server, "driver")
    run.caught("morph")
    run.end()
    check(nodes, server, material, begin(nodes, server, "driver"), "driver")


def test_the_bucket_is_gone_for_20_seconds(
    nodes: Nodes, server: ObjectStore, material: Path
) -> None:
    run = begin(nodes, server, "gone")
    run.caught("separate")
    began = time.monotonic()
    server.go_away(20)
    check(nodes, server, material, run, "gone")
    assert time.monotonic() - began > 20, "it was over before the bucket came back"
    rows = manifest.read_tracks(server.url("gone/out"))
    assert sum(row.retries for row in rows) >= 1


def test_credentials_on_the_driver_only_end_in_a_sentence(
    server: ObjectStore, material: Path
) -> None:
    """Nobody waits for the workers' tries, and no track fails for it."""
    out = server.url("mute/out")
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_PROFILE": "nobody"}
    with Nodes(more=server.environment | nobody) as mute:
        ours = mute.environment | server.environment
        del ours["AWS_PROFILE"]
        ray = ("--executor", "ray", "--address", mute.address)
        run = morph(ours, server.url("bucket-in"), out, "--separator", "none", *OURS, *ray)
        assert run.wait() == 1, run.said
        assert mute.leaks() == []
    assert "a worker on " in run.said
    assert "credentials" in run.said
    assert "Traceback" not in run.said
    assert manifest.read_tracks(out) == []
    assert read_status(out).state == "interrupted"
