"""How a run is doing, from its output folder alone: from any shell, on any machine that sees it.

The driver leaves a few lines about itself (`Heartbeat`); all else is read from the manifest's parts
and from the notes of what is being tried, which the workers write.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from morphsep import manifest
from morphsep.clip import Outcome
from morphsep.errors import SettingError
from morphsep.signal import Seconds
from morphsep.storage import Location, location
from morphsep.work import Work
from morphsep.workspace import Workspace

BEAT: Seconds = 10.0
"""Between two signs of life of the driver."""
SILENCE: Seconds = 60.0
"""Without a sign of life for this long, a run counts as dead."""
RECENT: Seconds = 600.0
"""The rate, and the time left, go by the tracks of this long."""


class Heartbeat:
    """What the driver says of its run."""

    def __init__(self, work: Work, total: int, executor: str) -> None:
        self._place = work.workspace.progress
        self._said: dict[str, Any] = {
            "run": work.run, "task": work.task, "executor": executor, "total": total,
            "driver": f"{socket.gethostname()}:{os.getpid()}", "started_ns": time.time_ns(),
            "work": work.workspace.elsewhere,
            "unchanged": 0, "ended": False,
        }  # fmt: skip

    def heard(self, outcome: Outcome) -> None:
        """Counts a track for which nothing had to be done: it leaves no row of this run."""
        self._said["unchanged"] += not outcome.fresh

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Gives signs of life for as long as this lasts, and says when it ends in order."""
        stop = threading.Event()
        thread = threading.Thread(target=self._beat, args=(stop,), daemon=True)
        self._write()
        thread.start()
        try:
            yield
            self._said["ended"] = True
        finally:
            stop.set()
            thread.join()
            self._write()

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(BEAT):
            self._write()

    def _write(self) -> None:
        self._place.write_json(self._said | {"updated_ns": time.time_ns()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a run is doing."""

    state: str
    """running, ended, or silent: it was killed, or cannot reach the storage."""
    task: str
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
    per_hour: float
    """Tracks finished an hour, over the last ten minutes."""
    remaining: Seconds | None
    """Estimated; None if it cannot be told yet."""
    failures: list[dict[str, Any]] = field(default_factory=list)
    """The commonest error codes of this run: code, count, one of the tracks and its message."""

    def lines(self) -> list[str]:
        """For people."""
        stages = ", ".join(f"{stage} {count}" for stage, count in sorted(self.stages.items()))
        left = "" if self.remaining is None else f", about {_time(self.remaining)} left"
        lines = [
            f"{self.task} on {self.executor}: {self.state}, {_time(self.elapsed)} since the start",
            f"tracks    {self.total}: {self.done} done, {self.unchanged} done before, "
            f"{self.skipped} skipped, {self.failed} failed, {self.running} running, "
            f"{self.to_do} to do",
            f"rate      {self.per_hour:.1f} tracks an hour{left}",
            f"workers   {self.workers}" + (f" ({stages})" if stages else ""),
        ]
        return lines + [
            f"failed    {f['count']} x {f['code']}, such as {f['track']}: {f['message']}"
            for f in self.failures
        ]


def read_status(out: str | Location, now_ns: int | None = None) -> Status:
    """The status of the last run in an output folder.

    Args:
        now_ns: what time it is, ns since 1970; None: now.

    Raises:
        SettingError: no run has begun there.
    """
    run = Workspace(location(out)).progress.read_json()
    if run is None:
        raise SettingError(f"no run has begun in {out}; name the folder that was given as --out")
    workspace = Workspace(location(out), run.get("work", ""))
    silence = ((now_ns or time.time_ns()) - run["updated_ns"]) / 1e9
    state = "ended" if run["ended"] else "silent" if silence > SILENCE else "running"
    # what no longer runs is as old as its last sign of life; clocks may differ: never below zero
    end_ns = max(run["updated_ns"], (now_ns or time.time_ns()) if state == "running" else 0)
    rows = _rows_since(workspace.out, run["started_ns"])
    counts = Counter(row["status"] for row in rows)
    notes = list(_notes(workspace)) if state == "running" else []
    running = len({note["track"] for note in notes})
    left = max(run["total"] - run["unchanged"] - len(rows), 0)
    elapsed = (end_ns - run["started_ns"]) / 1e9
    per_hour = _rate(rows, end_ns, elapsed)
    return Status(
        state=state, task=run["task"], executor=run["executor"], total=run["total"],
        done=counts["ok"], unchanged=run["unchanged"], skipped=counts["skipped"],
        failed=counts["failed"], running=running, to_do=max(left - running, 0),
        workers=len({note["worker"] for note in notes}),
        stages=dict(Counter(note["stage"] for note in notes)),
        elapsed=elapsed, per_hour=per_hour,
        remaining=left / per_hour * 3600 if per_hour and state == "running" else None,
        failures=_failures(rows),
    )  # fmt: skip


def _rows_since(out: Location, started_ns: int) -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    columns = ("track", "status", "error_code", "message", "finished_ns")
    table = manifest.read_known(out, columns)
    recent = table.filter(pc.greater_equal(table["finished_ns"], started_ns))
    rows: list[dict[str, Any]] = recent.to_pylist()
    return rows


def _notes(workspace: Workspace) -> Iterator[dict[str, Any]]:
    """What workers have in hand, by the notes that `morphsep.attempts` makes."""
    for place in (workspace.root / "tries").walk():
        note = place.read_json() if place.name.endswith(".json") else None
        if note is not None:  # else it was finished in between
            yield note


def _rate(rows: list[dict[str, Any]], now_ns: int, elapsed: Seconds) -> float:
    """Tracks an hour of late, or of all the time if that is shorter."""
    window = min(RECENT, elapsed)
    recent = sum(row["finished_ns"] >= now_ns - window * 1e9 for row in rows)
    return recent / window * 3600 if window > 0 else 0.0


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


def _time(seconds: Seconds) -> str:
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02} h" if hours else f"{minutes}:{left:02} min"
