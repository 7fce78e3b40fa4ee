"""Odd tags, written by mutagen: each holds a word that can be looked for in the result."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

ODD = ("äöü é", "日本語", "a=b~c", "new\nline", "", " spaced ", "x" * 200, "🎸")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A word that was written into one tag of a file."""

    word: str
    names: tuple[str, ...]
    """What a warning may call the tag, in lower case."""


def tag(path: Path, dice: random.Random) -> tuple[Claim, ...]:
    """Write tags of all kinds into a file; none where mutagen knows no tags for it."""
    import mutagen

    try:
        file = mutagen.File(path)
        if file is None:
            return ()
        if file.tags is None:
            file.add_tags()
        claims = _fill(file, dice)
        file.save()
    except (mutagen.MutagenError, NotImplementedError, ValueError, KeyError, OSError):
        return ()
    return claims


def missing(claims: tuple[Claim, ...], before: bytes, after: Path) -> list[Claim]:
    """The claims that lie in the bytes of the input, but not in the output."""
    held = _all_bytes(after)
    return [c for c in claims if _has(before, c.word) and not _has(held, c.word)]


def _fill(file: Any, dice: random.Random) -> tuple[Claim, ...]:
    from mutagen import apev2, asf, id3, mp4

    filled: dict[type, Any] = {
        id3.ID3: _id3, mp4.MP4Tags: _mp4, apev2.APEv2: _plain, asf.ASFTags: _plain,
    }  # fmt: skip
    fill = next((f for kind, f in filled.items() if isinstance(file.tags, kind)), _vorbis)
    claims: tuple[Claim, ...] = fill(file, _Words(dice))
    return claims


class _Words:
    """New words, and the claims that they are for."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.claims: list[Claim] = []

    def word(self, *names: str) -> str:
        made = f"word{self.dice.randrange(10**9):09d}"
        self.claims.append(Claim(word=made, names=tuple(name.lower() for name in names)))
        return made

    def text(self, *names: str) -> str:
        return self.word(*names) + self.dice.choice(ODD)

    def odd(self) -> str:
        return self.dice.choice(ODD).replace("\n", " ").strip() or "plain"


def _id3(file: Any, words: _Words) -> tuple[Claim, ...]:
    from mutagen import id3

    odd = words.odd()
    frames = [
        id3.TIT2(3, [words.text("tit2", "title")]),
        id3.TPE1(3, [words.text("tpe1", "artist"), words.text("tpe1", "artist")]),
        id3.TXXX(3, odd, [words.text("txxx", odd)]),
        id3.COMM(3, "deu", odd, [words.text("comm", "comment")]),
        id3.USLT(3, "eng", "", [words.text("uslt", "lyrics")]),
        id3.POPM(words.word("popm", "rating"), 200, 7),
        id3.UFID(words.word("ufid"), b"\0\1\2"),
        id3.WOAR("http://x/" + words.word("woar", "website")),
        id3.PRIV(words.word("priv"), b"\0\xff"),
        id3.GEOB(3, "x/y", "f", words.word("geob"), b"\0"),
        id3.APIC(3, "image/png", 3, words.word("apic", "picture", "cover"), _PIXEL),
        id3.CHAP("c1", 0, 500, None, None, [id3.TIT2(3, [words.word("chap", "chapter")])]),
        id3.TBPM(0, ["120"]),
        id3.TDRC(3, ["2001-02-03"]),
    ]
    return _some(words, [partial(file.tags.add, frame) for frame in frames])


def _vorbis(file: Any, words: _Words) -> tuple[Claim, ...]:
    picture = _picture(words.word("picture", "cover"))
    odd = words.odd().replace("=", "").replace("~", "")
    key = odd if odd.isascii() else "ODD KEY"
    values = [
        ("TITLE", [words.text("title")]),
        ("artist", [words.text("artist"), words.text("artist")]),
        (key, [words.text(key)]),
        ("CHAPTER001NAME", [words.text("chapter")]),
        ("METADATA_BLOCK_PICTURE", [picture]),
        ("METADATA_BLOCK_PICTURE", ["broken", picture]),
    ]
    return _some(words, [partial(file.tags.__setitem__, *pair) for pair in values])


def _mp4(file: Any, words: _Words) -> tuple[Claim, ...]:
    free = f"----:com.apple.iTunes:{words.odd()}"
    values = {
        "\xa9nam": [words.text("title", "nam")], "\xa9ART": [words.text("artist")],
        free: [words.text("freeform", "----").encode()], "desc": [words.text("desc")],
        "\xa9lyr": [words.text("lyrics", "lyr")], "cpil": True, "pgap": True, "trkn": [(3, 9)],
        "tmpo": [120], "purd": [words.word("purd")],
    }  # fmt: skip
    return _some(words, [partial(file.tags.__setitem__, *pair) for pair in values.items()])


def _plain(file: Any, words: _Words) -> tuple[Claim, ...]:
    keys = ("Title", "Artist", "Comment", "Odd Key", "WM/Composer", "Year")
    return _some(words, [partial(file.tags.__setitem__, key, words.text(key)) for key in keys])


def _some(words: _Words, writes: list[Callable[[], Any]]) -> tuple[Claim, ...]:
    """Does a random part of what could be written. Claims of the rest are not in the file, and are
    left out when the file is looked at."""
    for write in words.dice.sample(writes, words.dice.randint(1, len(writes))):
        write()
    return tuple(words.claims)


_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def _picture(words: str) -> str:
    from mutagen.flac import Picture

    picture = Picture()
    picture.data, picture.mime, picture.desc, picture.type = _PIXEL, "image/png", words, 3
    return base64.b64encode(picture.write()).decode("ascii")


def _has(data: bytes, word: str) -> bool:
    encodings = ("utf-8", "utf-16-le", "utf-16-be")
    return any(word.encode(each) in data for each in encodings) or any(
        part in data for part in _in_base64(word)
    )


def _in_base64(word: str) -> list[bytes]:
    """What a word looks like within base64, at each of three alignments, without its edges."""
    shifted = (base64.b64encode(b"\0" * shift + word.encode()) for shift in range(3))
    return [text[4:-4] for text in shifted]


def _all_bytes(path: Path) -> bytes:
    """A file, and its tags as mutagen tells them: they may be compressed, or cut by pages."""
    import mutagen

    try:
        file = mutagen.File(path)
        told = "" if file is None or file.tags is None else str(dict(file.tags))
    except (mutagen.MutagenError, ValueError):
        told = ""
    return path.read_bytes() + told.encode("utf-8", "replace")
