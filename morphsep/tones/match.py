"""A tone that imitates a recording of other notes: an effect chain found for each track's stem.

Passages of the stem go through chains of pedals until their statistics come near to those of the
recording (``match_fit``). What is found is an ordinary chain: ``morphsep match`` writes it as YAML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from morphsep.excerpts import places
from morphsep.grid import Span
from morphsep.metrics.loudness import LoudnessMeter
from morphsep.signal import MODEL_RATE, Signal
from morphsep.tones import Stem
from morphsep.tones.chain import EffectChain
from morphsep.tones.definition import parse_chain
from morphsep.tones.match_aim import Aim, Passages
from morphsep.tones.match_fit import Fit, OnProgress
from morphsep.tones.match_yaml import chain_text
from morphsep.tones.rack import to_reference
from morphsep.tones.recording import OfRecording, Recording

SCHEMA = 1
"""Raised when the same recording and stem give another chain than before."""
BUDGET = 1500
"""Trials: about a minute on one core."""
NUM_PASSAGES, PASSAGE_SECONDS = 2, 5.0
"""A movement of a few seconds must fit into a passage; what is shorter than all of them together is
taken whole."""
CONTEXT_SECONDS = 1.0
SHORTEST = MODEL_RATE
"""Samples of the shortest passage; one of less is followed by silence."""


def _unwatched(done: int, total: int, least: float) -> None:
    """Nobody waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match(OfRecording):
    """Satisfies ``Tone`` and ``Fitting``; what it is fitted to is an ``EffectChain``."""

    seed: int = 0
    budget: int = BUDGET

    @property
    def description(self) -> str:
        return f"Effects that imitate the sound of {self.recording.name}, found for each track."

    @property
    def becomes(self) -> EffectChain:
        """What it is once it is fitted, but for its pedals: the backend `chain` may take it."""
        return EffectChain(name=self.name, description=self.description)

    @property
    def context(self) -> tuple[int, int]:
        """Nothing, before it is fitted."""
        return 0, 0

    def fingerprint(self) -> str:
        """Digest of the recording, and how is searched."""
        return f"match/{SCHEMA}:{self.recording.fingerprint()} {self.seed} {self.budget}"

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        """Only what ``fitted`` returns can render."""
        raise NotImplementedError("a match has to be fitted to a stem before it renders")

    def fit(self, stem: Stem, on_progress: OnProgress = _unwatched) -> dict[str, Any]:
        """``chain`` (YAML; empty for a silent stem), ``distance_before`` and ``distance_after`` in
        dB of log-mel statistics, ``trials``. Takes about a minute."""
        passages = stem_passages(stem)
        if not passages.signals:
            return {"chain": "", "distance_before": 0.0, "distance_after": 0.0, "trials": 0}
        aim = Aim(recording_passages(self.recording))
        found = Fit(
            passages, aim, budget=self.budget, seed=self.seed, on_progress=on_progress
        ).run()
        chain = EffectChain(
            name=Path(self.recording.name).stem,
            description=f"Found by morphsep to sound like {self.recording.name}.",
            pedals=found.pedals,
        )
        return {
            "chain": chain_text(replace(chain, trim_db=_trim(passages, chain))),
            "distance_before": round(found.before, 4),
            "distance_after": round(found.after, 4),
            "trials": found.trials,
        }

    def fitted(self, facts: Mapping[str, Any]) -> EffectChain:
        """The chain that was found."""
        if not facts["chain"]:
            return self.becomes
        return parse_chain(facts["chain"], Path(self.recording.path).with_suffix(".yaml"))


def stem_passages(stem: Stem) -> Passages:
    """What the search hears of a stem, at the loudness at which pedals see it."""
    spans = _spans(stem.num_samples, stem.rms_per_second)
    context = round(CONTEXT_SECONDS * MODEL_RATE)
    gain = np.float32(to_reference(stem.level, stem.num_channels))
    starts = [span.start - context for span in spans]
    return Passages(
        signals=_listened(stem.read, spans, context, gain), starts=starts, context=context
    )


def recording_passages(recording: Recording) -> list[Signal]:
    """What the search hears of a recording."""
    spans = _spans(recording.num_samples, recording.rms_per_second)
    return _listened(recording.read, spans, 0, np.float32(1))


def _spans(num_samples: int, rms_per_second: Sequence[float]) -> list[Span]:
    if num_samples <= NUM_PASSAGES * PASSAGE_SECONDS * MODEL_RATE:
        return [Span(0, num_samples)] if any(rms_per_second) else []
    return places(
        num_samples, rms_per_second, num_places=NUM_PASSAGES, seconds=PASSAGE_SECONDS, exponent=1.0
    )


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


def _trim(passages: Passages, chain: EffectChain) -> float:
    """Gain in dB that gives the passages their loudness back."""
    levels = []
    for each in (passages, passages.through(chain.pedals)):
        meter = LoudnessMeter(MODEL_RATE, 1)
        for signal in each.cut():
            meter.add(signal)
        levels.append(meter.integrated())
    change = levels[0] - levels[1]
    return round(float(np.clip(change, -60, 60)), 2) if np.isfinite(change) else 0.0
