"""Reading an input once from its first sample to its last: is it whole, and what is in it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np

from morphsep import audio, storage
from morphsep.dsp import (
    LoudnessMeter,
    ModelRateReader,
    Moments,
    Signal,
    TruePeakMeter,
    model_length,
)
from morphsep.errors import TrackError
from morphsep.morphing import READ_BLOCK, MixView, ignore_reading
from morphsep.stages.cached import exactly, keep, recall
from morphsep.stages.readable import Readable, changed
from morphsep.stages.workspace import Workspace

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


@contextmanager
def open_mix(
    scan: Scan,
    readable: Readable,
    stem_path: str | None = None,
    on_read: Callable[[int], None] = ignore_reading,
) -> Iterator[MixView]:
    """The track at 44.1 kHz, for as long as the context lasts.

    Args:
        on_read: told the first sample of whatever is read: how far a separator has come.
    """
    with readable.open() as reader:
        yield MixView(
            reader=ModelRateReader(reader), num_samples=scan.model_length,
            num_channels=scan.num_channels, mean=scan.mean, std=scan.std,
            stem_path=stem_path, on_read=on_read,
        )  # fmt: skip


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
        moments = Moments()
        for block in audio.blocks(reader, READ_BLOCK):
            _refuse_non_finite(block, moments.count, rate)
            loudness.add(block)
            true_peak.add(block)
            moments.add(block)
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
