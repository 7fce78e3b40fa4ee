"""Clicks and crackle: found by a network, filled from their surroundings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from morphsep.dsp import Reader, Signal, samples, sections
from morphsep.errors import SettingError
from morphsep.restoration.clicks import BLOCK, clicks, detector_version
from morphsep.restoration.interpolation import SURROUNDINGS, Floats, filled

SCHEMA = 1
"""Raised when the same settings give another sound than before."""
REPAIR = np.dtype([("start", "<i8"), ("length", "<i4"), ("channel", "<i2"), ("size_db", "<f4")])
QUIETEST_DB = -200.0
"""Size of a repair that changes nothing."""


class Repair(NamedTuple):
    """One place that is filled."""

    start: int
    """The recording's sample."""
    length: int
    """Samples."""
    channel: int
    size_db: float
    """RMS of what is removed, dBFS."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeclickFindings:
    """The clicks of a recording."""

    step: ClassVar[str] = "declick"
    sample_rate: int
    num_samples: int
    longest: int
    """Samples of the longest click that is filled."""
    left_alone: int
    """Clicks that are longer than that."""
    table: npt.NDArray[np.void]
    """A row for each repair (`REPAIR`), by channel, then by start; 18 bytes each."""

    @property
    def per_minute(self) -> float:
        """Repairs a minute, those of all channels together."""
        return len(self.table) * 60 * self.sample_rate / max(self.num_samples, 1)

    def worst(self, count: int = 20) -> list[Repair]:
        """The repairs that remove most, the largest first."""
        energy = self.table["size_db"] + 10 * np.log10(np.maximum(self.table["length"], 1))
        first = np.argsort(-energy, kind="stable")[:count]
        return [Repair(*row.item()) for row in self.table[first]]

    def summary(self) -> str:
        """See `Findings`."""
        left = f", {self.left_alone} too long to fill" if self.left_alone else ""
        return f"{len(self.table)} clicks ({self.per_minute:.1f} a minute){left}"

    def to_json(self) -> dict[str, Any]:
        """See `Findings`."""
        columns = {name: self.table[name].tolist() for name in ("start", "length", "channel")}
        return {
            "step": self.step, "sample_rate": self.sample_rate, "num_samples": self.num_samples,
            "longest": self.longest, "left_alone": self.left_alone, **columns,
            "size_db": [round(size, 2) for size in self.table["size_db"].tolist()],
        }  # fmt: skip

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> DeclickFindings:
        """What `to_json` has made."""
        table = np.zeros(len(stored["start"]), REPAIR)
        for name in REPAIR.names or ():
            table[name] = stored[name]
        facts = ("sample_rate", "num_samples", "longest", "left_alone")
        return cls(table=table, **{name: stored[name] for name in facts})


@dataclass(frozen=True, slots=True, kw_only=True)
class Declick:
    """Finds clicks with `grooveclean`'s network and fills each by autoregressive interpolation;
    every channel by itself. Not for lossy sound, whose clicks are smeared."""

    name: ClassVar[str] = "declick"
    sensitivity: float = 0.5
    """0 finds the obvious only, 1 most; the network was calibrated for 0.5."""
    longest_ms: float = 20.0
    """Longer damage is reported and left alone."""

    def __post_init__(self) -> None:
        if not 0 <= self.sensitivity <= 1:
            raise SettingError(f"declick: a sensitivity of 0 to 1, not {self.sensitivity:g}")
        if not 0 < self.longest_ms <= 100:
            raise SettingError(f"declick: a longest repair of 0 to 100 ms, not {self.longest_ms:g}")

    def fingerprint(self) -> str:
        """See `Step`; raises SettingError where the library is missing."""
        return f"declick/{SCHEMA}:{detector_version()}:{self.sensitivity:g}:{self.longest_ms:g}"

    def look(self, recording: Reader) -> DeclickFindings:
        """See `Step`; raises SettingError where the library is missing."""
        detector_version()
        info = recording.info
        longest = max(1, samples(self.longest_ms / 1000, info.sample_rate))
        rows, left_alone = [np.zeros(0, REPAIR)], 0
        for channel, starts, ends in clicks(recording, self.sensitivity):
            fits = ends - starts <= longest
            left_alone += int((~fits).sum())
            table = np.zeros(int(fits.sum()), REPAIR)
            table["start"], table["channel"] = starts[fits], channel
            table["length"] = (ends - starts)[fits]
            rows.append(table)
        found = np.concatenate(rows)
        found = found[np.lexsort((found["start"], found["channel"]))]
        _measure(recording, found, longest)
        return DeclickFindings(
            sample_rate=info.sample_rate, num_samples=info.num_samples, longest=longest,
            left_alone=left_alone, table=found,
        )  # fmt: skip

    def context(self, findings: DeclickFindings) -> int:
        """See `Step`."""
        return reach(findings.longest)

    def repair(self, block: Signal, start: int, findings: DeclickFindings) -> Signal:
        """See `Step`: only the samples of clicks change."""
        context = self.context(findings)
        length = block.shape[1] - 2 * context
        result = block[:, context : context + length].copy()
        of_all = findings.longest, findings.num_samples
        for channel, sound in enumerate(block):
            near = _near(findings.table, channel, start - context, start + length + context)
            for row in _touching(near, start, start + length):
                first = int(row["start"])
                fill = _fill(sound, start - context, row, near, of_all)
                low, high = max(first, start), min(first + len(fill), start + length)
                result[channel, low - start : high - start] = fill[low - first : high - first]
        return result


def reach(longest: int) -> int:
    """Samples around a sample in which all lies that its repair depends on."""
    return 2 * longest + SURROUNDINGS + 2


def _near(table: npt.NDArray[np.void], channel: int, start: int, stop: int) -> npt.NDArray[np.void]:
    """A channel's repairs that have samples in ``[start, stop)``."""
    low, high = np.searchsorted(table["channel"], (channel, channel + 1))
    return _touching(table[low:high], start, stop)


