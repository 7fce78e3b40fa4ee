"""The user's stem as 44.1 kHz samples, whatever its format."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from weakref import finalize

from morphsep.audio import AudioReader, decode_to, probe
from morphsep.dsp import ModelRateReader, Signal
from morphsep.errors import ErrorCode, TrackError

_CODES: dict[ErrorCode, ErrorCode] = {
    "not_found": "stem_not_found",
    "is_a_folder": "stem_not_found",
    "not_audio": "stem_does_not_fit",
    "empty_file": "stem_does_not_fit",
    "truncated": "stem_does_not_fit",
    "too_many_channels": "stem_does_not_fit",
    "unsupported_rate": "stem_does_not_fit",
}
"""Error code of the stem's file -> error code of the track; other codes stay as they are."""

Identity = tuple[str, int, int]
"""Absolute path, size in bytes, time of change in ns: enough within one process."""


class StemFile:
    """An open stem. Positions are samples at 44.1 kHz from the stem's own start."""

    def __init__(self, reader: AudioReader, identity: Identity) -> None:
        self._samples = ModelRateReader(reader)
        self.identity = identity
        self.num_channels = reader.info.num_channels
        self.num_samples = self._samples.num_samples

    def read(self, start: int, num_samples: int) -> Signal:
        """``[C, num_samples]``; zeros outside the stem."""
        return self._samples.read(start, num_samples)


class StemFiles:
    """Opens stems; keeps a decoded copy of the last lossy one, in the system's temporary folder,
    because lossy files are not sample exact when read from the middle."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._copied: Identity | None = None

    def __reduce__(self) -> tuple[type[StemFiles], tuple[()]]:
        return StemFiles, ()

    @contextmanager
    def open(self, path: str) -> Iterator[StemFile]:
        """Raises TrackError ``stem_not_found``, or ``stem_does_not_fit`` for a faulty file."""
        try:
            identity = _identity(path)
            source = path if probe(path).is_seekable else self._copy(path, identity)
            reader = AudioReader(source)
        except TrackError as error:
            raise _about_stem(error) from error
        with reader:
            yield StemFile(reader, identity)

    def _copy(self, path: str, identity: Identity) -> str:
        if self._folder is None:
            self._folder = Path(mkdtemp(prefix="morphsep-stem-"))
            finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        copy = self._folder / "stem.wav"
        if self._copied != identity:
            self._copied = None
            decode_to(path, str(copy))
            self._copied = identity
        return str(copy)


def _identity(path: str) -> Identity:
    try:
        status = os.stat(path)
    except OSError as error:
        raise TrackError("not_found", f"{path}: {error.strerror}; check --stem") from error
    return str(Path(path).absolute()), status.st_size, status.st_mtime_ns


def _about_stem(error: TrackError) -> TrackError:
    code = _CODES.get(error.code, error.code)
    return TrackError(code, f"The stem cannot be used: {error.message}")
