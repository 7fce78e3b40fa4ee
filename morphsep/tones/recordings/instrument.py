"""Another instrument as a tone: a recording of it, laid along the song."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal, from_db
from morphsep.tones.effects.frames import straight
from morphsep.tones.effects.power import CELL, smoothed_power
from morphsep.tones.recordings.recording import OfRecording, Recording

SCHEMA = 4
"""Raised when the same recording gives another sound than before."""
CROSSFADE = MODEL_RATE // 4
"""Samples over which the recording's end fades into its start; fewer if it is very short."""
MOST_DB = 40.0
"""Largest change of the recording's loudness towards the stem's."""
LIFT_DB = 20.0
"""Largest gain at any moment on top of that to follow the stem."""
REACH = MODEL_RATE // 10 // CELL
"""Cells over which two levels are compared, to either side: 0.1 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument(OfRecording):
    """The recording's own notes, from the song's sample 0 on, repeated where the song is longer,
    and at every moment as loud as the stem: where the guitar pauses there is silence.

    The backend `spectral` moves the sound from the stem's notes to these; the others treat it as a
    rendering aligned in time, which it is not.
    """

    same_notes: bool = False

    @property
    def reference(self) -> Recording:
        """See ``morphsep.tones``: other notes, whose statistics a backend may take itself."""
        return self.recording

    @property
    def description(self) -> str:
        return f"What {self.recording.name} plays, along the song's time."

    @property
    def context(self) -> tuple[int, int]:
        return (REACH + 2) * CELL, (REACH + 2) * CELL

    def fingerprint(self) -> str:
        """Digest of the recording."""
        return f"instrument/{SCHEMA}:{self.recording.fingerprint()}"

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        """The recording at the position of the stem ``[C, T]`` and as loud; silence before the
        song's start. See ``Tone.render``."""
        looped = _looped(self.recording, start, stem.shape[1])
        gain = level - self.recording.lufs
        if not np.isfinite(gain):
            return np.zeros_like(stem)
        # BS.1770 adds the channels' powers: one channel copied into two is 3 dB louder.
        gain += 10 * np.log10(self.recording.num_channels / stem.shape[0])
        most = from_db(float(np.clip(gain, -MOST_DB, MOST_DB)) + LIFT_DB)
        notes = with_channels(looped, stem.shape[0])
        return notes * _following(stem, notes, start, most)


def _following(stem: Signal, notes: Signal, start: int, most: float) -> Signal:
    """Gain ``[T]`` up to ``most`` that gives the notes ``[C, T]`` the level of the stem."""
    wanted, centres = smoothed_power(stem, start, REACH)
    there, _ = smoothed_power(notes, start, REACH)
    gain = np.minimum(np.sqrt(wanted / (there + 1e-20)), most)
    return straight(gain, CELL).astype(np.float32)[-int(centres[0]) :][: stem.shape[1]]


def with_channels(samples: Signal, num_channels: int) -> Signal:
    """``[C, T]`` as ``[num_channels, T]``: averaged, or repeated."""
    if samples.shape[0] == num_channels:
        return samples
    return np.repeat(samples.mean(axis=0, keepdims=True), num_channels, axis=0)


def _looped(recording: Recording, start: int, num_samples: int) -> Signal:
    """``[C, num_samples]`` of the recording repeated without end from the song's sample 0 on."""
    fade = min(CROSSFADE, recording.num_samples // 4)
    period = recording.num_samples - fade
    stop = start + num_samples
    out = np.zeros((recording.num_channels, num_samples), np.float32)
    for turn in range(max(start, 0) // period, max(stop - 1, 0) // period + 1):
        at = turn * period
        low, high = max(at, start), min(at + period, stop)
        if high <= low:
            continue
        piece = recording.read(low - at, high - low)
        if turn > 0 and low < at + fade:
            position = np.arange(low - at, min(high - at, fade))
            old = recording.read(period + low - at, position.size)
            angle = (np.pi / 2 * (position + 0.5) / fade).astype(np.float32)
            piece[:, : position.size] *= np.sin(angle)
            piece[:, : position.size] += old * np.cos(angle)
        out[:, low - start : high - start] = piece
    return out
