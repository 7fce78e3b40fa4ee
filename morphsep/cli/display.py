"""A run as people see it: live progress with an ETA, and one table at the end (rich)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from statistics import median
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TaskID
from rich.table import Table

from morphsep.cli.bars import bars, timed
from morphsep.cli.streams import shown
from morphsep.request import Job
from morphsep.run import Fate, Summary, TrackResult
from morphsep.stages import Event, Outcome

SHARE = {
    "separate": (0.0, 0.8),
    "morph": (0.8, 0.95),
    "assemble": (0.95, 1.0),
}
"""Which part of a track's bar a stage takes: roughly its share of the time with demucs."""
RESTORE_SHARE = {
    "repair": (0.0, 0.6),
    "separate": (0.6, 0.9),
    "morph": (0.9, 0.95),
    "assemble": (0.95, 1.0),
}
"""The same of a restoration."""


FATES: tuple[Fate, ...] = ("done", "skipped", "failed")


class Watch:
    """Turns events into bars: one for the run, one for each track at work."""

    def __init__(
        self, bars: Progress, num_jobs: int, share: Mapping[str, tuple[float, float]] = SHARE
    ) -> None:
        self._bars, self._share = bars, share
        self._whole = bars.add_task("tracks", total=num_jobs)
        self._tracks: dict[str, TaskID] = {}
        self._finished = 0
        self._parts: dict[str, float] = {}

    def event(self, event: Event) -> None:
        """A stage has come further."""
        if event.track not in self._tracks:
            self._tracks[event.track] = self._bars.add_task("", total=1.0)
        low, high = self._share[event.stage]
        part = low + (high - low) * event.done / max(event.total, 1)
        self._parts[event.track] = part
        label = f"{event.stage:8} {escape(shown(_short(event.track)))}"
        self._bars.update(self._tracks[event.track], completed=part, description=label)
        self._update()

    def outcome(self, outcome: Outcome) -> None:
        """A track is done, one way or the other."""
        bar = self._tracks.pop(outcome.row.track, None)
        if bar is not None:
            self._bars.remove_task(bar)
        self._parts.pop(outcome.row.track, None)
        self._finished += 1
        self._update()

    def _update(self) -> None:
        self._bars.update(self._whole, completed=self._finished + sum(self._parts.values()))


@contextmanager
def progress(jobs: Sequence[Job], quiet: bool) -> Iterator[Watch]:
    """A live display on stderr for as long as the context lasts; nothing if `quiet` or no
    terminal is there to show it."""
    with bars(quiet, *timed()) as shown_bars:
        restores = any(job.settings.restoration for job in jobs[:1])
        yield Watch(shown_bars, len(jobs), RESTORE_SHARE if restores else SHARE)


def say_separators(jobs: Sequence[Job]) -> None:
    """One line for each separator that was chosen automatically: which, and why."""
    console = Console(stderr=True)
    for reason in dict.fromkeys(job.separator_reason for job in jobs):
        if reason != "asked for":
            console.print(shown(f"separator {reason}"), highlight=False, markup=False)


def closing_table(summary: Summary, out: str, unread: str = "") -> None:
    """Done, skipped, failed, with reasons; where everything is; what of a kind was not read."""
    console = Console()
    console.print(_table(summary))
    lines = [f"results and manifest: {out}"]
    if len(done := summary.which("done")) == 1:
        (only,) = done.values()
        if only.output is not None:  # recordings of a data set have none of their own
            lines.insert(0, f"result: {out.rstrip('/')}/{only.output}")
    if lacking := summary.num_lacking_tags:
        lines.append(f"tags left out in {lacking} tracks: morphsep manifest show {out}")
    if unread:
        lines.append(unread)
    if summary.stopped:
        lines.append(summary.stopped)
    if summary.which("failed"):
        lines.append(f"why, in full: morphsep manifest failed {out}")
    for line in lines:
        console.print(shown(line), highlight=False, soft_wrap=True, markup=False)


def _table(summary: Summary) -> Table:
    reasons: dict[Fate, list[str]] = {
        fate: _reasons(summary.which(fate)) for fate in FATES if fate != "done"
    }
    columns = {
        "stem quality": {fate: _qualities(summary.which(fate)) for fate in FATES},
        "why": {fate: escape("\n".join(lines)) for fate, lines in reasons.items()},
    }
    columns = {name: cells for name, cells in columns.items() if any(cells.values())}
    table = Table("tracks", "number", *columns)
    for fate in FATES:
        cells = [column.get(fate, "") for column in columns.values()]
        table.add_row(fate, str(len(summary.which(fate))), *cells)
    return table


def _qualities(tracks: Mapping[str, TrackResult]) -> str:
    """The median and the range of the estimated stems' qualities."""
    known = [result.stem_quality for result in tracks.values() if result.stem_quality is not None]
    if not known:
        return ""
    return f"{median(known):.2f}" + (
        f" ({min(known):.2f} to {max(known):.2f})" if known[1:] else ""
    )


def _reasons(tracks: Mapping[str, TrackResult], most: int = 12) -> list[str]:
    lines = [
        shown(_reason(track, result.message or "done before"))
        for track, result in itertools.islice(tracks.items(), most)
    ]
    return lines + ([f"... and {len(tracks) - most} more"] if len(tracks) > most else [])


def _reason(track: str, message: str) -> str:
    """A track and what is said of it; its name once, where the sentence begins with it."""
    name = track.rpartition("/")[2]
    if message.startswith(f"{name} "):
        return f"{_short(track)}{message.removeprefix(name)}"
    return f"{_short(track)}: {message}"


def _short(name: str, most: int = 48) -> str:
    return name if len(name) <= most else f"{name[:20]}...{name[-(most - 23) :]}"


def as_json(summary: Summary) -> dict[str, Any]:
    """The run for a machine: counts, and every row."""
    return {
        **{fate: len(summary.which(fate)) for fate in FATES},
        "stopped": summary.stopped,
        "exit_code": summary.exit_code,
        "tracks": [asdict(o.row) | {"fresh": o.fresh} for o in summary.outcomes],
    }
