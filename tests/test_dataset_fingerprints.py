"""Fingerprints: the same sound is found whatever became of it; other sound is not."""

from __future__ import annotations

import io
import tracemalloc
from collections import Counter
from collections.abc import Mapping
from tempfile import TemporaryFile
from typing import IO

import numpy as np
import pytest
import soundfile
import soxr

from morphsep.dataset import copies
from morphsep.dataset.fingerprints import Words, fingerprint
from morphsep.dataset.prints import Prints
from morphsep.dsp import ArrayReader, Signal
from tests.songs import backing, guitar

RATE = 44_100


def words(sound: Signal) -> Words:
    return fingerprint(ArrayReader(sound, RATE).read, sound.shape[1])


def coded(sound: Signal) -> Signal:
    file = io.BytesIO()
    soundfile.write(file, sound.T, RATE, format="OGG")
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32", always_2d=True)
    return np.ascontiguousarray(decoded.T)


def through_telephone(sound: Signal) -> Signal:
    there = soxr.resample(sound.T, RATE, 11025)
    return np.ascontiguousarray(soxr.resample(there, 11025, RATE).T)


SONG = guitar(12) + backing(12)
COPIES = {
    "coded": coded(SONG),
    "softer": SONG * np.float32(0.1),
    "later": np.pad(SONG, ((0, 0), (12_345, 0))),
    "a part of it": SONG[:, 2 * RATE + 77 : 9 * RATE],
    "mono": SONG.mean(axis=0, keepdims=True),
    "resampled": through_telephone(SONG),
}


def alike(prints: Mapping[str, Words]) -> list[tuple[str, str]]:
    return copies.alike(prints, list(prints))


@pytest.mark.parametrize("copy", COPIES)
def test_the_same_sound_is_found(copy: str) -> None:
    assert alike({"song": words(SONG), copy: words(COPIES[copy])}) == [
        tuple(sorted(("song", copy)))
    ]


def test_as_many_copies_as_there_are_are_tied_together() -> None:
    """Each to the first one: one take through sixty amplifiers is a usual set."""
    take = words(SONG[:, : 5 * RATE])
    names = [f"{n:02d}" for n in range(60)]
    assert alike(dict.fromkeys(names, take)) == [("00", name) for name in names[1:]]


def test_short_recordings_are_compared_as_far_as_they_go() -> None:
    note = guitar(2.0, seed=5)
    others = {"a": words(note), "b": words(coded(note)), "c": words(guitar(2.0, seed=77)[:, ::-1])}
    assert alike(others) == [("a", "b")]


def test_other_sound_is_not_found() -> None:
    rng = np.random.default_rng(0)
    others = {
        "song": SONG,
        "other notes": guitar(12, seed=50)[:, ::-1] + backing(12, seed=3),
        "noise": rng.normal(size=(1, 12 * RATE)).astype(np.float32) * np.float32(0.1),
        "silence": np.zeros((2, 12 * RATE), np.float32),
        "more silence": np.zeros((1, 9 * RATE), np.float32),
        "a click": np.pad(np.ones((1, 1), np.float32), ((0, 0), (0, 100))),
    }
    assert alike({name: words(sound) for name, sound in others.items()}) == []


def test_words_do_not_depend_on_the_blocks_that_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = words(SONG)
    monkeypatch.setattr("morphsep.dataset.fingerprints.BLOCK", 3 * RATE)
    in_blocks = words(SONG)
    assert whole.shape == in_blocks.shape
    # a bit may differ where a difference of energies is nought
    assert np.bitwise_count(whole ^ in_blocks).sum() <= 1e-3 * 32 * whole.size


def many(number: int, file: IO[bytes], length: int = 500) -> Prints:
    """Recordings that share nothing but chance; every tenth is a part of the one before it."""
    rng, prints = np.random.default_rng(0), Prints(file)
    for n in range(number):
        # few different words, as music has: many are shared
        made = rng.integers(1, 2**14, length, np.uint32) * copies.ODD
        before = made if n % 10 else (prints[f"{n - 1:04d}"][100:400] if n else made)
        prints.add(f"{n:04d}", before)
    return prints


def test_copies_are_found_in_however_many_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    with TemporaryFile() as file:
        prints = many(60, file)
        expected = [(f"{n - 1:04d}", f"{n:04d}") for n in range(10, 60, 10)]
        assert alike(prints) == expected
        monkeypatch.setattr(copies, "AT_ONCE", 1000)
        monkeypatch.setattr(copies, "HITS_AT_ONCE", 100)
        assert alike(prints) == expected
        some = [name for name in prints if name != "0020"]
        assert copies.alike(prints, some) == [pair for pair in expected if "0020" not in pair]


def test_where_nothing_is_said_nothing_is_found() -> None:
    nothing = np.zeros(300, np.uint32)
    assert alike({}) == alike({"a": nothing[:0]}) == alike({"a": nothing, "b": nothing}) == []


def test_words_that_are_shared_are_those_that_a_plain_search_finds() -> None:
    rng = np.random.default_rng(1)
    prints = {f"{n}": rng.integers(0, 40, 30, np.uint32) for n in range(5)}
    plain = Counter[tuple[int, int, int]]()
    for word in range(1, 40):
        places = [(n, i) for n in range(5) for i in np.flatnonzero(prints[f"{n}"] == word)]
        if len(places) <= copies.COMMON * len({n for n, _ in places}):
            plain.update(
                (places[0][0], n, i - places[0][1]) for n, i in places if n != places[0][0]
            )
    hits = np.concatenate(list(copies.shared_words(prints, list(prints))))
    found = Counter(
        (int(pair) >> 32, int(pair) & 0xFFFFFFFF, int(offset)) for pair, offset in hits.tolist()
    )
    assert found == plain


def test_what_is_in_memory_does_not_grow_with_the_recordings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(copies, "AT_ONCE", 20_000)
    monkeypatch.setattr(copies, "HITS_AT_ONCE", 5_000)

    def peak(number: int) -> int:
        with TemporaryFile() as file:
            prints = many(number, file, 2000)
            tracemalloc.start()
            alike(prints)
            found = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return found

    peak(10)
    assert peak(320) < peak(80) + 400_000  # of 1.9 MB of words more
