"""Audio fingerprints: whether two recordings hold the same sound, whatever they are called.

After J. Haitsma and T. Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002): every 23
ms a word of 32 bits, each the sign of how the energy of neighbouring bands changes over time. It
survives lossy coding, resampling and a change of gain. Here the frames overlap less than in the
paper, as whole recordings are compared and not seconds of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from morphsep.dsp import MODEL_RATE, Seconds, Signal

Words = npt.NDArray[np.uint32]

VERSION = 1
"""Raised whenever the words of the same sound change."""
DECIMATION = 4
RATE = MODEL_RATE // DECIMATION
FRAME = 4096
HOP = 256
"""Both in samples at `RATE`."""
BANDS = 33
RANGE_HZ = (200.0, 3000.0)
BLOCK = 60 * MODEL_RATE
"""Samples at 44.1 kHz that are read at a time."""
QUIET = 1e-8
"""Mean power of a frame below which its word says nothing, linear."""
NOTHING = np.uint32(0)
"""The word of a frame that says nothing."""
ALIKE = 0.35
"""Share of bits that differ below which two passages are the same sound (paper, section 4.4)."""
LEAST: Seconds = 4.0
"""Length of a passage that is compared."""
SHARE = 0.8
"""Of a shorter recording, which is compared as far."""
HITS = 3
"""Equal words at one distance from which on two recordings are compared."""
COMMON = 8
"""A word that stands more often than that in each of its recordings tells nothing."""


def fingerprint(read: Callable[[int, int], Signal], num_samples: int) -> Words:
    """The words of a recording.

    Args:
        read: ``read(start, n)`` -> ``[C, n]`` at 44.1 kHz.
        num_samples: of the recording.
    """
    energies = np.concatenate(list(_energies(read, num_samples)) or [np.zeros((0, BANDS))])
    if len(energies) < 2:
        return np.zeros(0, np.uint32)
    across = np.diff(energies, axis=1)
    bits = np.diff(across, axis=0) < 0
    words = bits @ (np.uint32(1) << np.arange(BANDS - 1, dtype=np.uint32))
    loud = energies.sum(axis=1)[1:] > QUIET
    return np.where(loud, words, NOTHING).astype(np.uint32)


def _energies(
    read: Callable[[int, int], Signal], num_samples: int
) -> Iterator[npt.NDArray[np.float64]]:
    """Mean power in each band, ``[frames, bands]``, block by block."""
    import soxr
    from scipy.fft import rfft

    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
    resampler = soxr.ResampleStream(MODEL_RATE, RATE, 1, dtype="float32")
    rest = np.zeros(0, np.float32)
    for start in range(0, num_samples, BLOCK):
        block = read(start, min(BLOCK, num_samples - start)).mean(axis=0, dtype=np.float32)
        made = resampler.resample_chunk(block, last=start + BLOCK >= num_samples)
        sound = np.concatenate([rest, made])
        frames = max(0, (len(sound) - FRAME) // HOP + 1)
        rest = sound[frames * HOP :]
        if frames:
            seen = np.lib.stride_tricks.sliding_window_view(sound, FRAME)[: frames * HOP : HOP]
            spectrum = rfft(seen * window, axis=1)
            power = spectrum.real**2 + spectrum.imag**2
            yield power @ _filters() / FRAME**2


@cache
def _filters() -> npt.NDArray[np.float64]:
    """``[FRAME // 2 + 1, BANDS]``: bands side by side, equally wide by ratio."""
    edges = np.geomspace(*RANGE_HZ, BANDS + 1)
    hertz = np.arange(FRAME // 2 + 1) * RATE / FRAME
    inside = (hertz[:, None] >= edges[:-1]) & (hertz[:, None] < edges[1:])
    return np.asarray(inside / np.maximum(inside.sum(axis=0), 1))


def alike(prints: Mapping[str, Words]) -> list[tuple[str, str]]:
    """Pairs of recordings that hold the same sound for some seconds, by name, in order."""
    names = sorted(prints)
    found = []
    for (a, b), offsets in sorted(_candidates([prints[name] for name in names]).items()):
        first, second = prints[names[a]], prints[names[b]]
        if any(_same(first, second, offset) for offset in offsets):
            found.append((names[a], names[b]))
    return found


def _candidates(prints: Sequence[Words]) -> dict[tuple[int, int], list[int]]:
    """Recordings that share words, and at which distances (second - first, in frames).

    Of those that share a word each is paired with the first one alone: who is like the same
    recording is like each other.
    """
    hits = Counter[tuple[int, int, int]]()
    for owners, places in _shared_words(prints):
        first, i = owners[0], places[0]
        hits.update(
            (first, b, j - i) for b, j in zip(owners[1:], places[1:], strict=True) if b != first
        )
    found: dict[tuple[int, int], list[int]] = {}
    for (a, b, offset), number in hits.items():
        if number >= HITS:
            found.setdefault((a, b), []).append(offset)
    return found


def _shared_words(prints: Sequence[Words]) -> Iterator[tuple[list[int], list[int]]]:
    """(recordings in ascending order, frames) of each word that stands in several recordings,
    but not often in one."""
    owners = np.repeat(np.arange(len(prints)), [len(words) for words in prints])
    places = np.concatenate([np.arange(len(words)) for words in prints] or [owners])
    words = np.concatenate([*prints] or [owners.astype(np.uint32)])
    order = np.argsort(words, kind="stable")
    words, owners, places = words[order], owners[order], places[order]
    starts = np.flatnonzero(np.r_[True, words[1:] != words[:-1]]) if len(words) else order
    for start, stop in zip(starts, [*starts[1:], len(words)], strict=True):
        if words[start] == NOTHING or owners[start] == owners[stop - 1]:
            continue
        some = owners[start:stop]
        if len(some) <= COMMON * len(np.unique(some)):
            yield some.tolist(), places[start:stop].tolist()


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
