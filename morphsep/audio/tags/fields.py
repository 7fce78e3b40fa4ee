"""Tags as fields with Vorbis comment names plus pictures: read from any format, written to any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from morphsep.audio.tags.outdated import is_outdated

if TYPE_CHECKING:
    from mutagen.flac import Picture

    from morphsep.audio.tags.id3_frames import Id3

NO_TEXT = "holds bytes, not text"
FRONT_COVER = 3
UNNAMED = "unnamed"
"""A tag whose name is empty, as the description of a TXXX frame may be."""
ID3V1 = "ID3v1"
"""What another tag says in full, this one has cut to 30 characters of Latin-1."""
MOST_CHAPTERS = 999
"""The names of chapters have three digits."""
_LONGEST_NAME = 80


@dataclass(slots=True, kw_only=True)
class Tags:
    """Tags and pictures of one file."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    """By lower-case Vorbis comment name."""
    pictures: list[Picture] = field(default_factory=list)
    id3: Id3 | None = None
    """The original ID3 tag, for formats that hold one."""
    beside_id3: set[str] = field(default_factory=set)
    """Fields that are not in ``id3``."""
    has_pictures_beside_id3: bool = False
    flac_blocks: list[tuple[int, bytes]] = field(default_factory=list)
    """Kinds and bytes of blocks that only a FLAC can hold."""
    left_out: list[tuple[str, str]] = field(default_factory=list)
    """(tag, why) of what no other format can be given."""
    only_here: list[tuple[str, str]] = field(default_factory=list)
    """(tag, why) of what only the file's own kind of tag can hold."""
    outdated: list[str] = field(default_factory=list)
    """Tags that were not taken over, since they describe the old sound."""

    def __bool__(self) -> bool:
        return bool(self.fields or self.pictures or self.id3)

    def add(self, name: str, *values: object) -> None:
        """Appends the values that are not empty; some formats separate values by NUL."""
        texts = [part for value in values for part in str(value).split("\0") if part]
        name = name.replace("\0", " ") or UNNAMED
        if is_outdated(name):
            self.outdated.append(name)
        elif texts:
            self.fields.setdefault(name.lower(), []).extend(texts)

    def add_missing(self, source: str, others: Tags) -> None:
        """Takes what a second tag of the same file has beyond this one; this one comes first.

        Args:
            source: what the second is called where it says something else.
        """
        for name, values in others.fields.items():
            if name not in self.fields:
                self.fields[name] = list(values)
                self.beside_id3.add(name)
            elif source != ID3V1 and not _says_the_same(self.fields[name], values):
                self.left_out.append((f"{source} {name}", "another tag of the file says otherwise"))
        if not self.pictures:
            self.pictures = others.pictures
            self.has_pictures_beside_id3 = True
        elif [p.data for p in others.pictures if p.data not in [q.data for q in self.pictures]]:
            self.left_out.append((f"{source} pictures", "another tag of the file has others"))
        self.left_out += others.left_out + others.only_here
        self.outdated += others.outdated

    def add_chapters(self, chapters: Iterable[tuple[float, str]]) -> None:
        """Chapters as (start in s, title): CHAPTER001=00:00:01.000, CHAPTER001NAME=..., the chapter
        extension of Vorbis comments."""
        ordered = sorted(chapters)
        for number, (start, title) in enumerate(ordered[:MOST_CHAPTERS], 1):
            milliseconds = round(start * 1000)
            minutes, rest = divmod(milliseconds, 60_000)
            clock = f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
            self.add(f"chapter{number:03}", clock)
            self.add(f"chapter{number:03}name", title)
        if len(ordered) > MOST_CHAPTERS:
            self.left_out.append(("chapters from 1000", "their names have three digits"))

    def add_picture(self, data: bytes, mime: str, kind: int = FRONT_COVER, desc: str = "") -> None:
        """A picture; ``kind`` as in ID3: 3 is the front cover."""
        from mutagen.flac import Picture

        picture = Picture()
        picture.data, picture.mime, picture.type, picture.desc = data, mime, kind, desc
        self.pictures.append(picture)


def picture_name(picture: Any) -> str:
    """What a picture is called in a sentence."""
    name = f"picture {picture.desc!r}" if picture.desc else "picture"
    return f"{name} of {len(picture.data) / 2**20:.1f} MiB"


def why(error: BaseException) -> str:
    """An error's reason, which is never empty."""
    return str(error) or type(error).__name__


def listed(left_out: Iterable[tuple[str, str]]) -> str | None:
    """One sentence about tags and why they were left out; None if there are none."""
    names: dict[str, Counter[str]] = {}
    for name, reason in left_out:
        names.setdefault(printable(reason), Counter())[printable(name)] += 1
    parts = [
        f"{', '.join(f'{n} ({k} times)' if k > 1 else n for n, k in found.items())}: {reason}"
        for reason, found in names.items()
    ]
    return "; ".join(parts) or None


def named(names: Iterable[str]) -> str | None:
    """Names of tags, each once; None if there are none."""
    return ", ".join(dict.fromkeys(printable(name) for name in names)) or None


def printable(text: str) -> str:
    """A tag's name or a reason as it can stand in a table: in one line, not too long."""
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."


def _says_the_same(values: list[str], others: list[str]) -> bool:
    """Whether ``others`` adds nothing: RIFF INFO holds one value, some programs cut it."""
    return all(any(value.startswith(other.strip()) for value in values) for other in others)
