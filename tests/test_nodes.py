"""Nodes with disks of their own: what one has copied or decoded is not there on another."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile

from morphsep.pipelines import REPROCESS
from morphsep.request.inputs import collect
from morphsep.request.settings import make_settings
from morphsep.run.driver import run
from morphsep.run.executors.step import Pool, Steps
from morphsep.run.jobs import settle_jobs, stages_with_weights
from morphsep.run.verification import verify
from morphsep.stages.run_context import RunContext
from morphsep.storage.locations import location
from tests import songs
from tests.object_store import ObjectStore


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call of a stage is made on another of two nodes, a moment later."""
    disks = itertools.cycle([tmp_path / "node-a", tmp_path / "node-b"])

    def execute(steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
        if not steps:
            yield from records
            return
        for record in records:
            disk = next(disks)
            disk.mkdir(exist_ok=True)
            monkeypatch.setattr(tempfile, "tempdir", str(disk))
            time.sleep(0.01)
            following = steps[0].call(record)
            yield from execute(steps[1:], following, pool)

    monkeypatch.setattr("morphsep.run.driver.get_executor", lambda name: execute)


@pytest.mark.parametrize(
    ("name", "own_stem"), [("a.wav", False), ("a.mp3", False), ("a.wav", True)]
)
def test_stages_of_one_track_may_run_anywhere(
    tmp_path: Path, store: ObjectStore, nodes: None, name: str, own_stem: bool
) -> None:
    bucket = location(store.url("nodes" + name[1:] + str(own_stem)))
    for file, samples in ((name, songs.guitar(7.0)), ("a.guitar.wav", songs.guitar(7.0))):
        soundfile.write(tmp_path / file, samples.T, 44_100)
        (bucket / "in" / file).write_bytes((tmp_path / file).read_bytes())
    settings = make_settings(
        to="fuzz", section=5, chunk=5, separator="auto" if own_stem else "harmonic",
        stem="{stem}.guitar.wav" if own_stem else None, uniform=False,
    )  # fmt: skip
    jobs = settle_jobs(collect([str(bucket / "in" / name)], str(bucket / "out"), settings))
    outcomes = run(jobs, str(bucket / "out"), REPROCESS, executor="ray").outcomes
    assert [(o.row.status, o.row.error_code) for o in outcomes] == [("ok", None)]
    assert verify(bucket / "out") == (1, [])


@pytest.mark.parametrize(
    ("weights", "device", "wanted"),
    [("abc", False, {"separate"}), ("", True, {"morph"}), ("abc", True, {"separate", "morph"})],
)
def test_stages_with_weights_want_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: str, device: bool, wanted: set[str]
) -> None:
    recipe = SimpleNamespace(
        separator=SimpleNamespace(weights_hash=weights),
        backend=SimpleNamespace(device="auto") if device else SimpleNamespace(),
    )
    monkeypatch.setattr("morphsep.run.jobs.build", lambda settings: recipe)
    songs.song(tmp_path / "in", 1.0)
    jobs = collect([str(tmp_path / "in")], tmp_path / "out", make_settings(to="fuzz"))
    work = RunContext(
        out=str(tmp_path / "out"), command="morph", id="1", with_weights=stages_with_weights(jobs)
    )  # fmt: skip
    assert {step.name for step in REPROCESS.steps(work) if step.wants_gpu} == wanted
