"""Mains hum and its harmonics: a filter without delay whose notches are as narrow as the hum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Reader, Seconds, Signal, from_db, samples
from morphsep.errors import SettingError
from morphsep.restoration.blocks import BlockGrid, digital_silence
from morphsep.restoration.hum import MAINS_HZ, Hum, Line, find_hum
from morphsep.restoration.zero_phase import ZeroPhase, kaiser_taps, kaiser_window

Floats = npt.NDArray[np.float64]

SCHEMA = 1
HALF_WIDTH_HZ = 0.25
"""Half of a notch's width, where the mains does not drift."""
WIDEST_HZ = 2.0
"""A line that wanders further is left alone: so wide a notch would be heard in the music."""
EDGE_HZ = 0.8
"""From a notch's floor to where the music passes."""
DEPTH_DB = 50.0
BLOCK: Seconds = 4.0
ENDS: Seconds = 2.0
"""Hum is measured over so much at either end, and goes on like that beyond it: a filter that looks
into silence there would leave half of the hum."""


class Notch(NamedTuple):
    """What is taken out around one line."""

    hz: float
    half_width_hz: float
    level_db: float
    """RMS of the line, dBFS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DehumFindings:
    """The hum of a recording, and what it is like at either end."""

    step: ClassVar[str] = "dehum"
    sample_rate: int
    num_samples: int
    mains_hz: float | None
    """None: no hum stands out, nothing is done."""
    drift_hz: float
    """Half of the range of the mains' frequency."""
    lines: tuple[Line, ...]
    head: tuple[tuple[complex, ...], ...]
    """Amplitude and phase of each notch's line, ``[C][notches]``, at the first sample."""
    tail: tuple[tuple[complex, ...], ...]
    """The same at the last sample."""

    @property
    def notches(self) -> tuple[Notch, ...]:
        """One for each line that does not wander too far."""
        wide = [
            Notch(line.hz, HALF_WIDTH_HZ + line.number * self.drift_hz, line.level_db)
            for line in self.lines
        ]
        return tuple(notch for notch in wide if notch.half_width_hz <= WIDEST_HZ)

    def summary(self) -> str:
        """See `Findings`."""
        if self.mains_hz is None:
            return "no hum"
        loudest = max(line.level_db for line in self.lines)
        left = len(self.lines) - len(self.notches)
        wander = f", {left} that wander too far are left" if left else ""
        return (
            f"hum at {self.mains_hz:.2f} Hz (±{self.drift_hz:.2f}): {len(self.lines)} lines up to "
            f"{max(line.hz for line in self.lines):.0f} Hz, the loudest {loudest:.0f} dBFS{wander}"
        )

    def to_json(self) -> dict[str, Any]:
        """See `Findings`."""
        return {
            "step": self.step, "sample_rate": self.sample_rate, "num_samples": self.num_samples,
            "mains_hz": self.mains_hz, "drift_hz": self.drift_hz,
            "lines": [line._asdict() for line in self.lines],
            "head": _parts(self.head), "tail": _parts(self.tail),
        }  # fmt: skip

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> DehumFindings:
        """What `to_json` has made."""
        facts = ("sample_rate", "num_samples", "mains_hz", "drift_hz")
        return cls(
            lines=tuple(Line(**line) for line in stored["lines"]), head=_joined(stored["head"]),
            tail=_joined(stored["tail"]), **{name: stored[name] for name in facts},
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Dehum:
    """Takes mains hum out: only lines that stand out of their neighbours all along."""

    name: ClassVar[str] = "dehum"
    mains_hz: float | None = None
    """Where hum is looked for, within 1.5 %; None: near 50 and 60 Hz."""

    def __post_init__(self) -> None:
        if self.mains_hz is not None and not 15 <= self.mains_hz <= 120:
            raise SettingError(f"dehum: mains of 15 to 120 Hz, not {self.mains_hz:g}")

    def fingerprint(self) -> str:
        """See `Step`."""
        return f"dehum/{SCHEMA}:{self.mains_hz}"

    def look(self, recording: Reader) -> DehumFindings:
        """See `Step`."""
        hum = find_hum(recording, MAINS_HZ if self.mains_hz is None else (self.mains_hz,))
        found = _without_ends(recording, hum)
        size = min(samples(ENDS, found.sample_rate), found.num_samples)
        last = found.num_samples - size
        return replace(
            found, head=_amplitudes(recording.read(0, size), found, 0),
            tail=_amplitudes(recording.read(last, size), found, size - 1),
        )  # fmt: skip

    def context(self, findings: DehumFindings) -> int:
        """See `Step`."""
        if not findings.notches:
            return 0
        taps = kaiser_taps(EDGE_HZ, DEPTH_DB, findings.sample_rate)
        return BlockGrid(size=samples(BLOCK, findings.sample_rate), reach=taps).context

    def repair(self, block: Signal, start: int, findings: DehumFindings) -> Signal:
        """See `Step`."""
        if not findings.notches:
            return block.copy()
        context = self.context(findings)
        hum = _hum_alone(findings.sample_rate, findings.notches)
        wider = _continued(block, start - context, findings)
        without = block[:, context:-context] - hum.apply(wider, start)
        silent = digital_silence(block, findings.sample_rate)[:, context:-context]
        return np.where(silent, np.float32(0), without)


@lru_cache(maxsize=4)
def _hum_alone(sample_rate: int, notches: tuple[Notch, ...]) -> ZeroPhase:
    """What lets only the hum pass."""
    taps = kaiser_taps(EDGE_HZ, DEPTH_DB, sample_rate)
    times = np.arange(-taps, taps + 1) / sample_rate
    response = np.zeros(times.size)
    for notch in notches:
        width = 2 * (notch.half_width_hz + EDGE_HZ / 2)
        response += width * np.sinc(width * times) * 2 * np.cos(2 * np.pi * notch.hz * times)
    response *= kaiser_window(taps, DEPTH_DB) / sample_rate
    return ZeroPhase.of(response, samples(BLOCK, sample_rate))


def _without_ends(recording: Reader, hum: Hum) -> DehumFindings:
    info = recording.info
    return DehumFindings(
        sample_rate=info.sample_rate, num_samples=info.num_samples, mains_hz=hum.mains_hz,
        drift_hz=hum.drift_hz, lines=hum.lines, head=(), tail=(),
    )  # fmt: skip


def _amplitudes(
    sound: Signal, findings: DehumFindings, origin: int
) -> tuple[tuple[complex, ...], ...]:
    """Amplitude and phase at sample ``origin`` of each notch's line in ``[C, T]``."""
    return tuple(
        tuple(
            _amplitude(channel, notch, findings.sample_rate, origin) for notch in findings.notches
        )
        for channel in sound.astype(np.float64)
    )


def _amplitude(channel: Floats, notch: Notch, sample_rate: int, origin: int) -> complex:
    """At most that of the line over the whole recording: what is above it is a note."""
    window = np.hanning(channel.size + 2)[1:-1]
    times = (np.arange(channel.size) - origin) / sample_rate
    turn = np.exp(-2j * np.pi * notch.hz * times) * window
    found = complex(2 * (channel @ turn) / window.sum())
    most = 2**0.5 * from_db(notch.level_db)
    return found * min(1.0, most / max(abs(found), 1e-12))


def _continued(block: Signal, start: int, findings: DehumFindings) -> Signal:
    """A block that begins at the recording's sample ``start``, the hum going on beyond the ends."""
    places = np.arange(start, start + block.shape[1])
    ends = (
        (places < 0, findings.head, 0),
        (places >= findings.num_samples, findings.tail, findings.num_samples - 1),
    )
    wider = block
    for outside, amplitudes, origin in ends:
        if outside.any():
            wider = wider.copy() if wider is block else wider
            times = (places[outside] - origin) / findings.sample_rate
            turns = [np.exp(2j * np.pi * notch.hz * times) for notch in findings.notches]
            wider[:, outside] = np.real(np.array(amplitudes) @ np.array(turns))
    return wider


def _parts(amplitudes: tuple[tuple[complex, ...], ...]) -> list[list[list[float]]]:
    return [[[each.real, each.imag] for each in channel] for channel in amplitudes]


def _joined(parts: list[list[list[float]]]) -> tuple[tuple[complex, ...], ...]:
    return tuple(tuple(complex(*each) for each in channel) for channel in parts)
