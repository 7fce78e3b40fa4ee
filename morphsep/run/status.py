"""How a run is doing, from its output folder alone: from any shell, on any machine that sees it.

The driver leaves a few lines about itself (`morphsep.run.heartbeat`); all else is read from the
manifest's parts and from the notes of what is being tried, which the workers write. Clocks may
differ: what is counted does not depend on them, and no run is called dead by them alone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from morphsep import manifest
from morphsep.dsp import Seconds
from morphsep.errors import SettingError
from morphsep.run.heartbeat import RECENT
from morphsep.stages import Workspace
from morphsep.storage import Location, location

SILENCE: Seconds = 8.0
"""A last sign of life that is older than this, or as far ahead, is a reason to listen."""
LISTEN: Seconds = 12.0
"""A run that gives no sign while it is listened to for this long counts as dead."""
NEEDED = {"task", "executor", "total", "unchanged", "ended", "started_ns", "updated_ns"}
"""What has to be known of a run."""


State = Literal["running", "interrupted", "lost", "finished"]
"""Interrupted: it was stopped, and has said so. Lost: it says nothing more; it was killed, or does
not reach the storage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a run is doing."""

    state: State
    stopped: str | None
    """Why, if it was interrupted."""
    command: str
    executor: str
    total: int
    """Tracks of the run."""
    done: int
    """Finished by this run."""
    unchanged: int
    """Done before: nothing had to be done for them."""
    skipped: int
    failed: int
    running: int
    """Tracks that a worker has in hand."""
    to_do: int
    workers: int
    """Workers that have something in hand."""
    stages: dict[str, int]
    """How many sections are in each stage."""
    elapsed: Seconds
    """From the start of the run to its last sign of life."""
    per_hour: float
    """Tracks finished an hour, over the last ten minutes."""
    remaining: Seconds | None
    """Estimated; None if it cannot be told yet."""
    failures: list[dict[str, Any]] = field(default_factory=list)
    """The commonest error codes of this run: code, count, one of the tracks and its message."""
    warnings: list[dict[str, Any]] = field(default_factory=list)
    """The last ones, the workers' too: ``at_ns`` on the driver's clock, and ``text``."""

    def lines(self) -> list[str]:
        """For people."""
        stages = ", ".join(f"{stage} {count}" for stage, count in sorted(self.stages.items()))
        left = "" if self.remaining is None else f", about {_time(self.remaining)} left"
        lines = [
            f"{self.command} on {self.executor}: {self.state}, "
            f"{_time(self.elapsed)} since the start"
            + (f" ({self.stopped})" if self.stopped else ""),
            f"tracks    {self.total}: {self.done} done, {self.unchanged} done before, "
            f"{self.skipped} skipped, {self.failed} failed, {self.running} running, "
            f"{self.to_do} to do",
            f"rate      {self.per_hour:.1f} tracks an hour{left}",
            f"workers   {self.workers}" + (f" ({stages})" if stages else ""),
        ]
        lines += [
            f"failed    {f['count']} x {f['code']}, such as {f['track']}: {f['message']}"
            for f in self.failures
        ]
        return lines + [f"warning   {_hour(w['at_ns'])} {w['text']}" for w in self.warnings]


def read_status(out: str | Location, now_ns: int | None = None) -> Status:
    """The status of the last run in an output folder. It takes `LISTEN` seconds to answer where it
    cannot tell at once whether the run is alive.

    Args:
        now_ns: what time it is, ns since 1970; None: now.

    Raises:
        SettingError: no run has begun there.
    """
    run, state = _last_run(location(out), now_ns or time.time_ns())
    workspace = Workspace(location(out), run.get("work", ""))
    rows = _rows_after(workspace.out, run.get("after_ns", run["started_ns"]))
    counts = Counter(row["status"] for row in rows)
    notes = list(_notes(workspace)) if state == "running" else []
    running = len({note["track"] for note in notes})
    left = max(run["total"] - run["unchanged"] - len(rows), 0)
    elapsed = (run["updated_ns"] - run["started_ns"]) / 1e9
    window = min(RECENT, elapsed)
    per_hour = run.get("recent", 0) / window * 3600 if window > 0 else 0.0
    return Status(
        state=state, stopped=run.get("stopped"), command=run["task"], executor=run["executor"],
        total=run["total"],
        done=counts["ok"], unchanged=run["unchanged"], skipped=counts["skipped"],
        failed=counts["failed"], running=running, to_do=max(left - running, 0),
        workers=len({note["worker"] for note in notes}),
        stages=dict(Counter(note["stage"] for note in notes)),
        elapsed=elapsed, per_hour=per_hour,
        remaining=left / per_hour * 3600 if per_hour and state == "running" else None,
        failures=_failures(rows), warnings=run.get("warnings", []),
    )  # fmt: skip


def _last_run(out: Location, now_ns: int) -> tuple[dict[str, Any], State]:
    """What the last run has said about itself, and its state."""
    progress = Workspace(out).progress
    run = progress.read_json()
    if run is None:
        raise SettingError(f"no run has begun in {out}; name the folder that was given as --out")
    if NEEDED - run.keys():
        raise SettingError(
            f"the last run in {out} was that of another version of morphsep, which this one cannot "
            "read; ask that version, or run the same command again"
        )
    if run["ended"]:
        return run, _how_it_ended(run)
    if abs(now_ns - run["updated_ns"]) <= SILENCE * 1e9:
        return run, "running"
    # silent, or on a machine whose clock says something else
    later = _next_sign(progress, run)
    if later is None:
        return run, "lost"
    return later, _how_it_ended(later) if later["ended"] else "running"


def _how_it_ended(run: dict[str, Any]) -> State:
    return "interrupted" if run.get("stopped") else "finished"


def may_be_at_work(out: Location) -> bool:
    """Whether the last run in an output folder has not said that it has ended: it is at work, or
    it was killed."""
    return (Workspace(out).progress.read_json() or {}).get("ended") is False


def is_at_work(out: Location) -> bool:
    """Whether a run is at work in an output folder. Takes up to `LISTEN` seconds to answer where
    the last one has not said that it has ended."""
    progress = Workspace(out).progress
    said = progress.read_json() or {}
    if said.get("ended") is not False:
        return False
    later = _next_sign(progress, said)
    return later is not None and not later.get("ended")


def _next_sign(progress: Location, last: dict[str, Any]) -> dict[str, Any] | None:
    """What the driver says next; None if it says nothing more."""
    until = time.monotonic() + LISTEN
    while time.monotonic() < until:
        time.sleep(LISTEN / 15)
        said: dict[str, Any] | None = progress.read_json()
        if said is not None and said != last:
            return said
    return None


def _rows_after(out: Location, after_ns: int) -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    table = manifest.read_known(out, ("track", "status", "error_code", "message"))
    recent = table.filter(pc.greater(table["finished_ns"], after_ns))
    rows: list[dict[str, Any]] = recent.to_pylist()
    return rows


def _notes(workspace: Workspace) -> Iterator[dict[str, Any]]:
    """What workers have in hand, by the notes that `morphsep.run.retries` makes."""
    for place in (workspace.root / "tries").walk():
        note = place.read_json() if place.name.endswith(".json") else None
        # None: it was finished in between
        if note is not None and {"track", "stage", "worker"} <= note.keys():
            yield note


def _failures(rows: list[dict[str, Any]], most: int = 5) -> list[dict[str, Any]]:
    failed = [row for row in rows if row["status"] == "failed"]
    example = {row["error_code"]: row for row in failed}
    return [
        {
            "code": code, "count": count,
            "track": example[code]["track"], "message": example[code]["message"],
        }
        for code, count in Counter(row["error_code"] for row in failed).most_common(most)
    ]  # fmt: skip


def _hour(at_ns: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at_ns / 1e9))


def _time(seconds: Seconds) -> str:
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02} h" if hours else f"{minutes}:{left:02} min"
