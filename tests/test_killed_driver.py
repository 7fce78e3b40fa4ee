"""A command that was killed holds up the next one for as long as its lease lives, and no longer."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from morphsep import manifest
from morphsep.pipelines import REPROCESS
from morphsep.request import collect, make_settings
from morphsep.run import run, settle_jobs
from morphsep.storage import Location, locking
from tests import songs
from tests.faults.disasters import environment, plugins
from tests.faults.troublemakers import HOLD
from tests.object_store import ObjectStore

SETTINGS = {"to": "fuzz", "separator": "none", "uniform": False, "section": 5, "chunk": 5}


def test_the_next_run_begins_when_the_lease_of_a_killed_one_is_void(
    place: Location, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = songs.write(tmp_path / "song.wav", songs.guitar(20.0))
    hold = tmp_path / "hold"
    hold.touch()  # it is still at work when it is killed, however late that is
    command = [
        sys.executable, "-m", "morphsep", "morph", str(path), "-o", str(place), "--to", "fuzz",
        "--separator", "slow", "--no-uniform", "--section", "5", "--chunk", "5",
    ]  # fmt: skip
    env = environment(plugins(tmp_path / "plugins")) | store.environment | {HOLD: str(hold)}
    with subprocess.Popen(command, env=env) as process:
        while not (place / ".morphsep/scans").walk():
            assert process.poll() is None
            time.sleep(0.1)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    jobs = settle_jobs(collect([str(path)], str(place), make_settings(**SETTINGS)))
    store.recover()
    monkeypatch.setattr(locking, "DEAD", 4.0)  # which the one that waits counts, not the dead
    assert run(jobs, str(place), REPROCESS).exit_code == 0
    (row,) = manifest.read_tracks(place)
    assert row.status == "ok"
    leases = [line for line in store.requests() if "lease.json" in line]
    looks = next((n for n, line in enumerate(leases) if line.startswith("PUT")), 0)
    # once a second, and what is silent for so long is dead
    assert looks <= locking.DEAD + 2
    assert bool(leases) != place.is_local
