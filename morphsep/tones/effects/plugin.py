"""Pedalboard's plugins as effects, by their class names and with their own parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.tones.effects.effect import Parameter, Setting, Value
from morphsep.tones.effects.knob import EXACT, FIXED_ONLY, RANK, describe
from morphsep.tones.effects.moving import MOVING, Memory
from morphsep.tones.effects.settling import settling_seconds

BLOCK = 256
"""Samples from one value of a moving setting to the next: 5.8 ms, on the song's grid."""

NOT_LOCKABLE = frozenset({"MP3Compressor", "GSMFullRateCompressor", "PitchShift", "Resample"})
"""Their frames start wherever their input starts: two passages of one song differ by as much as the
signal itself (measured: -33 dB for Resample, 0 dB for PitchShift)."""

ADDS_CHANNELS = frozenset({"Reverb"})
"""They add up both channels: one channel alone would get half the room."""

NOT_EFFECTS = frozenset(
    {"AudioUnitPlugin", "Chain", "ExternalPlugin", "IIRFilter", "Mix", "Pedalboard", "Plugin"}
    | {"PluginContainer", "VST3Plugin"}
)


class PedalboardEffect:
    """One of pedalboard's plugin classes."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.parameters: Mapping[str, Parameter] = describe(kind, plugin_classes()[kind])
        self.rank = RANK.get(kind, 5)
        self.exact_when_neutral = kind in EXACT

    def context(self, settings: Mapping[str, Setting]) -> tuple[int, int]:
        before, after = settling_seconds(self.kind, settings)
        return math.ceil(before * MODEL_RATE), math.ceil(after * MODEL_RATE)

    def process(self, signal: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        if self.kind in ADDS_CHANNELS and signal.shape[0] == 1:
            return self.process(signal.repeat(2, axis=0), start, settings)[:1]
        curves = {k: v for k, v in settings.items() if isinstance(v, np.ndarray)}
        if not curves:
            return run_whole(self.build(settings), signal)
        may_move, play = MOVING.get(self.kind, (frozenset(), None))
        if play and curves.keys() <= may_move:
            return play(signal, start, settings, Memory.empty(len(signal)))
        fixed = {k: v for k, v in settings.items() if k not in curves}
        first = {k: float(v[0]) for k, v in curves.items()}
        plugins = [self.build({**fixed, **first}) for _ in range(2)]
        return sum_of_two(plugins, signal, start, curves)

    def build(self, settings: Mapping[str, Value]) -> Any:
        """The plugin with these settings; raises what pedalboard raises where it refuses them."""
        cls = plugin_classes()[self.kind]
        named = dict(settings)
        for key, value in self.parameters.items():
            if key in named and key in FIXED_ONLY.get(self.kind, ()):
                named[key] = getattr(cls.Mode, str(named[key] or value.default))
        if hasattr(cls, "mix"):
            named["mix"] = 1.0
        return cls(**named)


def sum_of_two(
    plugins: Sequence[Any], signal: Signal, start: int, curves: Mapping[str, Signal]
) -> Signal:
    """Two copies of a plugin in turns: each changes its settings while only the other is audible.

    With one copy, every change of its settings would put a step into the signal.
    """
    window = turn_window()
    return np.asarray(
        _in_turns(plugins[0], signal, start, curves, window)
        + _in_turns(plugins[1], signal, start + BLOCK, curves, window)
    )


def turn_window() -> Signal:
    """How loud a copy is in its turn, ``[2 * BLOCK]``; with that of the other it sums to 1."""
    rise = (np.arange(BLOCK, dtype=np.float32) + np.float32(0.5)) / BLOCK
    return np.concatenate([rise, 1 - rise])


def _in_turns(
    plugin: Any, signal: Signal, start: int, curves: Mapping[str, Signal], window: Signal
) -> Signal:
    turn = window.size
    # In whole turns only: pedalboard guesses the layout of arrays of one or two samples.
    left, right = start % turn, -(start + signal.shape[-1]) % turn
    padded = np.pad(signal, ((0, 0), (left, right)))
    for i in range(0, padded.shape[-1], turn):
        middle = min(max(i - left + turn // 2, 0), signal.shape[-1] - 1)
        for key, curve in curves.items():
            setattr(plugin, key, float(curve[middle]))
        block = padded[:, i : i + turn]
        block[:] = window * plugin.process(block, MODEL_RATE, buffer_size=turn, reset=False)
    return np.asarray(padded[:, left:][:, : signal.shape[-1]])


def run_whole(plugin: Any, signal: Signal) -> Signal:
    """One call from a reset state; passages of a few samples are padded, so that their layout
    cannot be mistaken."""
    length = signal.shape[-1]
    if length < BLOCK:
        signal = np.pad(signal, ((0, 0), (0, BLOCK - length)))
    out: Signal = plugin.process(signal, MODEL_RATE, reset=True)
    return out[:, :length]


@cache
def plugin_classes() -> dict[str, Any]:
    """pedalboard's plugins that a chain can use, by name."""
    import pedalboard

    return {
        name: cls
        for name, cls in _public_classes(pedalboard)
        if issubclass(cls, pedalboard.Plugin) and name not in NOT_EFFECTS | NOT_LOCKABLE
    }


def _public_classes(module: Any) -> Iterator[tuple[str, type]]:
    for name in sorted(dir(module)):
        member = getattr(module, name)
        if not name.startswith("_") and isinstance(member, type):
            yield name, member
