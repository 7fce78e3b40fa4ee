"""Whether a result has the tags that its input promises it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from morphsep.audio.containers import chunks
from morphsep.audio.tags import vorbis
from morphsep.audio.tags.bext import CODING_HISTORY
from morphsep.audio.tags.copy import HOLD_ID3, is_kept_verbatim
from morphsep.audio.tags.fields import Tags, picture_name
from morphsep.audio.tags.names import NUMBERED
from morphsep.audio.tags.origin import AGENT, SOURCE_TYPE, XMP
from morphsep.audio.tags.read import is_flac_at, layout_of, read
from morphsep.audio.tags.to_id3 import to_id3

CONTINUED = (CODING_HISTORY, AGENT, SOURCE_TYPE, XMP)
"""What a result may say otherwise than its input."""


def missing_tags(source: str, destination: str) -> list[str]:
    """What ``destination`` lacks of the tags of ``source`` that its format can hold, a sentence
    each."""
    with Path(source).open("rb") as old, Path(destination).open("rb") as new:
        try:
            wanted = _planned(old, new)
        except Exception:  # what cannot be read was left out as a whole, and its row says so
            return []
        return list(_missing(wanted, read(new)))


def _missing(wanted: Tags, found: Tags) -> Iterator[str]:
    kept = _with_totals(found.fields)
    for name, values in sorted(_with_totals(wanted.fields).items()):
        if kept.get(name) != values and not (name in CONTINUED and name in kept):
            text = None if name not in kept else "\n".join(kept[name])
            said = "\n".join(values)
            yield f"the tag {name} is {text!r}, the input's {said!r}"
    data = [picture.data for picture in found.pictures]
    for picture in wanted.pictures:
        if picture.data not in data:
            yield f"the {picture_name(picture)} is missing"


def _planned(old: BinaryIO, new: BinaryIO) -> Tags:
    """The tags that a result should have."""
    tags, old_layout, layout = read(old), layout_of(old), layout_of(new)
    if is_kept_verbatim(old_layout, layout):
        return tags
    if layout is None:
        fields, pictures, _ = vorbis.planned(tags, is_flac_at(new, 0))
        lower = {name.lower(): values for name, values in fields.items()}
        return Tags(fields=lower, pictures=pictures)
    if layout is chunks.CAF:
        return Tags(fields={name: [", ".join(values)] for name, values in tags.fields.items()})
    if layout not in HOLD_ID3:
        return Tags()
    _, left_out = to_id3(tags)
    names = {name for name, _ in left_out}
    return Tags(
        fields={name: values for name, values in tags.fields.items() if name not in names},
        pictures=[picture for picture in tags.pictures if picture_name(picture) not in names],
    )


def _with_totals(fields: dict[str, list[str]]) -> dict[str, list[str]]:
    """Numbers with their totals in one: 3/12 in one field is as good as 3 and 12 in two."""
    joined = dict(fields)
    for number, total in NUMBERED.values():
        texts = [*joined.pop(number, []), *joined.pop(total, [])]
        if texts:
            joined[number] = ["/".join(texts)]
    return joined
