"""Adapters for a list of pairs, the commands of ``morphsep lora``, and the job."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from morphsep.backends.diffusion.lora import read_adapter
from morphsep.backends.diffusion.training import Recipe, phases
from morphsep.backends.diffusion.training.training import Running
from morphsep.cli.app import app
from morphsep.errors import SettingError
from morphsep.run import many_adapters as many
from morphsep.run.executors.step import Pool
from tests import songs
from tests.tiny_audioldm2 import write_tiny_audioldm2

pytestmark = pytest.mark.usefixtures("one_thread", "diffusion_extra")

ROOT = Path(__file__).resolve().parent.parent
QUICK = ["--inversion-steps", "1", "--steps", "1", "--unconditional-steps", "1", "--seconds", "1"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_audioldm2(tmp_path_factory.mktemp("tiny") / "audioldm2")


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two pairs; the clip of one is not there."""
    monkeypatch.setattr(phases, "CHECKS", 1)
    clean = songs.guitar(1.2)
    songs.write(tmp_path / "clips" / "clean.wav", clean)
    songs.write(tmp_path / "clips" / "driven.wav", 0.5 * np.tanh(8 * clean))
    rows = "source,target,out\nclips/clean.wav,clips/driven.wav,made/a\nclips/no.wav,x.wav,made/b\n"
    (tmp_path / "pairs.csv").write_text(rows)
    return tmp_path / "pairs.csv"


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["lora", *map(str, arguments)])


def test_every_pair_becomes_a_row_and_a_second_run_does_nothing_again(
    listed: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results.csv"
    command = ["train-many", listed, "-o", results, "--weights", tiny, "--offline",
               "--executor", "local", *QUICK]  # fmt: skip
    done = invoke(*command)
    assert done.exit_code == 2, done.output
    with results.open(newline="") as file:
        ok, failed = csv.DictReader(file)
    made = read_adapter(tmp_path / "made" / "a")
    assert (ok["status"], ok["out"], ok["reason"]) == ("ok", str(made.folder), "")
    assert ok["fingerprint"] == made.fingerprint()
    assert (failed["status"], failed["fingerprint"]) == ("failed", "")
    assert "no.wav" in failed["reason"]
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["a"]

    # the second time nothing is trained
    monkeypatch.setattr(phases.Trainer, "losses", None)
    again = invoke(*command, "--json")
    assert again.exit_code == 2, again.output
    assert [row["status"] for row in json.loads(again.output)] == ["ok", "failed"]


def test_a_list_may_be_parquet_and_so_may_the_results(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    rows = [{"source": "a.wav", "target": "b.wav", "out": f"made/{name}"} for name in "xy"]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "pairs.parquet")
    pairs = many.read_pairs(tmp_path / "pairs.parquet")
    assert [pair.out for pair in pairs] == [str(tmp_path / "made" / name) for name in "xy"]
    results = [
        many.Result(source=p.source, target=p.target, out=p.out, status="failed", reason="no")
        for p in reversed(pairs)
    ]
    many.write_results(tmp_path / "results.parquet", pairs, results)
    found = parquet.read_table(tmp_path / "results.parquet").to_pylist()
    assert [(row["out"], row["reason"]) for row in found] == [(p.out, "no") for p in pairs]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("source,target,out\na,b,\n", "line 2 has no out"),
        ("from,target,out\na,b,c\n", "no column source"),
        ("source,target,out\na,b,c\nd,e,c\n", "a second time"),
        ("source,target,out\n", "no rows"),
        (None, "cannot be read"),
    ],
)
def test_a_list_that_is_none_gets_one_sentence(
    tmp_path: Path, rows: str | None, expected: str
) -> None:
    path = tmp_path / "pairs.csv"
    if rows is not None:
        path.write_text(rows)
    with pytest.raises(SettingError, match=expected) as caught:
        many.read_pairs(path)
    assert "\n" not in str(caught.value)


class DeathError(BaseException):
    """A worker's end that it cannot catch."""


