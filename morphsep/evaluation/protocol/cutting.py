"""Clips cut from recordings of guitars: which windows are taken, spread over the recordings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from morphsep.audio import AudioReader, blocks, decode_to
from morphsep.dsp import MODEL_RATE, ArrayReader, ModelRateReader, Seconds, Signal, from_db
from morphsep.dsp import rms_per_second as loudness_of_seconds
from morphsep.dsp import samples as in_samples
from morphsep.errors import MorphsepError, SettingError
from morphsep.storage import digest, location

LEAST_SECONDS: Seconds = 1.0
"""Recordings below are left out; longer ones that are shorter than a clip are one clip."""
PLAYED = from_db(-40.0)
"""RMS of each second of a clip, against the loudest second of its recording: a guitar plays."""
QUIET = from_db(-70.0)
"""RMS of the loudest second below which a recording is taken as silent."""
NAME = 40
"""Characters of a file's name that are kept in names of items."""
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """The notes of one pair of ends."""

    transition: str
    source: str
    """Which recording: its name and a digest of its samples."""
    start: Seconds
    guitar: Signal
    """``[C, T]`` at 44.1 kHz, as recorded."""

    @property
    def item(self) -> str:
        """Its name in tables and folders, the same wherever the recording lies."""
        return f"{self.transition}/{self.source}@{self.start:g}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """A recording, and where a guitar plays in it."""

    name: str
    content: str
    """A digest of the samples."""
    guitar: Signal
    """``[C, T]`` at 44.1 kHz."""
    length: int
    """Samples of a clip."""
    starts: Sequence[int]

    def clips(self, transition: str) -> list[Clip]:
        """All of them, in an order drawn by the transition and the recording's name, which holds a
        digest of its samples."""
        drawn = sorted(self.starts, key=lambda start: digest(self.name, transition, start))
        return [
            Clip(
                transition=transition, source=self.name, start=round(start / MODEL_RATE, 3),
                guitar=self.guitar[:, start : start + self.length].copy(),
            )
            for start in drawn
        ]  # fmt: skip


def read_sources(paths: Iterable[str], seconds: Seconds) -> tuple[list[Source], Mapping[str, str]]:
    """Recordings with a guitar in them, each content once, and what was left out with the reason.

    Raises:
        SettingError: none is left.
    """
    found, left_out = dict[str, Source](), dict[str, str]()
    for path in paths:
        try:
            source = _source(Path(path).stem, _read(path), seconds)
        except MorphsepError as error:
            left_out[path] = str(error)
            continue
        if (first := found.setdefault(source.content, source)) is not source:
            left_out[path] = f"the same sound as {first.name}"
    if not found:
        raise SettingError("; ".join(f"{path}: {why}" for path, why in left_out.items()))
    return sorted(found.values(), key=lambda source: source.name), left_out


def cut(sources: Sequence[Source], transitions: Iterable[str], pairs: int) -> list[Clip]:
    """Up to `pairs` clips for each transition; no recording has one more than another that has
    any left."""
    return [clip for each in transitions for clip in list(_in_turn(sources, each))[:pairs]]


def _in_turn(sources: Sequence[Source], transition: str) -> Iterator[Clip]:
    drawn = sorted(sources, key=lambda source: digest(transition, source.name))
    piles = [source.clips(transition) for source in drawn]
    for turn in range(max(map(len, piles))):
        yield from (pile[turn] for pile in piles if turn < len(pile))


def _read(path: str) -> Signal:
    """``[C, T]`` at 44.1 kHz.

    Raises:
        MorphsepError: it cannot be read.
    """
    with location(path).reading() as here, TemporaryDirectory() as scratch:
        wav = Path(scratch) / "decoded.wav"
        decode_to(str(here), str(wav))
        with AudioReader(str(wav)) as reader:
            samples = np.concatenate(list(blocks(reader, BLOCK)), axis=1)
            rate = reader.info.sample_rate
    resampled = ModelRateReader(ArrayReader(samples, rate))
    return resampled.read(0, resampled.num_samples)


def _source(stem: str, guitar: Signal, seconds: Seconds) -> Source:
    """
    Raises:
        SettingError: it is too short, or no guitar plays for as long as a clip.
    """
    length = min(in_samples(seconds), guitar.shape[1])
    if length < in_samples(LEAST_SECONDS):
        raise SettingError(f"shorter than {LEAST_SECONDS:g} s")
    loudest = loudness_of_seconds([guitar], MODEL_RATE).max()
    starts = [
        start for start in range(0, guitar.shape[1] - length + 1, length)
        if _plays(guitar[:, start : start + length], loudest)
    ]  # fmt: skip
    if not starts:
        raise SettingError(f"silent, or no guitar plays for {length / MODEL_RATE:.3g} s")
    content = sha256(np.ascontiguousarray(guitar).tobytes()).hexdigest()
    name = f"{stem[:NAME]}-{content[:8]}"
    return Source(name=name, content=content, guitar=guitar, length=length, starts=starts)


def _plays(window: Signal, loudest: float) -> bool:
    """Whether each whole second of a window is loud enough."""
    whole = window[:, : window.shape[1] // MODEL_RATE * MODEL_RATE]
    return bool(
        loudest > QUIET and loudness_of_seconds([whole], MODEL_RATE).min() > PLAYED * loudest
    )
