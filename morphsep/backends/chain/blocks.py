"""The chain between two tones block by block, as a guitar is played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from morphsep.backends.chain.chain import moving_stages
from morphsep.backends.chain.filters import KNOTS, TAPS, Filters, responses_of, shares_of
from morphsep.backends.chain.pairs import Pair, between
from morphsep.dsp import LONGEST, Signal, Trail
from morphsep.tones.chain import NEPERS, EffectChain, blend, to_reference
from morphsep.tones.effects import Player, Value, player

SIZES = {256: 2304, LONGEST: 3072}
"""The longest block -> samples of the transform that filters it."""
assert all(block + TAPS <= size for block, size in SIZES.items())
ONE = np.ones(1, np.float32)


class BlockChain:
    """Plays what the backend ``chain`` plays where the amount moves, ``latency`` samples later.

    The amount takes effect ``knob_delay`` samples after the sound that came in with it: some
    pedals move along straight lines to a setting that must be known by then.

    Args:
        channels: of every block, 1 or 2.
        level: loudness of the guitar in LUFS, as in ``morphsep.tones.Tone.render``.

    Raises:
        SettingError: no way leads between the tones, or a pedal cannot be played live.
    """

    def __init__(
        self, source: EffectChain, target: EffectChain, channels: int, level: float
    ) -> None:
        self._stages: list[_Stage] = []
        self.latency = 0
        for part in moving_stages(source, target):
            if (stage := _stage(part, channels, self.latency)) is not None:
                self._stages.append(stage)
                self.latency += stage.player.latency
        self.knob_delay = max((s.player.ahead - s.late for s in self._stages), default=0)
        self.knob_delay = max(self.knob_delay, 0)
        reach = max((s.late + s.player.behind for s in self._stages), default=0)
        self._knob = Trail(1, max(reach, self.latency) + self.knob_delay)
        self._trims = source.trim_db, target.trim_db
        self._gain = to_reference(level, channels)
        self._start = 0

    def process(self, block: Signal, amount: Signal) -> Signal:
        """The next ``[C, n]`` for the next ``[C, n]`` of the guitar, of 1 to 1024 samples.

        Args:
            amount: ``[n]`` in [0, 1].
        """
        if not self._start:
            self._knob.fill(float(amount[0]))
        knob = self._knob.add(amount[None])[0]
        size = block.shape[1]
        signal = block * np.float32(self._gain)
        for stage in self._stages:
            behind = stage.late + stage.player.behind
            curve = self._amounts(knob, size, behind, stage.player.ahead - stage.late)
            signal = stage.process(signal, self._start - stage.late, curve)
        trims = self._amounts(knob, size, self.latency, -self.latency)
        self._start += size
        return signal * self._makeup(trims)

    def _amounts(self, knob: Signal, size: int, behind: int, ahead: int) -> Signal:
        """The amount from ``behind`` samples before the block to ``ahead`` samples after it."""
        last = len(knob) - self.knob_delay + ahead
        return knob[last - ahead - size - behind : last]

    def _makeup(self, amount: Signal) -> Signal:
        a, b = self._trims
        factor: Signal = np.exp((a + (b - a) * amount) * np.float32(NEPERS))
        return factor / np.float32(self._gain)


@dataclass(kw_only=True, slots=True)
class _Stage:
    pair: Pair | None
    """None: filters."""
    player: Player
    late: int
    """Samples by which its input is later than the guitar."""
    dry: Trail

    def process(self, signal: Signal, start: int, amount: Signal) -> Signal:
        if self.pair is None:
            return self.player.process(signal, start, {"amount": amount})
        settings = between(self.pair, amount)
        wet = self.player.process(signal, start, {k: v for k, v in settings.items() if k != "mix"})
        dry = self.dry.add(signal)[:, : signal.shape[1]]
        mix = settings["mix"]
        if isinstance(mix, np.ndarray):
            mix = mix[self.player.behind - self.player.latency :][: signal.shape[1]]
        return blend(dry, wet, mix)


def _stage(part: Pair | Filters, channels: int, late: int) -> _Stage | None:
    """None: it does nothing at any amount."""
    if isinstance(part, Filters):
        filters = _Filters(part, channels)
        return _Stage(pair=None, player=filters, late=late, dry=Trail(channels, 0))
    settings = between(part, ONE)
    mix = settings.pop("mix")
    if not isinstance(mix, np.ndarray) and mix == 0:
        return None
    first = {k: float(v[0]) for k, v in settings.items() if isinstance(v, np.ndarray)}
    stays = {k: v for k, v in settings.items() if not isinstance(v, np.ndarray)}
    found = player(part.effect, stays, first, channels)
    return _Stage(pair=part, player=found, late=late, dry=Trail(channels, found.latency))


class _Filters:
    """`Filters` in blocks: overlap-add."""

    latency = behind = ahead = 0

    def __init__(self, filters: Filters, channels: int) -> None:
        self._responses = {size: responses_of(filters.pairs, size) for size in SIZES.values()}
        for responses in self._responses.values():
            for knot in range(KNOTS + 1):
                responses.at(knot)
        self._ringing = np.zeros((channels, LONGEST + TAPS), np.float32)

    def process(self, block: Signal, start: int, settings: Mapping[str, Value]) -> Signal:
        from scipy import fft

        amount = settings["amount"]
        assert isinstance(amount, np.ndarray)
        length = block.shape[1]
        size = next(size for longest, size in SIZES.items() if length <= longest)
        knots, shares = shares_of(np.asarray(amount * KNOTS, np.float32))
        spectra = fft.rfft(block[:, None] * shares, size)
        responses = np.stack([self._responses[size].at(k) for k in knots])
        wet = fft.irfft((spectra * responses).sum(axis=1), size)
        self._ringing[:, : length + TAPS] += wet[:, : length + TAPS]
        out = self._ringing[:, :length].copy()
        self._ringing[:, :-length] = self._ringing[:, length:]
        self._ringing[:, -length:] = 0
        return out