def test_a_pair_that_kills_its_workers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = many.Pair(source="a.wav", target="b.wav", out=str(tmp_path / "out"))
    work = many.TrainPair(weights="w", recipe=Recipe(), running=Running())

    def dies(*_: object, on_step: Any, after: int = 0) -> None:
        for step in range(after):
            on_step("inversion-source", step + 1, 9, 1.0)
        raise DeathError

    # deaths after a step are no reason to give up: what was done is kept, and the rest resumed
    monkeypatch.setattr(many, "train", lambda *_, on_step: dies(on_step=on_step, after=1))
    for _ in range(2 * many.MOST_TRIES):
        with pytest.raises(DeathError):
            work(pair)
    monkeypatch.setattr(many, "train", dies)
    for _ in range(many.MOST_TRIES):
        with pytest.raises(DeathError):
            work(pair)
    (given_up,) = work(pair)
    assert given_up.status == "failed"
    assert "workers died" in given_up.reason


def test_a_defect_of_ours_is_a_row_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, on_step: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(many, "train", broken)
    pairs = [many.Pair(source="a", target="b", out=str(tmp_path / n)) for n in ("x", "y")]
    work = many.TrainPair(weights="w", recipe=Recipe(), running=Running())
    results = list(many.train_many(pairs, work, "local", Pool()))
    assert [(each.status, each.reason) for each in results] == [("failed", "by zero")] * 2
    assert list(tmp_path.iterdir()) == []


def test_a_pair_that_an_executor_does_not_give_back_is_a_row_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pairs = [many.Pair(source="a", target="b", out=out) for out in ("one", "two", "three")]
    done = many.Result(source="a", target="b", out="two", status="ok")
    monkeypatch.setattr(many, "get_executor", lambda name: lambda *arguments: iter([done]))
    found = list(many.train_many(pairs, lambda pair: [], "local", Pool()))
    assert sorted((each.out, each.status) for each in found) == [
        ("one", "failed"), ("three", "failed"), ("two", "ok"),
    ]  # fmt: skip
    assert all(each.reason for each in found if each.status == "failed")


def test_one_pair_on_the_command_line(listed: Path, tiny: Path, tmp_path: Path) -> None:
    clips = listed.parent / "clips"
    out = tmp_path / "adapter"
    command = ["train", "--source", clips / "clean.wav", "--target", clips / "driven.wav",
               "--weights", tiny, "-o", out, "--offline",
               "--variant", "two-sided", *QUICK]  # fmt: skip
    done = invoke(*command)
    assert done.exit_code == 0, done.output
    assert "two-sided, of audioldm2" in done.output
    assert "target-unconditional" in done.output
    shown = json.loads(invoke("show", out, "--json").output)
    assert shown["fingerprint"] == read_adapter(out).fingerprint()
    assert shown["training"]["recipe"]["rank"] == 2
    refused = invoke(*command, "--variant", "three-sided")
    assert isinstance(refused.exception, SettingError)


def test_the_job_takes_what_the_command_takes() -> None:
    def help_of(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments, "--help"], capture_output=True, text=True, cwd=ROOT,
            env=os.environ | {"COLUMNS": "100"}, check=True,
        )  # fmt: skip
        return done.stdout.partition("\n\n")[2]

    assert help_of("jobs/train_lora.py") == help_of("-m", "morphsep", "lora", "train-many")


def test_the_commands_load_nothing_heavy_before_they_run() -> None:
    code = (
        "import sys, morphsep.cli, morphsep.backends.diffusion.lora, morphsep.run\n"
        "heavy = 'torch ray scipy pedalboard soundfile pyarrow diffusers peft matplotlib'\n"
        "print([name for name in heavy.split() if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.filterwarnings("default")  # Ray warns of its own deprecations
def test_pairs_on_a_ray_cluster(listed: Path, tiny: Path, tmp_path: Path, address: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "jobs" / "train_lora.py"), str(listed), "-o",
         str(tmp_path / "results.csv"), "--weights", str(tiny), "--offline", "--json",
         "--address", address, *QUICK],
        capture_output=True, text=True, cwd=tmp_path, check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    rows = json.loads(done.stdout)
    assert sorted(row["status"] for row in rows) == ["failed", "ok"]
    assert read_adapter(tmp_path / "made" / "a").variant == "one-sided"
