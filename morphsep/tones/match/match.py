"""A tone that imitates a recording of other notes: an effect chain found for each track's stem.

Passages of the stem go through chains of pedals until their statistics come near to those of the
recording (see `fit`). What is found is an ordinary chain: ``morphsep match`` writes it as YAML.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from morphsep.dsp import MODEL_RATE, LoudnessMeter, Signal
from morphsep.tones.chain.chain import SCHEMA as SOUND
from morphsep.tones.chain.chain import EffectChain
from morphsep.tones.chain.definition import parse_chain
from morphsep.tones.chain.rack import Pedal
from morphsep.tones.match.aim import Aim, Passages
from morphsep.tones.match.candidate import Found, OnProgress
from morphsep.tones.match.chain_yaml import chain_text
from morphsep.tones.match.fit import Fit
from morphsep.tones.match.passages import recording_passages, stem_passages
from morphsep.tones.recordings.recording import OfRecording
from morphsep.tones.tone import Stem

SCHEMA = 2
"""Raised when the same recording and stem give another chain than before."""
BUDGET = 2200
"""Trials: a minute or two on one core."""
NOTHING = (Pedal(kind="Gain", settings=(("gain_db", 0.0), ("mix", 1.0))),)
"""A chain that leaves the guitar as it is, and that can be edited."""

log = logging.getLogger(__name__)


def _ignore_progress(done: int, total: int, least: float) -> None:
    """Report to nobody."""


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
        """(0, 0): it renders nothing before it is fitted."""
        return 0, 0

    def fingerprint(self) -> str:
        """Names the recording, the search and its settings, and the version of the effects."""
        how = f"{self.recording.fingerprint()} {self.seed} {self.budget}"
        return f"match/{SCHEMA}/{SOUND}:{how}"

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        """Only what ``fitted`` returns can render."""
        raise NotImplementedError("a match has to be fitted to a stem before it renders")

    def fit(self, stem: Stem, on_progress: OnProgress = _ignore_progress) -> dict[str, Any]:
        """Search for the chain that brings the stem nearest to the recording; a minute or two.

        The chain leaves the guitar as it is if none comes nearer; that is judged by passages that
        the search has not heard, where stem and recording are long enough.

        Returns:
            ``chain`` (YAML; empty for a silent stem), ``distance_before`` and ``distance_after`` in
            dB of log-mel statistics, ``trials``, ``warning`` (a sentence, or empty).
        """
        passages = stem_passages(stem)
        if not passages.signals:
            return _facts("", 0.0, 0.0, 0, "")
        aim = Aim(recording_passages(self.recording))
        found = Fit(
            passages, aim, budget=self.budget, seed=self.seed, on_progress=on_progress
        ).run()
        chain = EffectChain(
            name=Path(self.recording.name).stem,
            description=f"Found by morphsep to sound like {self.recording.name}.",
            pedals=found.pedals,
        )
        if not self._nearer(stem, found):
            warning = f"no pedals come nearer to {self.recording.name}: the guitar stays as it is"
            log.warning("%s", warning)
            chain = replace(chain, description="The guitar as it is.", pedals=NOTHING)
            return _facts(chain_text(chain), found.before, found.before, found.trials, warning)
        chain = replace(chain, trim_db=_trim(passages, chain))
        return _facts(chain_text(chain), found.before, found.after, found.trials, "")

    def _nearer(self, stem: Stem, found: Found) -> bool:
        """Whether the chain brings the stem nearer to the recording."""
        held_out = stem_passages(stem, held_out=True)
        others = recording_passages(self.recording, held_out=True)
        if not (held_out.signals and others):
            return found.after < found.before
        aim = Aim(others)
        return aim.distance(held_out.through(found.pedals).cut()) < aim.distance(held_out.cut())

    def fitted(self, facts: Mapping[str, Any]) -> EffectChain:
        """The chain that was found."""
        if not facts["chain"]:
            return self.becomes
        return parse_chain(facts["chain"], Path(self.recording.path).with_suffix(".yaml"))


def _trim(passages: Passages, chain: EffectChain) -> float:
    """Gain in dB that gives the passages their loudness back."""
    levels = []
    for each in (passages, passages.through(chain.pedals)):
        meter = LoudnessMeter(MODEL_RATE, 1)
        for signal in each.cut():
            meter.add(signal)
        levels.append(meter.integrated_at_any_level())
    change = levels[0] - levels[1]
    return round(float(np.clip(change, -60, 60)), 2) if np.isfinite(change) else 0.0


def _facts(chain: str, before: float, after: float, trials: int, warning: str) -> dict[str, Any]:
    return {
        "chain": chain,
        "distance_before": round(before, 4),
        "distance_after": round(after, 4),
        "trials": trials,
        "warning": warning,
    }
