"""Hosts with networks of their own: they join a run and leave it, and lose cable and power."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from morphsep import manifest
from morphsep.run.status import read_status
from morphsep.run.verification import verify
from tests import songs
from tests.faults.disasters import Run, differences, environment, morph, plugins
from tests.faults.hosts import Host, Hosts, UnavailableError
from tests.faults.troublemakers import PACE

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.netns,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("default"),
]
pytest.importorskip("ray")

OURS = ("--backend", "crossfade", "--no-uniform")
STAGES = ("prepare", "separate", "measure", "morph", "assemble")
SONGS = 40
OUTAGE = 20.0
"""Seconds without a cable."""


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Songs in ``in``, and in ``reference`` what a quiet run makes of them."""
    folder = tmp_path_factory.mktemp("hosts")
    song = songs.guitar(7.0)
    for number in range(SONGS):
        songs.write(folder / "in" / f"{number:02}.wav", song * (1 - number / 2 / SONGS))
    ours = ("--separator", "none", *OURS)
    quiet = morph(environment(plugins(folder / "p")), folder / "in", folder / "reference", *ours)
    assert quiet.wait() == 0, quiet.said
    return folder


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    with made() as two:
        yield two


def made(pace: float = 2.0) -> Hosts:
    """A head and one more, and how many seconds a section takes there."""
    hosts = Hosts(more={PACE: str(pace)})
    try:
        hosts.begin()
    except UnavailableError as error:
        pytest.skip(f"no hosts in network namespaces here: {error}")
    return hosts


def begin(hosts: Hosts, material: Path, out: Path) -> Run:
    run = hosts.morph(material / "in", out, "--separator", "slow", *OURS)
    for host in hosts.hosts:
        wait_for_work(run, host)
    return run


def wait_for_work(run: Run, host: Host) -> None:
    while run.caught(*STAGES).host != host.name:
        pass


def check(hosts: Hosts, run: Run, material: Path) -> None:
    """Nothing is lost."""
    assert run.wait() == 0, run.said
    assert differences(run.out, material / "reference") == []
    assert verify(run.out) == (SONGS, [])
    assert hosts.leaks() == []


def test_they_join_a_run_and_leave_it(material: Path, tmp_path: Path) -> None:
    with made(pace=8.0) as hosts:
        run = begin(hosts, material, tmp_path / "out")
        stopped, drained = hosts.add(), hosts.add()
        wait_for_work(run, stopped)
        hosts.ray(stopped, "stop")
        wait_for_work(run, drained)
        hosts.drain(drained)
        wait_for_work(run, drained)  # until it goes
        drained.lose_power()
        check(hosts, run, material)
    assert sum(row.retries for row in manifest.read_tracks(run.out)) >= 1


@pytest.mark.parametrize("which", ["a worker's", "the head's, and the driver's"])
def test_a_cable_is_pulled_for_20_seconds(
    hosts: Hosts, material: Path, tmp_path: Path, which: str
) -> None:
    run = begin(hosts, material, tmp_path / "out")
    host = hosts.hosts[1 if which == "a worker's" else 0]
    host.pull_cable()
    time.sleep(OUTAGE)
    host.plug_in_again()
    wait_for_work(run, hosts.hosts[1])
    check(hosts, run, material)


def test_the_head_loses_power(hosts: Hosts, material: Path, tmp_path: Path) -> None:
    hosts.driver = 1
    run = begin(hosts, material, tmp_path / "out")
    hosts.hosts[0].lose_power()
    assert run.wait() == 3, run.said
    assert "the cluster was lost" in run.said
    assert "run the same command again" in run.said
    assert "Traceback" not in run.said
    assert read_status(str(run.out)).state == "interrupted"
    assert 0 < len(manifest.read_tracks(run.out)) < SONGS
    hosts.end()
    with made() as others:
        check(others, begin(others, material, run.out), material)
