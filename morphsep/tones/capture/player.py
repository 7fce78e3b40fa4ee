"""Plays an amp capture: at its own sample rate, in pieces, at the level it was made for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from morphsep.dsp import MODEL_RATE, ModelRateReader, Signal, from_db, to_rate

FULL_SCALE_DBU = 12.0
"""Level of full scale at the input of pedals: the preset of the format's own plugin."""
MOST_DB = 40.0
"""Largest deviation from it that is believed."""
PIECE = 2**16
"""Samples that a network processes at a time, besides its receptive field: keeps memory flat."""
RECURRENT_SECONDS = 1.0
"""Seconds that a recurrent network runs before its output counts: as long as the package itself
runs one on silence to find its initial state."""
TEST_RMS_DB = -21.0
"""RMS, dBFS, of the noise with which a capture's output level is measured: that of a mono guitar at
the reference loudness."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """A network and everything needed to play it."""

    network: Any
    rate: int
    looks_back: int
    recurrent: bool
    gain_in: float
    gain_out: float
    offset: float
    """Its constant output on silence, subtracted from what it plays."""

    def render(self, dry: Signal, start: int) -> Signal:
        """``[C, T]`` at 44.1 kHz and the reference loudness through the network and back; blocks of
        both resamplers lie on the song's grid, so that the result does not depend on where a
        passage begins."""
        wet = self._at_rate(dry * np.float32(self.gain_in), start)
        return wet * np.float32(self.gain_out)

    def play(self, signal: Signal) -> Signal:
        """``[C, T]`` at the network's rate -> ``[C, T]``, from silence."""
        import torch

        with torch.inference_mode():
            if self.recurrent:
                return np.asarray(self.network(torch.from_numpy(signal)).numpy() - self.offset)
            past = self.looks_back - 1
            padded = torch.from_numpy(np.pad(signal, ((0, 0), (past, 0))))
            pieces = [
                self.network(padded[:, i : i + past + PIECE], pad_start=False).numpy()
                for i in range(0, signal.shape[-1], PIECE)
            ]
        return np.asarray(np.concatenate(pieces, axis=1) - self.offset)

    def _at_rate(self, dry: Signal, start: int) -> Signal:
        length = dry.shape[-1]
        if self.rate == MODEL_RATE:
            return self.play(np.ascontiguousarray(dry))
        first = start * self.rate // MODEL_RATE
        last = -(-(start + length) * self.rate // MODEL_RATE)
        there = to_rate(lambda s, n: _cut(dry, s - start, n), first, last - first, self.rate)
        info = _Info(sample_rate=self.rate, num_channels=len(dry), num_samples=max(last, 0))
        played = _Played(info=info, samples=self.play(there), first=first)
        return ModelRateReader(played).read(start, length)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Info:
    sample_rate: int
    num_channels: int
    num_samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Played:
    """A network's output as a reader, from the song's sample ``first`` (at the network's rate)
    on."""

    info: _Info
    samples: Signal
    first: int

    def read(self, start: int, num_samples: int) -> Signal:
        return _cut(self.samples, start - self.first, num_samples)


def _cut(samples: Signal, start: int, num_samples: int) -> Signal:
    """``[C, num_samples]`` from ``start`` on, zeros outside."""
    out = np.zeros((len(samples), num_samples), np.float32)
    first, last = max(start, 0), min(start + num_samples, samples.shape[-1])
    if last > first:
        out[:, first - start : last - start] = samples[:, first:last]
    return out


def player(network: Any, rate: int, metadata: Mapping[str, Any]) -> Player:
    """The network with its input level as the file states it and its output level as measured."""
    recurrent = hasattr(network, "_initial_hidden")
    looks_back = round(RECURRENT_SECONDS * rate) if recurrent else int(network.receptive_field)
    stated = metadata.get("input_level_dbu")
    full_scale = float(stated) if isinstance(stated, int | float) else FULL_SCALE_DBU
    gain = float(np.clip(FULL_SCALE_DBU - full_scale, -MOST_DB, MOST_DB))
    bare = Player(
        network=network,
        rate=rate,
        looks_back=looks_back,
        recurrent=recurrent,
        gain_in=from_db(gain),
        gain_out=1.0,
        offset=0.0,
    )
    silence = np.zeros((1, looks_back), np.float32)
    still = replace(bare, offset=float(bare.play(silence)[0, -1]))
    return replace(still, gain_out=_gain_out(still))


def _gain_out(player: Player) -> float:
    """Gain that restores the RMS of a second of noise with a guitar-like spectrum."""
    from scipy.signal import butter, sosfilt

    noise = np.random.default_rng(0).standard_normal(player.looks_back + player.rate)
    dull = sosfilt(butter(1, [100, 1500], "band", fs=player.rate, output="sos"), noise)
    test = (dull * (from_db(TEST_RMS_DB) / np.sqrt(np.mean(dull**2)))).astype(np.float32)
    made = player.play(test[None] * np.float32(player.gain_in))[0, player.looks_back :]
    rms = float(np.sqrt(np.mean(np.square(made, dtype=np.float64))))
    return from_db(TEST_RMS_DB) / rms if rms > 1e-9 else 1.0
