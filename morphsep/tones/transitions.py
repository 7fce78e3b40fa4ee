"""The transitions of the paper (arXiv 2510.07908) as named recipes."""

from __future__ import annotations

from morphsep.errors import SettingError

TRANSITIONS: dict[str, tuple[str, str]] = {
    "clean-to-distortion": ("clean", "distortion"),
    "clean-to-overdrive": ("clean", "overdrive"),
    "overdrive-to-distortion": ("overdrive", "distortion"),
    "clean-to-chorus": ("clean", "chorus"),
    "clean-to-flanger": ("clean", "flanger"),
    "chorus-to-distortion": ("chorus", "distortion"),
    "modulation-to-distortion": ("chorus", "distortion"),
}
"""Name -> (source, target). The paper's "high gain" is ``distortion``, its "low gain"
``overdrive``, its "modulation" chorus and flanger: seven names for its five tasks."""


def get_transition(name: str) -> tuple[str, str]:
    """(source, target): names for ``get_tone``.

    Raises:
        SettingError: there is no such transition.
    """
    if name not in TRANSITIONS:
        raise SettingError(f"there is no transition {name!r}; there are {', '.join(TRANSITIONS)}")
    return TRANSITIONS[name]
