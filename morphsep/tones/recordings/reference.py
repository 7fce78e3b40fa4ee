"""A recording of other notes as a tone: the stem keeps its notes and takes on the recording's
sound.

Fitted to each track's stem once: how hard to drive it, found by trying, and then a filter. Both
come from the averages of `statistics`, so neither knows the notes. What an average over time cannot
show (echoes, chorus, tremolo) is not imitated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Signal, excerpt_spans
from morphsep.tones.chain.rack import Pedal, play, total_context
from morphsep.tones.effects.frames import overlap_save
from morphsep.tones.recordings.recording import OfRecording, Recording
from morphsep.tones.recordings.statistics import (
    N_FFT,
    NUM_BANDS,
    Statistics,
    distance,
    filter_gains,
    statistics,
)
from morphsep.tones.tone import Stem

SCHEMA = 1
"""Raised when the same recording gives another sound than before."""
DRIVES = (6.0, 12.0, 18.0, 24.0, 30.0, 36.0, 44.0)
"""Drives that are tried, dB."""
WORTH_IT = 0.66
"""Drive is used only if it brings the distance down to this share: distortion cannot be undone, and
other notes alone make a larger difference than a smaller gain would."""
NUM_PIECES, PIECE = 6, 3.0
"""Pieces of the stem and of the recording that are compared, and their length in s."""
TAPS, SIZE = 4096, 16384


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference(OfRecording):
    """The sound of a recording of other notes; satisfies ``Tone`` and ``Fitting``."""

    drive_db: float | None = None
    """Gain into the clipper; None: none."""
    gains_db: tuple[float, ...] | None = None
    """The filter's gains in the bands of ``statistics``; None: not fitted yet."""

    @property
    def reference(self) -> Recording:
        """See ``morphsep.tones``: other notes, whose statistics a backend may take itself."""
        return self.recording

    @property
    def description(self) -> str:
        return f"The sound of {self.recording.name}, whatever is played in it."

    @property
    def context(self) -> tuple[int, int]:
        before, after = total_context([pedal.context() for pedal in _pedals(DRIVES[0])], None)
        return before + TAPS, after

    def fingerprint(self) -> str:
        """Digest of the recording, and the fit."""
        fitted = f" {self.drive_db} {self.gains_db}" if self.gains_db is not None else ""
        return f"reference/{SCHEMA}:{self.recording.fingerprint()}{fitted}"

    def fit(self, stem: Stem) -> dict[str, Any]:
        """Drive and filter that bring the stem's statistics nearest to the recording's.

        Returns:
            ``drive_db`` (None: no drive), ``gains_db``, and how far apart the statistics are with
            neither of them (``distance_before``) and with both (``distance_after``).
        """
        pieces = _pieces(stem.read, stem.num_samples, stem.rms_per_second)
        wanted = _statistics_of(self.recording, self.recording.fingerprint())
        own = statistics(pieces) if pieces else None
        if own is None:
            return replace(self, gains_db=(0.0,) * NUM_BANDS)._facts(0.0, 0.0)
        tried = [self._with_filter(None, pieces, wanted, stem.level)]
        tried += [self._with_filter(drive, pieces, wanted, stem.level) for drive in DRIVES]
        best = min(tried, key=lambda each: each[0])
        if best[0] > WORTH_IT * tried[0][0]:
            best = tried[0]
        return best[1]._facts(distance(own, wanted), best[0])

    def fitted(self, facts: Mapping[str, Any]) -> Reference:
        """This tone with what ``fit`` has found."""
        return replace(self, drive_db=facts["drive_db"], gains_db=tuple(facts["gains_db"]))

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        """The stem ``[C, T]`` driven and filtered; see ``Tone.render``."""
        assert self.gains_db is not None, "fitted first"
        if not stem.shape[1]:
            return stem.copy()
        return _filtered(_driven(stem, start, level, self.drive_db), start, self.gains_db)

    def _with_filter(
        self, drive_db: float | None, pieces: Sequence[Signal], wanted: Statistics, level: float
    ) -> tuple[float, Reference]:
        """The best filter after a drive, and the distance from the recording that remains."""
        driven = [_driven(piece, 0, level, drive_db) for piece in pieces]
        now = statistics(driven)
        assert now is not None
        gains = filter_gains(now, wanted)
        # A filter shifts a band's average and leaves its course over time as it is.
        after = replace(now, mean_db=now.mean_db + gains)
        tone = replace(
            self, drive_db=drive_db, gains_db=tuple(round(float(gain), 3) for gain in gains)
        )
        return distance(after, wanted), tone

    def _facts(self, before: float, after: float) -> dict[str, Any]:
        assert self.gains_db is not None
        return {
            "drive_db": self.drive_db,
            "gains_db": list(self.gains_db),
            "distance_before": round(before, 3),
            "distance_after": round(after, 3),
        }


