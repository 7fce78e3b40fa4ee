"""Our parsers end in a value or in a documented error, whatever they are given; what was found by
long searches (`jobs.fuzz_parsers`) stays found."""

from __future__ import annotations

import random

import pytest

from jobs.fuzz_parsers.search import changed, fault, search_blindly
from jobs.fuzz_parsers.seeds import seeds
from jobs.fuzz_parsers.targets import TARGETS

FOUND: list[tuple[str, bytes]] = [
    ("amounts", b"0\xd9\xcf.5"),  # a CSV that is not UTF-8
    ("lists", b"path\n/\n"),  # a folder that has no name
    ("endings", b"\0\0\x01\xbaD"),  # cut within a packet's header
    ("chunks", b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0\xc0\x09"),  # cut within its length
]
"""Inputs that once ended otherwise."""


@pytest.fixture(autouse=True)
def _without_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_takes_what_it_is_for_and_what_a_few_changes_make_of_it(name: str) -> None:
    dice, inputs = random.Random(name), seeds(name)
    assert all(TARGETS[name](data) for data in inputs)
    for data in (b"", *(changed(dice.choice(inputs), dice) for _ in range(30))):
        TARGETS[name](data)


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_was_found_stays_found(name: str, data: bytes) -> None:
    TARGETS[name](data)


def test_a_fault_is_found() -> None:
    def parser(data: bytes) -> bool:
        if b"\xff\xff" in data:
            raise IndexError("out of range")
        return True

    found = search_blindly(parser, [b"some valid input"], seconds=60.0)
    assert b"\xff\xff" in found.data
    assert "IndexError: out of range" in found.fault
    assert fault(parser, b"some valid input") is None
