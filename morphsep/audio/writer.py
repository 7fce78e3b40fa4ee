"""Write a file block by block under a temporary name beside it, check it, then rename it."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morphsep.audio.containers import repairs
from morphsep.audio.formats import OutputFormat
from morphsep.audio.opening import stream
from morphsep.audio.tags import CopiedTags, Origin, coding_line, copy_tags
from morphsep.errors import TrackError
from morphsep.storage import is_full, temporary_beside

if TYPE_CHECKING:
    import soundfile

VORBIS_SPAN = 32_768
"""Samples per call: libsndfile's Vorbis encoder takes its memory from the stack."""


class AudioWriter:
    """Writes ``[C, n]`` blocks; the file appears under ``path``, complete, on a clean exit.

    Integer formats: samples times 2^(bits-1), rounded half to even, clipped at full scale, so that
    samples read and written unchanged are bit exact (32 bits: float64 blocks). ``num_clipped``
    counts samples beyond full scale. The folder of ``path`` is made. Messages call the file
    ``name``, or by its own. ``tags_from`` is a file whose tags are copied before the rename, with
    ``done`` (what was done to it) in the coding history of a Broadcast Wave, and with ``origin``,
    if the result is to say where it comes from; ``tags`` says what became of them.

    Raises TrackError with codes disk_full, no_permission, non_finite.
    """

    def __init__(
        self,
        path: str,
        sample_rate: int,
        num_channels: int,
        output_format: OutputFormat,
        *,
        tags_from: str | None = None,
        done: str = "",
        origin: Origin | None = None,
        in_place: bool = False,
        name: str = "",
    ) -> None:
        self.path = path
        self._name = name or Path(path).name
        self.sample_rate = sample_rate
        self.num_channels = num_channels
        self.output_format = output_format
        self.num_samples = 0
        self.num_clipped = 0
        self.tags = CopiedTags()
        self._tags_from = tags_from
        self._done = done
        self._origin = origin
        self._in_place = in_place
        self._temporary = Path(path) if in_place else temporary_beside(path)

    def __enter__(self) -> AudioWriter:
        folder = Path(self.path).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self._temporary.open("x+b", buffering=0)
        except OSError as error:
            raise self._refused(error) from error
        try:
            self._sound = self._open()
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(self, exception: type[BaseException] | None, *_: object) -> None:
        try:
            if exception is None:
                self._finish()
        except BaseException:
            self._discard()
            raise
        if exception is None:
            self._file.close()
        else:
            self._discard()

    def write(self, block: npt.NDArray[np.floating[Any]]) -> None:
        """Append ``block`` ``[C, n]``, float32 or float64."""
        assert block.ndim == 2
        assert block.shape[0] == self.num_channels
        if block.size == 0:
            return
        low, high = float(block.min()), float(block.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise TrackError(
                "non_finite", f"{self._name}: the sound to write holds NaN or infinity"
            )
        bits = self.output_format.bits
        if bits is not None:
            if low < -1 or high > 1:
                self.num_clipped += int(np.count_nonzero(np.abs(block) > 1))
            frames = quantise(block, bits)
        else:
            frames = np.ascontiguousarray(block.T)
        span = VORBIS_SPAN if self.output_format.format == "OGG" else len(frames)
        for start in range(0, len(frames), span):
            self._append(frames[start : start + span])
        self.num_samples += block.shape[1]

    def _append(self, frames: npt.NDArray[Any]) -> None:
        import soundfile

        try:
            self._sound.write(frames)
        except (soundfile.LibsndfileError, AssertionError, OSError) as error:
            raise self._disk_full(error) from error

    def _open(self) -> soundfile.SoundFile:
        return stream(
            self._file,
            "w",
            samplerate=self.sample_rate,
            channels=self.num_channels,
            format=self.output_format.format,
            subtype=self.output_format.subtype,
        )

    def _finish(self) -> None:
        import soundfile

        try:
            self._sound.close()
            self._repair()
            if self._tags_from is not None:
                self.tags = copy_tags(
                    self._tags_from, str(self._temporary), self._coding_line(), self._origin
                )
            self._check()
            if not self._in_place:
                os.fsync(self._file.fileno())
        except (soundfile.LibsndfileError, OSError) as error:
            raise self._disk_full(error) from error
        if not self._in_place:
            self._publish()

    def _coding_line(self) -> str:
        subtype = self.output_format.subtype
        return coding_line(self.sample_rate, self.num_channels, subtype, self._done)

    def _publish(self) -> None:
        try:
            self._temporary.replace(self.path)
        except OSError as error:
            raise self._refused(error) from error

    def _repair(self) -> None:
        if self.output_format.is_float:
            repairs.forget_time(self._file)
        if self._tags_from is not None and self.output_format.format == "WAVEX":
            with Path(self._tags_from).open("rb") as source:
                repairs.keep_channel_mask(self._file, source)
        if self.output_format.bits == 8 and self.num_channels == 1:
            repairs.state_odd_length(self._file, self.num_samples)

    def _check(self) -> None:
        """Errors of the last write only show at close, and not always: read the end back."""
        if self.num_samples == 0:
            return
        with stream(self._file) as sound:
            is_whole = sound.frames == self.num_samples
            if is_whole and self.output_format.format != "OGG":
                sound.seek(self.num_samples - 1)
                is_whole = len(sound.read(1)) == 1
        if not is_whole:
            raise OSError(errno.ENOSPC, "the file is shorter than what was written")

    def _discard(self) -> None:
        """Close and remove what was written, if it is still there."""
        import soundfile

        with suppress(soundfile.LibsndfileError, OSError, AttributeError):
            self._sound.close()
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def _disk_full(self, error: BaseException) -> TrackError:
        free = shutil.disk_usage(self._temporary.parent).free
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        return TrackError(
            "disk_full",
            f"{self._name} could not be written whole ({reason}); "
            f"{free / 2**20:.0f} MiB are free on that disk: make room and run again",
        )

    def _refused(self, error: OSError) -> TrackError:
        if is_full(error):
            return self._disk_full(error)
        return TrackError(
            "no_permission",
            f"{self._name} could not be created in the output folder "
            f"({error.strerror}); choose another folder or change its mode",
        )


def quantise(block: npt.NDArray[np.floating[Any]], bits: int) -> npt.NDArray[np.int32]:
    """``[C, n]`` floats to ``[n, C]`` integers of ``bits`` bits, at the top of an int32.

    libsndfile's own conversion scales by 2^(bits-1) - 1 but reads with 2^(bits-1), which moves
    samples by one LSB.
    """
    full = 2.0 ** (bits - 1)
    wide = np.float64 if bits > 24 or block.dtype == np.float64 else np.float32
    scaled = np.multiply(block.T, full, dtype=wide, order="C")
    np.rint(scaled, out=scaled)
    np.clip(scaled, -full, full - 1, out=scaled)
    whole: npt.NDArray[np.int32] = scaled.astype(np.int32)
    whole <<= 32 - bits
    return whole
