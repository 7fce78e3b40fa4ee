"""Where a run keeps what it needs between stages: ``OUT/.morphsep``.

Everything in it is named by a digest of what it depends on, is whole or not there, and can be
deleted at any time: it would only have to be made again.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from morphsep import audio
from morphsep.errors import SettingError
from morphsep.files import TEMPORARY, digest
from morphsep.grid import Span
from morphsep.manifest import SCHEMA_VERSION
from morphsep.signal import MODEL_RATE, Signal

STORED = audio.OutputFormat(format="WAV", subtype="FLOAT", extension=".wav")


class SectionStore:
    """One track's audio at 44.1 kHz in a folder of sections; what is not there is silence.

    Sections of one store never overlap: `keep_only` removes those of an earlier cut.
    """

    def __init__(self, folder: Path, num_channels: int) -> None:
        self.folder = folder
        self.num_channels = num_channels
        self._spans: list[tuple[int, int, Path]] | None = None

    def has(self, section: Span) -> bool:
        """Whether this very section was written."""
        return self._path(section).exists()

    @contextlib.contextmanager
    def writer(self, section: Span) -> Iterator[audio.AudioWriter]:
        """Writes a section from its first sample to its last; nothing stays of a half one.

        Raises:
            TrackError: the disk is full.
        """
        path = str(self._path(section))
        with audio.AudioWriter(path, MODEL_RATE, self.num_channels, STORED) as writer:
            yield writer
            assert writer.num_samples == section.num_samples
        self._spans = None

    def read(self, start: int, num_samples: int) -> Signal:
        """``[C, num_samples]`` from the song's sample `start`; zeros where nothing was written."""
        import soundfile

        out = np.zeros((self.num_channels, num_samples), np.float32)
        spans = self._index()
        first = max(bisect_right(spans, (start, start)) - 1, 0)
        for a, b, path in spans[first:]:
            if a >= start + num_samples:
                break
            lo, hi = max(a, start), min(b, start + num_samples)
            if lo < hi:
                audio, _ = soundfile.read(path, hi - lo, lo - a, dtype="float32", always_2d=True)
                out[:, lo - start : hi - start] = audio.T
        return out

    def keep_only(self, sections: Sequence[Span]) -> None:
        """Removes whatever is not one of these sections (left by a run with another cut)."""
        wanted = {self._path(section) for section in sections}
        for path in set(self.folder.glob("[0-9]*.wav")) - wanted:
            path.unlink()
        self._spans = None

    def covers(self, num_samples: int) -> bool:
        """Whether the sections hold every sample of a track, without a gap."""
        reached = 0
        for start, stop, _ in self._index():
            if start != reached:
                return False
            reached = stop
        return reached == num_samples

    def discard(self) -> None:
        """Removes everything."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._spans = None

    def _path(self, section: Span) -> Path:
        return self.folder / f"{section.start:012d}-{section.stop:012d}.wav"

    def _index(self) -> list[tuple[int, int, Path]]:
        if self._spans is None:
            found = ((p, p.stem.split("-")) for p in self.folder.glob("[0-9]*.wav"))
            self._spans = sorted((int(a), int(b), p) for p, (a, b) in found)
        return self._spans


class Workspace:
    """The folder that a run writes to, and what lies where in it."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.root = out / ".morphsep"

    def scan_file(self, content_hash: str, channels: tuple[int, int] | None) -> Path:
        """What was measured of an input."""
        picked = "" if channels is None else f"-{channels[0]}-{channels[1]}"
        name = f"{content_hash}{picked}-v{SCHEMA_VERSION}.json"
        return self.root / "scans" / content_hash[:2] / name

    def decoded_file(self) -> Path:
        """A name for a decoded copy of a lossy input; whoever asks for it removes it."""
        return self.root / "decoded" / f"{secrets.token_hex(12)}.wav"

    def stem(self, stem_key: str, num_channels: int) -> SectionStore:
        """The cached stem."""
        return SectionStore(self.root / "stems" / stem_key[:2] / stem_key, num_channels)

    def claim(self, track: str) -> Path:
        """A note that a result of this name is ours, made before it is written for the first
        time: a run may be killed between the result and its row."""
        return self.root / "claims" / f"{digest(track)[:32]}.json"

    def change(self, track: str, key: str, section: int, num_channels: int) -> SectionStore:
        """What morphing adds to the mix, section by section; gone when the track is done."""
        name = digest(track, key, section, SCHEMA_VERSION)
        return SectionStore(self.root / "changes" / name, num_channels)

    def tidy(self) -> None:
        """Removes what only unfinished tracks need: when a run has come to its end."""
        for name in ("changes", "decoded"):
            shutil.rmtree(self.root / name, ignore_errors=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second run out while this one writes to the same folder.

        Raises:
            SettingError: another run is at work here, or nothing can be written.
        """
        import fcntl

        try:
            self.root.mkdir(parents=True, exist_ok=True)
            file = (self.root / "lock").open("w")
        except OSError as error:
            raise SettingError(
                f"cannot write to the output folder {self.out}: {error.strerror}"
            ) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise SettingError(
                    f"another run is at work in {self.out}; wait for it, or choose another folder"
                ) from error
            self._sweep()
            yield

    def _sweep(self) -> None:
        """Removes what a killed run left half written; nobody else is writing (see `locked`)."""
        for part in self.out.rglob(TEMPORARY):
            part.unlink(missing_ok=True)
