"""Settling: settings that are ``auto`` are decided once, where the run is started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial

from morphsep.errors import SettingError
from morphsep.morphing.recipe import build
from morphsep.request import Settings, parse_amount
from morphsep.storage import absolute

Choose = Callable[[bool, str], tuple[str, str]]
"""From `offline` and `device` of the settings: the separator for ``auto``, and why."""

_BRACES = str.maketrans({"{": "{{", "}": "}}"})
"""How a pattern spells the braces of a file's name."""


def forget() -> None:
    """Makes `build` read the files that settings name again; weights stay loaded."""
    build.cache_clear()
    _chosen.cache_clear()


def settle(settings: Settings, on_cluster: bool = False) -> tuple[Settings, str]:
    """Settings with every ``auto`` about the separator decided, and the reason in a line.

    Done once, where the run is started, so that all workers use the same.

    Args:
        on_cluster: other machines do the run.

    Raises:
        SettingError: these settings cannot work.
    """
    settings, reason = _decided(settings, partial(_chosen, on_cluster=on_cluster))
    build(settings)
    return settings, reason


def settle_anew(settings: Settings) -> Settings:
    """The same with nothing kept from before, and nothing kept.

    Raises:
        SettingError: these settings cannot work.
    """
    return _decided(settings, partial(_choose, on_cluster=False))[0]


def _decided(settings: Settings, choose: Choose) -> tuple[Settings, str]:
    _check_stem(settings)
    reason = "asked for"
    if settings.restoration is not None and not _morphs(settings):
        return replace(settings, separator="none", stem=None), reason
    if settings.separator == "auto":
        name, reason = _automatic_separator(settings, choose)
        settings = replace(settings, separator=name)
    return replace(settings, stem=_absolute_stem(settings.stem)), reason


def _morphs(settings: Settings) -> bool:
    """Whether anything is asked of the guitar."""
    return not (settings.changes_nothing or parse_amount(settings.amount).is_zero)


def _check_stem(settings: Settings) -> None:
    if settings.stem is not None and settings.separator not in ("auto", "stem"):
        raise SettingError(
            f"--stem brings the user's own stem, so the separator cannot be {settings.separator}"
        )
    if settings.stem is None and settings.separator == "stem":
        raise SettingError("the separator stem needs --stem: a file, or a pattern for its name")


def _absolute_stem(stem: str | None) -> str | None:
    """One file has an absolute path, wherever a worker runs; a pattern stays as it is."""
    if stem is None or is_pattern(stem):
        return stem
    from morphsep.separators.own_stem import resolve_stem

    return absolute(resolve_stem(stem, "a/a.wav")).translate(_BRACES)


def is_pattern(stem: str) -> bool:
    """Whether a stem's name depends on that of its mix.

    Raises:
        SettingError: it is no name of a stem.
    """
    from morphsep.separators.own_stem import resolve_stem

    return resolve_stem(stem, "a/a.wav") != resolve_stem(stem, "b/b.wav")


def _automatic_separator(settings: Settings, choose: Choose) -> tuple[str, str]:
    """The separator for ``auto``, and why."""
    if settings.separator_options:
        names = ", ".join(name for name, _ in settings.separator_options)
        raise SettingError(f"options of a separator ({names}) need it named: --separator")
    if settings.stem is not None:
        return "stem", "stem: --stem was given"
    return choose(settings.offline, settings.device)


def _choose(offline: bool, device: str, on_cluster: bool) -> tuple[str, str]:
    from morphsep.separators import choose_separator

    choice = choose_separator(offline, device=device, on_cluster=on_cluster)
    return choice.name, choice.reason


@lru_cache(maxsize=16)
def _chosen(offline: bool, device: str, on_cluster: bool) -> tuple[str, str]:
    """Asked once for all tracks of a run: it can take 10 s to find that there is no network."""
    return _choose(offline, device, on_cluster)
