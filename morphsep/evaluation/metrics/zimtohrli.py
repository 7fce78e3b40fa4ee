"""Zimtohrli, Google's psychoacoustic distance; the package is optional (``morphsep[evaluate]``)."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec

from morphsep.dsp import Signal
from morphsep.errors import SettingError
from morphsep.evaluation.metrics.rates import mono_at

RATE = 48_000


def has_zimtohrli() -> bool:
    """Whether the package is installed."""
    return find_spec("zimtohrli") is not None


def zimtohrli_version() -> str:
    """Of the package; empty where it is not installed."""
    return version("zimtohrli") if has_zimtohrli() else ""


def zimtohrli_distance(sound: Signal, reference: Signal, sample_rate: int) -> float:
    """Distance of two sounds ``[C, T]``, 0 (the same) to 1; no unit. Mono at
    48 kHz, with the package's own settings.

    Alakuijala, Bruse, Boukortt, Coldenhoff, Cernak, "Zimtohrli: an efficient psychoacoustic audio
    similarity metric" (arXiv 2509.26133), by the authors' package ``zimtohrli``.

    Raises:
        SettingError: the package is not installed.
    """
    if not has_zimtohrli():
        raise SettingError("Zimtohrli is not installed: pip install 'morphsep[evaluate]'.")
    from zimtohrli import Pyohrli

    return float(Pyohrli().distance(*(mono_at(x, sample_rate, RATE) for x in (sound, reference))))
