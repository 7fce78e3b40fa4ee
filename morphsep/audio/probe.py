"""Look at a file's header: what it is, whether it can be read, and if not, what to do."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from morphsep.audio.containers import chunks, mpeg
from morphsep.audio.info import FFMPEG_FORMATS, AudioInfo
from morphsep.audio.source import open_sound
from morphsep.errors import TrackError

if TYPE_CHECKING:
    import soundfile

MIN_RATE, MAX_RATE = 8_000, 192_000
"""Hz."""
ASF_MAGIC = bytes.fromhex("3026b2758e66cf11")
READABLE = "wav, flac, aiff, caf, w64, rf64, ogg, opus or mp3"


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
    is_tagged = kind in FFMPEG_FORMATS
    return _checked(_probe_tagged(path, file, kind) if is_tagged else _probe_sound(path, file))


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
    file.seek(0)
    head = file.read(mpeg.SEARCH)
    if chunks.layout_of(head) is not None:
        return "chunks"
    if head[4:8] == b"ftyp":
        return "M4A"
    if head.startswith(ASF_MAGIC):
        return "WMA"
    if head.startswith(b"OggS"):
        return "OGG"
    file.seek(mpeg.id3_end(file))
    magic = file.read(4)
    if magic == b"fLaC":
        return "FLAC"
    if magic[:1] == b"\xff" and len(magic) > 1 and magic[1] & 0xF6 == 0xF0:
        return "AAC"
    scan = mpeg.scan(file)
    return None if scan is None else "MP3" if scan.first.layer == 3 else "MP2"


def has_ffmpeg() -> bool:
    """Whether an ``ffmpeg`` binary is on PATH."""
    return shutil.which("ffmpeg") is not None


def _empty(name: str) -> TrackError:
    return TrackError("empty_file", f"{name} has 0 bytes; copy or export it again")


def _no_permission(name: str) -> TrackError:
    return TrackError("no_permission", f"{name} may not be read by this user; change its mode")


def _probe_sound(path: str, file: BinaryIO) -> AudioInfo:
    import soundfile

    try:
        with open_sound(file, path) as sound:
            return _info(path, sound)
    except soundfile.LibsndfileError as error:
        raise TrackError(
            "not_audio",
            f"{Path(path).name} cannot be opened ({error.error_string.rstrip('.')}); "
            f"it is damaged or of a rare kind: export it again as {READABLE}",
        ) from error


def _info(path: str, sound: soundfile.SoundFile) -> AudioInfo:
    return AudioInfo(
        path=path,
        format=sound.format,
        subtype=sound.subtype,
        sample_rate=sound.samplerate,
        num_channels=sound.channels,
        num_samples=sound.frames,
    )


def _probe_tagged(path: str, file: BinaryIO, kind: str) -> AudioInfo:
    """m4a, aac, wma and mp2: the header through mutagen, the sound later through ffmpeg."""
    header = _header(path, file, kind)
    if not has_ffmpeg():
        raise TrackError(
            "needs_ffmpeg",
            f"{Path(path).name} ({kind.lower()}) needs the program ffmpeg, which is not on PATH; "
            f"install it or convert the file to {READABLE}",
        )
    codec = str(getattr(header, "codec", kind))
    bits = getattr(header, "bits_per_sample", 0)
    return AudioInfo(
        path=path,
        format=kind,
        subtype=f"ALAC_{bits}" if codec == "alac" else codec.upper(),
        sample_rate=int(header.sample_rate),
        num_channels=int(header.channels),
        num_samples=round(header.length * header.sample_rate),
    )


def _header(path: str, file: BinaryIO, kind: str) -> Any:
    import mutagen
    from mutagen.aac import AAC
    from mutagen.asf import ASF
    from mutagen.mp3 import MP3
    from mutagen.mp4 import MP4

    file.seek(0)
    try:
        parser: Any = {"M4A": MP4, "AAC": AAC, "WMA": ASF, "MP2": MP3}[kind]
        return parser(fileobj=file).info
    except mutagen.MutagenError as error:
        raise TrackError(
            "not_audio", f"{Path(path).name} is damaged or cut off ({error}); get a complete copy"
        ) from error


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
