"""What pedalboard does not state about its parameters: ranges, and how they are interpolated."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from morphsep.tones.effects.effect import Parameter, Setting

HZ = {"low": 10.0, "high": 20_000.0, "scale": "log"}
DB = {"low": -120.0, "high": 120.0, "scale": "linear"}
MS = {"low": 0.0, "high": 5_000.0, "scale": "linear"}

INTERPOLATED: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "Gain": {"gain_db": {**DB, "neutral": 0.0}},
    "PeakFilter": {
        "cutoff_frequency_hz": HZ,
        "gain_db": {**DB, "neutral": 0.0},
        "q": {"low": 0.05, "high": 30.0, "scale": "log"},
    },
    "LowShelfFilter": {
        "cutoff_frequency_hz": HZ,
        "gain_db": {**DB, "neutral": 0.0},
        "q": {"low": 0.05, "high": 10.0, "scale": "log"},
    },
    "HighpassFilter": {"cutoff_frequency_hz": {**HZ, "neutral": 10.0}},
    "LowpassFilter": {"cutoff_frequency_hz": {**HZ, "neutral": 20_000.0}},
    "LadderFilter": {"cutoff_hz": HZ, "resonance": {"low": 0.0, "high": 1.0, "scale": "linear"}},
    "Compressor": {
        "threshold_db": DB,
        "ratio": {"low": 1.0, "high": 100.0, "scale": "log", "neutral": 1.0},
        "attack_ms": MS,
        "release_ms": MS,
    },
    "NoiseGate": {
        "threshold_db": DB,
        "ratio": {"low": 1.0, "high": 100.0, "scale": "log", "neutral": 1.0},
        "attack_ms": MS,
        "release_ms": MS,
    },
    "Distortion": {"drive_db": {**DB, "neutral": 0.0}},
    "Delay": {
        "delay_seconds": {"low": 0.001, "high": 5.0},
        "feedback": {"low": 0.0, "high": 0.95},
    },
    "Reverb": {"freeze_mode": {"low": 0.0, "high": 0.49}},
}
INTERPOLATED["HighShelfFilter"] = INTERPOLATED["LowShelfFilter"]

EXACT = frozenset(
    {"Gain", "PeakFilter", "LowShelfFilter", "HighShelfFilter", "Compressor", "NoiseGate"}
)
"""Plugins that return their input bit for bit at the neutral settings above."""

RANK = {
    "NoiseGate": 0,
    "Compressor": 1,
    "Limiter": 1,
    "BrickwallLimiter": 7,
    "Distortion": 3,
    "Clipping": 3,
    "Bitcrush": 3,
    "Convolution": 4,
    "Delay": 6,
    "Reverb": 7,
} | dict.fromkeys(
    (
        "Gain",
        "PeakFilter",
        "LowShelfFilter",
        "HighShelfFilter",
        "HighpassFilter",
        "LowpassFilter",
        "LadderFilter",
    ),
    2,
)

FIXED_ONLY = {"LadderFilter": ("mode",)}
"""Parameters that are names of an enumeration."""

DEFAULTS: dict[str, dict[str, Setting]] = {
    "Convolution": {"impulse_response_filename": "", "mix": 1.0}
}
"""For classes that cannot be built without arguments."""
MIX = {"low": 0.0, "high": 1.0, "scale": "linear", "neutral": 0.0}


def describe(kind: str, cls: Any) -> MappingProxyType[str, Parameter]:
    """The parameters of one of pedalboard's plugin classes, with pedalboard's own defaults."""
    known = {"mix": MIX, **INTERPOLATED.get(kind, {})}
    defaults = DEFAULTS.get(kind) or _own_defaults(kind, cls)
    return MappingProxyType(
        {name: Parameter(default=value, **known.get(name, {})) for name, value in defaults.items()}
    )


def _own_defaults(kind: str, cls: Any) -> dict[str, Setting]:
    plugin = cls()
    found: dict[str, Setting] = {}
    for name in dir(cls):
        member = getattr(cls, name)
        if isinstance(member, property) and name not in ("is_effect", "is_instrument"):
            value = getattr(plugin, name)
            found[name] = value.name if name in FIXED_ONLY.get(kind, ()) else value
    return found
