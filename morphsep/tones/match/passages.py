"""Which passages of a stem and of a recording a search hears, and which it is judged by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal, Span, excerpt_spans
from morphsep.tones.match.aim import Passages
from morphsep.tones.recordings.recording import Recording
from morphsep.tones.reference_level import to_reference
from morphsep.tones.tone import Stem

NUM_PASSAGES, PASSAGE_SECONDS = 2, 5.0
"""A movement of a few seconds must fit into a passage; what is shorter than all of them together is
taken whole."""
CONTEXT_SECONDS = 1.0
SHORTEST = MODEL_RATE
"""Samples of the shortest passage; one of less is followed by silence."""


def stem_passages(stem: Stem, *, held_out: bool = False) -> Passages:
    """Passages of a stem for the search, at the loudness that pedals get; or those held out."""
    spans = _spans(stem.num_samples, stem.rms_per_second, held_out)
    context = round(CONTEXT_SECONDS * MODEL_RATE)
    gain = np.float32(to_reference(stem.level, stem.num_channels))
    starts = [span.start - context for span in spans]
    return Passages(
        signals=_listened(stem.read, spans, context, gain), starts=starts, context=context
    )


def recording_passages(recording: Recording, *, held_out: bool = False) -> list[Signal]:
    """Passages of a recording for the search; or those held out."""
    spans = _spans(recording.num_samples, recording.rms_per_second, held_out)
    return _listened(recording.read, spans, 0, np.float32(1))


def _spans(num_samples: int, rms_per_second: Sequence[float], held_out: bool) -> list[Span]:
    if num_samples <= NUM_PASSAGES * PASSAGE_SECONDS * MODEL_RATE:
        return [Span(0, num_samples)] if any(rms_per_second) and not held_out else []
    heard, between = (
        excerpt_spans(
            num_samples, rms_per_second, num_spans=n, seconds=PASSAGE_SECONDS, exponent=1.0
        )
        for n in (NUM_PASSAGES, NUM_PASSAGES + 1)
    )
    if not held_out:
        return heard
    return [a for a in between if all(a.stop <= b.start or b.stop <= a.start for b in heard)]


def _listened(
    read: Callable[[int, int], Signal], spans: Sequence[Span], context: int, gain: np.float32
) -> list[Signal]:
    found = []
    for span in spans:
        length = max(span.num_samples, SHORTEST)
        found.append(_mono(read(span.start - context, context + length)) * gain)
    return found


def _mono(signal: Signal) -> Signal:
    """``[1, T]`` with the channels' mean power: a drive meets the same level in one as in two."""
    if len(signal) == 1:
        return signal
    both = signal.mean(axis=0, keepdims=True)
    power, left = float(np.square(signal).mean()), float(np.square(both).mean())
    if left < power / 100:  # the channels are each other's negative
        both, left = signal[:1], float(np.square(signal[:1]).mean())
    return np.asarray(both * np.float32(np.sqrt(power / left)) if left else both, np.float32)
