"""A recording of other notes as a tone: the stem keeps its notes and takes on the recording's
sound.

Fitted to each track's stem once: how hard to drive it, found by trying, and then a filter. Both
come from the averages of `statistics`, so neither knows the notes. What an average over time cannot
show (echoes, chorus, tremolo) is not imitated.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Signal, excerpt_spans
from morphsep.tones.chain.rack import Pedal, play, total_context
from morphsep.tones.effects.frames import overlap_save
from morphsep.tones.recordings.doubts import Character, no_guitar, unreached
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

SCHEMA = 2
"""Raised when the same recording gives another sound than before."""
DRIVES = (6.0, 12.0, 18.0, 24.0, 30.0, 36.0, 44.0)
"""Drives that are tried, dB."""
WORTH_IT = 0.66
"""Drive is used only if it brings the distance down to this share: distortion cannot be undone, and
other notes alone make a larger difference than a smaller gain would."""
WORTH_IT_DISTORTED = 0.9
"""The same for a reference that is distorted by itself, which other notes are not."""
DISTORTED_DB = (-5.5, -4.5)
"""``Statistics.gaps_db`` at which it begins to count as distorted, and does in full: clean guitars
stay below -6, in hiss 30 dB under them below -4.9; metal guitars lie between -3.6 and -2.4."""
EQUAL_DB = 0.05
"""Of drives that bring a stem equally near, the least is used."""
NUM_PIECES, PIECE = 6, 3.0
"""Pieces of the stem and of the recording that are compared, and their length in s."""
TAPS, SIZE = 4096, 16384

log = logging.getLogger(__name__)


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
            ``drive_db`` (None: no drive), ``gains_db``, how far apart the statistics are with
            neither of them (``distance_before``) and with both (``distance_after``), and
            ``warning`` (sentences, or empty).
        """
        pieces = _pieces(stem.read, stem.num_samples, stem.rms_per_second)
        wanted = _heard(self.recording, self.recording.fingerprint())
        own = statistics(pieces) if pieces else None
        if own is None:
            return replace(self, gains_db=(0.0,) * NUM_BANDS)._facts(0.0, 0.0, [])
        without = self._with_filter(None, pieces, wanted.statistics, stem.level)
        driven = [self._with_filter(d, pieces, wanted.statistics, stem.level) for d in DRIVES]
        best = chosen(without, driven, wanted.statistics, own)
        said = unreached(
            self.name, best.tone.drive_db, best.distance, np.array(best.tone.gains_db),
            np.minimum(best.statistics.weights, wanted.statistics.weights),
        )  # fmt: skip
        for sentence in said:
            log.warning("%s", sentence)
        before = distance(own, wanted.statistics)
        return best.tone._facts(before, best.distance, [*wanted.doubts, *said])

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
    ) -> Tried:
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
        return Tried(tone=tone, statistics=after, distance=distance(after, wanted))

    def _facts(self, before: float, after: float, said: Sequence[str]) -> dict[str, Any]:
        assert self.gains_db is not None
        return {
            "drive_db": self.drive_db,
            "gains_db": list(self.gains_db),
            "distance_before": round(before, 3),
            "distance_after": round(after, 3),
            "warning": "; ".join(said),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A drive with its filter."""

    tone: Reference
    statistics: Statistics
    """Of the stem behind both."""
    distance: float
    """From the recording, dB."""


def chosen(without: Tried, driven: Sequence[Tried], wanted: Statistics, own: Statistics) -> Tried:
    """The least drive of the best ones, if it is worth it."""
    nearest = min(each.distance for each in driven)
    best = next(each for each in driven if each.distance <= nearest + EQUAL_DB)
    worth_it = WORTH_IT
    if own.gaps_db < DISTORTED_DB[0]:
        worth_it = float(np.interp(wanted.gaps_db, DISTORTED_DB, (WORTH_IT, WORTH_IT_DISTORTED)))
    return best if best.distance <= worth_it * without.distance else without


def _pieces(read: Any, num_samples: int, rms: Sequence[float]) -> list[Signal]:
    spans = excerpt_spans(num_samples, rms, num_spans=NUM_PIECES, seconds=PIECE, exponent=1.0)
    return [read(span.start, span.num_samples) for span in spans]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What a recording is like."""

    statistics: Statistics
    doubts: tuple[str, ...]


@lru_cache(maxsize=32)
def _heard(recording: Recording, fingerprint: str) -> _Heard:
    pieces = _pieces(recording.read, recording.num_samples, recording.rms_per_second)
    found = statistics(pieces)
    assert found is not None, "a silent recording is refused when it is read"
    if Character.of(pieces).is_guitar:
        return _Heard(statistics=found, doubts=())
    log.warning("%s", no_guitar(recording.name))  # once, not for every track
    return _Heard(statistics=found, doubts=(no_guitar(recording.name),))


def _pedals(drive_db: float) -> tuple[Pedal, ...]:
    """As in the built-in tones: a gate, since a clipper lifts what is below the notes."""
    gate = (("hold_ms", 0.0), ("mix", 1.0), ("ratio", 3.0), ("threshold_db", -60.0))
    drive = (
        ("asymmetry", 0.0), ("drive_db", drive_db), ("follow", 0.0), ("hardness", 0.5), ("mix", 1.0)
    )  # fmt: skip
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
