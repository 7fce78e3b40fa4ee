"""The separator and the backend that settings name, built."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from morphsep import request
from morphsep.errors import SettingError
from morphsep.request import Settings

if TYPE_CHECKING:
    from morphsep.backends import Backend
    from morphsep.separators import Member, Separator
    from morphsep.tones import Tone


def build_separator(settings: Settings) -> Separator:
    """The separator that settled settings name, with its own options, and with device, seed,
    shifts, offline and model (the text behind the colon) as far as it has options of these names.
    One for each set of options, so that its weights are loaded once.

    Raises:
        SettingError: there is no such separator, or it cannot work.
    """
    name, _, model = settings.separator.partition(":")
    if name == "ensemble":
        return _ensemble(settings)
    common = {
        "device": settings.device,
        "seed": settings.seed,
        "shifts": settings.shifts,
        "offline": settings.offline,
    } | ({"model": model} if model else {})
    taken = tuple((k, v) for k, v in common.items() if request.has_option("separator", name, k))
    if model and ("model", model) not in taken:
        raise SettingError(f"the separator {name} has no models, so {model!r} means nothing")
    return _separator(name, settings.separator_options, taken)


def members_of(separator: str) -> tuple[str, ...]:
    """The separators, as they are named, that one consists of: itself, or an ensemble's members.

    Raises:
        SettingError: it is no ensemble.
    """
    if separator.partition(":")[0] != "ensemble":
        return (separator,)
    return tuple(member.separator for member in _members(separator))


def _members(ensemble: str) -> tuple[Member, ...]:
    from morphsep.separators import parse_members

    return parse_members(ensemble.partition(":")[2], request.plugin_names("separator"))


def _ensemble(settings: Settings) -> Separator:
    from morphsep.separators import Ensemble

    if settings.separator_options:
        names = ", ".join(name for name, _ in settings.separator_options)
        raise SettingError(f"options of a separator ({names}) are for one alone, not an ensemble")
    return Ensemble(
        [
            (build_separator(replace(settings, separator=member.separator)), member.weight)
            for member in _members(settings.separator)
        ]
    )


@lru_cache(maxsize=8)
def _separator(
    name: str, given: tuple[tuple[str, str], ...], common: tuple[tuple[str, Any], ...]
) -> Separator:
    options = request.plugin_options("separator", name, dict(given), dict(common))
    separator: Separator = request.load_plugin("separator", name, **options)
    return separator


def build_backend(settings: Settings, source: Tone, target: Tone) -> Backend:
    """The backend that settings name, or for ``auto`` chain if it can morph the pair, else
    spectral.

    Raises:
        SettingError: no such backend, no such option, or it cannot morph this pair.
    """
    if settings.backend == "auto":
        if settings.options:
            names = ", ".join(name for name, _ in settings.options)
            raise SettingError(f"options of a backend ({names}) need it named: --backend")
        try:
            return build_backend(replace(settings, backend="chain"), source, target)
        except SettingError:
            return build_backend(replace(settings, backend="spectral"), source, target)
    given = {"device": settings.device, "seed": settings.seed, "offline": settings.offline}
    options = request.plugin_options("backend", settings.backend, dict(settings.options), given)
    backend: Backend = request.load_plugin("backend", settings.backend, **options)
    backend.context(source, target)
    return backend
