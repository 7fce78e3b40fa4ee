"""`jobs.train_knob`: what it reads, what it learns, what it prints."""

from __future__ import annotations

import io
import math
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import torch

from jobs import make_knob_material, train_knob
from morphsep.dataset.columns import schema
from morphsep.dataset.recipe import parse_recipe
from morphsep.dataset.sources import SourceFacts, split_of

AMOUNTS = (0.0, 0.25, 0.5, 0.75, 1.0)
SECONDS = 1.2


def clip(amount: float, seed: int, rate: int) -> bytes:
    """A note whose odd harmonics grow with the amount; the balance of low and high is its own."""
    dice = np.random.default_rng(seed)
    time = np.arange(round(SECONDS * rate)) / rate
    phase = 2 * np.pi * dice.uniform(110, 330) * time
    note = np.sin(phase) + 0.5 * np.sin(2 * phase)
    driven = sum(amount * np.sin(n * phase) / math.sqrt(n) for n in range(3, 15, 2))
    sound = (note + driven) * np.exp(-time) + dice.normal(0, 0.003, time.size)
    file = io.BytesIO()
    soundfile.write(file, 0.3 * sound / np.abs(sound).max(), rate, "PCM_16", format="FLAC")
    return file.getvalue()


def write_split(folder: Path, split: str, seeds: range, rate: int = 16000) -> None:
    rows = [
        {
            "id": f"{split}-{seed}-{amount}", "split": split, "kind": kind, "amount": amount,
            "artist": None if seed % 2 else f"{split} artist", "song": f"{split} {seed}",
            "wet": {"bytes": clip(amount, seed, rate), "path": None},
        }
        for seed in seeds
        for amount in AMOUNTS
        for kind in (("ladder", "crossfade") if amount == 0.5 else ("ladder",))
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows, schema=schema(rate, backing=False))
    (folder / "data").mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / "data" / f"{split}-00000-of-00001.parquet")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("knob") / "set"
    write_split(folder, "train", range(16))
    write_split(folder, "test", range(100, 104))
    return folder


def test_what_it_learns_is_better_than_both_guesses_and_is_printed(
    dataset: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = [str(dataset), "--steps", "80", "--cache", str(tmp_path)]
    monkeypatch.setattr(train_knob, "BATCH", 24)
    monkeypatch.setattr(sys, "argv", ["train_knob", *given])
    train_knob.main()
    printed = capsys.readouterr().out
    lines = [line.strip("| ").split(" | ") for line in printed.splitlines() if line[:1] == "|"]
    assert lines[0] == ["test on", "rows", "network", "spectral centroid", "constant"]
    assert [line[:2] for line in lines[2:]] == [
        ["test 101", "5"], ["test 103", "5"], ["test artist", "10"], ["all", "20"],
    ]  # fmt: skip
    network, centroid, constant = map(float, lines[-1][2:])
    assert constant == pytest.approx(np.mean(np.abs(np.array(AMOUNTS) - 0.5)), abs=1e-3)
    assert max(network, centroid) < 0.8 * constant
    assert "80 rows, 80 steps" in printed


def test_crossfades_are_not_learned_from(dataset: Path, tmp_path: Path) -> None:
    clips = train_knob.Clips(str(dataset), "test", str(tmp_path))
    assert [each.amount for each in train_knob.read(clips)] == [*AMOUNTS] * 4


def test_training_ends_when_its_minutes_are_over(dataset: Path, tmp_path: Path) -> None:
    clips = train_knob.read(train_knob.Clips(str(dataset), "test", str(tmp_path)))
    _, steps = train_knob.train(clips, steps=10**6, minutes=0.0, seed=0)
    assert steps == 0


def test_a_split_without_a_ladder_is_refused(tmp_path: Path) -> None:
    rows = [{"id": "a", "kind": "tone", "wet": {"bytes": b"", "path": None}}]
    table = pa.Table.from_pylist(rows, schema=schema(44100, backing=False))
    pq.write_table(table, tmp_path / "train-00000-of-00001.parquet")
    with pytest.raises(ValueError, match="no ladder in train"):
        train_knob.Clips(str(tmp_path), "train", str(tmp_path / "cache"))


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_every_frequency_is_in_some_band(rate: int) -> None:
    bands = train_knob.filters(rate)
    hertz = torch.linspace(0, rate / 2, bands.shape[1])
    assert (bands.sum(dim=1) > 0).all()
    within = (hertz > 200) & (hertz < 0.95 * rate / 2)
    assert (bands.sum(dim=0)[within] > 0.5).all()


def test_its_material_is_put_into_the_splits_that_it_names() -> None:
    recipe = parse_recipe(make_knob_material.recipe(), "recipe.yaml")
    assert (recipe.seconds, recipe.clips_per_song) == (2.5, 12)
    for split, artists in {
        "train": ("Sonic Pi", "Fluid R3"),
        "test": ("Muldjord", "Sectoid"),
    }.items():
        for artist in artists:
            (whose,) = SourceFacts(artist=artist).whose()
            assert split_of(whose, recipe.splits, recipe.seed) == split
