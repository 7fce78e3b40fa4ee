"""A look at every source before any is rendered: its content, and what it sounds like."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from morphsep.dataset import fingerprints
from morphsep.dsp import Seconds
from morphsep.errors import ErrorCode, TrackError
from morphsep.request import Job
from morphsep.run import Pool, Step, get_executor, workers_for_durations
from morphsep.stages import Clip, RunContext, open_input, open_mix, own_stem_of, scan
from morphsep.storage import digest, digest_file, location

SPEED = 60.0
"""Seconds of a recording that a worker decodes, measures and fingerprints in one, about."""
KILLED = "workers died over it; look into it, or run the same command again"
USUAL: Seconds = 200.0
"""What a recording in an object store is taken for: asking would be a request."""
BYTES = 100_000
"""Of a second of a recording, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """What was found of one source."""

    track: str
    content_hash: str = ""
    words: bytes = b""
    """Its fingerprint, until it is taken out: those of many recordings are too much."""
    stem: str = ""
    """Digest of the user's own stem, where there is one."""
    fault: tuple[ErrorCode, str] | None = None
    """Why it cannot be read, if it cannot."""

    @property
    def fingerprint(self) -> fingerprints.Words:
        return np.frombuffer(self.words, "<u4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a worker does with a source."""

    context: RunContext

    def __call__(self, job: Job) -> list[Surveyed]:
        """One answer.

        Raises:
            StorageError: storage does not answer, or the disk is full.
        """
        try:
            return [self._found(job)]
        except TrackError as error:
            return [Surveyed(track=job.track, fault=(error.code, error.message))]
        finally:  # copies of all recordings at once would fill the disk
            shutil.rmtree(self.context.scratch(job.track), ignore_errors=True)

    def _found(self, job: Job) -> Surveyed:
        own_stem = own_stem_of(self.context, Clip(job=job))
        stem = digest_file(own_stem.path) if own_stem is not None else ""
        readable = open_input(self.context, Clip(job=job))
        workspace = self.context.workspace
        name = digest(
            "survey", fingerprints.VERSION, job.path, readable.stamp, job.settings.channels
        )
        note = workspace.root / "surveys" / f"{name[:32]}.json"
        if (kept := note.read_json()) is not None:
            return _kept(job, stem, kept)
        source = scan(readable, workspace)
        with open_mix(source, readable) as mix:
            words = fingerprints.fingerprint(mix.read, source.model_length)
        values = {
            "content_hash": source.content_hash,
            "words": words.astype("<u4").tobytes().hex(),
        }
        note.write_json(values)
        return _kept(job, stem, values)


def _kept(job: Job, stem: str, values: dict[str, Any]) -> Surveyed:
    return Surveyed(
        track=job.track, stem=stem, content_hash=values["content_hash"],
        words=bytes.fromhex(values["words"]),
    )  # fmt: skip


def _about(job: Job) -> Seconds:
    """How long a recording is, told from the size of its file."""
    place = location(job.path)
    try:
        return place.size() / BYTES if place.is_local else USUAL
    except OSError:  # the survey says why
        return 0.0


def survey(
    jobs: Sequence[Job], context: RunContext, executor: str, pool: Pool
) -> Iterator[Surveyed]:
    """Looks at all sources that are not refused, in any order.

    Raises:
        StorageError: storage does not answer, or the disk is full.
    """
    missing = {job.track: job for job in jobs if job.refusal is None}
    if executor == "local":
        seconds = [_about(job) for job in missing.values()]
        pool = replace(pool, max_workers=workers_for_durations(seconds, SPEED, pool))
    steps = [Step(name="survey", call=Survey(context=context))]
    for each in get_executor(executor)(steps, list(missing.values()), pool):
        if missing.pop(each.track, None) is not None:
            yield each
    for track in missing:
        yield Surveyed(track=track, fault=("worker_killed", KILLED))
