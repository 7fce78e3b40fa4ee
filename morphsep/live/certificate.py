"""The certificate: what is played live is what `morphsep morph` makes of the same guitar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from morphsep.dsp import MODEL_RATE, ArrayReader, ModelRateReader, Seconds, Signal, dbfs, rms_dbfs
from morphsep.errors import SettingError
from morphsep.live.block_morph import BlockMorph
from morphsep.live.knob import knob_at, parse_knob
from morphsep.live.recording import read_recording
from morphsep.morphing import Recipe, StemFacts, measure_fit, morph_samples, recipe_for_arrays
from morphsep.request import Curve, make_settings

NULL_DB = -100.0
"""dBFS RMS of the difference that is allowed."""
SILENCE = 0.2
"""Seconds of silence behind the guitar: at the end of a file resamplers see what is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """How far live and offline are apart."""

    path: str
    seconds: Seconds
    sample_rate: int
    channels: int
    from_: str
    to: str
    amount: str
    block: int
    latency: int
    """Samples."""
    knob_delay: Seconds
    null_db: float
    """RMS of the difference, dBFS."""
    peak_db: float
    """Its largest sample, dBFS."""

    @property
    def holds(self) -> bool:
        """Whether they null."""
        return self.null_db <= NULL_DB


def check(
    path: str, from_: str, to: str, *, amount: str | None, block: int, seconds: Seconds
) -> Certificate:
    """Renders the beginning of a guitar's recording both ways.

    Both are told the same gains of the tones and the same loudness, measured offline, and the knob
    as it is turned (``--no-uniform``): what only a whole song can tell. The amount of the offline
    run is as late as live (`BlockMorph.knob_delay`).

    Args:
        amount: a curve; None: one that moves all the time.

    Raises:
        SettingError: the tones cannot be played live, or the recording is silent.
        TrackError: the recording cannot be read.
    """
    guitar, sample_rate = read_recording(path, seconds)
    if not guitar.any():
        raise SettingError(f"{path} is silent: there is nothing to compare")
    length = guitar.shape[1] / sample_rate
    guitar = np.pad(guitar, ((0, 0), (0, round(SILENCE * sample_rate))))
    amount = amount or f"0=0.1 {length / 2:.3f}=0.9 {length:.3f}=0.2"
    parse_knob(amount)
    settings = make_settings(
        from_=from_, to=to, amount=amount, backend="chain", separator="none", uniform=False
    )
    recipe = recipe_for_arrays(settings)
    live = _live(recipe, guitar, sample_rate)
    offline = morph_samples(_later(recipe, live), guitar, sample_rate)
    turned = knob_at(recipe.curve, guitar.shape[1] + live.latency, sample_rate)
    played = play_all(live, guitar, turned, block)
    apart = played[:, live.latency :] - offline
    return Certificate(
        path=path, seconds=length, sample_rate=sample_rate, channels=len(guitar), from_=from_,
        to=to, amount=amount, block=block, latency=live.latency, knob_delay=live.knob_delay,
        null_db=rms_dbfs(apart),
        peak_db=dbfs(float(np.abs(apart).max())),
    )  # fmt: skip


def _live(recipe: Recipe, guitar: Signal, sample_rate: int) -> BlockMorph:
    """With the gains and the loudness that the offline run finds."""
    reader = ModelRateReader(ArrayReader(guitar, sample_rate))
    facts = StemFacts.of(reader.read, reader.num_samples, len(guitar))
    stem = facts.stem(reader.read, reader.num_samples, len(guitar))
    matched = measure_fit(recipe, stem, facts.peak).matched(recipe)
    return BlockMorph(
        matched.source, matched.target, sample_rate, channels=len(guitar), level=stem.level
    )


def _later(recipe: Recipe, live: BlockMorph) -> Recipe:
    """The recipe with its amount as late as it is live."""
    late = round(live.knob_delay * MODEL_RATE)
    points = tuple((when + late, amount) for when, amount in recipe.curve.points)
    return recipe.with_amount(Curve(points))


def play_all(live: BlockMorph, guitar: Signal, amount: Signal, block: int) -> Signal:
    """A guitar ``[C, T]`` in blocks, with silence behind it up to as many samples as there are
    amounts, ``[C, T + latency]``."""
    silent = max(amount.size - guitar.shape[1], 0)
    padded = np.pad(guitar, ((0, 0), (0, silent)))
    return np.concatenate(list(_played(live, padded, amount, block)), axis=1)


def _played(live: BlockMorph, guitar: Signal, amount: Signal, block: int) -> Iterator[Signal]:
    for start in range(0, guitar.shape[1], block):
        heard, turned = guitar[:, start : start + block], amount[start : start + block]
        missing = block - turned.size
        heard = np.pad(heard, ((0, 0), (0, missing)))
        turned = np.pad(turned, (0, missing), mode="edge")
        yield live.process(heard, turned)[:, : block - missing]
