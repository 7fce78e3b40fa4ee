"""What a plan says of a restoration: what is repaired, and at what cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from morphsep import manifest, restoration
from morphsep.manifest import StepRow, TrackRow
from morphsep.request import collect, make_settings, parse_steps
from morphsep.request.restoration import Restoration
from morphsep.run import workers
from morphsep.run.costs import cost_of, header, speeds
from morphsep.run.executors import Pool
from morphsep.run.jobs import settle_jobs
from tests import masters, songs
from tests.commands import invoke


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A declick that needs no network."""
    monkeypatch.setattr(restoration, "Declick", masters.Mute)


def planned(inputs: Path, *words: object) -> dict[str, Any]:
    done = invoke("plan", inputs, "-o", inputs.parent / "acc", "--json", "--for", *words)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def transfers(tmp_path: Path) -> Path:
    masters.write(tmp_path / "in/mono.wav", seconds=2.0)
    masters.write(tmp_path / "in/stereo.wav", channels=2, seconds=2.0)
    return tmp_path / "in"


def test_a_plan_of_a_restoration_has_its_repairs_and_no_stem(transfers: Path) -> None:
    found = planned(transfers, "restore")
    assert found["repairs"] == {"declick": 2, "dehum": 2}
    assert (found["separators"], found["backends"], found["chunks"]) == ({}, {}, 0)
    lines = invoke("plan", transfers, "-o", transfers.parent / "acc", "--for", "restore").stdout
    assert "repairs   declick (2), dehum (2)" in lines
    assert "differences included" in lines
    assert "separator" not in lines
    assert planned(transfers, "restore", "--steps", "none")["repairs"] == {}
    assert not (transfers.parent / "acc").exists()


def test_a_step_more_takes_longer_and_more_room(transfers: Path) -> None:
    each = [
        planned(transfers, "restore", *words)
        for words in (
            ("--steps", "none"), ("--steps", "dehum"), (), ("--steps", "declick,dehum,dehiss"),
            ("--steps", "declick,dehum,dehiss", "--to", "fuzz", "--separator", "none"),
        )
    ]  # fmt: skip
    for name in ("hours_of_work", "disk_gb"):
        values = [found[name] for found in each]
        assert values == sorted(set(values)), name
    assert each[-1]["separators"] == {"none": 2}
    slow = planned(transfers, "restore", "--speed", "0.5")
    assert slow["disk_gb"] > each[2]["disk_gb"]


def test_a_master_that_will_be_refused_is_a_problem(tmp_path: Path) -> None:
    songs.write(tmp_path / "in/a.ogg", songs.guitar(1.0), subtype="VORBIS")
    assert "lossy" in planned(tmp_path / "in", "restore")["problems"][0]
    assert planned(tmp_path / "in", "restore", "--anyway")["problems"] == []
    assert planned(tmp_path / "in", "separate")["problems"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("restore", "--tail", "1"), "`morphsep restore` does not take --tail"),
        (("restore", "--from", "clean"), "does not take --from"),
        (("restore", "--match"), "does not take --match"),
        (("separate", "--to", "fuzz"), "`morphsep separate` does not take --to"),
        (("morph", "--steps", "declick"), "repairs are planned --for restore"),
        (("generate",), "--for takes morph, separate or restore"),
    ],
)
def test_what_a_command_does_not_take_is_refused(
    transfers: Path, words: tuple[str, ...], said: str
) -> None:
    done = invoke("plan", transfers, "--for", *words)
    assert done.returncode == 1
    assert said in done.stderr


def test_what_repairs_cost_decides_the_number_of_workers(
    transfers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "num_cores", lambda: 2)
    monkeypatch.setattr(workers, "free_memory", lambda: 100.0)
    for n in range(3):
        masters.write(transfers / f"{n}.wav", seconds=5.0)
    for steps, number in (("dehum", 1), ("declick", 2)):
        asked = make_settings(restoration=Restoration(steps=parse_steps(steps)))
        jobs = settle_jobs(collect([str(transfers)], transfers.parent / "acc", asked, "restore"))
        assert workers.workers_for(jobs, "restore", Pool()) == number, steps


def test_earlier_steps_say_how_fast_this_machine_is() -> None:
    row = TrackRow(
        track="a.wav", status="ok", steps="declick,dehum", duration=60.0, sample_rate=88_200,
        num_channels=1, seconds_scan=1.0, seconds_assemble=5.0,
    )  # fmt: skip
    steps = [StepRow(step="declick", seconds=15.0), StepRow(step="dehum", seconds=6.0)]
    found, measured = speeds([row], {"a.wav": steps})
    assert measured
    assert (found["declick"], found["dehum"]) == (2.0, 10.0)
    assert found["scan, check and report"] == 10.0
    assert found["scan and assemble"] == speeds([])[0]["scan and assemble"]


def test_a_plan_reads_the_steps_that_were_done(transfers: Path) -> None:
    access = transfers.parent / "acc"
    assert invoke("restore", transfers, "-o", access, "--workers", "1").returncode == 0
    rows = manifest.read_tracks(access)
    (job, *_) = settle_jobs(
        collect([str(transfers)], access, make_settings(restoration=Restoration()), "restore")
    )
    said = header(job)
    assert isinstance(said, tuple)
    speed = speeds(rows, manifest.steps_by_track(access, rows))[0]
    assert speed["dehum"] != speeds(rows)[0]["dehum"]
    assert list(cost_of(job, *said, "restore", speed).seconds) == ["scan, check and report"]
    found = planned(transfers, "restore")
    assert (found["measured_here"], found["done_before"]) == (True, 2)
