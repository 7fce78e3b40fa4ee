"""ID3 tags to fields."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from morphsep.audio.tags.fields import NO_TEXT, Tags
from morphsep.audio.tags.id3_frames import Id3, RawFrame
from morphsep.audio.tags.names import (
    ID3_NAMES,
    ID3_OLD_NAMES,
    ID3_URLS,
    MUSICBRAINZ_OWNER,
    NUMBERED,
    free_name,
)
from morphsep.audio.tags.outdated import FRAMES, is_outdated

ONLY_ID3 = "only ID3 can hold it"
NAMES = ID3_OLD_NAMES | ID3_URLS | ID3_NAMES
DATES = {"TYER", "TDAT", "TIME"}
"""Of ID3v2.3: the year, the day as DDMM, the time as HHMM."""
ROLES = {"arranger", "engineer", "producer", "mixer", "djmixer"}
"""Of TIPL and IPLS; other people become "performer: name (role)"."""
ROLE_NAMES = {"mix": "mixer", "dj-mix": "djmixer"}
MILLISECONDS = 2
"""Format of a SYLT frame whose times are in ms."""


def from_id3(id3: Id3) -> Tags:
    """Fields and pictures of a tag, which is kept for formats that hold one."""
    tags = Tags(id3=id3)
    for raw in id3.frames:
        if raw.frame is None:
            tags.only_here.append((raw.id, "it is damaged, encrypted or of an unknown kind"))
        elif raw.id in FRAMES:
            tags.outdated.append(raw.id)
        else:
            _add_frame(tags, raw.id, raw.frame)
    _add_date(tags, id3)
    _add_chapters(tags, id3)
    return tags


def from_id3v1(data: bytes) -> Tags:
    """Fields of an ID3v1 tag, the last 128 bytes of a file; none if they are no tag."""
    from mutagen.id3 import ParseID3v1

    tags = Tags()
    for frame in (ParseID3v1(data) or {}).values():
        if frame.FrameID == "COMM":  # mutagen describes where it comes from
            tags.add("comment", *frame.text)
        else:
            _add_frame(tags, frame.FrameID, frame)
    return tags


def frame_is_outdated(raw: RawFrame) -> bool:
    """Whether a frame describes the old sound."""
    if raw.frame is None or raw.id not in ("TXXX", "COMM"):
        return raw.id in FRAMES
    return is_outdated(raw.frame.desc)


def _add_frame(tags: Tags, key: str, frame: Any) -> None:
    """Adds a frame that was read."""
    special = _SPECIAL.get(key)
    text = getattr(frame, "text", None)
    if special is not None:
        special(tags, frame)
    elif key in NUMBERED:
        for number, _, total in (str(each).partition("/") for each in frame.text):
            tags.add(NUMBERED[key][0], number)
            tags.add(NUMBERED[key][1], total)
    elif hasattr(frame, "url"):
        tags.add(NAMES.get(key, key), frame.url)
    elif isinstance(text, (list, str)) and key not in DATES:
        tags.add(NAMES.get(key, key), *([text] if isinstance(text, str) else text))
    elif key not in {"CHAP", "CTOC", *DATES}:
        name = getattr(frame, "owner", None) or getattr(frame, "desc", None)
        tags.only_here.append((f"{key}:{name}" if name else key, ONLY_ID3))


def _add_described(name: str) -> Callable[[Tags, Any], None]:
    def add(tags: Tags, frame: Any) -> None:
        text = frame.url if hasattr(frame, "url") else frame.text
        values = text if isinstance(text, list) else [text]
        tags.add(f"{name}:{frame.desc}" if frame.desc else name, *values)

    return add


def _add_free(tags: Tags, frame: Any) -> None:
    tags.add(free_name(frame.desc) or "txxx", *frame.text)


def _add_id(tags: Tags, frame: Any) -> None:
    is_recording = frame.owner == MUSICBRAINZ_OWNER
    text = frame.data.decode("ascii", "replace")
    if text.isprintable() and "\ufffd" not in text:
        tags.add("musicbrainz_trackid" if is_recording else f"ufid:{frame.owner}", text)
    else:
        tags.only_here.append((f"UFID:{frame.owner}", NO_TEXT))


def _add_rating(tags: Tags, frame: Any) -> None:
    whose = f":{frame.email}" if frame.email else ""
    tags.add(f"rating{whose}", frame.rating)
    if getattr(frame, "count", 0):
        tags.add(f"playcount{whose}", frame.count)


def _add_timed_lyrics(tags: Tags, frame: Any) -> None:
    """As LRC: [mm:ss.xx]text."""
    if frame.format != MILLISECONDS:
        tags.only_here.append(("SYLT", "its times count frames of the MPEG coder"))
        return
    lines = [
        f"[{time // 60_000:02}:{time % 60_000 / 1000:05.2f}]{text.strip()}"
        for text, time in frame.text
    ]
    tags.add("syncedlyrics", "\n".join(lines))


def _add_people(tags: Tags, frame: Any) -> None:
    for role, name in frame.people:
        role = ROLE_NAMES.get(role.lower(), role)
        if role.lower() in ROLES:
            tags.add(role, name)
        else:
            tags.add("performer", f"{name} ({role})" if role else name)


def _add_picture(tags: Tags, frame: Any) -> None:
    tags.add_picture(frame.data, frame.mime, frame.type, frame.desc)


_SPECIAL: dict[str, Callable[[Tags, Any], None]] = {
    "TCON": lambda tags, frame: tags.add("genre", *frame.genres),
    "TXXX": _add_free,
    "COMM": _add_described("comment"),
    "USLT": _add_described("lyrics"),
    "WXXX": _add_described("www"),
    "SYLT": _add_timed_lyrics,
    "UFID": _add_id,
    "POPM": _add_rating,
    "PCNT": lambda tags, frame: tags.add("playcount", frame.count),
    "TIPL": _add_people,
    "TMCL": _add_people,
    "IPLS": _add_people,
    "APIC": _add_picture,
}


def _add_date(tags: Tags, id3: Id3) -> None:
    """The date of ID3v2.3 in one field, as 2.4 writes it."""
    found = [raw for raw in id3.frames if raw.id in DATES and raw.frame is not None]
    parts = {raw.id: str(raw.frame.text[0]) for raw in found if raw.frame.text}
    year, day, time = (parts.get(key, "") for key in ("TYER", "TDAT", "TIME"))
    if not parts or "date" in tags.fields:
        return
    if year and len(day) == 4 and day.isdecimal():
        clock = f"T{time[:2]}:{time[2:]}" if len(time) == 4 and time.isdecimal() else ""
        tags.add("date", f"{year}-{day[2:]}-{day[:2]}{clock}")
    else:
        tags.add("date", year)
        tags.only_here += [(key, "it is no date") for key in ("TDAT", "TIME") if parts.get(key)]


def _add_chapters(tags: Tags, id3: Id3) -> None:
    """Chapters by their starts and titles; what else they hold is named."""
    frames = [raw.frame for raw in id3.frames if raw.frame is not None]
    chapters = [frame for frame in frames if frame.FrameID == "CHAP"]
    chapters.sort(key=lambda frame: frame.start_time)
    starts = []
    for chapter in chapters:
        titles = [sub for sub in chapter.sub_frames.values() if sub.FrameID == "TIT2"]
        starts.append((chapter.start_time / 1000, str(titles[0].text[0]) if titles else ""))
        tags.only_here += [
            (f"CHAP:{chapter.element_id} {sub.FrameID}", ONLY_ID3)
            for sub in chapter.sub_frames.values()
            if sub not in titles
        ]
    for one, following in pairwise(chapters):
        if one.end_time != following.start_time:
            tags.only_here.append((f"CHAP:{one.element_id} end", ONLY_ID3))
    tags.add_chapters(starts)
    order = [chapter.element_id for chapter in chapters]
    for table in (frame for frame in frames if frame.FrameID == "CTOC"):
        if table.child_element_ids != order or table.sub_frames:
            tags.only_here.append((f"CTOC:{table.element_id}", ONLY_ID3))
