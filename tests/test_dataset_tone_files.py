"""Tones of a recipe that are files: they travel with the data set, named by their content."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from morphsep import manifest
from morphsep.backends.crossfade import Crossfade
from morphsep.cli.app import app
from morphsep.dataset import Generated, Running, Wanted, generate, generating, verify
from morphsep.dataset.recipe import read_recipe
from morphsep.errors import SettingError
from morphsep.pipelines import generate as pipeline
from morphsep.request import Settings, collect
from morphsep.run import Pipeline, settle_jobs
from morphsep.stages import RunContext
from morphsep.storage import location
from tests.data_sets import rows_of
from tests.songs import guitar, write

RECIPE = """
clip_seconds: 1
clips_per_song: 1
render:
  - tones: [mine/own.yaml]
  - ladder: {from: clean, to: mine/own.yaml, steps: 2}
"""
CHAIN = """
pedals:
  - Drive: {drive_db: 20}
  - Convolution: {impulse_response_filename: room.wav, mix: 0.5}
"""


def make(folder: Path, out: Path, *, new: bool = False) -> Generated:
    """A data set of in/, by recipe.yaml, in a folder."""
    jobs = collect([str(folder / "in")], out, Settings(separator="none"), "generate")
    recipe, text = read_recipe(str(folder / "recipe.yaml"))
    wanted = Wanted(recipe=recipe, text=text, new=new)
    return generate(settle_jobs(jobs), location(out), wanted, Running())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recording, a recipe, and beside it a chain and the impulse response that it names."""
    write(tmp_path / "in" / "a.wav", guitar(1.5, channels=1))
    impulse = np.exp(-np.arange(2000) / 200)[None].astype(np.float32)
    write(tmp_path / "mine" / "room.wav", impulse, subtype="FLOAT")
    (tmp_path / "mine" / "own.yaml").write_text(CHAIN)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def test_rows_call_a_tone_what_the_recipe_calls_it(folder: Path) -> None:
    assert make(folder, folder / "out").rows == 3
    rows = rows_of(folder / "out").to_pylist()
    assert {row["to_tone"] for row in rows} == {"mine/own.yaml"}
    assert str(folder) not in json.dumps(rows, default=repr)
    (room,) = [pedal for pedal in rows[0]["to_chain"] if pedal["pedal"] == "Convolution"]
    texts = {each["name"]: each["text"] for each in room["parameters"]}
    assert texts["impulse_response_filename"] == "0-room.wav"


