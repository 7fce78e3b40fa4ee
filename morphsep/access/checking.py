"""What must not change between a master and its access copy, measured when that is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from morphsep import audio
from morphsep.access.parts import AccessCopy, Part
from morphsep.access.sounds import spans
from morphsep.dsp import Span
from morphsep.errors import TrackError
from morphsep.request import TIMBRE
from morphsep.restoration import Band, Bounds, Identity, identity, surviving_band

BandOf = Callable[[int], Band]
"""The band in which there is music after so many steps of an access copy."""
CLICKS_ARE = ("onset_f1", "timing_ms")
"""What clicks count for in a recording that has them: they are sharper than any note."""
ANY = float("inf")
FREE = Bounds(
    pitch_cents=ANY, timing_ms=ANY, onset_f1=0.0, rests_db=ANY, level_db=ANY, added_above_db=ANY
)
"""Nothing is bound."""
REMEDIES = {
    "declick": "leave it out (--steps), make it milder (--set-step declick.sensitivity=0.3), or "
    "see --set-bound",
    "repairs": "leave a step out (--steps), make it milder (--set-step), or see --set-bound",
    TIMBRE: "use a smaller --amount or another tone, or see --set-bound",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Two sounds that were compared."""

    what: str
    """declick, repairs (those after it) or timbre."""
    found: Identity
    bounds: Bounds

    @property
    def broken(self) -> tuple[str, ...]:
        """A sentence for each bound that is broken."""
        return self.bounds.broken(self.found)

    def holds(self, name: str) -> bool:
        """Whether one of the bounds is kept."""
        return not replace(FREE, **{name: getattr(self.bounds, name)}).broken(self.found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An access copy that was checked."""

    band: Band
    """In which the recording holds music."""
    compared: Sequence[Compared]

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            each.what: {"found": asdict(each.found), "bounds": _finite(asdict(each.bounds))}
            for each in self.compared
        }

    def refuse(self) -> None:
        """
        Raises:
            TrackError: a bound is broken.
        """
        for each in self.compared:
            if each.broken:
                raise TrackError(
                    "beyond_bounds",
                    f"nothing was published, since by the {each.what} {'; '.join(each.broken)}: "
                    f"{REMEDIES[each.what]}",
                )


def check(copy: AccessCopy, path: Path) -> Checked:
    """Measures an access copy that was written.

    Args:
        path: where it lies.

    Raises:
        TrackError: it is not what it was to be: a defect of disk or memory.
    """
    at = missed(copy, path)
    if at is not None:
        raise TrackError(
            "internal",
            f"the access copy is not the sum of master and differences, {at:.0f} s from its start; "
            "look at disk and memory, and run again",
        )
    band_of = cache(partial(_band, copy))
    return Checked(
        band=band_of(_num_repairs(copy)), compared=list(_compared(copy, band_of))
    )  # fmt: skip


def missed(copy: AccessCopy, path: Path) -> float | None:
    """From where on, in seconds, a file is not its master and the differences; None if it is."""
    with copy.sound() as sound, audio.AudioReader(str(path)) as written:
        for start, num_samples in spans(sound.info):
            wanted = copy.depth.rounded(sound.exact(start, num_samples))
            if not np.array_equal(wanted, written.read(start, num_samples, dtype="float64")):
                return start / sound.info.sample_rate
    return None


def _band(copy: AccessCopy, num_parts: int) -> Band:
    """The band in which there is music after so many steps: a pass over the whole sound."""
    with copy.sound(num_parts) as sound:
        return surviving_band(sound)


def _num_repairs(copy: AccessCopy) -> int:
    return sum(part.done.step != TIMBRE for part in copy.parts)


def _compared(copy: AccessCopy, band_of: BandOf) -> Iterator[Compared]:
    """Each kind of step with what was there before it, up to a change of speed, and the morph."""

    def high_hz(num_parts: int) -> float:
        """Above which nothing may be added to the sound after so many steps."""
        return 0.5 * copy.scan.sample_rate if copy.extends else band_of(num_parts).high_hz

    names = [part.done.step for part in copy.parts]
    bounds = Bounds(**{name: float(value) for name, value in copy.bounds.items()})
    first = names.count("declick")
    last = len([name for name in names if name not in ("speed", TIMBRE)])
    if first:
        places = _changed(copy.parts[:first])
        found = _between(copy, 0, first, high_hz(first), places)
        yield Compared(what="declick", found=found, bounds=_freed(copy, bounds, CLICKS_ARE))
    if last > first:
        found = _between(copy, first, last, high_hz(first))
        yield Compared(what="repairs", found=found, bounds=_freed(copy, bounds, ("level_db",)))
    if TIMBRE in names:
        found = _between(copy, len(names) - 1, len(names), high_hz(len(names) - 1))
        yield Compared(what=TIMBRE, found=found, bounds=_freed(copy, bounds, ("level_db",)))


def _between(
    copy: AccessCopy, first: int, last: int, high_hz: float, places: Sequence[Span] = ()
) -> Identity:
    """What changed from so many steps to so many.

    Args:
        high_hz: above which nothing may be added.
    """
    with copy.sound(first) as before, copy.sound(last) as after:
        return identity(before, after, high_hz=high_hz, repaired=places)


def _freed(copy: AccessCopy, bounds: Bounds, names: Sequence[str]) -> Bounds:
    """Bounds without these, unless they were asked for."""
    return replace(
        bounds, **{name: getattr(FREE, name) for name in names if name not in copy.bounds}
    )


def _changed(parts: Sequence[Part]) -> list[Span]:
    """The places that declick has filled."""
    found: list[Span] = []
    for part in parts:
        if part.done.step == "declick" and part.layer.difference is not None:
            with part.layer.difference.reading() as path, audio.AudioReader(str(path)) as reader:
                for start, num_samples in spans(reader.info):
                    is_changed = np.any(reader.read(start, num_samples) != 0, axis=0)
                    found += _runs(is_changed, start)
    return found


def _runs(is_changed: np.ndarray[Any, np.dtype[np.bool_]], start: int) -> Iterator[Span]:
    edges = np.flatnonzero(np.diff(is_changed, prepend=False, append=False)) + start
    for first, last in edges.reshape(-1, 2).tolist():
        yield Span(first, last)


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """JSON has no infinity."""
    return {name: value if np.isfinite(value) else None for name, value in values.items()}
