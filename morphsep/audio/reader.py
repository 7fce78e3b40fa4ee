"""Read spans of a file as ``[C, n]``, sample exact and without needless seeks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Literal, overload

import numpy as np
import numpy.typing as npt

from morphsep.audio.info import AudioInfo, check_length, truncated
from morphsep.audio.probe import open_file, probe
from morphsep.audio.source import check_end, open_sound
from morphsep.dsp import Signal
from morphsep.errors import TrackError

Signal64 = npt.NDArray[np.float64]


class AudioReader:
    """Random access to one file at its own sample rate; a context manager.

    ``channels`` picks two channels, counted from 0, of a file with two (to swap them) or more, and
    is ignored for mono; ``info.num_channels`` counts the channels that are read. Positions are
    exact in every file whose ``info.is_seekable`` is true; read others with :func:`blocks`, or
    ``decode_to`` first. Integer samples are divided by 2^(bits-1), so 24 bits are exact in float32,
    32 in float64.

    Raises TrackError as ``probe`` does, and too_many_channels.
    """

    def __init__(self, path: str, channels: tuple[int, int] | None = None) -> None:
        info = probe(path)
        if info.via_ffmpeg:
            raise ValueError(f"{info.format} must go through decode_to first")
        self._picked = pick_channels(info, channels)
        self.info = replace(info, num_channels=2) if self._picked else info
        with ExitStack() as stack:
            self._file = file = stack.enter_context(open_file(path))
            self._sound = stack.enter_context(open_sound(file, path)).sound
            self._open_files = stack.pop_all()
        self._position = 0

    def __enter__(self) -> AudioReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; harmless twice."""
        self._open_files.close()

    def check_end(self) -> None:
        """Raise TrackError("truncated") if another sound file follows; reads a FLAC to its end."""
        check_end(self._file, self.info.path)

    @overload
    def read(
        self, start: int, num_samples: int, dtype: Literal["float32"] = "float32"
    ) -> Signal: ...
    @overload
    def read(self, start: int, num_samples: int, dtype: Literal["float64"]) -> Signal64: ...
    def read(
        self, start: int, num_samples: int, dtype: Literal["float32", "float64"] = "float32"
    ) -> Signal | Signal64:
        """Samples ``[start, start + num_samples)`` as ``[C, num_samples]``; zeros outside the file.

        Raises TrackError("truncated") where the file does not decode.
        """
        span = np.zeros((self.info.num_channels, max(0, num_samples)), dtype)
        first = max(start, 0)
        last = min(start + num_samples, self.info.num_samples)
        if last > first:
            decoded = self._decode(first, last - first, dtype)
            if len(decoded) < last - first:
                raise self._ends_at(first + len(decoded))
            span[:, first - start : last - start] = self._pick(decoded)
        return span

    def _decode(self, start: int, num_samples: int, dtype: str) -> Signal | Signal64:
        """Up to ``num_samples`` as libsndfile returns them: ``[n, C]``, all channels."""
        import soundfile

        try:
            if start != self._position:
                self._sound.seek(start)
            decoded: Signal = self._sound.read(num_samples, dtype=dtype, always_2d=True)
        except soundfile.LibsndfileError as error:
            self._position = -1
            raise self._damaged(start, start + num_samples) from error
        self._position = start + len(decoded)
        return decoded

    def _pick(self, decoded: Signal | Signal64) -> Signal | Signal64:
        picked = decoded.T
        return picked[list(self._picked)] if self._picked else picked

    def _damaged(self, start: int, stop: int) -> TrackError:
        info = self.info
        return TrackError(
            "truncated",
            f"{Path(info.path).name}: the header promises {info.duration:.2f} s but decoding fails "
            f"between {start / info.sample_rate:.2f} s and {stop / info.sample_rate:.2f} s; "
            "the file was cut off or damaged: get a complete copy of it",
        )

    def _ends_at(self, num_samples: int) -> TrackError:
        rate = self.info.sample_rate
        return truncated(self.info.path, self.info.duration, num_samples / rate)


def blocks(reader: AudioReader, block: int) -> Iterator[Signal]:
    """Decode a file from its start: ``[C, n]`` with n = ``block``, the last one shorter.

    Raises TrackError("truncated") at the end, or where decoding fails, if less than the header
    promises was there, or if more follows: after a full pass the file is known to be whole.
    """
    position = 0
    while position < reader.info.num_samples:
        wanted = min(block, reader.info.num_samples - position)
        decoded = reader._decode(position, wanted, "float32")
        if len(decoded):
            yield np.ascontiguousarray(reader._pick(decoded), np.float32)
        position += len(decoded)
        if len(decoded) < wanted:
            break
    check_length(reader.info, position)
    reader.check_end()


def pick_channels(info: AudioInfo, channels: tuple[int, int] | None) -> tuple[int, int] | None:
    """The two channels to take, None for all of them as they are (`channels_taken`).

    Raises TrackError("too_many_channels") for more than two channels if none are chosen or the
    chosen ones are not there.
    """
    name = f"{Path(info.path).name} has {info.num_channels} channels"
    if info.num_channels > 2 and channels is None:
        raise TrackError(
            "too_many_channels", f"{name}; morphsep takes one or two: pick two with --channels"
        )
    taken = channels_taken(info.num_channels, channels)
    if not all(0 <= channel < info.num_channels for channel in taken or ()):
        raise TrackError(
            "too_many_channels", f"{name}, so --channels must lie in 1 to {info.num_channels}"
        )
    return taken


def channels_taken(num_channels: int, channels: tuple[int, int] | None) -> tuple[int, int] | None:
    """Which two of so many channels a choice takes, None for all of them as they are.

    Stereo is taken as it is unless both chosen channels are there (2,1 swaps them), so that one
    setting serves files of many kinds; mono always.
    """
    if num_channels > 2 or channels is None:
        return channels
    swaps = num_channels == 2 and channels != (0, 1) and max(channels) < 2
    return channels if swaps else None
