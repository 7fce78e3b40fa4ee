"""Masters to restore, and a repair that is quick and exact."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import soundfile

from morphsep.dsp import Reader, Signal
from tests import songs

LOUD = 0.5


@dataclass(frozen=True, kw_only=True)
class Found:
    """Samples that are too loud."""

    step: ClassVar[str] = "declick"
    sample_rate: int
    num_samples: int
    count: int

    def to_json(self) -> dict[str, Any]:
        return {"step": self.step} | asdict(self)

    def summary(self) -> str:
        return f"{self.count} clicks"

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Found:
        return cls(**{name: value for name, value in values.items() if name != "step"})


@dataclass(frozen=True, kw_only=True)
class Mute:
    """A declick that puts the mean of its neighbours in the place of every loud sample."""

    name: ClassVar[str] = "declick"
    sensitivity: float = 0.5
    looked: ClassVar[list[str]] = []

    def fingerprint(self) -> str:
        return f"mute {self.sensitivity}"

    def look(self, recording: Reader) -> Found:
        self.looked.append(self.name)
        info = recording.info
        loud = np.abs(recording.read(0, info.num_samples)) > LOUD
        return Found(
            sample_rate=info.sample_rate, num_samples=info.num_samples, count=int(loud.sum())
        )

    def context(self, findings: Found) -> int:
        return 1

    def repair(self, block: Signal, start: int, findings: Found) -> Signal:
        inner = block[:, 1:-1]
        return np.where(np.abs(inner) > LOUD, (block[:, :-2] + block[:, 2:]) / 2, inner)


def clicked(
    seconds: float = 3.0, rate: int = 44100, channels: int = 1, size: float = 0.9
) -> Signal:
    """A guitar with a click in every quarter of a second."""
    sound = songs.guitar(seconds, rate, channels)
    sound[:, rate // 8 :: rate // 4] = size
    return sound


def write(path: Path, subtype: str = "PCM_24", **how: Any) -> Path:
    """A master."""
    return songs.write(path, clicked(**how), how.get("rate", 44100), subtype)


def added_up(master: Path, access: Path, without: str = "") -> np.ndarray:
    """``[C, T]``: a master and all differences that lie beside its access copy, but for that of a
    step that is taken back, in the depth of the access copy."""
    total = songs.read(master)
    for difference in access.parent.glob(f"{glob.escape(access.name)}.*.diff.*"):
        if difference.name.split(".")[-3] != without:
            total = total + songs.read(difference)
    if soundfile.info(access).subtype == "FLOAT":
        return total.astype(np.float32).astype(np.float64)
    return total
