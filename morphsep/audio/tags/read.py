"""The tags of a file of any kind, told by its content."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import BinaryIO, cast

from morphsep.audio.containers import chunks, tail
from morphsep.audio.containers.splice import Spliced
from morphsep.audio.tags.apev2 import ID3V1_BYTES, read_apev2
from morphsep.audio.tags.asf import from_asf
from morphsep.audio.tags.blocks import from_flac, from_ogg
from morphsep.audio.tags.by_ffprobe import from_ffprobe, is_by_ffprobe
from morphsep.audio.tags.chunk_texts import read_fields
from morphsep.audio.tags.chunks import copyable, sample_rate
from morphsep.audio.tags.fields import ID3V1, Tags, why
from morphsep.audio.tags.from_id3 import from_id3, from_id3v1
from morphsep.audio.tags.id3_frames import HEADER_BYTES, parse, tag_bytes
from morphsep.audio.tags.later import add_later, later_id3
from morphsep.audio.tags.mp4 import from_mp4, unread_atoms
from morphsep.audio.tags.user_data import read_user_data

ASF_MAGIC = bytes.fromhex("3026b2758e66cf11")
FLAC_MAGIC = b"fLaC"
AU_MAGIC, AU_HEADER_BYTES = b".snd", 24


def layout_of(file: BinaryIO) -> chunks.Layout | None:
    """How the file's chunks lie, None if it has none."""
    file.seek(0)
    return chunks.layout_of(file.read(16))


def is_flac_at(file: BinaryIO, start: int) -> bool:
    """Whether a FLAC begins here."""
    file.seek(start)
    return file.read(4) == FLAC_MAGIC


def read(file: BinaryIO) -> Tags:
    """Tags of a file of any kind; what is damaged as a whole is named in ``left_out``."""
    layout = layout_of(file)
    if layout is not None:
        pieces, left_out = copyable(file, layout)
        tags = read_fields(pieces, layout, sample_rate(file, layout))
        tags.left_out += left_out
        return tags
    file.seek(0)
    head = file.read(16)
    for is_kind, name, reader in _KINDS:
        if is_kind(head):
            return _guarded(name, reader, file)
    return _read_around(file)


def _guarded(name: str, reader: Callable[[BinaryIO], Tags], file: BinaryIO) -> Tags:
    """Like ``reader``; its error is one tag that was left out."""
    file.seek(0)
    try:
        return reader(file)
    except Exception as error:  # mutagen raises many types on damaged tags
        return Tags(left_out=[(name, why(error))])


def _read_around(file: BinaryIO) -> Tags:
    """ID3 tags before the sound, where padding may come first; what follows them; those of a FLAC;
    then APEv2 and ID3v1 at the end."""
    parts: list[tuple[str, Tags]] = []
    start = tail.zeros_end(file, 0)
    while size := _tag_size(file, start):
        parts.append(("ID3", _guarded("ID3 tag", partial(_read_id3v2, start, size), file)))
        start += size
    file.seek(start)
    head = file.read(16)
    if start > 3 and head[1:5] == b"ftyp":  # the size before it begins with zeros of its own
        start -= 3
        head = bytes(3) + head
    if start and (chunks.layout_of(head) or any(is_kind(head) for is_kind, _, _ in _KINDS)):
        behind = cast("BinaryIO", Spliced(file, (start, file.seek(0, 2))))
        parts.append(("tags behind it", _guarded("tags behind an ID3 tag", read, behind)))
    for begin in {start, max(0, start - 2)}:  # a programme stream has two zeros of its own
        if is_by_ffprobe(file, begin):
            told = _guarded("tags", partial(from_ffprobe, start=begin), file)
            parts.append(("tags behind it", told))
    if head.startswith(FLAC_MAGIC):
        parts.insert(0, ("FLAC", _guarded("comments", partial(from_flac, start=start), file)))
    parts.append(("APEv2", _guarded("APEv2 tag", lambda f: read_apev2(f) or Tags(), file)))
    parts.append((ID3V1, _guarded("ID3v1 tag", _read_id3v1, file)))
    (_, tags), *others = parts
    for name, other in others:
        tags.add_missing(name, other)
    if not is_flac_at(file, start):
        add_later(tags, later_id3(file, start))
    return tags


def _tag_size(file: BinaryIO, start: int) -> int:
    file.seek(start)
    return tag_bytes(file.read(HEADER_BYTES)) or 0


def _read_id3v2(start: int, size: int, file: BinaryIO) -> Tags:
    file.seek(start)
    return from_id3(parse(file.read(size)))


def _read_id3v1(file: BinaryIO) -> Tags:
    file.seek(max(0, file.seek(0, 2) - ID3V1_BYTES))
    data = file.read(ID3V1_BYTES)
    return from_id3v1(data) if data.startswith(b"TAG") else Tags()


def _read_mp4(file: BinaryIO) -> Tags:
    from mutagen.mp4 import MP4

    mp4 = MP4(fileobj=file)
    tags = from_mp4(mp4.tags or {})
    tags.add_chapters((chapter.start, chapter.title) for chapter in mp4.chapters or [])
    tags.left_out += [(name, "it is damaged") for name in unread_atoms(file, mp4.tags or {})]
    tags.add_missing("user data", read_user_data(file))
    return tags


def _read_asf(file: BinaryIO) -> Tags:
    from mutagen.asf import ASF

    return from_asf(ASF(fileobj=file).tags or {})


def _read_au(file: BinaryIO) -> Tags:
    """The annotation between header and samples."""
    start = int.from_bytes(file.read(8)[4:], "big")
    file.seek(AU_HEADER_BYTES)
    tags = Tags()
    note = file.read(max(0, min(start, 2**16) - AU_HEADER_BYTES))
    tags.add("comment", note.decode("utf-8", "replace"))
    return tags


def _read_dsf(file: BinaryIO) -> Tags:
    """An ID3 tag, where the header says."""
    place = int.from_bytes(file.read(28)[20:], "little")
    size = _tag_size(file, place) if place else 0
    return _read_id3v2(place, size, file) if size else Tags()


_KINDS: tuple[tuple[Callable[[bytes], bool], str, Callable[[BinaryIO], Tags]], ...] = (
    (lambda head: head[4:8] == b"ftyp", "MP4 tags", _read_mp4),
    (lambda head: head.startswith(ASF_MAGIC), "ASF tags", _read_asf),
    (lambda head: head.startswith(b"OggS"), "comments", from_ogg),
    (lambda head: head.startswith(AU_MAGIC), "annotation", _read_au),
    (lambda head: head.startswith(b"DSD "), "ID3 tag", _read_dsf),
)
