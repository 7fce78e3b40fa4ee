"""Sources of data sets: licences, and whose split is which."""

from __future__ import annotations

import json
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsep.dataset.sources import SourceFacts, conditions, groups, refusal, split_of
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
