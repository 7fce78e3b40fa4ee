"""The text behind a separator's name: which model, and which of its sources."""

from __future__ import annotations

from morphsep.errors import SettingError
from morphsep.models import existing


def model_and_source(text: str, source: str | None) -> tuple[str, str | None]:
    """Model and source of ``MODEL[:SOURCE]``; a colon in a path that exists is part of the path.

    Args:
        source: one that was named otherwise.

    Raises:
        SettingError: nothing stands behind the colon, or another source than `source`.
    """
    head, colon, tail = text.rpartition(":")
    if not colon or existing(text) or "/" in tail or "\\" in tail:
        return text, source
    if not tail or source not in (None, tail):
        raise SettingError(f"{text!r} should name one source after the colon: MODEL:SOURCE.")
    return head, tail
