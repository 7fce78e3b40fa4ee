"""Reading an input once from its first sample to its last: is it whole, and what is in it?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np

from morphsep import audio, storage
from morphsep.dsp import LoudnessMeter, ModelRateReader, Signal, TruePeakMeter, model_length
from morphsep.errors import TrackError
from morphsep.stages.cached import exactly, keep, recall
from morphsep.stages.readable import Readable, changed
from morphsep.stages.workspace import Workspace

BLOCK = 1 << 17
"""Samples that are decoded at a time."""

VERSION = 3
"""Of the scans that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What the stages need to know of an input; taken once, the same for every section."""

    path: str
    """The input."""
    content_hash: str
    format: str
    subtype: str
    sample_rate: int
    num_channels: int
    num_samples: int
    """At `sample_rate`."""
    mean: float
    """Of the mono sum."""
    std: float
    """Of the mono sum, unbiased."""
    peak: float
    """Sample peak, linear."""
    true_peak: float
    lufs: float
    note: str = ""
    """What is to be known of how the input was read."""

    @property
    def model_length(self) -> int:
        """Length at 44.1 kHz, in samples."""
        return model_length(self.num_samples, self.sample_rate)

    @property
    def info(self) -> audio.AudioInfo:
        """The input's header, with the length that decoding found."""
        return audio.AudioInfo(
            path=self.path, format=self.format, subtype=self.subtype,
            sample_rate=self.sample_rate, num_channels=self.num_channels,
            num_samples=self.num_samples,
        )  # fmt: skip


class MixView:
    """A scanned track as separators see it (`morphsep.separators.Mix`)."""

    def __init__(
        self,
        scan: Scan,
        reader: ModelRateReader,
        stem_path: str | None,
        on_read: Callable[[int], None],
    ) -> None:
        self._reader = reader
        self._on_read = on_read
        self.num_samples = scan.model_length
        self.num_channels = scan.num_channels
        self.mean = scan.mean
        self.std = scan.std
        self.stem_path = stem_path

    def read(self, start: int, num_samples: int) -> Signal:
        """``[C, num_samples]`` at 44.1 kHz; zeros outside the track."""
        self._on_read(start)
        return self._reader.read(start, num_samples)


@contextmanager
def open_mix(
    scan: Scan,
    readable: Readable,
    stem_path: str | None = None,
    on_read: Callable[[int], None] = lambda start: None,
) -> Iterator[MixView]:
    """The track at 44.1 kHz, for as long as the context lasts.

    Args:
        on_read: told the first sample of whatever is read: how far a separator has come.
    """
    with readable.open() as reader:
        yield MixView(scan, ModelRateReader(reader), stem_path, on_read)


def scan(readable: Readable, workspace: Workspace, force: bool = False) -> Scan:
    """Decodes an input to its end and measures it; remembered by the digest of its bytes.

    Args:
        force: measure it even if it is known.

    Raises:
        TrackError: the file is unreadable, not audio, cut short, or holds samples that are no
            numbers.
    """
    path = readable.info.path
    content_hash = storage.digest_file(path)
    remembered = workspace.scan_file(content_hash, readable.channels)
    if not force:
        known = recall(remembered, VERSION, lambda values: exactly(Scan, values | {"path": path}))
        if known is not None:
            return known
    made = _measure(readable, content_hash)
    if readable.has_changed:
        raise changed()
    keep(remembered, VERSION, asdict(made))
    return made


def _measure(readable: Readable, content_hash: str) -> Scan:
    info = readable.info
    with readable.open() as reader:
        rate, num_channels = reader.info.sample_rate, reader.info.num_channels
        loudness = LoudnessMeter(rate, num_channels)
        true_peak = TruePeakMeter(num_channels)
        moments = _Moments()
        for block in audio.blocks(reader, BLOCK):
            _refuse_non_finite(block, moments.count, rate)
            loudness.add(block)
            true_peak.add(block)
            moments.add(block.mean(axis=0, dtype=np.float64))
    if moments.count == 0:
        raise TrackError("empty_file", "the file holds no samples; export it again")
    return Scan(
        path=info.path, content_hash=content_hash,
        format=info.format, subtype=info.subtype, sample_rate=rate,
        num_channels=num_channels, num_samples=moments.count,
        mean=moments.mean, std=moments.std,
        peak=loudness.peak, true_peak=true_peak.peak, lufs=loudness.integrated(),
        note=info.note,
    )  # fmt: skip


def _refuse_non_finite(block: Signal, offset: int, sample_rate: int) -> None:
    bad = ~np.isfinite(block).all(axis=0)
    if bad.any():
        second = (offset + int(bad.argmax())) / sample_rate
        raise TrackError(
            "non_finite",
            f"a sample at {second:.3f} s is not a number (NaN or infinite); "
            "repair or export the file again",
        )


class _Moments:
    """Mean and standard deviation of a long signal, by pairwise update (Chan et al., 1979)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self._squares = 0.0

    def add(self, block: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        n, mean = block.size, float(block.mean())
        total = self.count + n
        apart = mean - self.mean
        self._squares += float(np.sum((block - mean) ** 2)) + apart**2 * self.count * n / total
        self.mean += apart * n / total
        self.count = total

    @property
    def std(self) -> float:
        return math.sqrt(self._squares / (self.count - 1)) if self.count > 1 else 0.0
