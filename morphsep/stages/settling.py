"""Settling: settings that are ``auto`` are decided once, where the run is started."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from morphsep.errors import SettingError
from morphsep.request import Settings
from morphsep.stages.recipe import build
from morphsep.storage import absolute

_BRACES = str.maketrans({"{": "{{", "}": "}}"})
"""How a pattern spells the braces of a file's name."""


def forget() -> None:
    """Makes `build` read the files that settings name again; weights stay loaded."""
    build.cache_clear()
    _chosen.cache_clear()


def settle(settings: Settings) -> tuple[Settings, str]:
    """Settings with every ``auto`` about the separator decided, and the reason in a line.

    Done once, where the run is started, so that all workers use the same.

    Raises:
        SettingError: these settings cannot work.
    """
    _check_stem(settings)
    reason = "asked for"
    if settings.separator == "auto":
        name, reason = _automatic_separator(settings)
        settings = replace(settings, separator=name)
    settings = replace(settings, stem=_absolute_stem(settings.stem))
    build(settings)
    return settings, reason


def _check_stem(settings: Settings) -> None:
    if settings.stem is not None and settings.separator not in ("auto", "stem"):
        raise SettingError(
            f"--stem brings the user's own stem, so the separator cannot be {settings.separator}"
        )
    if settings.stem is None and settings.separator == "stem":
        raise SettingError("the separator stem needs --stem: a file, or a pattern for its name")


def _absolute_stem(stem: str | None) -> str | None:
    """One file has an absolute path, wherever a worker runs; a pattern stays as it is."""
    if stem is None:
        return None
    from morphsep.separators.own_stem import resolve_stem

    path = resolve_stem(stem, "a/a.wav")
    is_pattern = path != resolve_stem(stem, "b/b.wav")
    return stem if is_pattern else absolute(path).translate(_BRACES)


def _automatic_separator(settings: Settings) -> tuple[str, str]:
    """The separator for ``auto``, and why."""
    if settings.separator_options:
        names = ", ".join(name for name, _ in settings.separator_options)
        raise SettingError(f"options of a separator ({names}) need it named: --separator")
    if settings.stem is not None:
        return "stem", "stem: --stem was given"
    return _chosen(settings.offline)


@lru_cache(maxsize=2)
def _chosen(offline: bool) -> tuple[str, str]:
    """Asked once for all tracks of a run: it can take 10 s to find that there is no network."""
    from morphsep.separators import choose_separator

    choice = choose_separator(offline=offline)
    return choice.name, choice.reason
