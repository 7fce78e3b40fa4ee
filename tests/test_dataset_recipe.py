"""Recipes of data sets: what they may say, and how they are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from morphsep.dataset.recipe import (
    Chains,
    Ladder,
    example,
    example_names,
    parse_recipe,
    read_recipe,
)
from morphsep.errors import SettingError

TONES = "render: [{tones: [clean]}]"


@pytest.mark.parametrize("name", example_names())
def test_the_examples_that_ship_are_recipes(name: str) -> None:
    assert parse_recipe(example(name), name).render


def test_an_example_that_is_none_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(SettingError, match="drive-ladder, five-transitions, random-chains"):
        example("ladder")


def test_a_recipe_says_what_is_made() -> None:
    text = """
clip_seconds: 7.5
sample_rate: 16000
clips_per_song: null
loudness_lufs: null
splits: {train: 0.5, test: 0.5}
render:
  - ladder: {from: clean, to: fuzz, steps: 3, crossfades: yes}
  - chains:
      per_clip: 2
      order: shuffled
      pedals: [{Drive: {drive_db: [3, 9], chance: 0.5}}, {Gain: }]
"""
    recipe = parse_recipe(text, "r.yaml")
    assert (recipe.seconds, recipe.rate, recipe.clips_per_song, recipe.loudness) == (
        7.5,
        16000,
        None,
        None,
    )
    assert recipe.splits == {"train": 0.5, "test": 0.5}
    ladder, chains = recipe.render
    assert ladder == Ladder(source="clean", target="fuzz", steps=3, crossfades=True)
    assert ladder.amounts == (0.0, 0.5, 1.0)
    assert isinstance(chains, Chains)
    assert (chains.per_clip, chains.shuffled) == (2, True)
    assert chains.pedals[0].ranges == (("drive_db", 3.0, 9.0),)
    assert (chains.pedals[0].chance, chains.pedals[1].chance) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", None, "is empty"),
        ("a: [", None, "is not YAML"),
        ("seed: 1", None, "renders nothing"),
        ("rendr: []", 1, "did you mean 'render'?"),
        ("seed: 1\nseed: 2\n" + TONES, 2, "twice"),
        ("render: []", 1, "at least one item"),
        ("render: clean", 1, "a list"),
        ("render:\n  - tone: [clean]", 2, "possible: ladder, tones, chains"),
        ("render:\n  - tones: [clean, fuz]", 2, "did you mean 'fuzz'?"),
        ("render:\n  - ladder: {from: clean}", 2, "a ladder needs 'to'"),
        ("render:\n  - ladder: {from: clean, to: fuzz, steps: 1}", 2, "possible: 2 to"),
        ("render:\n  - ladder: {from: clean, to: fuzz, backend: chian}", 2, "possible: chain"),
        ("render:\n  - chains: {per_clip: 2}", 2, "pedals"),
        ("render:\n  - chains: {pedals: [{Driv: {}}]}", 2, "there is no pedal 'Driv'"),
        ("render:\n  - chains:\n      pedals: [{Drive: {drive: 3}}]", 3, "mean 'drive_db'?"),
        ("render:\n  - chains: {pedals: [{Drive: {drive_db: [9, 400]}}]}", 2, "-24 to 60"),
        ("render:\n  - chains: {pedals: [{Drive: {drive_db: [9, 3]}}]}", 2, "lowest and the high"),
        ("render:\n  - chains: {pedals: [{Drive: {chance: 2}}]}", 2, "possible: 0 to 1"),
        ("render:\n  - chains: {order: random, pedals: [{Drive: }]}", 2, "as-listed, shuffled"),
        ("render: [{tones: [clean, clean]}]", 1, "twice"),
        (f"{TONES}\nclip_seconds: 0.5", 2, "possible: 1 to 30"),
        (f"{TONES}\nclip_seconds: .nan", 2, "out of range"),
        (f"{TONES}\nclip_seconds: five", 2, "a number is expected, not 'five'"),
        (f"{TONES}\nsample_rate: 22050", 2, "16000, 44100, 48000"),
        (f"{TONES}\nchannels: 1.5", 2, "whole number"),
        (f"{TONES}\nbits: yes", 2, "a number is expected"),
        (f"{TONES}\nbacking: 1", 2, "yes or no"),
        (f"{TONES}\nloudness_lufs: 0", 2, "-60 to -10"),
        (f"{TONES}\nsplits: {{train: 0.5}}", 2, "add up to 0.5"),
        (f"{TONES}\nsplits: {{Train: 1}}", 2, "names no split"),
        (f"{TONES}\nsplits: [0.5]", 2, "shares by name"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_line_and_what_can(
    text: str, line: int | None, says: str
) -> None:
    with pytest.raises(SettingError) as refused:
        parse_recipe(text, "r.yaml")
    sentence = str(refused.value)
    assert says in sentence
    assert sentence.startswith("r.yaml" if line is None else f"r.yaml, line {line}: ")


def test_whatever_makes_other_rows_makes_another_key() -> None:
    changes = ("", "seed: 1", "bits: 16", "channels: 2", "clip_seconds: 6", "splits: {all: 1.0}")
    keys = [parse_recipe(f"{TONES}\n{change}", "r").key for change in changes]
    keys.append(parse_recipe("render: [{tones: [fuzz]}]", "r").key)
    assert len(set(keys)) == len(keys)
    assert parse_recipe(f"# said otherwise\nseed: 0\n{TONES}", "other").key == keys[0]


def test_a_recipe_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"nothere\.yaml cannot be read"):
        read_recipe(str(tmp_path / "nothere.yaml"))
