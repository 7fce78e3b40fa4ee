"""The surroundings of a repair as a curve, and as a sound."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import numpy as np

from morphsep.dsp import ModelRateReader, Reader, Seconds, Signal, model_length, samples
from morphsep.page import flac, inline
from morphsep.report.content import Place

WIDTH, HEIGHT = 168, 48
SHOWN: Seconds = 0.006
"""On each side of a repair."""
HEARD: Seconds = 0.2
MOST_POINTS = 336


def curve(recording: Reader, place: Place, scale: float, label: str) -> Iterator[str]:
    """An ``svg`` of the samples around a repair, which is shaded.

    Args:
        scale: the sample value that reaches the edge, for curves that are to be compared.
    """
    sound, start = around(recording, place, SHOWN)
    channel = sound[min(place.channel, len(sound) - 1)]
    points = _envelope(channel)
    step = WIDTH / max(1, len(points) - 1)
    line = " ".join(
        f"{index * step:.1f},{(1 - value / scale) * HEIGHT / 2:.1f}"
        for index, value in enumerate(points.tolist())
    )
    per_sample = WIDTH / max(1, channel.size)
    left, width = (place.start - start) * per_sample, max(1.0, place.length * per_sample)
    yield f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    yield f"<title>{escape(label)}</title>"
    yield f'<rect x="{left:.1f}" y="0" width="{width:.1f}" height="{HEIGHT}"/>'
    yield f'<polyline points="{line}"/></svg>'


def around(recording: Reader, place: Place, seconds: Seconds) -> tuple[Signal, int]:
    """The samples of a repair and of so much on each side, and the first one's place."""
    info = recording.info
    side = samples(seconds, info.sample_rate)
    start = max(0, place.start - side)
    end = min(info.num_samples, place.start + place.length + side)
    return recording.read(start, max(0, end - start)), start


def player(recording: Reader, place: Place, label: str) -> str:
    """A button-sized player of the surroundings of a repair."""
    info = recording.info
    at, side = place.start / info.sample_rate, HEARD
    length = place.length / info.sample_rate + 2 * side
    rate_reader = ModelRateReader(recording)
    start = max(0, samples(at - side))
    end = min(model_length(info.num_samples, info.sample_rate), start + samples(length))
    sound = rate_reader.read(start, max(1, end - start))
    return (
        f'<audio class="small" controls preload="none" aria-label="{escape(label)}" '
        f'src="{inline("audio/flac", flac(np.clip(sound, -1, 1)))}"></audio>'
    )


def _envelope(channel: Signal) -> Signal:
    """The samples; of many, the lowest and the highest of each group in turn."""
    if channel.size <= MOST_POINTS:
        return channel
    groups = np.array_split(channel, MOST_POINTS // 2)
    return np.array([value for group in groups for value in (group.min(), group.max())])
