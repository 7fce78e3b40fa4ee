"""How long pedalboard's plugins remember: the seconds until the past is below -80 dB."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from morphsep.tones.effects.effect import Setting, number

FORGET = 9.3
"""Time constants until an exponential is below -80 dB."""
Settings = Mapping[str, Setting]

UNKNOWN = 1.0
"""Seconds for a plugin that this module does not know; a chain's ``context`` overrides it."""


def settling_seconds(kind: str, settings: Settings) -> tuple[float, float]:
    """(before, after) in seconds."""
    rule = SETTLING.get(kind)
    return UNKNOWN if rule is None else rule(settings), 0.02 if kind == "BrickwallLimiter" else 0.0


def _nothing(settings: Settings) -> float:
    return 0.0


def _first_order(settings: Settings) -> float:
    return FORGET / (2 * math.pi * number(settings["cutoff_frequency_hz"]))


def _biquad(settings: Settings) -> float:
    """A pole pair of quality q rings for q / (pi f); a cut or a boost narrows it by its root."""
    q = max(number(settings["q"]), 0.5) * 10 ** (abs(number(settings["gain_db"])) / 40)
    return 1.3 * FORGET * q / (math.pi * number(settings["cutoff_frequency_hz"]))


def _ladder(settings: Settings) -> float:
    slowest = 2 * math.pi * number(settings["cutoff_hz"])
    return 2 * FORGET / slowest / max(1.02 - number(settings["resonance"]), 0.02)


def _follower(settings: Settings) -> float:
    return FORGET * (number(settings["attack_ms"]) + number(settings["release_ms"])) / 1000


def _limiter(settings: Settings) -> float:
    return FORGET * 2 * number(settings["release_ms"]) / 1000


def _delay(settings: Settings) -> float:
    feedback = number(settings["feedback"])
    echoes = FORGET / -math.log(feedback) if feedback > 0 else 0.0
    return number(settings["delay_seconds"]) * (1 + echoes)


def _reverb(settings: Settings) -> float:
    """Freeverb: eight combs of up to 1640 samples with feedback 0.7 + 0.28 * room_size."""
    feedback = 0.7 + 0.28 * number(settings["room_size"])
    return FORGET / -math.log(feedback) * 1640 / 44_100


SETTLING: dict[str, Callable[[Settings], float]] = {
    "Bitcrush": _nothing,
    "Clipping": _nothing,
    "Compressor": _follower,
    "Delay": _delay,
    "Distortion": _nothing,
    "Gain": _nothing,
    "HighShelfFilter": _biquad,
    "HighpassFilter": _first_order,
    "Invert": _nothing,
    "LadderFilter": _ladder,
    "Limiter": _limiter,
    "LowShelfFilter": _biquad,
    "LowpassFilter": _first_order,
    "NoiseGate": _follower,
    "PeakFilter": _biquad,
    "Reverb": _reverb,
}
