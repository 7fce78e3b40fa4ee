"""What a data set is made of: the recipe, checked, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from morphsep.dsp import MODEL_RATE, Seconds
from morphsep.storage import digest

SCHEMA = 2
"""Raised whenever the same recipe makes other rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """One take at several amounts between two tones."""

    source: str
    """Tone at amount 0."""
    target: str
    """Tone at amount 1."""
    steps: int = 11
    """Rows of a clip; amounts 0 ... 1 in equal steps of the knob."""
    backend: str = "chain"
    crossfades: bool = False
    """Whether each inner row has a twin that is a crossfade of the same two ends: a negative."""

    @property
    def amounts(self) -> tuple[float, ...]:
        """0 ... 1."""
        return tuple(round(step / (self.steps - 1), 6) for step in range(self.steps))

    @property
    def named_tones(self) -> tuple[str, ...]:
        return self.source, self.target

    def placed(self, places: Mapping[str, str]) -> Ladder:
        """The same with other names for its tones."""
        source, target = (places.get(name, name) for name in self.named_tones)
        return replace(self, source=source, target=target)

    @property
    def rows(self) -> int:
        """Of a clip."""
        return self.steps + (self.steps - 2 if self.crossfades else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tones:
    """The guitar through each of some tones."""

    tones: tuple[str, ...]

    @property
    def named_tones(self) -> tuple[str, ...]:
        return self.tones

    def placed(self, places: Mapping[str, str]) -> Tones:
        """The same with other names for its tones."""
        return Tones(tones=tuple(places.get(name, name) for name in self.tones))

    @property
    def rows(self) -> int:
        """Of a clip."""
        return len(self.tones)


@dataclass(frozen=True, slots=True, kw_only=True)
class PedalRange:
    """A pedal whose settings are drawn."""

    kind: str
    chance: float = 1.0
    """Share of chains that have it."""
    ranges: tuple[tuple[str, float, float], ...] = ()
    """(parameter, lowest, highest); a fixed one has both alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chains:
    """Effect chains that are drawn anew for every clip."""

    per_clip: int
    pedals: tuple[PedalRange, ...]
    shuffled: bool = False
    """Whether the order of the pedals is drawn, too."""

    @property
    def named_tones(self) -> tuple[str, ...]:
        return ()

    def placed(self, places: Mapping[str, str]) -> Chains:
        """Itself: it names no tones."""
        return self

    @property
    def rows(self) -> int:
        """Of a clip."""
        return self.per_clip


Rendering = Ladder | Tones | Chains


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRecipe:
    """What a data set is made of."""

    render: tuple[Rendering, ...]
    """What is made of each clip."""
    seconds: Seconds = 5.0
    """Length of a clip."""
    rate: int = MODEL_RATE
    """Sample rate of what is written, in Hz."""
    channels: int = 1
    """1: channels are averaged before the tones; 2: one channel is doubled before them."""
    bits: int = 24
    """Of a sample of the FLAC that is written."""
    clips_per_song: int | None = None
    """Most of them, spread over the song; None: all."""
    loudness: float | None = -23.0
    """Of dry and wet, in LUFS; None: the dry clip's own."""
    most_gain: float = 40.0
    """dB by which a wet clip may be raised or lowered to be as loud as its dry one."""
    backing: bool = False
    """Whether rows have the rest of the song and the changed song, too."""
    sound: bool = True
    """Whether rows hold their sound, or only its digests."""
    splits: Mapping[str, float] = field(default_factory=lambda: {"train": 1.0})
    """Share of each, of the artists (of songs where no artist is known)."""
    seed: int = 0
    files: tuple[str, ...] = ()
    """Fingerprints of tones that are files."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Where those files lie on this machine, by the names that the recipe has for them."""

    @property
    def length(self) -> int:
        """Samples of a clip at 44.1 kHz."""
        return round(self.seconds * MODEL_RATE)

    @property
    def rows_per_clip(self) -> int:
        """What is rendered of each clip."""
        return sum(each.rows for each in self.render)

    @property
    def key(self) -> str:
        """Names all that rows depend on besides their sources."""
        said = [each for each in sorted(asdict(self).items()) if each[0] != "places"]
        return digest("data set", SCHEMA, said, self._kinds)

    @property
    def here(self) -> DataRecipe:
        """The same with paths on this machine in place of the names of files."""
        return replace(self, render=tuple(each.placed(self.places) for each in self.render))

    def name_of(self, tone: str) -> str:
        """What the recipe calls a tone that `here` names."""
        return next((name for name, place in self.places.items() if place == tone), tone)

    @property
    def _kinds(self) -> tuple[str, ...]:
        return tuple(type(each).__name__ for each in self.render)
