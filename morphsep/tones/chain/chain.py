"""Effect chains: tones made of pedals."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from morphsep.dsp import Signal
from morphsep.tones.chain.rack import Pedal, play, total_context

SCHEMA = 3
"""Raised when the same definition sounds different than before."""
FILE_SETTINGS = ("path", "impulse_response_filename", "capture_filename")
"""Settings of pedals that name files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectChain:
    """A tone as pedals in a row; satisfies ``morphsep.tones.Tone``."""

    name: str
    description: str
    pedals: tuple[Pedal, ...] = ()
    trim_db: float = 0.0
    """Gain at the end that restores a stem's loudness: see jobs/calibrate_tones.py."""
    settle: float | None = None
    """Seconds of context, where the definition states them."""

    @property
    def context(self) -> tuple[int, int]:
        """(before, after) in samples at 44.1 kHz."""
        return total_context([pedal.context() for pedal in self.pedals], self.settle)

    @property
    def tail(self) -> int:
        """Samples for which it sounds on after the stem has ended (`ToneTraits`)."""
        return self.context[0] if any(pedal.rings for pedal in self.pedals) else 0

    def fingerprint(self) -> str:
        """Digest of the pedals, their settings, and the files they name."""
        definition = {
            "schema": SCHEMA,
            "pedals": [(p.kind, _with_digests(p)) for p in self.pedals],
            "trim_db": self.trim_db,
            "settle": self.settle,
        }
        text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
        return "chain:" + hashlib.sha256(text.encode()).hexdigest()

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        """The stem ``[C, T]`` through the pedals; see ``morphsep.tones.Tone.render``."""
        if not self.pedals or not stem.shape[-1]:
            return stem.copy()
        steps = [(pedal.effect, pedal.values) for pedal in self.pedals]
        return play(steps, stem, start, level, self.trim_db)


def _with_digests(pedal: Pedal) -> list[tuple[str, object]]:
    """The settings, with a file given by its content and not by its path."""
    return [
        (name, _digest(Path(str(value))) if name in FILE_SETTINGS and value else value)
        for name, value in pedal.settings
    ]


def _digest(path: Path) -> str:
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        digest.update(file.read_bytes())
    return digest.hexdigest()
