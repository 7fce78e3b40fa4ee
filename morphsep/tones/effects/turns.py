"""`sum_of_two` block by block."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from morphsep.dsp import LONGEST, MODEL_RATE, Signal, Trail
from morphsep.tones.effects.effect import Value
from morphsep.tones.effects.plugin import BLOCK, turn_window

UNIT = 8
"""Samples of which it plays multiples: pedalboard guesses the layout of arrays of one or two."""
assert BLOCK % UNIT == 0


class Turns:
    """Two copies of a plugin in turns, on the song's grid. They have heard a block of `LONGEST`
    samples already."""

    latency = behind = UNIT
    ahead = BLOCK + 1

    def __init__(self, plugins: Sequence[Any], moves: Collection[str], channels: int) -> None:
        self._plugins = plugins
        self._moves = moves
        self._window = turn_window()
        self._heard = Trail(channels, UNIT)
        self._played = Trail(channels, 2 * UNIT)
        self._has_begun = False

    def process(self, block: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        """See ``Player.process``."""
        if not self._has_begun:
            self._has_begun = True
            for plugin in self._plugins:
                self._turn(plugin, 0, settings)
        heard, size = self._heard.add(block), block.shape[1]
        first, last = (-(-edge // UNIT) * UNIT - UNIT for edge in (start + 1, start + size + 1))
        sound = heard[:, first - start + UNIT :][:, : last - first]
        played = self._played.add(self._turns(sound, first, first - start + UNIT, settings))
        late = last - (start - UNIT)
        return played[:, played.shape[1] - late :][:, :size].copy()

    def _turns(
        self, sound: Signal, start: int, behind: int, settings: Mapping[str, Value]
    ) -> Signal:
        """Whole units; the curves begin ``behind`` samples before them."""
        out = np.zeros_like(sound)
        at = 0
        while at < sound.shape[1]:
            stop = min(at + BLOCK - (start + at) % BLOCK, sound.shape[1])
            for copy, plugin in enumerate(self._plugins):
                place = (start + at + copy * BLOCK) % self._window.size
                if place == 0:
                    self._turn(plugin, behind + at + BLOCK, settings)
                share = self._window[place : place + stop - at]
                out[:, at:stop] += share * plugin.process(
                    sound[:, at:stop], MODEL_RATE, LONGEST, reset=False
                )
            at = stop
        return out

    def _turn(self, plugin: Any, at: int, settings: Mapping[str, Value]) -> None:
        for name in self._moves:
            curve = settings[name]
            assert isinstance(curve, np.ndarray)
            setattr(plugin, name, float(curve[at]))
