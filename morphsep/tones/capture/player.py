"""Plays an amp capture: at its own sample rate, in pieces, at the level it was made for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from morphsep.dsp import Signal, from_db
from morphsep.tones.capture.rates import at_rate, restoring_gain

FULL_SCALE_DBU = 12.0
"""Level of full scale at the input of pedals: the preset of the format's own plugin."""
MOST_DB = 40.0
"""Largest deviation from it that is believed."""
PIECE = 2**16
"""Samples that a network processes at a time, besides its receptive field: keeps memory flat."""
RECURRENT_SECONDS = 1.0
"""Seconds that a recurrent network runs before its output counts: as long as the package itself
runs one on silence to find its initial state."""


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
        """``[C, T]`` at 44.1 kHz and the reference loudness through the network and back: see
        `at_rate`."""
        louder = dry * np.float32(self.gain_in)
        wet = at_rate(lambda signal, first: self.play(signal), louder, start, self.rate)
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


def player(network: Any, rate: int, metadata: Mapping[str, Any]) -> Player:
    """The network with its input level as the file states it and its output level as measured."""
    recurrent = hasattr(network, "_initial_hidden")
    looks_back = round(RECURRENT_SECONDS * rate) if recurrent else int(network.receptive_field)
    stated = metadata.get("input_level_dbu")
    full_scale = float(stated) if isinstance(stated, int | float) else FULL_SCALE_DBU
    gain = from_db(float(np.clip(FULL_SCALE_DBU - full_scale, -MOST_DB, MOST_DB)))
    bare = Player(
        network=network,
        rate=rate,
        looks_back=looks_back,
        recurrent=recurrent,
        gain_in=gain,
        gain_out=1.0,
        offset=0.0,
    )
    silence = np.zeros((1, looks_back), np.float32)
    still = replace(bare, offset=float(bare.play(silence)[0, -1]))
    louder = np.float32(gain)
    return replace(
        still,
        gain_out=restoring_gain(lambda test: still.play(test * louder), rate, looks_back),
    )