def test_a_data_set_that_was_moved_is_verified_and_rendered_without_the_tones_files(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert make(folder, folder / "out").rows == 3
    shutil.move(folder / "out", folder / "elsewhere" / "set")
    shutil.rmtree(folder / "mine")
    moved = folder / "elsewhere" / "set"
    assert verify(location(moved), Running()) == (1, [])
    again = [
        "generate", str(folder / "in"), "-o", str(folder / "again"), "--render", str(moved),
        "--separator", "none",
    ]  # fmt: skip
    assert app(again, standalone_mode=False) == 0
    assert rows_of(folder / "again").equals(rows_of(moved))
    assert verify(location(folder / "again"), Running()) == (1, [])
    capfd.readouterr()


def test_workers_take_the_tones_from_the_data_set(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may not see the folder in which the recipe lies."""
    run = generating.run

    def elsewhere(*given: Any, **others: Any) -> Any:
        shutil.rmtree(folder / "mine")
        return run(*given, **others)

    monkeypatch.setattr(generating, "run", elsewhere)
    assert make(folder, folder / "out").rows == 3


def spoil_tone(out: Path) -> None:
    (chain,) = (out / "tones").glob("*/own.yaml")
    chain.write_text(chain.read_text().replace("20", "21"))


def spoil_recipe(out: Path) -> None:
    (out / "recipe.yaml").write_text(RECIPE.replace("steps: 2", "steps: 3"))


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (spoil_tone, "own.yaml in .* is missing or was changed"),
        (lambda out: shutil.rmtree(out / "tones"), "own.yaml in .* is missing or was changed"),
        (spoil_recipe, "is not the recipe that the data set was made from"),
        (lambda out: (out / "recipe.yaml").write_text("render: ["), "is not YAML"),
        (lambda out: (out / "recipe.yaml").unlink(), "recipe.yaml cannot be read"),
        (lambda out: shutil.rmtree(out / "manifest"), "says nothing of 1 recordings, such as a"),
    ],
)
def test_verify_says_what_a_data_set_lacks(
    folder: Path, spoil: Callable[[Path], None], finding: str, capfd: pytest.CaptureFixture[str]
) -> None:
    out = folder / "out"
    make(folder, out)
    spoil(out)
    count, (found,) = verify(location(out), Running())
    assert count == 0
    with pytest.raises(AssertionError, match=finding):
        raise AssertionError(found)
    assert app(["verify", str(out)], standalone_mode=False) == 2
    capfd.readouterr()


def test_a_recipe_is_the_same_wherever_its_tones_lie(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "mine", folder / "b" / "mine")
    shutil.copy(folder / "recipe.yaml", folder / "b")
    key = read_recipe(str(folder / "recipe.yaml"))[0].key
    assert read_recipe(str(folder / "b" / "recipe.yaml"))[0].key == key
    own = yaml.safe_load(CHAIN)
    own["pedals"][0]["Drive"]["drive_db"] = 3
    (folder / "b" / "mine" / "own.yaml").write_text(yaml.safe_dump(own))
    assert read_recipe(str(folder / "b" / "recipe.yaml"))[0].key != key


def test_tones_of_somebody_else_are_left_alone(folder: Path) -> None:
    write(folder / "out" / "tones" / "x.wav", guitar(0.1))
    with pytest.raises(SettingError, match="folder tones that is not ours"):
        make(folder, folder / "out")


def test_nothing_is_left_of_a_data_set_that_was_given_up(folder: Path) -> None:
    """Its rows in the manifest, its rendered clips (it was stopped) and its tones."""
    out = folder / "out"
    (folder / "in" / "broken.wav").write_bytes(b"none")
    assert make(folder, out).exit_code == 2
    assert list((out / ".morphsep" / "clips").rglob("*.parquet"))
    shutil.rmtree(folder / "in")
    write(folder / "in" / "b.wav", guitar(1.5, channels=1, seed=1))
    (folder / "mine" / "own.yaml").write_text(CHAIN.replace("20", "3"))
    assert make(folder, out, new=True).exit_code == 0
    assert [row.track for row in manifest.read_tracks(out)] == ["b.wav"]
    assert set(rows_of(out)["source"].to_pylist()) == {"b.wav"}
    (chain,) = out.glob("tones/*/own.yaml")
    assert "3" in chain.read_text()
    assert not list((out / ".morphsep").glob("clips/*"))
    assert verify(location(out), Running()) == (1, [])


def test_rows_of_other_recordings_in_the_manifest_do_not_make_a_data_set_unsound(
    folder: Path,
) -> None:
    """Versions before this one left them there."""
    out = folder / "out"
    make(folder, out)
    (row,) = manifest.read_tracks(out)
    manifest.commit(out, replace(row, track="given up.wav"))
    assert verify(location(out), Running()) == (1, [])


@pytest.mark.parametrize("device", [None, "auto"])
def test_a_ladder_of_a_backend_with_weights_gets_a_gpu_on_ray(
    folder: Path, monkeypatch: pytest.MonkeyPatch, device: str | None
) -> None:
    text = "render: [{ladder: {from: clean, to: fuzz, backend: crossfade, steps: 2}}]"
    (folder / "recipe.yaml").write_text(text)
    seen = list[Pipeline]()
    monkeypatch.setattr(Crossfade, "device", device, raising=False)

    def look(jobs: Any, out: Any, pipeline: Pipeline, **others: Any) -> Any:
        seen.append(pipeline)
        raise KeyboardInterrupt

    monkeypatch.setattr(generating, "run", look)
    with pytest.raises(KeyboardInterrupt):
        make(folder, folder / "out")
    context = RunContext(out=str(folder / "out"), command="generate", id="x")
    wants = {step.name for step in seen[0].steps(context) if step.wants_gpu}
    assert wants == (set() if device is None else {"render"})
    assert pipeline(seen[0].stages[-1]).on_gpu == frozenset()
