"""Sources of data sets: licences, and whose split is which."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsep.dataset.preparing import placed
from morphsep.dataset.recipe import DataRecipe, Tones
from morphsep.dataset.sources import (
    SourceFacts,
    conditions,
    groups,
    refusal,
    split_of,
    strictness,
)
from morphsep.dataset.surveying import Surveyed
from morphsep.dataset.windows import chosen, windows
from morphsep.dsp import MODEL_RATE, Span
from morphsep.request import Job, Settings

SPLITS = {"train": 0.8, "validation": 0.1, "test": 0.1}


def job(**columns: object) -> Job:
    return Job(track="a.wav", path="/a.wav", settings=Settings(), list_columns=json.dumps(columns))


def test_a_list_says_who_plays_and_who_allows_what() -> None:
    said = {
        "Artist": " Sectoid ",
        "song": "Feelings",
        "License": "MIT",
        "mood": "sad",
        "player": "",
    }
    facts = SourceFacts.of(job(**said))
    assert SourceFacts.of(job(licence="unknown")).licence is None
    assert SourceFacts.of(job(license="CC-BY-ND", licence="")).licence == "CC-BY-ND"
    assert (facts.artist, facts.song, facts.licence) == ("Sectoid", "Feelings", "MIT")
    assert facts.player is None


def test_the_split_travels_with_the_job_and_the_rest_stays() -> None:
    with_split = SourceFacts(artist="A", split="test").beside(
        job(artist="A", mood="sad", split="x")
    )
    assert SourceFacts.of(with_split) == SourceFacts(artist="A", split="test")
    assert json.loads(with_split.list_columns or "")["mood"] == "sad"


@given(st.text(min_size=1), st.integers(0, 5))
def test_an_artist_has_one_split_however_it_is_spelt(artist: str, seed: int) -> None:
    decomposed = unicodedata.normalize("NFD", artist)
    spelt = (SourceFacts(artist=artist), SourceFacts(artist=f" {decomposed}  "))
    found = {split_of(each.whose()[0], SPLITS, seed) for each in spelt}
    assert len(found) == 1


def test_artists_and_songs_tie_recordings_together() -> None:
    facts = {
        "1": SourceFacts(artist="A", song="X"), "2": SourceFacts(artist="B", song="x "),
        "3": SourceFacts(artist="B", song="Y"), "4": SourceFacts(song="y"),
        "5": SourceFacts(artist="C", song="Z"),
    }  # fmt: skip
    found = groups({name: each.whose() for name, each in facts.items()})
    assert len({found[name] for name in "1234"}) == 1
    assert found["5"] != found["1"]
    # a group's name does not depend on the order
    again = groups({name: facts[name].whose() for name in reversed(facts)})
    assert again == found


def test_splits_have_their_shares() -> None:
    found = [split_of(f"artist: {n}", SPLITS, 0) for n in range(2000)]
    assert 0.77 < found.count("train") / 2000 < 0.83
    assert {split_of(f"artist: {n}", {"train": 0.0, "test": 1.0}, 0) for n in range(99)} == {"test"}


@pytest.mark.parametrize(
    ("licence", "commercial_only", "allowed"),
    [
        ("CC-BY-4.0", False, True),
        ("CC-BY-4.0", True, True),
        ("CC-BY-NC-SA-3.0", False, True),
        ("CC-BY-NC-SA-3.0", True, False),
        ("Attribution-NonCommercial", True, False),
        ("CC BY-ND 4.0", False, False),
        ("CC-BY-NC-ND-4.0", False, False),
        ("Attribution-NoDerivatives 4.0", False, False),
        ("MIT (a band of sand and sun)", True, True),
        ("All rights reserved", True, False),
        ("research only", True, False),
        ("Public Domain", True, True),
        (None, False, True),
        (None, True, False),
    ],
)
def test_licences_decide(licence: str | None, commercial_only: bool, allowed: bool) -> None:
    why = refusal(licence, commercial_only=commercial_only)
    assert (why is None) == allowed
    if why is not None:
        assert why[0] == "licence_forbids"


def test_what_licences_ask_for_is_passed_on() -> None:
    found = " ".join(conditions(["CC-BY-NC-SA-3.0", None]))
    assert "commercial" in found
    assert "same licence" in found
    assert "no licence is known" in found
    assert conditions(["CC0-1.0"]) == []


def test_clips_are_cut_where_the_guitar_plays() -> None:
    rms = [0.1, 0.1, 0.0, 0.0, 0.1, 0.001, 0.05]
    length = 2 * MODEL_RATE
    found = windows(rms, 7 * MODEL_RATE, length)
    assert found == [Span(0, length), Span(2 * length, 3 * length)]
    assert windows([0.0] * 9, 9 * MODEL_RATE, length) == []
    assert windows([0.1], MODEL_RATE, length) == []


@given(st.integers(0, 50), st.integers(1, 60))
def test_a_song_with_many_clips_gives_some_spread_over_it(number: int, most: int) -> None:
    found = [span.start for span in chosen([Span(n, n + 1) for n in range(number)], most)]
    assert len(found) == len(set(found)) == min(number, most)
    assert found == sorted(found)
    if number > most > 1:
        assert max(b - a for a, b in pairwise(found)) <= -(-number // most)


HALVES = {"train": 0.5, "test": 0.5}


def of_content(content: str, *jobs: tuple[str, dict[str, object]]) -> list[tuple[Job, Surveyed]]:
    """Recordings that hold the same."""
    return [
        (
            replace(job(**said), track=name, path=f"/{name}"),
            Surveyed(track=name, content_hash=content),
        )
        for name, said in jobs
    ]


def kept(found: list[tuple[Job, Surveyed]], **others: Any) -> dict[str, Job]:
    recipe = DataRecipe(
        render=(Tones(tones=("clean",)),), splits=HALVES, seed=others.pop("seed", 0)
    )
    jobs, _ = placed([each for each, _ in found], [seen for _, seen in found], recipe, **others)
    return {each.track: each for each in jobs}


@given(st.permutations(range(4)), st.integers(0, 20))
def test_whoever_has_a_copy_has_its_split(order: list[int], seed: int) -> None:
    """Its copies tie an artist, a song and a recording of nobody together."""
    found = [
        *of_content("1", ("a.wav", {"artist": "A"}), ("z.wav", {"artist": "Z", "song": "S"})),
        *of_content("2", ("b.wav", {"artist": " z"})),
        *of_content("3", ("c.wav", {"song": "s"})),
    ]
    jobs = kept([found[n] for n in order], seed=seed)
    assert len({SourceFacts.of(each).split for each in jobs.values() if not each.refusal}) == 1
    assert sorted(each.refusal[0] for each in jobs.values() if each.refusal) == ["duplicate"]


def test_licences_are_strict_in_an_order() -> None:
    order = [
        "CC-BY-4.0", "CC-BY-SA-4.0", None, "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0",
        "All rights reserved", "CC-BY-NC-ND-4.0",
    ]  # fmt: skip
    assert [strictness(licence) for licence in order] == list(range(7))
    assert strictness("public domain") == strictness("MIT") == 0


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("a", "b", "commercial_only", "said"),
    [
        ("CC-BY-4.0", "CC-BY-NC-4.0", False, "CC-BY-NC-4.0"),
        ("CC-BY-4.0", "CC-BY-SA-4.0", False, "CC-BY-SA-4.0"),
        ("CC-BY-4.0", "unknown", False, None),
        ("unknown", "CC-BY-NC-4.0", False, "CC-BY-NC-4.0"),
        ("CC-BY-4.0", "CC-BY-NC-4.0", True, "refused"),
        ("CC-BY-4.0", "", True, "refused"),
        ("CC-BY-4.0", "CC-BY-ND-4.0", False, "refused"),
    ],
)
def test_of_a_recordings_copies_the_strictest_licence_counts(
    a: str, b: str, commercial_only: bool, said: str | None, reverse: bool
) -> None:
    found = of_content(
        "1",
        ("a.wav", {"License": a, "attribution": "a", "mood": "sad"}),
        ("b.wav", {"licence": b, "attribution": "b", "mood": "sad"}),
    )
    jobs = kept(found[::-1] if reverse else found, commercial_only=commercial_only).values()
    if said == "refused":
        whys = [each.refusal for each in jobs if each.refusal is not None]
        assert [code for code, _ in whys] == ["licence_forbids"] * 2
        assert sum("of its copy b.wav" in text for _, text in whys) == 1
        return
    (one,) = (each for each in jobs if each.refusal is None)
    facts = SourceFacts.of(one)
    assert (facts.licence, facts.attribution) == (said, "b")
    assert json.loads(one.list_columns or "")["mood"] == "sad"