def _touching(rows: npt.NDArray[np.void], start: int, stop: int) -> npt.NDArray[np.void]:
    """The repairs of one channel that have samples in ``[start, stop)``."""
    low = np.searchsorted(rows["start"] + rows["length"], start, side="right")
    high = np.searchsorted(rows["start"], stop, side="left")
    return rows[low:high]


def _measure(recording: Reader, table: npt.NDArray[np.void], longest: int) -> None:
    """Write the size of each repair into its row."""
    margin, of_all = reach(longest), (longest, recording.info.num_samples)
    for span in sections(recording.info.num_samples, BLOCK * recording.info.sample_rate):
        within = (table["start"] >= span.start) & (table["start"] < span.stop)
        if not within.any():
            continue
        block = recording.read(span.start - margin, span.num_samples + 2 * margin)
        for index in np.flatnonzero(within):
            row = table[index]
            near = _near(table, int(row["channel"]), span.start - margin, span.stop + margin)
            first, length = int(row["start"]) - span.start + margin, int(row["length"])
            sound = block[int(row["channel"])]
            fill = _fill(sound, span.start - margin, row, near, of_all)
            power = float(np.mean((sound[first : first + length] - fill) ** 2))
            row["size_db"] = 10 * np.log10(power) if power > 1e-20 else QUIETEST_DB


def _fill(
    sound: npt.NDArray[np.float32],
    at: int,
    row: np.void,
    rows: npt.NDArray[np.void],
    found: tuple[int, int],
) -> Floats:
    """What replaces a click, ``[length]``.

    Args:
        sound: ``[T]`` from the recording's sample ``at`` on.
        row: the click.
        rows: all that are near it.
        found: samples of the longest click, and of the recording.
    """
    longest, num_samples = found
    around = longest + SURROUNDINGS + 1
    first = int(row["start"]) - around
    window = sound[first - at : first - at + int(row["length"]) + 2 * around].astype(np.float64)
    places = np.arange(first, first + window.size)
    known = (places >= 0) & (places < num_samples)
    for other in _touching(rows, first, first + window.size):
        begin = int(other["start"]) - first
        known[max(begin, 0) : begin + int(other["length"])] = False
    return filled(window, known, slice(around, around + int(row["length"])))
