"""What of every kind of tag arrives in every format, measured.

`python -m tests.tag_table` prints it and puts it into the documentation.

The results are read back by mutagen, and chunks by this module: never by what wrote them.
"""

from __future__ import annotations

import base64
import io
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import soundfile
from mutagen import id3
from mutagen.flac import FLAC, Picture
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis

from morphsep.audio.tags import copy_tags, fields
from tests import tag_files
from tests.tag_sources import SOURCES

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "files.md"
BEGIN, END = "<!-- tags: python -m tests.tag_table -->", "<!-- end of tags -->"
TARGETS = {
    "wav, rf64": ("wav", "rf64"), "aiff": ("aiff",), "flac": ("flac",),
    "ogg, opus": ("ogg", "opus"), "caf": ("caf",), "w64": ("w64",),
}  # fmt: skip
SHOWN = [column for column in TARGETS if column != "w64"]
"""A W64 is written without tags: every one is named, which the page says once."""
LINE = "A=PCM,F=48000,W=16,M=mono,T=morphsep 1.0; morph"
END_OF_TAG = 2**12
"""Bytes in which frames are looked for that mutagen cannot read, and of a picture."""
STRUCTURE = {"fmt", "data", "fact", "ds64", "COMM", "SSND", "desc", "PEAK", "chan"}
Row = dict[str, str]
"""Column -> what arrives."""


def table(title: str, folder: Path) -> dict[str, Row]:
    """For one kind of source: each of its tags, and what of it arrives in every format."""
    suffix, make = SOURCES[title]
    source = folder / f"in.{suffix}"
    tagged = make(source)
    known = {name for name, _ in read_back(source)} if suffix in tag_files.FORMATS else set()
    results = {
        column: [_result(source, folder / f"out.{each}") for each in suffixes]
        for column, suffixes in TARGETS.items()
    }
    return {name: _row(name, token, said, known, results) for name, (token, said) in tagged.items()}


@dataclass
class Result:
    """A result's tags, and what the copier says."""

    pairs: list[tuple[str, bytes]]
    left_out: list[str]
    outdated: list[str]

    def places(self, token: str) -> list[str]:
        """Names under which a text lies in it; a flag is its name, A|B in two formats."""
        spellings = [token.encode(code) for code in ("utf-8", "latin-1", "utf-16-le", "utf-16-be")
                     if code != "latin-1" or token.isascii() or "\xff" in token]  # fmt: skip
        found = [name for name, value in self.pairs if any(each in value for each in spellings)]
        flags = token.lower().split("|")
        return found + [name for name, _ in self.pairs if name.lower() in flags]


def _result(source: Path, target: Path) -> Result:
    tag_files.sound(target)
    copied = copy_tags(str(source), str(target), LINE)
    assert soundfile.info(target).frames == 9_601
    left_out = [name for name, _ in copied.left_out]
    return Result(list(read_back(target)), left_out, list(copied.outdated))


def _row(
    name: str, token: str, said: str, known: set[str], results: dict[str, list[Result]]
) -> Row:
    """What becomes of a tag in each column: it is found, or it is named."""
    flat = [result for column in results.values() for result in column]
    names = {said} if said else {place.lower() for each in flat for place in each.places(token)}
    row = {}
    for column, found in results.items():
        (row[column],) = {_fate(name, token, names, known, each) for each in found}
    return row


def _fate(name: str, token: str, names: set[str], known: set[str], result: Result) -> str:
    places = result.places(token)
    if not places:
        if names & set(result.outdated):
            return "dropped"
        is_named = names & {*result.left_out}
        assert is_named, f"{name} is lost without a word: {names}, {result.left_out}"
        return "left out"
    kept = [place for place in places if place in known]
    best = min(places, key=lambda place: place in ("LIST", "raw"))
    return "kept" if kept else f"`{fields.printable(best)}`"


