"""A recording that a tone is made from: any audio file, as the models see it.

A file is decoded and resampled once per process, whole, and kept: small ones in memory, as long
as all of them stay below ``HELD``, larger ones in a temporary file that is mapped, so that a long
tape costs disk and no memory.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from morphsep.audio import AudioReader, decode_to, probe
from morphsep.dsp import (
    MODEL_RATE,
    LoudnessMeter,
    ModelRateReader,
    Seconds,
    Signal,
    from_db,
    rms_per_second,
)
from morphsep.errors import SettingError, TrackError
from morphsep.storage import digest_file, stamp

if TYPE_CHECKING:
    from typing import Self

SHORTEST: Seconds = 0.5
"""Less than this says nothing about a tone."""
SILENT = from_db(-90.0)
"""Peak below which a recording counts as silent."""
HELD = 2**29
"""Most bytes of recordings in memory; a recording of more than half of that is mapped from disk."""
BLOCK = 30 * MODEL_RATE
"""Samples that are read at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One audio file at 44.1 kHz, mono or stereo. Equal if at the same path.

    Raises:
        SettingError: at construction: the file is missing, not audio, silent, too short, damaged,
            or holds more than two channels or samples that are not numbers.
    """

    path: str
    """Absolute."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", str(Path(self.path).expanduser().absolute()))
        _held(self.path)

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return Path(self.path).name

    @property
    def num_samples(self) -> int:
        """Length at 44.1 kHz."""
        return int(_held(self.path).samples.shape[1])

    @property
    def num_channels(self) -> int:
        return int(_held(self.path).samples.shape[0])

    @property
    def rms_per_second(self) -> tuple[float, ...]:
        """Linear RMS of each second over all channels; the last covers the remainder."""
        return _held(self.path).rms_per_second

    @property
    def lufs(self) -> float:
        """Integrated loudness in LUFS; ``-inf`` where all of it is below the gate."""
        return _held(self.path).lufs

    def fingerprint(self) -> str:
        """Digest of the file's content.

        Raises:
            SettingError: the file is not there any more.
        """
        return _digest(self.path, _stamp(self.path))

    def read(self, start: int, num_samples: int) -> Signal:
        """``[C, num_samples]`` at 44.1 kHz from sample ``start`` on; zeros outside."""
        whole = _held(self.path).samples
        span = np.zeros((whole.shape[0], max(0, num_samples)), np.float32)
        first, last = max(start, 0), min(start + num_samples, whole.shape[1])
        if last > first:
            span[:, first - start : last - start] = whole[:, first:last]
        return span


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whole:
    samples: Signal
    """``[C, T]``, in memory or mapped."""
    rms_per_second: tuple[float, ...]
    lufs: float

    @property
    def num_bytes(self) -> int:
        """Bytes that it takes in memory."""
        return 0 if isinstance(self.samples, np.memmap) else self.samples.nbytes


_LOCK = Lock()
_all: dict[tuple[str, str], _Whole] = {}


def _held(path: str) -> _Whole:
    key = path, _stamp(path)
    with _LOCK:  # threads may render through the same recording
        if key not in _all:
            whole = _load(path)
            while _all and sum(each.num_bytes for each in _all.values()) + whole.num_bytes > HELD:
                del _all[next(iter(_all))]
            _all[key] = whole
        return _all[key]


def _stamp(path: str) -> str:
    try:
        return stamp(path)
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}; check the path") from error


@lru_cache(maxsize=256)
def _digest(path: str, stamped: str) -> str:
    return digest_file(path)


def _load(path: str) -> _Whole:
    """A whole file, checked."""
    with tempfile.TemporaryDirectory(prefix="morphsep-recording-") as folder:
        try:
            source = path
            if not probe(path).is_seekable:
                source = str(Path(folder) / "decoded.wav")
                decode_to(path, source)
            with AudioReader(source) as reader:
                return _checked(_decoded(ModelRateReader(reader)), Path(path).name)
        except TrackError as error:
            if error.code == "too_many_channels":
                raise SettingError(
                    f"{Path(path).name} has more than two channels; give a mono or stereo file"
                ) from error
            raise SettingError(f"the recording cannot be used: {error.message}") from error


def _decoded(reader: ModelRateReader) -> Signal:
    shape = reader.num_channels, reader.num_samples
    samples: Signal = np.empty((0, 0), np.float32)
    if 4 * shape[0] * shape[1] <= HELD // 2:
        samples = np.empty(shape, np.float32)
    else:
        with tempfile.TemporaryFile(prefix="morphsep-recording-") as file:
            samples = np.memmap(file, np.float32, mode="w+", shape=shape)
    for start in range(0, shape[1], BLOCK):
        stop = min(start + BLOCK, shape[1])
        samples[:, start:stop] = reader.read(start, stop - start)
    return samples


def _checked(samples: Signal, name: str) -> _Whole:
    length = samples.shape[1]
    if length < SHORTEST * MODEL_RATE:
        raise SettingError(
            f"{name} lasts {length / MODEL_RATE:.2f} s, too short to say anything about a tone; "
            f"give at least {SHORTEST:g} s"
        )
    blocks = [samples[:, start : start + BLOCK] for start in range(0, length, BLOCK)]
    if not all(np.isfinite(block).all() for block in blocks):
        raise SettingError(f"{name} holds NaN or infinite samples; export it again")
    meter = LoudnessMeter(MODEL_RATE, samples.shape[0])
    for block in blocks:
        meter.add(block)
    if meter.peak < SILENT:
        raise SettingError(f"{name} is silent; give a recording in which something sounds")
    levels = rms_per_second(blocks, MODEL_RATE)
    return _Whole(samples=samples, rms_per_second=tuple(levels.tolist()), lufs=meter.integrated())


@dataclass(frozen=True, slots=True, kw_only=True)
class OfRecording:
    """Base of the tones that are made from a recording."""

    recording: Recording

    @classmethod
    def of(cls, path: str) -> Self:
        """The tone of that recording; raises SettingError if it cannot be used."""
        return cls(recording=Recording(path=path))

    @property
    def name(self) -> str:
        return self.recording.name