def _pieces(read: Any, num_samples: int, rms: Sequence[float]) -> list[Signal]:
    spans = excerpt_spans(num_samples, rms, num_spans=NUM_PIECES, seconds=PIECE, exponent=1.0)
    return [read(span.start, span.num_samples) for span in spans]


@lru_cache(maxsize=32)
def _statistics_of(recording: Recording, fingerprint: str) -> Statistics:
    found = statistics(_pieces(recording.read, recording.num_samples, recording.rms_per_second))
    assert found is not None, "a silent recording is refused when it is read"
    return found


def _pedals(drive_db: float) -> tuple[Pedal, ...]:
    """As in the built-in tones: a gate, since a clipper lifts what is below the notes."""
    gate = (("mix", 1.0), ("ratio", 3.0), ("threshold_db", -60.0))
    drive = (("asymmetry", 0.0), ("drive_db", drive_db), ("hardness", 0.5), ("mix", 1.0))
    return Pedal(kind="Gate", settings=gate), Pedal(kind="Drive", settings=drive)


def _driven(stem: Signal, start: int, level: float, drive_db: float | None) -> Signal:
    if drive_db is None:
        return stem
    steps = [(pedal.effect, pedal.values) for pedal in _pedals(drive_db)]
    return play(steps, stem, start, level, 0.0)


def _filtered(signal: Signal, start: int, gains_db: tuple[float, ...]) -> Signal:
    """``[C, T]`` through the filter, in blocks of the song's own grid."""
    from scipy import fft

    response = _response(gains_db)

    def apply(frames: Signal, these: slice) -> Signal:
        return np.asarray(fft.irfft(fft.rfft(frames) * response, SIZE), np.float32)

    return overlap_save(signal, start, size=SIZE, before=TAPS, after=0, apply=apply)


@lru_cache(maxsize=32)
def _response(gains_db: tuple[float, ...]) -> npt.NDArray[np.complex64]:
    """Minimum-phase response with these gains in bands, ``[SIZE // 2 + 1]``, from the folded
    cepstrum (Oppenheim and Schafer, Discrete-Time Signal Processing); its taps end in a fade."""
    from scipy import fft

    from morphsep.dsp import erb_bands

    bins = np.asarray(gains_db) @ erb_bands(N_FFT, NUM_BANDS).to_bins
    fine = np.interp(np.arange(SIZE // 2 + 1) / SIZE, np.arange(bins.size) / N_FFT, bins)
    cepstrum = fft.irfft(fine * (np.log(10) / 20), SIZE)
    cepstrum[1 : SIZE // 2] *= 2
    cepstrum[SIZE // 2 + 1 :] = 0
    taps = fft.irfft(np.exp(fft.rfft(cepstrum)), SIZE)[:TAPS]
    taps[TAPS // 2 :] *= np.hanning(TAPS + 1)[TAPS // 2 : -1]
    return np.asarray(fft.rfft(taps, SIZE), np.complex64)
