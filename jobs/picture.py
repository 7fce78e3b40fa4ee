"""Draws spectrograms of the track before, the stem, and the track after, one below the other.

Needs matplotlib, from the extra ``pictures``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Seconds, Signal
from morphsep.errors import SettingError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOWEST, HIGHEST = 50.0, 16_000.0
"""Frequency range of a panel, in Hz."""
BANDS_PER_OCTAVE = 36
COLUMNS = 1200
WINDOW = 0.08
"""Seconds: long enough to separate the strings of a chord, short enough to show strokes."""
RANGE_DB = 80.0
"""Range from the loudest cell of all panels down to black: one scale makes panels comparable."""
SILENCE_DB = -140.0
TICKS = (50, 100, 200, 500, 1000, 2000, 5000, 10_000)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """One spectrogram of a picture."""

    title: str
    audio: Signal
    """``[C, T]``; channels are averaged in power, so that nothing cancels."""
    sample_rate: int
    """Hz."""


def draw(
    path: str | Path,
    panels: Sequence[Panel],
    seams: Sequence[Seconds] = (),
    amount: Signal | None = None,
) -> None:
    """Write a PNG: the panels below each other on one time axis, seams as thin vertical lines.

    Args:
        path: the PNG file.
        panels: at least one, with at least one sample each.
        seams: positions in seconds, marked in every panel.
        amount: a curve ``[N]`` in [0, 1], evenly spaced over the first panel; drawn in a strip
            below the panels.

    Raises:
        SettingError: matplotlib is not installed, or there is nothing to draw.
    """
    if not panels or any(panel.audio.shape[-1] == 0 for panel in panels):
        raise SettingError("a picture needs at least one panel, and samples in each")
    figure, rows = _figure(len(panels), with_strip=amount is not None)
    maps = [log_spectrogram(panel.audio, panel.sample_rate) for panel in panels]
    loudest = max(float(levels.max()) for levels in maps)
    images = [
        _draw_panel(axes, panel, levels, loudest)
        for axes, panel, levels in zip(rows, panels, maps, strict=False)
    ]
    duration = panels[0].audio.shape[-1] / panels[0].sample_rate
    if amount is not None:
        _draw_amount(rows[-1], amount, duration)
    for axes in rows[: len(panels)]:
        for seam in seams:
            axes.axvline(seam, color="#7fffd4", linewidth=1.0, alpha=0.9, linestyle=(0, (4, 4)))
    rows[-1].set_xlim(0, duration)
    rows[-1].locator_params("x", nbins=14, steps=[1, 2, 5, 10])
    rows[-1].set_xlabel("time [s]" + (", dashed: seams between chunks" if len(seams) else ""))
    figure.colorbar(images[0], ax=rows[: len(panels)], label="level [dBFS]", pad=0.01, aspect=45)
    figure.savefig(path, format="png")


def _figure(num_panels: int, *, with_strip: bool) -> tuple[Any, list[Axes]]:
    """A matplotlib Figure outside of pyplot: no global state, no display, safe in threads."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SettingError("pictures need matplotlib: pip install 'morphsep[pictures]'") from error
    heights = [3.0] * num_panels + [0.9] * with_strip
    figure = Figure(figsize=(13, 0.8 + sum(heights)), layout="constrained", dpi=100)
    grid = {"height_ratios": heights}
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, gridspec_kw=grid)
    return figure, list(axes[:, 0])


def _draw_panel(
    axes: Axes, panel: Panel, levels: npt.NDArray[np.float32], loudest: float
) -> object:
    image = axes.imshow(
        levels,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=loudest - RANGE_DB,
        vmax=loudest,
        interpolation="bilinear",
        extent=(
            0,
            panel.audio.shape[-1] / panel.sample_rate,
            float(np.log2(LOWEST)),
            float(np.log2(HIGHEST)),
        ),
    )
    axes.set_yticks([float(np.log2(hertz)) for hertz in TICKS])
    axes.set_yticklabels([f"{hertz // 1000}k" if hertz >= 1000 else str(hertz) for hertz in TICKS])
    axes.set_ylabel("frequency [Hz]")
    axes.set_title(panel.title, loc="left", fontsize=11)
    return image


def _draw_amount(axes: Axes, amount: Signal, duration: Seconds) -> None:
    times = np.linspace(0, duration, len(amount))
    axes.fill_between(times, amount, color="#b63679", alpha=0.25, linewidth=0)
    axes.plot(times, amount, color="#b63679", linewidth=1.5)
    axes.set_ylim(0, 1.08)
    axes.set_yticks([0, 1])
    axes.set_ylabel("amount")


def log_spectrogram(audio: Signal, sample_rate: int) -> npt.NDArray[np.float32]:
    """Level of ``[C, T]`` in dBFS over time and log frequency, ``[bands, columns]``; a full-scale
    sine reads 0.

    Bands are 1/36 octave wide, from 50 Hz to 16 kHz; those above half the sample rate read
    -140. A band shows its loudest bin: an average would hide a thin partial among quiet neighbours.
    """
    power = _power(audio, sample_rate)
    num_bands = round(BANDS_PER_OCTAVE * np.log2(HIGHEST / LOWEST))
    edges = LOWEST * (HIGHEST / LOWEST) ** (np.arange(num_bands + 1) / num_bands)
    bins = np.round(edges * 2 * (len(power) - 1) / sample_rate).astype(int)
    levels = np.full((num_bands, power.shape[1]), SILENCE_DB, dtype=np.float32)
    for band, (first, stop) in enumerate(itertools.pairwise(bins)):
        if first < len(power):
            levels[band] = 10 * np.log10(power[first : max(stop, first + 1)].max(axis=0))
    return levels


def _power(audio: Signal, sample_rate: int) -> npt.NDArray[np.float32]:
    """Power of ``[C, T]``, ``[bins, columns]``, never below silence. Zero-padded fourfold, so that
    low bands are interpolated instead of drawn as blocks."""
    length = max(16, round(WINDOW * sample_rate))
    window = np.hanning(length + 1)[:-1].astype(np.float32)
    num_samples = audio.shape[-1]
    num_columns = min(COLUMNS, num_samples)
    padded = np.pad(audio, ((0, 0), (length // 2, length)))
    starts = ((np.arange(num_columns) + 0.5) * num_samples / num_columns).astype(int)
    size = 4 << (length - 1).bit_length()
    power = np.full((size // 2 + 1, num_columns), 10 ** (SILENCE_DB / 10), dtype=np.float32)
    scale = (2 / window.sum()) ** 2 / len(padded)
    for channel in padded:
        for column, start in enumerate(starts):
            spectrum = np.fft.rfft(channel[start : start + length] * window, size)
            power[:, column] += (spectrum.real**2 + spectrum.imag**2) * scale
    return power
