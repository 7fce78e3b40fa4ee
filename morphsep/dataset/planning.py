"""What a data set would be and cost, as far as headers tell: nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from morphsep import run
from morphsep.dataset.recipe import DataRecipe
from morphsep.request import Job
from morphsep.run import Pool

SPEED = 100.0
"""Seconds of wet that a core of the machine of docs/reference/benchmarks.md renders, measures and
encodes in one: chains, mono."""
FLAC = 0.55
"""Bytes of a FLAC beside those of its samples, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPlan:
    """What would be made; at most, where guitars rest."""

    sources: int
    readable: int
    clips: int
    rows: int
    hours: float
    """Of wet."""
    gigabytes: float
    hours_of_work: float
    """On one core, separating included."""
    hours_here: float | None
    """With the workers that this machine would use; None: a cluster decides."""
    problems: list[str]

    def lines(self) -> list[str]:
        """For people."""
        here = "" if self.hours_here is None else f", {_time(self.hours_here)} on this machine"
        return [
            *(f"problem   {text}" for text in self.problems),
            f"sources   {self.sources} ({self.readable} readable)",
            f"rows      at most {self.rows}, of {self.clips} clips, {self.hours:.2f} h of wet",
            f"disk      about {self.gigabytes:.2f} GB, twice that until it is finished",
            f"time      about {_time(self.hours_of_work)} of work{here}",
        ]


def plan(
    jobs: Sequence[Job], out: str, recipe: DataRecipe, *, pool: Pool, on_cluster: bool
) -> DataPlan:
    """Adds up what the sources would give and cost.

    Raises:
        SettingError: settings that cannot work.
    """
    found = run.plan(jobs, out, "generate", pool=pool, on_cluster=on_cluster)
    clips = sum(_clips(seconds, recipe) for seconds in found.durations)
    rows = clips * recipe.rows_per_clip
    seconds = rows * recipe.seconds
    rendering = seconds * recipe.channels / SPEED / 3600
    share = 1.0
    if found.hours_here is not None and found.hours_of_work:
        share = found.hours_here / found.hours_of_work
    of_clip = recipe.seconds * recipe.rate * recipe.channels * recipe.bits / 8 * FLAC
    sounds = rows * (2 if recipe.backing else 1) + clips * (2 if recipe.backing else 1)
    return DataPlan(
        sources=found.files, readable=found.readable, clips=clips, rows=rows,
        hours=seconds / 3600, gigabytes=sounds * of_clip / 1e9,
        hours_of_work=found.hours_of_work + rendering,
        hours_here=None if on_cluster else (found.hours_of_work + rendering) * share,
        problems=found.problems,
    )  # fmt: skip


def _clips(seconds: float, recipe: DataRecipe) -> int:
    most = int(seconds / recipe.seconds)
    return most if recipe.clips_per_song is None else min(most, recipe.clips_per_song)


def _time(hours: float) -> str:
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:.1f} h"
