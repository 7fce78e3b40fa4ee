"""libsndfile on an open file, read and written from start to end without seeks."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import soundfile

    from morphsep.audio.containers.splice import Spliced


def stream(file: BinaryIO | Spliced, mode: str = "r", **form: Any) -> soundfile.SoundFile:
    """libsndfile on an open file from its start, without soundfile's seeks around every call.

    soundfile seeks after each read and write of a seekable file, which is slow in FLAC and loses
    the position in mp3; call ``seek`` for another position.
    """
    import soundfile

    class Stream(soundfile.SoundFile):  # type: ignore[misc]  # soundfile carries no types
        def seekable(self) -> bool:
            return False

    file.seek(0)  # the file is unbuffered, so libsndfile starts there too
    handle = file.fileno() if isinstance(file, io.FileIO) else file
    return Stream(handle, mode, closefd=False, **form)
