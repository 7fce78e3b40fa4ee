"""The ranges that settings must lie in."""

from __future__ import annotations

from morphsep.audio import SUBTYPES, check_format
from morphsep.errors import SettingError
from morphsep.request import Settings

AUTO = "auto"
LONGEST_TAIL = 60.0
"""Seconds."""


def check_ranges(settings: Settings) -> None:
    """
    Raises:
        SettingError: a value outside its range.
    """
    if not 5 <= settings.chunk <= 10:
        raise SettingError(f"--chunk must lie between 5 and 10 seconds, got {settings.chunk:g}")
    if not settings.chunk <= settings.section < float("inf"):
        raise SettingError(
            f"--section must be at least one chunk ({settings.chunk:g} s), got {settings.section:g}"
        )
    if settings.device not in ("auto", "cpu"):
        from morphsep.models import device

        device(settings.device)
    if settings.format is not None:
        check_format(settings.format)
    if settings.subtype is not None:
        _check_subtype(settings.format, settings.subtype.upper())
    if settings.min_stem_quality is not None and not 0 <= settings.min_stem_quality <= 1:
        raise SettingError(
            f"--min-stem-quality must lie between 0 and 1, got {settings.min_stem_quality:g}"
        )
    _check_tail(settings.tail)
    if settings.shifts < 0:
        raise SettingError(f"--shifts must be 0 or more, got {settings.shifts}")


def _check_tail(tail: str) -> None:
    try:
        fits = tail == AUTO or 0 <= float(tail) <= LONGEST_TAIL
    except ValueError:
        fits = False
    if not fits:
        raise SettingError(f"--tail is {AUTO}, or 0 to {LONGEST_TAIL:g} seconds, got {tail}")


def _check_subtype(file_format: str | None, subtype: str) -> None:
    """Whether the subtype fits the format, or any, where each input keeps its own."""
    formats = SUBTYPES if file_format is None else [file_format.upper()]
    known = sorted({name for key in formats for name in SUBTYPES[key]})
    if subtype not in known:
        raise SettingError(f"--subtype {subtype} is not possible; choose one of {', '.join(known)}")
