"""Look at a file's header: what it is, whether it can be read, and if not, what to do."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from morphsep.audio import foreign
from morphsep.audio.containers import au, chunks, mpeg
from morphsep.audio.info import READABLE, AudioInfo
from morphsep.audio.source import open_sound
from morphsep.errors import TrackError

MIN_RATE, MAX_RATE = 8_000, 192_000
"""Hz."""
HEAD = 512
"""Bytes by which a file's kind is told."""


def probe(path: str) -> AudioInfo:
    """Read ``path``'s header without decoding the file (of an mp3: all frame headers).

    Raises TrackError with the codes not_found, is_a_folder, no_permission, empty_file, not_audio,
    needs_ffmpeg, unsupported_rate or truncated (the header promises more than the file holds, or
    less, so that sound would be left out).
    """
    check_readable(path)
    with open_file(path) as file:
        return probe_open(file, path)


def probe_open(file: BinaryIO, path: str) -> AudioInfo:
    """Like `probe`, for an open file, which may be remote; ``path`` names it in messages.

    The length of a remote mp3 is estimated from its first frames.
    """
    if not file.seek(0, os.SEEK_END):
        raise _empty(Path(path).name)
    kind = sniff(file)
    if kind is None:
        raise TrackError(
            "not_audio",
            f"{Path(path).name} holds no audio that morphsep knows, whatever its name says; "
            f"give it {READABLE}",
        )
    if kind in foreign.DEMUXERS and kind != "OGG":
        return _checked(foreign.probe_foreign(path, file, kind))
    return _checked(_probe_sound(path, file, kind))


def check_readable(path: str) -> None:
    """Raise TrackError unless ``path`` is a readable regular file with content."""
    name = Path(path).name
    try:
        status = os.stat(path)
    except PermissionError as error:
        raise _no_permission(name) from error
    except OSError as error:
        if os.path.islink(path):
            raise TrackError(
                "not_found", f"{name} is a link to a file that is not there; repair or remove it"
            ) from error
        raise TrackError("not_found", f"{name} is not there; check the path") from error
    if stat.S_ISDIR(status.st_mode):
        raise TrackError("is_a_folder", f"{name} is a folder, not a file; rename or leave it out")
    if not stat.S_ISREG(status.st_mode):
        raise TrackError("not_audio", f"{name} is a device or a pipe; save it to a file first")
    if not os.access(path, os.R_OK):
        raise _no_permission(name)
    if status.st_size == 0:
        raise _empty(name)


def open_file(path: str) -> BinaryIO:
    """Open for reading; TrackError no_permission where the system refuses."""
    try:
        return Path(path).open("rb", buffering=0)
    except PermissionError as error:
        raise _no_permission(Path(path).name) from error


def sniff(file: BinaryIO) -> str | None:
    """The kind of audio file by its content, never by its name; None if it is not audio."""
    file.seek(mpeg.id3_end(file))
    head = file.read(HEAD)
    if chunks.layout_of(head) is not None:
        return "chunks"
    kind = foreign.kind_of(head)
    if kind is not None:
        return kind
    if head.startswith(b"OggS"):
        return "OGG"
    if head.startswith(b"fLaC"):
        return "FLAC"
    if head.startswith(au.MAGIC):
        return "AU"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "AAC"
    scan = mpeg.scan(file)
    return None if scan is None else "MP3" if scan.first.layer == 3 else "MP2"


def _empty(name: str) -> TrackError:
    return TrackError("empty_file", f"{name} has 0 bytes; copy or export it again")


def _no_permission(name: str) -> TrackError:
    return TrackError("no_permission", f"{name} may not be read by this user; change its mode")


def _probe_sound(path: str, file: BinaryIO, kind: str) -> AudioInfo:
    """The header by libsndfile; by ffmpeg, where a container that both know holds what only
    ffmpeg reads."""
    import soundfile

    try:
        with open_sound(file, path) as opened:
            return opened.info(path)
    except soundfile.LibsndfileError as error:
        why = error.error_string.rstrip(".")
    if kind in ("chunks", "OGG") and foreign.has_ffmpeg():
        return foreign.probe_inside(path, file, kind)
    raise TrackError(
        "not_audio",
        f"{Path(path).name} cannot be opened ({why}); it is damaged or of a rare kind: install "
        f"ffmpeg, or export it again as {READABLE}",
    )


def _checked(info: AudioInfo) -> AudioInfo:
    name = Path(info.path).name
    if not MIN_RATE <= info.sample_rate <= MAX_RATE:
        raise TrackError(
            "unsupported_rate",
            f"{name} has {info.sample_rate} Hz; morphsep takes {MIN_RATE} to {MAX_RATE} Hz: "
            "convert it first",
        )
    if info.num_samples <= 0:
        raise TrackError("empty_file", f"{name} has a header but no sound; export it again")
    return info
