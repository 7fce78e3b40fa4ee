"""Evaluates separators on artists, sound fonts and drum kits that are not in the training data.

Guitars: sectoid's two songs for evaluation (the other two stay unused), muldjord's (used for
validation, so their figures may be optimistic), and rendered ones with a held-out sound font.
Backings: rendered with the test set's fonts and kits. All at 44.1 kHz.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from jobs.bench.separators import masked
from jobs.train_separator.data import GUITARS
from jobs.train_separator.mixes import SECTOID, SONGS, Songs, excerpts, held_out
from morphsep import request
from morphsep.dsp import MODEL_RATE, Signal, si_sdr, si_sdr_improvement
from morphsep.separators import Separator
from morphsep.testing import ArrayMix

MULDJORD = ("armygeddon", "chaos_god", "internal_degeneration", "mutilated_mime")
SECONDS = 10.0
WINDOWS = 13
"""Windows in a song."""
ROUNDS = 4
"""Backings for every window of sectoid's."""

Parts = tuple[Signal, Signal]
"""(guitar, backing); the mix is their sum."""
Method = Callable[[Signal, Signal], Signal]
"""(mix, guitar) -> estimate; only the oracle uses the guitar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures of one method, in dB."""

    improvement: list[float]
    leakage: list[float]
    """Level of the estimate from backings without guitar, relative to theirs."""
    alone: list[float]
    """SI-SDR on guitars without backing."""

    def row(self, name: str) -> str:
        """One line of Markdown."""
        low, middle, high = np.percentile(self.improvement, [25, 50, 75])
        worse = sum(gain < 0 for gain in self.improvement)
        return (
            f"| {name} | {low:.2f} / {middle:.2f} / {high:.2f} | {worse}/{len(self.improvement)} "
            f"| {_median(self.leakage)} | {_median(self.alone)} |"
        )


def _median(values: list[float]) -> str:
    return f"{np.median(values):.1f}" if values else "-"


def methods(names: list[str]) -> dict[str, Method]:
    """Baselines by name (`BASELINES`), and separators by theirs."""
    return {
        name: BASELINES[name]
        if name in BASELINES
        else partial(_separated, request.load_plugin("separator", name))
        for name in names
    }


def _separated(separator: Separator, mix: Signal, guitar: Signal) -> Signal:
    return separator.separate(ArrayMix(mix), 0, mix.shape[1])


def ratio_mask(mix: Signal, guitar: Signal) -> Signal:
    """The estimate by the ideal gain |guitar| / (|guitar| + |backing|)."""
    from scipy.signal import istft, stft

    size, overlap = 4096, 3072
    wanted, left = (stft(x, nperseg=size, noverlap=overlap)[2] for x in (guitar, mix - guitar))
    mask = np.abs(wanted) / (np.abs(wanted) + np.abs(left) + 1e-9)
    samples = istft(mask * (wanted + left), nperseg=size, noverlap=overlap)[1]
    return np.asarray(samples[:, : mix.shape[1]], np.float32)


BASELINES: dict[str, Method] = {
    "mix": lambda mix, guitar: mix,
    "band-pass": lambda mix, guitar: masked(mix, band=True, median=False),
    "oracle": ratio_mask,
}
"""The untouched mix; a band-pass from 120 Hz to 8 kHz; the ideal mask."""


def measured(method: Method, mixes: list[Parts]) -> Figures:
    """Evaluate a method on every mix, and on every third also without its guitar and without its
    backing."""
    gains, leaks, alone = [], [], []
    for index, (guitar, backing) in enumerate(mixes):
        mix = guitar + backing
        gains.append(si_sdr_improvement(method(mix, guitar), guitar, mix))
        if index % 3 == 0:
            silence = np.zeros_like(guitar)
            leaks.append(_decibels(method(backing, silence), backing))
            alone.append(min(60.0, si_sdr(method(guitar, guitar), guitar)))
    return Figures(improvement=gains, leakage=leaks, alone=alone)


def _decibels(left: Signal, whole: Signal) -> float:
    return float(10 * np.log10(np.mean(left**2) / np.mean(whole**2) + 1e-9))


def recorded(
    unpacked: Path, songs: Songs, names: tuple[str, ...], rounds: int, seed: int
) -> list[Parts]:
    """Windows of real guitars over held-out backings, `rounds` backings for each window."""
    files = [unpacked / SONGS / name / "guitar.ogg" for name in names]
    windows = [w for file in files for w in excerpts(file, SECONDS, MODEL_RATE, WINDOWS)]
    return held_out(windows * rounds, songs, seed)


def rendered(songs: Songs, count: int, seed: int) -> list[Parts]:
    """Guitars of the held-out sound font, clean to distorted, over held-out backings."""
    rng = np.random.default_rng(seed)
    windows: list[Signal] = []
    length, number = round(SECONDS * MODEL_RATE), songs.refresh()
    while len(windows) < count:
        start = int(rng.integers(songs.samples - length - 2))
        window = songs.crop(int(rng.integers(number)), int(rng.integers(GUITARS)), start, length)
        if float(np.sqrt(np.mean(window**2))) > 0.02:
            windows.append(window)
    return held_out(windows, songs, seed + 1)


def mono(mixes: list[Parts]) -> list[Parts]:
    """The same, mixed to one channel."""
    return [(g.mean(axis=0, keepdims=True), b.mean(axis=0, keepdims=True)) for g, b in mixes]


def clip(demo: Path) -> Parts:
    """(guitar, backing) of the demo's real song."""
    from jobs.train_separator.studio import read

    guitar, mix = read(demo / "metal-madness.guitar.ogg"), read(demo / "metal-madness.ogg")
    return guitar, mix - guitar


def report(unpacked: Path, songs_folder: Path, demo: Path, names: list[str]) -> None:
    """Print every table as Markdown."""
    songs = Songs(songs_folder / "test")
    songs.refresh()
    unseen = recorded(unpacked, songs, SECTOID, ROUNDS, seed=21)
    tables = {
        "sectoid (artist unseen)": unseen,
        "sectoid, mono": mono(unseen[: len(unseen) // ROUNDS]),
        "muldjord (validation)": recorded(
            unpacked, songs, tuple(f"muldjord/{name}" for name in MULDJORD), 1, seed=22
        )[::2],
        "rendered with a held-out sound font": rendered(songs, 32, seed=23),
        "the demo clip, a real mix": [clip(demo)],
    }
    for title, mixes in tables.items():
        absolute = [si_sdr(g + b, g) for g, b in mixes]
        low, middle, high = np.percentile(absolute, [25, 50, 75])
        print(f"\n### {title}: {len(mixes)} mixes\n")
        print(f"SI-SDR of the mix itself {low:.2f} / {middle:.2f} / {high:.2f} dB\n")
        print("| method | q25 / median / q75 | worse than the mix | leakage | guitar alone |")
        print("|---|---|---|---|---|")
        for name, method in methods(names).items():
            print(measured(method, mixes).row(name), flush=True)
