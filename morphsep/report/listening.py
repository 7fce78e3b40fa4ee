"""Excerpts to hear and to see: before, after, and what was added alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

from morphsep.dsp import (
    MODEL_RATE,
    ModelRateReader,
    Reader,
    Signal,
    dbfs,
    from_db,
    mel,
    mel_power,
)
from morphsep.page import flac, inline, mel_picture, png
from morphsep.report.choosing import Excerpt, glances, markers
from morphsep.report.content import Restored
from morphsep.report.marks import clock

MOST_BYTES = 10 << 20
"""Of the sounds and pictures of a page, before they are written as text."""
SHOWN_DB = 80.0
RAISED_TO = from_db(-12.0)
"""Peak to which a difference is raised: most are too soft to be judged."""
MOST_RAISED_DB = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """One row of an excerpt."""

    label: str
    note: str
    flac: bytes
    picture: bytes

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.flac) + len(self.picture)


def overview(restored: Restored, chosen: Sequence[Excerpt]) -> Iterator[str]:
    """The whole recording at a glance, before and after; where excerpts and repairs lie."""
    shown = {"Before": glances(restored.before)}
    if restored.after is not None:
        shown["After"] = glances(restored.after)
    loudest = max(float(powers.max(initial=0.0)) for powers in shown.values()) or 1.0
    yield '<div class="overview">'
    for label, powers in shown.items():
        picture = inline("image/png", _strip(powers, loudest))
        yield f'<figure><figcaption>{label}</figcaption><div class="picture">'
        yield f'<img alt="spectrogram of the whole recording: {label.lower()}" src="{picture}">'
        yield f"{_band(restored, restored.before.info.sample_rate)}</div></figure>"
    yield from _ruler(restored, chosen)
    yield "</div>"


def _strip(powers: npt.NDArray[np.floating], loudest: float) -> bytes:
    decibels = 10 * np.log10(np.maximum(powers / loudest, 10 ** (-SHOWN_DB / 10)))
    return png(np.asarray(decibels.T[::-1] / SHOWN_DB + 1, np.float64))


def _band(restored: Restored, rate: int) -> str:
    """A line over a spectrogram that reaches to half the rate, where the surviving band ends."""
    edge = restored.bandwidth_hz
    if edge is None or not 0 < edge < rate / 2:
        return ""
    height = 1000 * (1 - float(mel(edge) / mel(rate / 2)))
    return (
        '<svg class="band" viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="M0,{height:.0f}h1000"/></svg>'
    )


def _ruler(restored: Restored, chosen: Sequence[Excerpt]) -> Iterator[str]:
    info = restored.before.info
    yield '<svg class="ruler" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img">'
    yield "<title>grey: the excerpts below; lines: the worst repairs</title>"
    scale = 1000 / info.num_samples
    for excerpt in chosen:
        left, width = excerpt.start * scale, max(1.0, excerpt.num_samples * scale)
        yield f'<rect x="{left:.1f}" y="0" width="{width:.1f}" height="10"/>'
    yield "".join(f'<path d="M{share * 1000:.1f},0v10"/>' for share in markers(restored))
    end = clock(info.num_samples / info.sample_rate)
    yield f'</svg>\n<p class="ends"><span>0:00.000</span><span>{end}</span></p>'


def players(restored: Restored, chosen: Sequence[Excerpt]) -> Iterator[str]:
    """The excerpts, as many as a page holds."""
    size = 0
    for excerpt in chosen:
        sounds = _sounds(restored, excerpt)
        size += sum(sound.size for sound in sounds)
        if size > MOST_BYTES:
            yield "<p>Further excerpts would make this page too large.</p>"
            return
        yield from _player(excerpt, sounds, restored)


def _sounds(restored: Restored, excerpt: Excerpt) -> list[Sound]:
    before = _part(restored.before, excerpt)
    after = None if restored.after is None else _part(restored.after, excerpt, restored.stretch)
    loudest = max(_power(before), 0.0 if after is None else _power(after)) or 1.0
    peak = max(1.0, _peak(before), 0.0 if after is None else _peak(after))
    sounds = [_sound("Before", "the master", before / peak, before, loudest)]
    if after is None:
        return sounds
    sounds.append(_sound("After", "the access copy", after / peak, after, loudest))
    if restored.stretch == 1:
        sounds.append(_alone("All that was changed", after - before, loudest))
    changing = [step for step in restored.steps if step.difference is not None]
    for step in changing if len(changing) > 1 else []:
        if step.difference is not None:
            sounds.append(_alone(f"Only {step.name}", _part(step.difference, excerpt), loudest))
    return sounds


def _alone(label: str, difference: Signal, loudest: float) -> Sound:
    """A difference, raised until it can be heard; its picture shows its true level."""
    peak = _peak(difference)
    if peak == 0:
        return _sound(label, "nothing here", difference, difference, loudest)
    gain = min(from_db(MOST_RAISED_DB), max(1.0, RAISED_TO / peak))
    note = f"played {dbfs(gain):.0f} dB louder" if gain > 1 else "as loud as it is"
    return _sound(label, note, np.clip(difference * np.float32(gain), -1, 1), difference, loudest)


def _sound(label: str, note: str, heard: Signal, seen: Signal, loudest: float) -> Sound:
    mono = seen.mean(axis=0, keepdims=True)
    picture = mel_picture(mono, loudest, SHOWN_DB)
    return Sound(label=label, note=note, flac=flac(heard), picture=picture)


def _part(recording: Reader, excerpt: Excerpt, stretch: float = 1.0) -> Signal:
    """``[C, T]`` at 44.1 kHz.

    Args:
        stretch: how much longer than the master the recording is.
    """
    factor = stretch * MODEL_RATE / recording.info.sample_rate
    start, end = (round(at * factor) for at in (excerpt.start, excerpt.start + excerpt.num_samples))
    return ModelRateReader(recording).read(start, max(1, end - start))


def _power(sound: Signal) -> float:
    return float(mel_power(sound.mean(axis=0, keepdims=True)).max(initial=0.0))


def _peak(sound: Signal) -> float:
    return float(np.abs(sound).max(initial=0.0))


def _player(excerpt: Excerpt, sounds: Sequence[Sound], restored: Restored) -> Iterator[str]:
    rate = restored.before.info.sample_rate
    begin, end = (clock(at / rate) for at in (excerpt.start, excerpt.start + excerpt.num_samples))
    title = f"{begin} to {end}"
    yield f'<section class="players" tabindex="0" aria-label="{title}">'
    yield f"<h3>{title} <small>{escape(excerpt.why)}</small></h3>\n<ol>"
    for index, sound in enumerate(sounds, 1):
        label = escape(sound.label)
        yield f'<li><div class="name"><kbd>{index}</kbd> <b>{label}</b><br>'
        yield f"<small>{escape(sound.note)}</small></div>"
        yield f'<div class="picture"><img alt="spectrogram: {label}" '
        yield f'src="{inline("image/png", sound.picture)}">{_band(restored, MODEL_RATE)}</div>'
        yield f'<audio controls preload="metadata" aria-label="{label}" '
        yield f'src="{inline("audio/flac", sound.flac)}"></audio></li>'
    yield "</ol>\n</section>"
