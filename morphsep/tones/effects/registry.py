"""Effects by name: our own, and pedalboard's plugin classes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from morphsep.errors import SettingError
from morphsep.tones.effects.cabinet import Cabinet
from morphsep.tones.effects.captured import Capture
from morphsep.tones.effects.drive import Drive
from morphsep.tones.effects.effect import Effect, Parameter
from morphsep.tones.effects.gate import Gate
from morphsep.tones.effects.modulation import Chorus, Flanger
from morphsep.tones.effects.phaser import Phaser
from morphsep.tones.effects.plugin import NOT_LOCKABLE, PedalboardEffect, plugin_classes
from morphsep.tones.effects.reverberator import Reverberator
from morphsep.tones.effects.room_response import RoomResponse
from morphsep.tones.effects.tremolo import Tremolo
from morphsep.tones.effects.vst3 import VST3

OWN: tuple[type[Effect], ...] = (
    *(Cabinet, Capture, Chorus, Drive, Flanger, Gate, Phaser, Reverberator, Tremolo),
    *(RoomResponse, VST3),
)
"""Our own effects: they replace pedalboard's classes of the same name and take the same
parameters."""

RINGING = frozenset({"Delay", "Reverb", "Reverberator", "RoomResponse"})
"""Effects that sound on after their input has ended. A VST3 plugin may, but pedalboard does not
tell whether it does."""

MIX = Parameter(default=1.0, low=0, high=1, scale="linear", neutral=0.0)


def effect_names() -> list[str]:
    """Every name that a pedal may have."""
    return sorted({effect.__name__ for effect in OWN} | plugin_classes().keys())


@cache
def effect_named(kind: str) -> Effect:
    """The effect of that name.

    Raises:
        SettingError: there is none.
    """
    for effect in OWN:
        if effect.__name__ == kind:
            return effect()
    if kind in plugin_classes():
        return PedalboardEffect(kind)
    if kind in NOT_LOCKABLE:
        raise SettingError(
            f"{kind} cannot be used: it works in frames that cannot be locked to song time"
        )
    raise SettingError(f"there is no pedal {kind!r}; there are {', '.join(effect_names())}")


@cache
def knobs(kind: str) -> Mapping[str, Parameter]:
    """The parameters of a pedal of this kind; every one has a ``mix``, which may be its own."""
    return MappingProxyType({"mix": MIX, **effect_named(kind).parameters})
