"""Recordings that hold the same sound, found by their fingerprints among any number of others.

Words that two recordings share are found by sorting. What is sorted at once is bounded: words go
through in as many passes as it takes, each for those of some hashes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from morphsep.dataset.fingerprints import BANDS, HOP, NOTHING, RATE, Words
from morphsep.dsp import Seconds

Longs = npt.NDArray[np.uint64]

ALIKE = 0.35
"""Share of bits that differ below which two passages are the same sound (J. Haitsma, T. Kalker,
ISMIR 2002, section 4.4)."""
LEAST: Seconds = 4.0
"""Length of a passage that is compared."""
SHARE = 0.8
"""Of a shorter recording, which is compared as far."""
HITS = 3
"""Equal words at one distance from which on two recordings are compared."""
COMMON = 8
"""A word that stands more often than that in each of its recordings tells nothing."""
AT_ONCE = 2**23
"""Words that are sorted at once."""
HITS_AT_ONCE = 2**20
ODD = np.uint32(2_654_435_761)
"""Spreads words over all hashes (D. Knuth, The Art of Computer Programming 3, 6.4); as it is odd,
no two words have one hash."""
HIT = np.dtype([("pair", "<u8"), ("offset", "<i8")])
"""A word that two recordings share: first * 2^32 + second, and where it stands in the second beside
where it stands in the first, in frames."""


def alike(prints: Mapping[str, Words], names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of recordings that hold the same sound for some seconds, in order.

    Of those that share a word each is paired with the first one alone: who is like the same
    recording is like each other.

    Args:
        names: of the recordings that are compared.

    Raises:
        OSError: the disk is full.
    """
    names = sorted(names)
    found = list[tuple[str, str]]()
    with TemporaryFile() as file:
        for hits in shared_words(prints, names):
            file.write(hits.data)
        for a, b, offsets in _often(file):
            first, second = prints[names[a]], prints[names[b]]
            if any(_same(first, second, offset) for offset in offsets):
                found.append((names[a], names[b]))
    return sorted(found)


def shared_words(
    prints: Mapping[str, Words], names: Sequence[str]
) -> Iterator[npt.NDArray[np.void]]:
    """Words that recordings share, pass by pass, `HIT`."""
    lengths = np.array([len(prints[name]) for name in names], np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    bits = max(0, (int(starts[-1]) // AT_ONCE).bit_length())
    for part in range(2**bits):
        keys = np.concatenate(
            [
                _keys(prints[name], int(start), part, bits)
                for name, start in zip(names, starts[:-1], strict=True)
            ]
            or [np.zeros(0, np.uint64)]
        )
        keys.sort()
        yield _shared(keys, bits, starts)


def _keys(words: Words, start: int, part: int, bits: int) -> Longs:
    """A number for each word of a pass: its hash without the first `bits`, which name the pass;
    then, in the bits that are left, the word's place among those of all recordings."""
    hashes = words.astype(np.uint32, copy=False) * ODD
    mine = words != NOTHING
    if bits:
        mine &= (hashes >> np.uint32(32 - bits)) == part
    places = np.flatnonzero(mine)
    rest = hashes[places] & np.uint32(2 ** (32 - bits) - 1)
    return (rest.astype(np.uint64) << np.uint64(32 + bits)) | (places + start).astype(np.uint64)


def _shared(keys: Longs, bits: int, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.void]:
    """The hits of a pass.

    Args:
        keys: in order.
        starts: place of the first word of each recording, and the number of all words.
    """
    shift = np.uint64(32 + bits)
    is_first = _is_first(keys >> shift)
    is_last = np.append(is_first[1:], True)[: len(keys)]
    keys = keys[~(is_first & is_last)]  # few: most words stand somewhere once
    places = (keys & np.uint64(2 ** (32 + bits) - 1)).astype(np.int64)
    owners = np.searchsorted(starts, places, "right") - 1
    is_first = _is_first(keys >> shift)
    first = np.flatnonzero(is_first)[np.cumsum(is_first) - 1]
    """Of each word, where those that are equal to it begin."""
    wanted = _telling(owners, is_first)[np.cumsum(is_first) - 1] & (owners != owners[first])
    a, b = first[wanted], np.flatnonzero(wanted)
    hits = np.empty(len(a), HIT)
    hits["pair"] = (owners[a] << 32) | owners[b]
    hits["offset"] = (places - starts[owners])[b] - (places - starts[owners])[a]
    return hits


def _is_first(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Whether each of some values in order is another than the one before it."""
    return np.append(True, values[1:] != values[:-1])[: len(values)]


def _telling(
    owners: npt.NDArray[np.int64], is_first: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """For each word that stands somewhere twice: does it stand in several recordings, but not often
    in one?

    Args:
        owners: the recordings it stands in, in ascending order, word after word.
        is_first: where the next word begins.
    """
    begin = np.flatnonzero(is_first)
    if not len(begin):
        return np.zeros(0, np.bool_)
    number = np.diff(np.append(begin, len(owners)))
    others = np.append(True, np.diff(owners) != 0) | is_first
    recordings = np.add.reduceat(others.astype(np.int64), begin)
    return np.asarray((recordings > 1) & (number <= COMMON * recordings))


def _often(file: IO[bytes]) -> Iterator[tuple[int, int, list[int]]]:
    """(first, second, distances) of recordings that share at least `HITS` words at a distance.

    Args:
        file: all hits.
    """
    parts = 1 + file.tell() // HIT.itemsize // HITS_AT_ONCE
    for part in range(parts):
        some = [hits[hits["pair"] % parts == part] for hits in _read(file)]
        hits = np.concatenate(some or [np.empty(0, HIT)])
        hits = hits[np.lexsort((hits["offset"], hits["pair"]))]
        begin = np.flatnonzero(_is_first(hits))
        often = hits[begin[np.diff(np.append(begin, len(hits))) >= HITS]]
        pairs, begin = np.unique(often["pair"], return_index=True)
        for pair, offsets in zip(pairs, np.split(often["offset"], begin[1:]), strict=False):
            yield int(pair) >> 32, int(pair) & 0xFFFFFFFF, offsets.tolist()


def _read(file: IO[bytes]) -> Iterator[npt.NDArray[np.void]]:
    file.seek(0)
    while some := file.read(HITS_AT_ONCE * HIT.itemsize):
        yield np.frombuffer(some, HIT)


def _same(first: Words, second: Words, offset: int) -> bool:
    """Whether two recordings are alike somewhere, where frame n of the first is n + offset of the
    second: for `LEAST`, or for most of the shorter one if that is less."""
    start, stop = max(0, -offset), min(len(first), len(second) - offset)
    shorter = min(len(first), len(second))
    length = min(round(LEAST * RATE / HOP), round(SHARE * shorter))
    if stop - start < max(length, 1):
        return False
    a, b = first[start:stop], second[start + offset : stop + offset]
    wrong = np.bitwise_count(a ^ b) / (BANDS - 1)
    wrong[(a == NOTHING) | (b == NOTHING)] = 0.5
    sums = np.concatenate([[0.0], np.cumsum(wrong)])
    return bool(((sums[length:] - sums[:-length]) / length).min() < ALIKE)
