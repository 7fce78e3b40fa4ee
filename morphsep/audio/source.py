"""Open a file with libsndfile so that reads are sequential, lengths are right and nothing is left
out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from morphsep.audio.chunked import chunked
from morphsep.audio.containers import au, beginnings, chunks, flac, mpeg, ogg
from morphsep.audio.containers.splice import Spliced
from morphsep.audio.gaps import check_gaps, check_ogg, cut_off, frames_note, ogg_note
from morphsep.audio.info import (
    AudioInfo,
    another_file,
    another_kind,
    claims_too_little,
    truncated,
)
from morphsep.audio.joined import Joined
from morphsep.audio.opening import stream
from morphsep.errors import TrackError

if TYPE_CHECKING:
    import soundfile

FLAC_REMEDY = "rewrite it (`ffmpeg -i in.flac out.flac`), or export the file again"

NO_TAG = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
"""An ID3 tag that holds nothing. Without one libsndfile, before it knows an mp3 file, looks for a
resource fork in the current folder, and takes `._` or `.AppleDouble` there for it."""
LEAST_BYTES_A_SECOND = 500
"""Fewer hold silence only."""
TAGS = 2**14
"""Bytes behind the last frame that mpg123 may see; more, and it doubts the length."""


class Opened(NamedTuple):
    """An open file, and what is to be known of how it is read; a context manager."""

    sound: soundfile.SoundFile | Joined
    note: str = ""
    most_samples: int | None = None
    """The most that a file of its size can hold, where only its end tells its length."""

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.sound.close()

    def info(self, path: str) -> AudioInfo:
        """What the header says."""
        sound = self.sound
        num_samples = sound.frames
        if self.most_samples is not None:
            num_samples = min(num_samples, self.most_samples)
        return AudioInfo(
            path=path, format=sound.format, subtype=sound.subtype, sample_rate=sound.samplerate,
            num_channels=sound.channels, num_samples=num_samples, note=self.note,
        )  # fmt: skip


def open_sound(file: BinaryIO, path: str) -> Opened:
    """libsndfile on an open file, with the right length; the caller closes both.

    Raises TrackError("truncated") for a header that promises more than there is or leaves sound
    out, for what else lies in the file, and soundfile.LibsndfileError where libsndfile gives up.
    """
    start = mpeg.id3_end(file)
    file.seek(start)
    head = file.read(16)
    layout = chunks.layout_of(head)
    if layout is not None:
        return Opened(stream(chunked(_from(file, start), path, layout)))
    if head.startswith(b"OggS"):
        return _ogg(file, path)
    if head.startswith(au.MAGIC):
        return Opened(stream(_au(file, path, start)))
    if head.startswith(b"fLaC"):
        return Opened(stream(_flac(file, path, start)))
    return _mpeg(file, path)


def _from(file: BinaryIO, start: int) -> BinaryIO:
    """The file without its first bytes."""
    if start == 0:
        return file
    return cast("BinaryIO", Spliced(file, (start, file.seek(0, io.SEEK_END))))


def check_end(file: BinaryIO, path: str) -> None:
    """Search a FLAC file for a second one: its length says nothing about it, and libFLAC stops
    before it; and an Ogg for damaged pages. Reads the whole file; other formats are checked when
    they are opened.

    Raises TrackError("truncated").
    """
    start = mpeg.id3_end(file)
    file.seek(start)
    magic = file.read(4)
    damaged = ogg.damaged_page(file) if magic == b"OggS" else None
    if damaged is not None:
        raise cut_off(path, f"the page at byte {damaged} is damaged")
    if magic != b"fLaC":
        return
    end = file.seek(0, io.SEEK_END)
    second = beginnings.find_kind(file, "FLAC", flac.frames_start(file, start), end)
    if second is not None:
        raise another_file(path, second, "FLAC")
    last = flac.last_frame(file, start)
    found = beginnings.find_sound(file, last[0], end) if last else None
    if found is not None:
        raise another_file(path, *found)


def _mpeg(file: BinaryIO, path: str) -> Opened:
    scan = mpeg.scan(file)
    if scan is None:
        return Opened(stream(file))
    check_mpeg(file, path, scan)
    note = frames_note(file, scan.spans, scan.cut_frame)
    if not scan.is_promised:
        whole = Spliced(file, NO_TAG, mpeg.xing_frame(scan), *scan.spans)
        return Opened(stream(whole), note)
    is_tagged = 0 < scan.offset == mpeg.id3_end(file)
    is_plain = is_tagged and file.seek(0, io.SEEK_END) - scan.end < TAGS
    plain = file if is_plain else Spliced(file, NO_TAG, (scan.offset, scan.end))
    return Opened(stream(plain), note)


def check_mpeg(file: BinaryIO, path: str, scan: mpeg.MpegScan) -> None:
    """Raise TrackError("truncated") for frames that are missing, or of two kinds, and for another
    file between or behind them."""
    if scan.is_short:
        frame_rate = scan.first.sample_rate / scan.first.num_samples
        assert scan.promised_frames is not None
        raise truncated(path, scan.promised_frames / frame_rate, scan.num_frames / frame_rate)
    if scan.other is not None:
        offset, frame = scan.other
        raise another_kind(path, offset, _described(scan.first), _described(frame))
    if isinstance(file, io.FileIO):
        check_gaps(file, path, scan.spans)


def _described(frame: mpeg.Frame) -> str:
    return f"mpeg layer {frame.layer}, {frame.sample_rate} Hz, {frame.num_channels} channel(s)"


def _flac(file: BinaryIO, path: str, start: int) -> BinaryIO | Spliced:
    promised, counted = flac.promised(file, start), flac.counted(file, start)
    if promised is None or counted is None or counted <= promised:
        return file
    header = flac.header_with(file, start, counted)
    sized = Spliced(file, header, (len(header), file.seek(0, io.SEEK_END)))
    if promised == 0:
        return sized
    with stream(sized) as sound:
        if _decodes_at(sound, promised):
            rate = sound.samplerate
            check_end(file, path)
            left_out = counted - promised
            raise claims_too_little(path, promised / rate, left_out / rate, FLAC_REMEDY)
    return file


def _au(file: BinaryIO, path: str, start: int) -> BinaryIO | Spliced:
    """An AU cut after its samples: libsndfile would take what follows for samples."""
    data, size = au.find_data(file, start), file.seek(0, io.SEEK_END)
    if data is None or data[1] > size:
        raise TrackError(
            "truncated",
            f"{Path(path).name}: the header promises more sound than the file holds; "
            "get a complete copy of it",
        )
    check_gaps(file, path, [data])
    return Spliced(file, (start, data[1]))


def _decodes_at(sound: soundfile.SoundFile, position: int) -> bool:
    """Whether a sample decodes there: bytes can look like a frame header by chance."""
    import soundfile

    try:
        sound.seek(position)
        return len(sound.read(1)) == 1
    except soundfile.LibsndfileError:
        return False


def _ogg(file: BinaryIO, path: str) -> Opened:
    chain = ogg.scan(file)
    if chain is None:
        if ogg.is_cut_off(file):
            raise cut_off(path)
        return _remote_ogg(file)
    check_ogg(file, path, chain)
    pieces = [link.sound.pieces for link in chain.links if link.sound]
    parts = [Spliced(file, *each) for each in pieces]
    if pieces == [[(0, file.seek(0, io.SEEK_END))]]:
        opened = Opened(stream(file))
    elif len(parts) < 2:
        opened = Opened(stream(parts[0] if parts else file), ogg_note(chain))
    else:
        opened = Opened(Joined(parts), ogg_note(chain))
    return _whole_ogg(opened, path, chain)


def _whole_ogg(opened: Opened, path: str, chain: ogg.Chain) -> Opened:
    """Raise TrackError("truncated") where libsndfile finds less than the pages of Vorbis promise.
    Opus counts at 48 kHz, whatever the rate."""
    sounds = [link.sound for link in chain.links if link.sound]
    is_vorbis = any(link.coding and link.coding.name == "vorbis" for link in chain.links)
    promised, rate = sum(sound.num_samples for sound in sounds), opened.sound.samplerate
    if is_vorbis and opened.sound.frames < promised:
        with opened:
            raise truncated(path, promised / rate, opened.sound.frames / rate)
    return opened


def _remote_ogg(file: BinaryIO) -> Opened:
    """A file whose pages are not walked: if it is a chain, libsndfile takes nonsense for its
    length."""
    sound = stream(file)
    seconds = file.seek(0, io.SEEK_END) / LEAST_BYTES_A_SECOND
    return Opened(sound, most_samples=round(seconds * sound.samplerate))
