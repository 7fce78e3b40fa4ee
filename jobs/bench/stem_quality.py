"""What `stem_quality` says of a stem: beside its SI-SDR, and the error of a morph.

    python -m jobs.bench.stem_quality [SONG...] [--separators embedded,harmonic] [--tone distortion]

A SONG is a mix with its guitar beside it, as for `jobs.bench.ideal`; the demo's two come first. Of
up to three excerpts of each the stems are those of the separators, and guitars with a share of
their backing, which are better than those. *Ratio*: the log-spectral distance of the song, morphed
with this stem, to the ideal, over that of the untouched mix, in dB. Prints Markdown: ranges for
each kind of stem, and Spearman's rank correlations of quality with SI-SDR and with the ratio.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from jobs.bench.ideal import DEMO, SEPARATORS, Excerpt, distance, excerpts
from morphsep.dsp import MODEL_RATE, ArrayReader, Signal, si_sdr
from morphsep.morphing import EstimateFacts, Recipe, build, morph_samples
from morphsep.request import load_plugin, make_settings
from morphsep.separators import Mix
from morphsep.testing import ArrayMix

SONGS = (DEMO, DEMO.with_name("feelings.ogg"))
SHARES = (0.15, 0.4)
"""Amplitudes of the backing in the guitars that stand for better separators."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Given:
    """A separator whose stem is known."""

    stem: Signal
    name: str = "given"
    weights_hash: str | None = None

    def fingerprint(self) -> str:
        """Nothing is kept of it."""
        return self.name

    def separate(self, mix: Mix, start: int, stop: int) -> Signal:
        """The stem in [start, stop)."""
        return self.stem[:, start:stop]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One stem of one excerpt."""

    kind: str
    quality: float
    si_sdr: float
    """dB."""
    ratio_db: float


def stems(excerpt: Excerpt, separators: Iterable[str]) -> Iterator[tuple[str, Signal]]:
    """Stems of an excerpt, each with what kind it is."""
    mix = ArrayMix(excerpt.mix)
    for name in separators:
        separator = load_plugin("separator", name)
        yield name, separator.separate(mix, 0, mix.num_samples)
    for share in SHARES:
        backing = excerpt.mix - excerpt.guitar
        yield f"guitar + {share:.0%} of the backing", excerpt.guitar + np.float32(share) * backing


def measure(excerpt: Excerpt, tone: str, separators: Iterable[str]) -> Iterator[Measured]:
    """All stems of an excerpt."""
    recipe, ideal = _recipe(tone), excerpt.ideal(tone)
    untouched = distance(ideal, excerpt.mix)
    mix = ArrayReader(excerpt.mix, MODEL_RATE).read
    for kind, stem in stems(excerpt, separators):
        facts = EstimateFacts.of(mix, ArrayReader(stem, MODEL_RATE).read, stem.shape[1])
        made = morph_samples(replace(recipe, separator=Given(stem=stem)), excerpt.mix, MODEL_RATE)
        if facts.quality is not None:
            yield Measured(
                kind=kind, quality=facts.quality, si_sdr=si_sdr(stem, excerpt.guitar),
                ratio_db=float(20 * np.log10(distance(ideal, made) / untouched)),
            )  # fmt: skip


def _recipe(tone: str) -> Recipe:
    """Of any estimated stem."""
    return build(make_settings(to=tone, separator="harmonic"))


def rows(found: Sequence[Measured]) -> Iterator[str]:
    """One row a kind of stem, and all of them."""
    yield "| stem | number | quality | SI-SDR, dB | ratio, dB | rank: SI-SDR | rank: ratio |"
    yield "|---|---|---|---|---|---|---|"
    for kind in (*dict.fromkeys(each.kind for each in found), "all"):
        own = [each for each in found if kind in (each.kind, "all")]
        values = np.array([(each.quality, each.si_sdr, each.ratio_db) for each in own]).T
        spans = " | ".join(f"{low:.2f} to {high:.2f}" for low, high in zip(
            values.min(axis=1), values.max(axis=1), strict=True))  # fmt: skip
        ranks = " | ".join(f"{_spearman(values[0], other):+.2f}" for other in values[1:])
        yield f"| {kind} | {len(own)} | {spans} | {ranks} |"


def _spearman(one: Signal, other: Signal) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(one, other).statistic)


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("songs", nargs="*", type=Path, metavar="SONG")
    parser.add_argument("--separators", default=SEPARATORS, help="names, separated by commas")
    parser.add_argument("--tone", default="distortion")
    arguments = parser.parse_args()
    separators = arguments.separators.split(",")
    found = [
        measured
        for song in (*SONGS, *arguments.songs)
        for excerpt in excerpts(song)
        for measured in measure(excerpt, arguments.tone, separators)
    ]
    print("\n".join(rows(found)))


if __name__ == "__main__":
    main()
