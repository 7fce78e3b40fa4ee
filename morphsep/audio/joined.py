"""Parts of a file that are recordings of one kind, read as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from morphsep.audio.containers.splice import Spliced
from morphsep.audio.opening import stream

Frames = npt.NDArray[Any]
"""``[n, C]``."""


class Joined:
    """What a SoundFile is to who reads one, over several files of one rate and channels.

    One part is open at a time: a recording of a radio has hundreds.

    Raises:
        soundfile.LibsndfileError: a part cannot be opened.
    """

    def __init__(self, parts: Sequence[Spliced]) -> None:
        self._parts = parts
        self._lengths: list[int] = []
        for part in parts:
            with stream(part) as sound:
                self._lengths.append(sound.frames)
        self._index = 0
        self._sound = stream(parts[0])
        self.format, self.subtype = self._sound.format, self._sound.subtype
        self.samplerate, self.channels = self._sound.samplerate, self._sound.channels

    @property
    def frames(self) -> int:
        """Samples per channel that the parts promise."""
        return sum(self._lengths)

    def __enter__(self) -> Joined:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the part that is open."""
        self._sound.close()

    def seek(self, position: int) -> None:
        """Goes to a sample."""
        index = 0
        while index + 1 < len(self._lengths) and position >= self._lengths[index]:
            position -= self._lengths[index]
            index += 1
        self._open(index)
        if position:
            self._sound.seek(position)

    def read(self, frames: int, dtype: str = "float32", always_2d: bool = True) -> Frames:
        """Up to ``frames`` samples, across the borders of parts."""
        found: list[Frames] = []
        while True:
            some = self._sound.read(frames, dtype=dtype, always_2d=True)
            frames -= len(some)
            found.append(some)
            if frames == 0 or self._index + 1 == len(self._parts):
                return found[0] if len(found) == 1 else np.concatenate(found)
            self._open(self._index + 1)

    def _open(self, index: int) -> None:
        self._sound.close()
        self._index, self._sound = index, stream(self._parts[index])
