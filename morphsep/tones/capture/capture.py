"""Amp captures: a real amplifier as a network, in the files of Neural Amp Modeler (``.nam``).

Levels: a capture receives the guitar at the same loudness as pedals do (``reference_level``),
with full scale at 12 dBu, the preset of that program's own plugin. A file that states another
``input_level_dbu`` gets the guitar louder or softer by the difference. The output is brought back
to the input's level, as measured on noise; the track's own trim corrects what remains.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from morphsep.dsp import Signal
from morphsep.storage import digest_file, stamp
from morphsep.tones.capture.model import load_network, metadata, read_definition, sample_rate
from morphsep.tones.capture.player import Player, player
from morphsep.tones.capture.rates import context_at
from morphsep.tones.reference_level import to_reference

SCHEMA = 1
"""Raised when the same file sounds different than before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """An amp capture as a tone; satisfies ``morphsep.tones.Tone``.

    Raises:
        SettingError: at construction: the file is not a playable capture.
    """

    path: str
    """Absolute."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", str(Path(self.path).expanduser().absolute()))
        _definition(self.path)

    @classmethod
    def of(cls, path: str | Path) -> Capture:
        """The capture in that file."""
        return cls(path=str(path))

    @property
    def name(self) -> str:
        return Path(self.path).stem

    @property
    def description(self) -> str:
        """The file's own description, and its licence."""
        said = metadata(_definition(self.path))
        parts = (said.get("gear_make"), said.get("gear_model"), said.get("name"))
        what = ", ".join(dict.fromkeys(str(part) for part in parts if part)) or self.name
        by = f" by {said['modeled_by']}" if said.get("modeled_by") else ""
        return f"Amp capture{by}: {what} (its maker's licence; played by MIT-licensed software)."

    @property
    def context(self) -> tuple[int, int]:
        """(before, after) in samples at 44.1 kHz: the network's receptive field (one second for a
        recurrent network) plus the context of two resamplers."""
        playing = _player(self.path)
        return context_at(playing.rate, playing.looks_back)

    def fingerprint(self) -> str:
        """Digest of the file's content."""
        return f"capture:{SCHEMA}:{_digest(self.path, stamp(self.path))}"

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        """The stem ``[C, T]`` through the amplifier, each channel by itself; see
        ``morphsep.tones.Tone.render``."""
        if not stem.any():
            return np.zeros_like(stem)
        playing = _player(self.path)
        gain = to_reference(level, stem.shape[0])
        return playing.render(stem * np.float32(gain), start) * np.float32(1 / gain)


@lru_cache(maxsize=64)
def _digest(path: str, stamp_of_it: str) -> str:
    return digest_file(path)


def _definition(path: str) -> dict[str, Any]:
    return _read(path, stamp(path)) if Path(path).is_file() else read_definition(path)


@lru_cache(maxsize=16)
def _read(path: str, stamp_of_it: str) -> dict[str, Any]:
    """Without the weights, which a description does not need."""
    return {k: v for k, v in read_definition(path).items() if k != "weights"}


def _player(path: str) -> Player:
    return _loaded(path, _digest(path, stamp(path)))


@lru_cache(maxsize=4)
def _loaded(path: str, digest: str) -> Player:
    definition = _definition(path)
    return player(load_network(path, digest), sample_rate(definition), metadata(definition))
