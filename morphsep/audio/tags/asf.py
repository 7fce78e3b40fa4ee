"""ASF (WMA) tags to fields."""

from __future__ import annotations

from typing import Any

from morphsep.audio.tags.fields import NO_TEXT, Tags
from morphsep.audio.tags.names import ASF_NAMES, free_name


def from_asf(asf: Any) -> Tags:
    """Fields of what mutagen read: a mapping from name to attributes."""
    tags = Tags()
    for key, values in asf.items():
        name = ASF_NAMES.get(key, free_name(key.replace("MusicBrainz/", "MusicBrainz ")))
        for attribute in values:
            value = getattr(attribute, "value", attribute)
            if key == "WM/Picture":
                _add_picture(tags, value)
            elif isinstance(value, bytes):
                tags.left_out.append((key, NO_TEXT))
            else:
                tags.add(name.removeprefix("WM/"), int(value) if value in (True, False) else value)
    return tags


def _add_picture(tags: Tags, data: bytes) -> None:
    """WM/Picture: kind, size, then type and description in UTF-16, each closed by a NUL."""
    size = int.from_bytes(data[1:5], "little")
    texts = data[5 : len(data) - size].decode("utf-16-le", "replace").split("\0")
    if len(data) < 5 or size > len(data) - 5 or len(texts) < 2:
        tags.left_out.append(("WM/Picture", "it is damaged"))
        return
    tags.add_picture(data[len(data) - size :], texts[0], data[0], texts[1])
