"""The path of the user's own stem of a track: fixed, or a pattern over the track's path."""

from __future__ import annotations

from pathlib import Path
from string import Formatter

from morphsep.errors import SettingError
from morphsep.storage import beside, location

FIELDS = ("stem", "name", "parent")
"""As in pathlib: file name without extension, file name, (absolute) folder."""


def resolve_stem(pattern: str, track_path: str) -> str:
    """The path of the stem that belongs to a track.

    ``{stem}`` stands for the track's file name without extension, ``{name}`` for the whole file
    name, ``{parent}`` for its folder's absolute path; ``{{`` and ``}}`` for braces. A relative
    pattern that has a field is looked up beside the track; a path without fields is used as it is
    (relative to the working directory). The track may be a URI. Nothing else is expanded: no ``~``,
    variables or wildcards.

    Raises:
        SettingError: an unknown field, a brace left open, or an empty pattern.

    >>> resolve_stem("{stem}.guitar.wav", "/music/01 song.flac")
    '/music/01 song.guitar.wav'
    >>> resolve_stem("{stem}.guitar.wav", "s3://bucket/in/a.flac")
    's3://bucket/in/a.guitar.wav'
    """
    track = location(track_path)
    values = {"stem": Path(track.name).stem, "name": track.name, "parent": track.parent.text}
    parts = _parse(pattern)
    path = "".join(literal + (values[field] if field else "") for literal, field in parts)
    return beside(track.parent.text, path) if any(field for _, field in parts) else path


def check_stem_pattern(pattern: str) -> None:
    """Raise SettingError for a pattern that ``resolve_stem`` would refuse; touches no file."""
    _parse(pattern)


def _parse(pattern: str) -> list[tuple[str, str | None]]:
    """(literal text, field or None) in order; fields are parsed, never evaluated."""
    if not pattern:
        raise SettingError("the stem's path is empty; give a file or a pattern such as {stem}.wav")
    try:
        parsed = list(Formatter().parse(pattern))
    except ValueError as error:
        raise SettingError(
            f"stem pattern {pattern!r}: {error}; write {{{{ and }}}} for braces in a file's name"
        ) from error
    for _, field, form, conversion in parsed:
        if field is not None and (field not in FIELDS or form or conversion):
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise SettingError(f"stem pattern {pattern!r}: only {known} can be used in it")
    return [(literal, field) for literal, field, _, _ in parsed]
