"""How near a morphed song comes to the right one, by separator.

    python -m jobs.bench.ideal SONG... [--separators embedded,harmonic] [--tones distortion,...]

A SONG is a mix with its guitar beside it (NAME.flac and NAME.guitar.flac, aligned to the sample),
as `jobs.import_songs` writes them; "Metal madness" of demo/ comes first, always. The *ideal* is
what a perfect separator would give, backing + tone(true guitar). Three excerpts of 15 s of each
song, soft passages among them, go through `morph_array` at amount 1, so that everything counts that
the product does: its stem, its trim, its tone.

*Error*: log-spectral distance to the ideal in dB (`distances_to_truth`). Loudness is not matched: a
song that becomes softer is an error. *Ratio*: that of the error to the untouched mix's, in dB;
above 0 the song was nearer to the ideal before. *Louder*: loudness against the mix, in LU. Means
over the excerpts; prints Markdown.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

import morphsep
from morphsep.audio import AudioReader
from morphsep.dsp import (
    MODEL_RATE,
    LoudnessMeter,
    ModelRateReader,
    Signal,
    excerpt_spans,
    rms_per_second,
)
from morphsep.errors import SettingError
from morphsep.evaluation.metrics import distances_to_truth

DEMO = Path(__file__).resolve().parents[2] / "demo" / "metal-madness.ogg"
TONES = "distortion,fuzz,chorus"
SEPARATORS = "embedded,harmonic"
EXCERPTS, SECONDS = 3, 15.0
"""In each song; length of each."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Excerpt:
    """``[C, T]`` at 44.1 kHz each."""

    song: str
    guitar: Signal
    mix: Signal

    def ideal(self, tone: str) -> Signal:
        """Backing + tone(true guitar)."""
        changed = morphsep.morph_array(self.guitar, MODEL_RATE, to=tone, separator="none")
        return self.mix - self.guitar + changed

    def product(self, tone: str, separator: str, protect: bool = True) -> Signal:
        """What morphsep makes of the mix.

        Raises:
            SettingError: there is no such separator, or its weights are not on this machine.
        """
        return morphsep.morph_array(
            self.mix, MODEL_RATE, to=tone, separator=separator, protect=protect, offline=True
        )


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One song, tone and separator: means of its excerpts."""

    song: str
    tone: str
    separator: str
    error: float
    """Of the product to the ideal, dB."""
    untouched: float
    """Of the mix as it is, dB."""
    louder: float
    """The product against the mix, LU."""
    ideal_louder: float
    """The ideal against the mix, LU."""

    @cached_property
    def ratio_db(self) -> float:
        """Error against the untouched mix's; -inf for the ideal itself."""
        with np.errstate(divide="ignore"):
            return float(20 * np.log10(self.error / self.untouched))


def excerpts(song: Path) -> list[Excerpt]:
    """Those of a song.

    Raises:
        SettingError: its guitar is not as long as the mix, or silent.
    """
    guitar_path = song.with_name(f"{song.stem}.guitar{song.suffix}")
    mix, guitar = _read(song), _read(guitar_path)
    if mix.shape != guitar.shape:
        raise SettingError(f"{guitar_path} is {guitar.shape}, {song} {mix.shape}")
    levels = rms_per_second([guitar], MODEL_RATE).tolist()
    spans = excerpt_spans(mix.shape[1], levels, num_spans=EXCERPTS, seconds=SECONDS, exponent=0.5)
    if not spans:
        raise SettingError(f"{guitar_path} is silent")
    cuts = [slice(span.start, span.stop) for span in spans]
    return [Excerpt(song=song.stem, guitar=guitar[:, cut], mix=mix[:, cut]) for cut in cuts]


