"""What a run does with every track: the same for all its workers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from morphsep.dsp import Seconds
from morphsep.morphing import Recipe, build
from morphsep.request import Command, Settings
from morphsep.stages.clip import Clip, Event, OnProgress, StageName
from morphsep.stages.workspace import Workspace


def ignore_progress(event: Event) -> None:
    """Takes no notice of progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """Picklable, so that it travels to workers; progress is told on the driver's machine only."""

    out: str
    """The output folder: a path, or a URI."""
    work: str = ""
    """The folder around the work directory, if it is another."""
    command: Command
    id: str
    """Names this run, as no other."""
    force: bool = False
    timeout: Seconds = 0.0
    """How long a stage may take over a section before its worker is killed; 0: for ever."""
    with_weights: frozenset[str] = frozenset()
    """Names of the stages that load weights, and so are faster on a GPU."""
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Files that settings name, where workers find them (`morphsep.request.packed_files.pack`)."""
    on_progress: OnProgress = field(default=ignore_progress, repr=False)

    @property
    def workspace(self) -> Workspace:
        """Where all workers find what the others made."""
        return Workspace(self.out, self.work)

    def scratch(self, track: str) -> Path:
        """A folder on this machine for copies of a track's input."""
        return self.workspace.scratch(self.id, track)

    def recipe(self, settings: Settings) -> Recipe:
        """The recipe of a job's settings, with the files of this run."""
        if not self.files:
            return build(settings)
        from morphsep.request import unpack

        return build(settings, unpack(settings, self.files, self.workspace.files))

    def reporter(self, clip: Clip, stage: StageName, done: int = 0) -> Callable[[int], None]:
        """Takes up to which sample of the track a stage has come, and tells whoever watches."""
        total, reached = clip.source.model_length, done

        def reach(sample: int) -> None:
            nonlocal reached
            reached = min(max(sample, reached), total)
            self.on_progress(Event(clip.job.track, stage, reached, total))

        reach(done)
        return reach

    def count_retries(self, track: str, number: int = 1) -> None:
        """Notes that something was tried again for a track."""
        name = f"again-{number}-{secrets.token_hex(8)}"
        (self.workspace.attempt_notes(track) / name).write_bytes(b"")

    def retries(self, track: str) -> int:
        """How many of these notes there are, all workers together."""
        names = [place.name.split("-") for place in self.workspace.attempt_notes(track).children()]
        return sum(int(parts[1]) for parts in names if parts[0] == "again")
