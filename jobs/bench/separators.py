"""How close separators come to the true guitar, in dB over doing nothing.

    python -m jobs.bench.separators [--separators harmonic,demucs] SONG_FOLDER...

A song folder holds ``guitar.ogg`` and ``song.ogg`` (the backing), as Frets on Fire's songs do; the
mix is their sum. From each song six windows of 10 s are taken, spread over the parts where the
guitar plays (above a tenth of the backing's RMS in every second). Prints quartiles of the SI-SDR
improvement over the mix, as Markdown, for the named separators and three baselines, in stereo and
in mono.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from morphsep import request
from morphsep.audio import AudioReader
from morphsep.dsp import MODEL_RATE, ModelRateReader, Signal, si_sdr, si_sdr_improvement
from morphsep.separators import Separator
from morphsep.testing import ArrayMix

WINDOW, APART, WINDOWS = 10, 8, 6
"""Seconds in a window; least seconds between the starts of two; windows in a song."""
FRAME, OVERLAP, MEDIAN = 4096, 3072, 17
BAND = (120.0, 8000.0)

Method = Callable[[Signal], Signal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """One window of one song, ``[C, T]`` each."""

    song: str
    guitar: Signal
    backing: Signal

    def mono(self) -> Excerpt:
        return Excerpt(
            song=self.song,
            guitar=self.guitar.mean(axis=0, keepdims=True),
            backing=self.backing.mean(axis=0, keepdims=True),
        )


def excerpts(folder: Path) -> Iterator[Excerpt]:
    """The windows of one song."""
    guitar, backing = _read(folder / "guitar.ogg"), _read(folder / "song.ogg")
    seconds = min(guitar.shape[1], backing.shape[1]) // MODEL_RATE
    loud, other = (_levels(signal, seconds) for signal in (guitar, backing))
    plays = (loud > 0.1 * other) & (other > 0.005)
    starts = [s for s in range(seconds - WINDOW) if plays[s : s + WINDOW].all()]
    chosen: list[int] = []
    for index in np.linspace(0, len(starts) - 1, WINDOWS if starts else 0).astype(int):
        if all(abs(starts[index] - taken) >= APART for taken in chosen):
            chosen.append(starts[index])
    for start in chosen:
        span = slice(start * MODEL_RATE, (start + WINDOW) * MODEL_RATE)
        yield Excerpt(song=folder.name, guitar=guitar[:, span], backing=backing[:, span])


def methods(separators: list[str]) -> dict[str, Method]:
    """The baselines, and the named separators."""
    table: dict[str, Method] = {
        "band-pass 120 Hz - 8 kHz": lambda mix: masked(mix, band=True, median=False),
        "plain HPSS (17 frames, 17 bins)": lambda mix: masked(mix, band=False, median=True),
        "HPSS and band-pass": lambda mix: masked(mix, band=True, median=True),
    }
    for name in separators:
        table[f"`{name}`"] = partial(_separated, request.load_plugin("separator", name))
    return table


def _separated(separator: Separator, mix: Signal) -> Signal:
    return separator.separate(ArrayMix(mix), 0, mix.shape[1])


def masked(mix: Signal, *, band: bool, median: bool) -> Signal:
    """A baseline: a band-pass, a harmonic mask by median filters, or both."""
    from scipy.ndimage import median_filter
    from scipy.signal import istft, stft

    frequency, _, bins = stft(mix, MODEL_RATE, nperseg=FRAME, noverlap=OVERLAP)
    mask = np.ones(bins.shape[1:])
    if band:
        low, high = BAND
        hertz = np.maximum(frequency, 1.0)[:, None]
        mask = mask / np.sqrt((1 + (low / hertz) ** 8) * (1 + (hertz / high) ** 8))
    if median:
        magnitude = np.sqrt((np.abs(bins) ** 2).mean(axis=0))
        harmonic = median_filter(magnitude, (1, MEDIAN)) ** 2
        percussive = median_filter(magnitude, (MEDIAN, 1)) ** 2
        mask = mask * harmonic / (harmonic + percussive + 1e-20)
    samples = istft(bins * mask, MODEL_RATE, nperseg=FRAME, noverlap=OVERLAP)[1]
    return np.asarray(samples[:, : mix.shape[1]], np.float32)


def _read(path: Path) -> Signal:
    with AudioReader(str(path)) as reader:
        samples = ModelRateReader(reader)
        return samples.read(0, samples.num_samples)


def _levels(signal: Signal, seconds: int) -> Signal:
    power = (signal[:, : seconds * MODEL_RATE] ** 2).mean(axis=0)
    return np.asarray(np.sqrt(power.reshape(seconds, MODEL_RATE).mean(axis=1)))


def report(windows: list[Excerpt], table: dict[str, Method]) -> None:
    """Print one Markdown table for these windows."""
    songs = list(dict.fromkeys(window.song for window in windows))
    absolute = [si_sdr(w.guitar + w.backing, w.guitar) for w in windows]
    print(f"SI-SDR of the mix itself: {_quartiles(absolute)} dB, {len(windows)} windows\n")
    print("| method | q25 / median / q75 | worse than the mix | times real time (CPU) | per song |")
    print("|---|---|---|---|---|")
    for name, method in table.items():
        begin = time.process_time()
        estimates = [method(window.guitar + window.backing) for window in windows]
        speed = len(windows) * WINDOW / (time.process_time() - begin)
        gains = [
            si_sdr_improvement(estimate, w.guitar, w.guitar + w.backing)
            for estimate, w in zip(estimates, windows, strict=True)
        ]
        per_song = ", ".join(
            f"{np.median([g for g, w in zip(gains, windows, strict=True) if w.song == song]):.1f}"
            for song in songs
        )
        worse = sum(gain < 0 for gain in gains)
        print(f"| {name} | {_quartiles(gains)} | {worse}/{len(gains)} | {speed:.0f} | {per_song} |")
    print(f"\nPer song, the median: {', '.join(songs)}.\n")


def _quartiles(values: list[float]) -> str:
    return " / ".join(f"{value:.2f}" for value in np.percentile(values, [25, 50, 75]))


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="SONG_FOLDER")
    parser.add_argument("--separators", default="harmonic", help="names, separated by commas")
    arguments = parser.parse_args()
    windows = [window for folder in arguments.folders for window in excerpts(folder)]
    table = methods(arguments.separators.split(","))
    print("### Stereo\n")
    report(windows, table)
    print("### The same, mixed to mono\n")
    report([window.mono() for window in windows], table)


if __name__ == "__main__":
    main()