def compare(
    excerpts: Sequence[Excerpt], tone: str, separators: Iterable[str], protect: bool = True
) -> Iterator[Comparison]:
    """One song's excerpts through each separator."""
    ideals = [excerpt.ideal(tone) for excerpt in excerpts]
    both = list(zip(excerpts, ideals, strict=True))
    untouched = _mean(distance(ideal, excerpt.mix) for excerpt, ideal in both)
    ideal_louder = _mean(lufs(ideal) - lufs(excerpt.mix) for excerpt, ideal in both)
    for separator in separators:
        products = [excerpt.product(tone, separator, protect) for excerpt in excerpts]
        yield Comparison(
            song=excerpts[0].song, tone=tone, separator=separator, untouched=untouched,
            error=_mean(map(distance, ideals, products)), ideal_louder=ideal_louder,
            louder=_mean(
                lufs(made) - lufs(excerpt.mix)
                for excerpt, made in zip(excerpts, products, strict=True)
            ),
        )  # fmt: skip


def distance(ideal: Signal, sound: Signal) -> float:
    """Log-spectral distance in dB."""
    return float(distances_to_truth([ideal], [sound], MODEL_RATE)[0, 0])


def lufs(sound: Signal) -> float:
    """Integrated loudness (BS.1770-4)."""
    meter = LoudnessMeter(MODEL_RATE, len(sound))
    meter.add(sound)
    return meter.integrated()


def usable(separators: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Separators that can work here, and why others cannot."""
    able, reasons = list[str](), dict[str, str]()
    silence = np.zeros((2, MODEL_RATE), np.float32)
    for name in separators:
        try:
            Excerpt(song="", guitar=silence, mix=silence).product("chorus", name)
            able.append(name)
        except SettingError as error:
            reasons[name] = str(error)
    return able, reasons


def rows(found: Iterable[Comparison]) -> Iterator[str]:
    """The table: one row a song, tone and separator."""
    yield "| song | tone | separator | error | untouched | ratio | louder | ideal louder |"
    yield "|---|---|---|---|---|---|---|---|"
    for each in found:
        yield (
            f"| {each.song} | {each.tone} | `{each.separator}` | {each.error:.2f} "
            f"| {each.untouched:.2f} | {each.ratio_db:+.1f} | {each.louder:+.2f} "
            f"| {each.ideal_louder:+.2f} |"
        )


def summary(found: Sequence[Comparison]) -> Iterator[str]:
    """One row a separator, over all songs and tones."""
    yield "| separator | error | untouched | ratio, mean | nearer than before | louder than ideal |"
    yield "|---|---|---|---|---|---|"
    for name in dict.fromkeys(each.separator for each in found):
        own = [each for each in found if each.separator == name]
        nearer = sum(each.ratio_db < 0 for each in own)
        yield (
            f"| `{name}` | {_mean(each.error for each in own):.2f} "
            f"| {_mean(each.untouched for each in own):.2f} "
            f"| {_mean(each.ratio_db for each in own):+.1f} | {nearer} of {len(own)} "
            f"| {_mean(each.louder - each.ideal_louder for each in own):+.2f} |"
        )


def _read(path: Path) -> Signal:
    with AudioReader(str(path)) as reader:
        samples = ModelRateReader(reader)
        return samples.read(0, samples.num_samples)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("songs", nargs="*", type=Path, metavar="SONG")
    parser.add_argument("--separators", default=SEPARATORS, help="names, separated by commas")
    parser.add_argument("--tones", default=TONES, help="names, separated by commas")
    parser.add_argument("--no-protect", action="store_true", help="as morphsep's own")
    arguments = parser.parse_args()
    separators, reasons = usable(arguments.separators.split(","))
    found: list[Comparison] = []
    for song in (DEMO, *arguments.songs):
        cut = excerpts(song)
        for tone in arguments.tones.split(","):
            found += compare(cut, tone, separators, not arguments.no_protect)
    print("\n".join(rows(found)), end="\n\n")
    print("\n".join(summary(found)))
    for name, why in reasons.items():
        print(f"\nNot measured: `{name}`: {why}")


if __name__ == "__main__":
    main()
