"""What a user can set: everything that decides what comes out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from morphsep.dsp import Seconds
from morphsep.errors import SettingError

AS_RECORDED = "as-recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that decides what comes out, as a user writes it."""

    to: str = AS_RECORDED
    """Tone to morph towards: a name, a YAML file, a recording, an amp capture (.nam)."""
    from_: str = AS_RECORDED
    """Tone to morph from; as-recorded is the stem itself."""
    recording: str = "reference"
    """What a recording is that stands for a tone: reference (it lends its sound, not its notes),
    paired (the same take), match (to be imitated with effects), transport (other notes to glide
    to)."""
    amount: str = "1"
    """0 to 1, points such as "0:00=0 0:05=1", or a CSV file."""
    separator: str = "auto"
    """auto, or a separator's name, with its model behind a colon (demucs:htdemucs) and what to keep
    of it behind another (demucs:htdemucs:vocals)."""
    separator_options: tuple[tuple[str, str], ...] = ()
    """The separator's own options, (name, value) in the order of their names."""
    stem: str | None = None
    """The user's own stem: a path, or a pattern such as {stem}.guitar.wav."""
    backend: str = "auto"
    """auto (chain where both tones are chains, else spectral), or a backend's name."""
    options: tuple[tuple[str, str], ...] = ()
    """The backend's own options, (name, value) in the order of their names."""
    chunk: Seconds = 8.0
    """Length of a chunk, 5 to 10 s."""
    overlap: Seconds = 0.25
    """How long neighbouring chunks are crossfaded, in s."""
    section: Seconds = 300.0
    """Length of a section, the unit of work, in s; decides memory, never the sound."""
    uniform: bool = True
    """Whether amounts are spaced by what is heard rather than by the backend's own scale."""
    format: str | None = None
    """Container of the output (wav, flac, ...); None keeps the input's."""
    subtype: str | None = None
    """Sample format of the output (PCM_24, FLOAT, ...); None keeps the input's."""
    channels: tuple[int, int] | None = None
    """Which two channels (from 0) of a file that has more than two."""
    device: str = "auto"
    """auto, cpu, cuda, mps."""
    shifts: int = 0
    """Demucs: how many seeded time offsets to average over (0: none)."""
    seed: int = 0
    """Seed of everything that is drawn."""
    offline: bool = False
    """Whether the network is out of bounds."""

    def of_the_stem(self) -> tuple[object, ...]:
        """What of these decides how an input's stem sounds."""
        return (
            self.separator, self.separator_options, self.stem, self.channels, self.device,
            self.shifts, self.seed,
        )  # fmt: skip


def describe(settings: Settings) -> str:
    """Settings as JSON, for the manifest."""
    return json.dumps(asdict(settings), sort_keys=True, ensure_ascii=False)


def make_settings(**values: Any) -> Settings:
    """`Settings` from plain values; numbers may stand for amounts.

    Raises:
        SettingError: no such setting.
    """
    known = {f.name for f in fields(Settings)}
    for name in set(values) - known:
        raise SettingError(f"there is no setting {name!r}; there are: {', '.join(sorted(known))}")
    if "amount" in values:
        values["amount"] = str(values["amount"])
    return Settings(**values)
