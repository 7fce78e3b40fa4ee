"""The same take through other equipment, as a tone: a recording that is aligned with the stem.

Fitted to each track: the recording's position, clock drift, polarity and loudness.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal, from_db
from morphsep.errors import TrackError
from morphsep.tones.recordings.instrument import with_channels
from morphsep.tones.recordings.positions import read_at
from morphsep.tones.recordings.recording import OfRecording
from morphsep.tones.recordings.take import Alignment, align
from morphsep.tones.tone import Stem

SCHEMA = 1
"""Raised when the same recording gives another sound than before."""
SAME = 0.5
"""Share of the pieces that must agree on one delay."""
FADE = MODEL_RATE // 20
"""Samples over which the recording's ends fade into the stem."""
MOST_DB = 40.0
"""Largest change of the recording's loudness towards the stem's."""
LEAST_COVERED = 0.5
"""Share of the stem's sounding seconds that the recording must reach."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired(OfRecording):
    """A recording of the same take; satisfies ``Tone`` and ``Fitting``. Before the recording's
    start and after its end, the stem stays as it is."""

    delay: float | None = None
    """The stem's sample n is the recording's ``delay + (1 + drift) n``; None: not fitted yet."""
    drift: float = 0.0
    inverted: bool = False
    gain_db: float = 0.0

    @property
    def description(self) -> str:
        return f"The same take as it sounds in {self.recording.name}."

    @property
    def context(self) -> tuple[int, int]:
        return 0, 0

    def fingerprint(self) -> str:
        """Digest of the recording, and its alignment."""
        alignment = (
            "" if self.delay is None
            else f" {self.delay!r} {self.drift!r} {self.inverted} {self.gain_db!r}"
        )  # fmt: skip
        return f"paired/{SCHEMA}:{self.recording.fingerprint()}{alignment}"

    def fit(self, stem: Stem) -> dict[str, Any]:
        """Align the recording with the stem.

        Returns:
            ``lag_ms`` (delay of the recording against the stem at the song's start), ``drift_ppm``,
            ``longer_s`` (the recording's length less the stem's), ``inverted``, ``gain_db``,
            ``covered`` (share of the stem's sounding seconds), and how sure the alignment is:
            ``agree`` (share of ``num_places`` pieces) and ``spread_ms``; ``warning`` (a sentence,
            or empty); ``delay`` and ``drift`` for ``fitted``.

        Raises:
            TrackError: ``not_same_take``.
        """
        found = align(stem, self.recording)
        if found is None:
            return {"delay": 0.0, "drift": 0.0, "inverted": False, "gain_db": 0.0}
        covered = self._covered(stem, found)
        warning = self._checked(found, covered)
        longer = (self.recording.num_samples - stem.num_samples) / MODEL_RATE
        return {
            "delay": found.delay if found.drift else float(round(found.delay)),
            "drift": found.drift,
            "inverted": found.inverted,
            "gain_db": round(self._gain_db(stem), 3),
            "lag_ms": round(1000 * found.delay / MODEL_RATE, 3),
            "drift_ppm": round(1e6 * found.drift, 2),
            "longer_s": round(longer, 3),
            "covered": round(covered, 4),
            "agree": round(found.agree, 3),
            "num_places": found.num_pieces,
            "spread_ms": round(1000 * found.spread / MODEL_RATE, 3),
            "warning": warning,
        }

    def fitted(self, facts: Mapping[str, Any]) -> Paired:
        """This tone, aligned with the stem that was given to ``fit``."""
        return replace(self, **{k: facts[k] for k in ("delay", "drift", "inverted", "gain_db")})

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        """The recording at the stem's position, ``[C, T]``; see ``Tone.render``."""
        assert self.delay is not None, "fitted first"
        num_samples = stem.shape[1]
        first = self.delay + (1 + self.drift) * start
        recorded = read_at(self.recording.read, first, 1 + self.drift, num_samples)
        factor = np.float32(from_db(self.gain_db) * (-1 if self.inverted else 1))
        recorded = with_channels(recorded, stem.shape[0]) * factor
        from_end = self._here(first + (1 + self.drift) * np.arange(num_samples))
        if (from_end == 1).all():
            return recorded
        return stem + from_end * (recorded - stem)

    def _here(self, position: np.ndarray) -> Signal:
        """Gain of the recording at these positions: 1 inside, 0 outside."""
        edge = np.minimum(position, self.recording.num_samples - 1 - position)
        return np.asarray(np.clip(edge / FADE, 0, 1), np.float32)

    def _checked(self, found: Alignment, covered: float) -> str:
        """What is to be known of the alignment, or nothing; raises TrackError if it is none."""
        if found.agree < SAME:
            matching = round(found.agree * found.num_pieces)
            raise self._refusal(
                f"does not play what this guitar plays: only {matching} of {found.num_pieces} "
                "pieces match; give the same take through another amplifier, or omit --paired to "
                "use only its sound"
            )
        if covered < LEAST_COVERED:
            raise self._refusal(
                f"reaches only {100 * covered:.0f} % of what the guitar plays in this track; give "
                "a recording of the whole take"
            )
        if covered == 1:
            return ""
        said = (
            f"{self.name} reaches {100 * covered:.1f} % of the guitar; elsewhere the guitar stays "
            "as it is"
        )
        log.warning("%s", said)
        return said

    def _covered(self, stem: Stem, found: Alignment) -> float:
        levels = np.asarray(stem.rms_per_second, np.float64)
        middle = (np.arange(levels.size) + 0.5) * MODEL_RATE
        position = found.delay + (1 + found.drift) * np.minimum(middle, stem.num_samples)
        inside = (position >= 0) & (position < self.recording.num_samples)
        sounds = levels > 0.01 * levels.max()
        return float(inside[sounds].mean())

    def _gain_db(self, stem: Stem) -> float:
        """As loud as the stem; BS.1770 adds the channels' powers."""
        gain = stem.level - self.recording.lufs
        gain += 10 * math.log10(self.recording.num_channels / stem.num_channels)
        return min(max(gain, -MOST_DB), MOST_DB) if math.isfinite(gain) else 0.0

    def _refusal(self, reason: str) -> TrackError:
        return TrackError("not_same_take", f"The recording {self.name} {reason}.")
