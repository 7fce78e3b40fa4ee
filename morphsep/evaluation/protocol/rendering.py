"""The sounds of a clip: rendered, written as FLAC, and read again as they were written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from morphsep.audio import AudioReader, AudioWriter, OutputFormat
from morphsep.dsp import MODEL_RATE, Signal, from_db
from morphsep.evaluation import metrics
from morphsep.evaluation.protocol.cutting import Clip, content_of
from morphsep.evaluation.results import KNOB
from morphsep.morphing import Recipe, forget, morph_samples_at, recipe_for_arrays
from morphsep.request import AS_RECORDED, make_settings
from morphsep.storage import Location, digest

SCHEMA = 1
"""Raised whenever what is rendered, or how it is written, changes."""
TRUTH = "truth"
"""Names the sounds by the real knob, both ends among them."""
SOUNDS = "sounds"
FLAC = OutputFormat(format="FLAC", subtype="PCM_24", extension=".flac")
PEAK = from_db(-0.1)
"""Largest sample of a file; where -23 LUFS would pass it, the file is softer."""


@lru_cache(maxsize=1024)
def recipe(source: str, target: str, backend: str) -> Recipe:
    """What morphs a guitar, built once in each process. Amounts are those of the knob, not spaced
    by what is heard; weights are those on this machine.

    Raises:
        SettingError: its weights are not here, or it cannot be had.
    """
    return recipe_for_arrays(
        make_settings(
            from_=source, to=target, backend=backend, separator="none", uniform=False, offline=True
        )
    )


def forget_recipes() -> None:
    """Files of tones may be others by now."""
    recipe.cache_clear()
    forget()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendering:
    """A sequence by one backend, or the truth (``name`` is `TRUTH`)."""

    clip: Clip
    name: str
    amounts: Sequence[float]
    """Those that are rendered, in ascending order."""

    @property
    def key(self) -> str:
        """Names the sounds: all that they depend on."""
        guitar = content_of(self.clip.guitar)
        return digest("sequence", SCHEMA, guitar, self._recipe.warp_key, *self.amounts)

    def path(self, amount: float) -> str:
        """Of a sound, below the folder of the evaluation."""
        return f"{SOUNDS}/{self.clip.item}/{self.name}-{amount:g}.flac"

    def is_in(self, folder: Location) -> bool:
        """Whether all of it was written before."""
        note = (folder / self._note).read_json() or {}
        return note.get("key") == self.key and all(
            (folder / self.path(amount)).exists() for amount in self.amounts
        )

    def write_to(self, folder: Location) -> None:
        """Renders the sounds, unless that was done. The note comes last, and an old one goes
        first: an interrupted run leaves none that speaks of other sounds.

        Raises:
            MorphsepError: this clip cannot be rendered.
        """
        if self.is_in(folder):
            return
        (folder / self._note).write_json({})
        for amount, sound in zip(self.amounts, self._rendered(), strict=True):
            _write(folder / self.path(amount), sound)
        (folder / self._note).write_json({"key": self.key})

    def read(self, folder: Location) -> list[Signal]:
        """The sounds as they were written, each ``[C, T]``."""
        return [_read(folder / self.path(amount)) for amount in self.amounts]

    @property
    def _note(self) -> str:
        return f"{SOUNDS}/{self.clip.item}/{self.name}.json"

    @property
    def _recipe(self) -> Recipe:
        ends = self.clip.transition
        return recipe(ends.source, ends.target, KNOB if self.name == TRUTH else self.name)

    def _rendered(self) -> Iterator[Signal]:
        """A sound for each of the amounts, which ascend."""
        guitar, turned = self.clip.guitar, [f"{amount:g}" for amount in self.amounts if amount]
        if len(turned) < len(self.amounts):
            # an amount of 0 is the guitar as it was recorded, not the source tone
            source = recipe(AS_RECORDED, self.clip.transition.source, "auto")
            yield from morph_samples_at(source, guitar, MODEL_RATE, ["1"])
        yield from morph_samples_at(self._recipe, guitar, MODEL_RATE, turned)


def _write(place: Location, sound: Signal) -> None:
    """At -23 LUFS, or as loud as full scale lets it be.

    Raises:
        SettingError: samples that are no numbers.
    """
    (level,) = metrics.match_loudness([sound], MODEL_RATE)
    peak = float(np.abs(level).max())
    gain = np.float32(min(1.0, PEAK / peak) if peak else 1.0)
    with (
        place.writing() as path,
        AudioWriter(
            str(path), MODEL_RATE, len(level), FLAC, in_place=True, name=place.name
        ) as writer,
    ):
        writer.write(level * gain)


def _read(place: Location) -> Signal:
    with place.reading() as path, AudioReader(str(path)) as reader:
        return reader.read(0, reader.info.num_samples)
