"""Effects block by block, as a guitar is played: what they keep of the past is bounded.

Each plays what `Effect.process` plays of the whole, with the same functions, some samples later
where it looks ahead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from morphsep.dsp import LONGEST, MODEL_RATE, Signal, Trail
from morphsep.errors import SettingError
from morphsep.tones.effects import drive, gate, moving
from morphsep.tones.effects.effect import Effect, Setting, Value
from morphsep.tones.effects.modulation import ModulatedDelay
from morphsep.tones.effects.phaser import Phaser
from morphsep.tones.effects.plugin import ADDS_CHANNELS, PedalboardEffect
from morphsep.tones.effects.tremolo import Tremolo
from morphsep.tones.effects.turns import Turns


class Player(Protocol):
    """One pedal while it is played."""

    latency: int
    """Samples by which the output is later than the input."""
    behind: int
    """Samples for which it needs curves of settings before a block,"""
    ahead: int
    """and after it; negative where it needs less than the block."""

    def process(self, block: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        """The next ``[C, n]``, fully wet.

        Args:
            block: ``[C, n]``, right behind the block before.
            start: the song's sample of ``block[:, 0]``; negative before the song begins.
            settings: numbers, or curves ``[behind + n + ahead]``.
        """
        ...


def player(
    effect: Effect, settings: Mapping[str, Setting], first: Mapping[str, float], channels: int
) -> Player:
    """A pedal's player.

    Args:
        settings: those that stay, by name.
        first: those that move, with a value that each may have; both without ``mix``.

    Raises:
        SettingError: the pedal cannot be played in blocks.
    """
    if isinstance(effect, Tremolo):
        return _Memoryless(effect)
    if isinstance(effect, Phaser):
        return _Phaser(effect, channels)
    if isinstance(effect, ModulatedDelay):
        return _Delay(effect, settings, channels)
    if isinstance(effect, gate.Gate):
        return _Gate(effect, settings, channels)
    if isinstance(effect, drive.Drive):
        return _Drive(effect, {**settings, "follow": settings.get("follow", 1.0)}, channels)
    if isinstance(effect, PedalboardEffect):
        return _plugin(effect, settings, first, channels)
    raise SettingError(f"a {type(effect).__name__} cannot be played live")


def _plugin(
    effect: PedalboardEffect,
    settings: Mapping[str, Setting],
    first: Mapping[str, float],
    channels: int,
) -> Player:
    moves = first.keys()
    may_move, play = moving.MOVING.get(effect.kind, (frozenset(), None))
    if play and moves and moves <= may_move:
        return _Moving(play, channels)
    if effect.context({**first, **settings})[1]:
        raise SettingError(f"a {effect.kind} looks ahead and cannot be played live")
    if effect.kind in ADDS_CHANNELS and channels == 1:
        raise SettingError(f"a {effect.kind} cannot be played live in one channel")
    if moves:
        copies = [_ready(effect.build({**settings, **first}), channels) for _ in range(2)]
        return Turns(copies, moves, channels)
    return _Plugin(_ready(effect.build(settings), channels))


def _ready(plugin: Any, channels: int) -> Any:
    """A plugin that has heard the longest block, of silence: pedalboard makes it forget what it
    has heard whenever a block is longer than all before."""
    plugin.process(np.zeros((channels, LONGEST), np.float32), MODEL_RATE, LONGEST, reset=False)
    return plugin


class _Memoryless:
    latency = behind = ahead = 0

    def __init__(self, effect: Effect) -> None:
        self._effect = effect

    def process(self, block: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        return self._effect.process(block, start, settings)


class _Plugin:
    """One of pedalboard's, none of whose settings moves."""

    latency = behind = ahead = 0

    def __init__(self, plugin: Any) -> None:
        self._plugin = plugin

    def process(self, block: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        out: Signal = self._plugin.process(block, MODEL_RATE, LONGEST, reset=False)
        return out


class _Moving:
    """One of pedalboard's whose settings move."""

    latency = 0
    behind = ahead = moving.CELL

    def __init__(self, play: moving.Moving, channels: int) -> None:
        self._play = play
        self._memory = moving.Memory.empty(channels, lead=moving.CELL)

    def process(self, block: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        return self._play(block, start, settings, self._memory)


class _Phaser:
    latency = behind = ahead = 0

    def __init__(self, effect: Phaser, channels: int) -> None:
        self._effect = effect
        self._states = effect.states(channels)

    def process(self, block: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        return self._effect.swept(block, start, settings, self._states)


class _Delay:
    """Chorus and flanger."""

    latency = behind = ahead = 0

    def __init__(
        self, effect: ModulatedDelay, settings: Mapping[str, Setting], channels: int
    ) -> None:
        self._effect = effect
        self._past = effect.past(channels, settings)

    def process(self, block: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        return self._effect.delayed(block, start, settings, self._past)


class _Gate:
    ahead = 0

    def __init__(self, effect: gate.Gate, settings: Mapping[str, Setting], channels: int) -> None:
        self._effect = effect
        self._before, self.latency = effect.context(settings)
        self.behind = self._before + self.latency
        self._trail = Trail(channels, self.behind)

    def process(self, block: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        heard = self._trail.add(block)
        out = self._effect.process(heard, start - self.behind, settings)
        return out[:, self._before :][:, : block.shape[1]]


class _Drive:
    def __init__(self, effect: drive.Drive, settings: Mapping[str, Setting], channels: int) -> None:
        self._before, self.latency = effect.context(settings)
        self.behind = self.latency + drive.NEAR
        self.ahead = drive.NEAR - self.latency
        self._trail = Trail(channels, self._before + self.latency)

    def process(self, block: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        first = start - self._before - self.latency
        return drive.driven(self._trail.add(block), first, settings, self._before)
