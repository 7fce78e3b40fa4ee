"""Open a file with libsndfile so that reads are sequential and lengths are right."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from morphsep.audio.containers import chunks, flac, mpeg, tail
from morphsep.audio.info import claims_too_little, truncated
from morphsep.errors import TrackError
from morphsep.storage import Seekable

if TYPE_CHECKING:
    import soundfile

WAV_REMEDY = (
    "rewrite it (`ffmpeg -ignore_length 1 -i in.wav -c copy out.wav` or "
    "`sox --ignore-length in.wav out.wav`) and listen to its end, or export the file again"
)
FLAC_REMEDY = "rewrite it (`ffmpeg -i in.flac out.flac`), or export the file again"
EXPORT_AGAIN = "export the file again with the program that wrote it"


def open_sound(file: BinaryIO, path: str) -> soundfile.SoundFile:
    """libsndfile on an open file, with the right length.

    Raises TrackError("truncated") for a header that promises more than there is or leaves sound
    out, and soundfile.LibsndfileError where libsndfile gives up. The caller closes both.
    """
    file.seek(0)
    head = file.read(16)
    layout = chunks.layout_of(head)
    if layout is not None:
        return stream(_chunked(file, path, layout))
    if head.startswith(b"OggS"):
        _check_last_page(file, path)
        return stream(file)
    return stream(_framed(file, path))


class Respliced(Seekable):
    """A file with its first ``skip`` bytes replaced by ``head``, without a copy of the rest.

    Bytes from ``end`` on are left out.
    """

    def __init__(self, file: BinaryIO, head: bytes, skip: int, end: int | None = None) -> None:
        self._file, self._head, self._skip = file, head, skip
        end = file.seek(0, io.SEEK_END) if end is None else end
        super().__init__(len(head) + max(0, end - skip))

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # one kind of buffer
        wanted = max(0, min(len(buffer), self._length - self._position))
        part = self._head[self._position : self._position + wanted]
        if len(part) < wanted:
            self._file.seek(self._skip + max(0, self._position + len(part) - len(self._head)))
            part += self._file.read(wanted - len(part))
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)


def stream(file: BinaryIO | Respliced, mode: str = "r", **form: Any) -> soundfile.SoundFile:
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


def _chunked(file: BinaryIO, path: str, layout: chunks.Layout) -> BinaryIO | Respliced:
    data = chunks.find_data(file, layout)
    if data is None or data.present == 0 < (data.promised or 0):
        raise TrackError(
            "truncated", f"{Path(path).name} ends before its sound begins; get a complete copy"
        )
    if tail.is_sound_left_out(file, layout, data):
        raise _left_out(file, path, layout, data)
    if data.promised == data.present:
        return _without_tail(file, data) if layout is chunks.W64 else file
    sized = Respliced(file, chunks.sized_header(file, layout, data), data.chunk.start)
    if data.promised is not None:
        with stream(sized) as sound:
            promised = data.promised * sound.frames // data.present
            if promised > sound.frames:
                rate = sound.samplerate
                raise truncated(path, promised / rate, sound.frames / rate)
    return sized


def _left_out(
    file: BinaryIO, path: str, layout: chunks.Layout, data: chunks.DataChunk
) -> TrackError:
    after = file.seek(0, io.SEEK_END) - tail.samples_end(layout, data)
    whole = replace(data, present=data.present + after)
    header = chunks.sized_header(file, layout, whole)
    with stream(Respliced(file, header, data.chunk.start)) as sound:
        seconds_per_byte = sound.frames / sound.samplerate / whole.present
    remedy = WAV_REMEDY if layout is chunks.RIFF else EXPORT_AGAIN
    return claims_too_little(
        path, data.present * seconds_per_byte, after * seconds_per_byte, remedy
    )


def _without_tail(file: BinaryIO, data: chunks.DataChunk) -> BinaryIO | Respliced:
    """A W64 cut after its samples: libsndfile would take what follows for samples."""
    start, end = data.chunk.start, data.chunk.start + data.present
    if end + chunks.W64.align > file.seek(0, io.SEEK_END):
        return file
    file.seek(0)
    return Respliced(file, file.read(start), start, end)


def _framed(file: BinaryIO, path: str) -> BinaryIO | Respliced:
    """FLAC or mp3, both of which may follow an ID3 tag."""
    start = mpeg.id3_end(file)
    file.seek(start)
    if file.read(4) == b"fLaC":
        return _flac(file, path, start)
    scan = mpeg.scan(file)
    if scan is None:
        return file
    if scan.is_short:
        frame_rate = scan.first.sample_rate / scan.first.num_samples
        assert scan.promised_frames is not None
        raise truncated(path, scan.promised_frames / frame_rate, scan.num_frames / frame_rate)
    if not scan.is_promised:
        return Respliced(file, mpeg.xing_frame(scan), scan.start)
    return file if scan.offset == start else Respliced(file, b"", scan.offset)


def _flac(file: BinaryIO, path: str, start: int) -> BinaryIO | Respliced:
    promised, counted = flac.promised(file, start), flac.counted(file, start)
    if promised is None or counted is None or counted <= promised:
        return file
    header = flac.header_with(file, start, counted)
    sized = Respliced(file, header, len(header))
    if promised == 0:
        return sized
    with stream(sized) as sound:
        if _decodes_at(sound, promised):
            rate = sound.samplerate
            left_out = counted - promised
            raise claims_too_little(path, promised / rate, left_out / rate, FLAC_REMEDY)
    return file


def _decodes_at(sound: soundfile.SoundFile, position: int) -> bool:
    """Whether a sample decodes there: bytes can look like a frame header by chance."""
    import soundfile

    try:
        sound.seek(position)
        return len(sound.read(1)) == 1
    except soundfile.LibsndfileError:
        return False


def _check_last_page(file: BinaryIO, path: str) -> None:
    """Check that the last Ogg page (RFC 3533) is whole: an Ogg file states no length."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 2**17))
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    lacing = page[27 : 27 + page[26]] if len(page) > 26 else b""
    if len(page) < 27 or len(page) < 27 + page[26] or len(page) < 27 + page[26] + sum(lacing):
        raise TrackError(
            "truncated",
            f"{Path(path).name}: the last page is cut off, so its end is missing; "
            "get a complete copy of the file",
        )