def read_back(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of all tags of a file."""
    suffix = path.suffix[1:]
    if suffix == "flac":
        yield from _of_flac(path)
    elif suffix in ("ogg", "opus"):
        yield from _of_ogg(OggVorbis(path) if suffix == "ogg" else OggOpus(path))
    elif suffix == "mp3":
        yield from _of_id3(path.read_bytes())
    else:
        for name, payload in _chunks(path.read_bytes(), suffix):
            if name in ("id3", "ID3"):
                yield from _of_id3(payload)
            elif name == "info":
                texts = payload[4:].split(b"\0")
                for key, value in zip(texts[::2], texts[1::2], strict=False):
                    yield key.decode(), value
            elif name not in STRUCTURE:
                yield name, payload


def _of_flac(path: Path) -> Iterator[tuple[str, bytes]]:
    file = FLAC(path)
    for name, value in file.tags or []:
        yield name, value.encode()
    for picture in file.pictures:
        yield "picture", picture.data[:END_OF_TAG]
    if file.cuesheet is not None:
        yield "cue sheet", file.cuesheet.write()


def _of_ogg(file: OggVorbis | OggOpus) -> Iterator[tuple[str, bytes]]:
    for name, value in file.tags or []:
        if name == "metadata_block_picture":
            yield "picture", Picture(base64.b64decode(value)).data[:END_OF_TAG]
        else:
            yield name, value.encode()


def _of_id3(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Frames by name; what mutagen cannot read is looked for in the tag's bytes."""
    if data[:3] != b"ID3":
        return
    tag = id3.ID3(fileobj=io.BytesIO(data), translate=False, load_v1=False)
    for frame in tag.values():
        said = getattr(frame, "data", None) or repr(frame).encode()
        said = said[:END_OF_TAG]
        said += "".join(getattr(frame, "genres", ())).encode()
        described = f"{frame.FrameID}:{frame.desc}" if frame.FrameID == "TXXX" else frame.FrameID
        yield described, said
    yield "raw", data[max(0, tag.size - END_OF_TAG) : tag.size]


def _chunks(content: bytes, suffix: str) -> Iterator[tuple[str, bytes]]:
    big, first, header = suffix in ("aiff", "caf"), {"caf": 8, "w64": 40}.get(suffix, 12), 8
    width = 8 if suffix in ("caf", "w64") else 4
    header = {"caf": 12, "w64": 24}.get(suffix, 8)
    align = {"caf": 1, "w64": 8}.get(suffix, 2)
    position, long_size = first, 0
    while position + header <= len(content):
        raw = content[position + header - width : position + header]
        size = int.from_bytes(raw, "big" if big else "little") - (24 if suffix == "w64" else 0)
        start = position + header
        name = content[position : position + 4]
        if name == b"ds64":
            (long_size,) = struct.unpack("<Q", content[start + 8 : start + 16])
        size = long_size if size == 2**32 - 1 else size
        yield name.decode("latin-1").strip(), content[start : start + size]
        position = start + size + -size % align


def markdown(tables: dict[str, dict[str, Row]]) -> str:
    """All of it as Markdown."""
    lines = []
    for title, rows in tables.items():
        lines += ["", f"### From {title}", "", f"| tag | {' | '.join(SHOWN)} |"]
        lines.append("|---" * (len(SHOWN) + 1) + "|")
        lines += [f"| {name} | {' | '.join(row[c] for c in SHOWN)} |" for name, row in rows.items()]
    return "\n".join(lines) + "\n"


def measured() -> str:
    """The tables of all kinds of sources."""
    found = {}
    for title in SOURCES:
        with tempfile.TemporaryDirectory() as folder:
            found[title] = table(title, Path(folder))
    return markdown(found)


def documented() -> str:
    """The tables that stand in the documentation."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].removeprefix("\n")


def main() -> None:
    """Prints the tables, and puts them into the documentation."""
    page = PAGE.read_text(encoding="utf-8")
    text = measured()
    print(text)
    before, _, after = page.partition(BEGIN)
    rest = after.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest}", encoding="utf-8")


if __name__ == "__main__":
    main()
