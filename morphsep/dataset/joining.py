"""From the parts of all sources to shards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from morphsep import manifest
from morphsep.dataset.parts import Part, Parts
from morphsep.dataset.shards import DATA, Group, Shard, WriteShards, Written, plan_shards
from morphsep.dataset.sources import SourceFacts
from morphsep.dataset.wanted import Running
from morphsep.errors import MorphsepError
from morphsep.manifest import TrackRow
from morphsep.request import Job
from morphsep.run import Step, get_executor
from morphsep.storage import Location


class ShardsLostError(MorphsepError, OSError):
    """Workers died over shards. The same command goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is of a source."""

    job: Job
    content_hash: str
    name: str
    """Of its part."""
    part: Part


def found_parts(jobs: Sequence[Job], parts: Parts, out: Location) -> list[Found]:
    """What there is of each source, in an order that only their content decides."""
    found = []
    for job, row in _done(jobs, out):
        name = parts.name(job, row.stem_key or "")
        if (part := parts.find(name)) is not None:
            content = row.content_hash or ""
            found.append(Found(job=job, content_hash=content, name=name, part=part))
    return sorted(found, key=lambda each: each.content_hash)


def has_lost_parts(jobs: Sequence[Job], parts: Parts, out: Location) -> bool:
    """Whether there is nothing any more of a source that is done."""
    names = (parts.name(job, row.stem_key or "") for job, row in _done(jobs, out))
    return any(parts.find(name) is None for name in names)


def _done(jobs: Sequence[Job], out: Location) -> Iterator[tuple[Job, TrackRow]]:
    """The sources that are done, with their rows."""
    rows = {row.track: row for row in manifest.read_tracks(out, [job.track for job in jobs])}
    for job in jobs:
        row = rows.get(job.track)
        if row is not None and row.status == "ok" and row.stem_key is not None:
            yield job, row


def join(found: Sequence[Found], parts: Parts, out: Location, running: Running) -> list[Written]:
    """The shards of these sources, in the order of their names; others are removed.

    Raises:
        ShardsLostError: workers died over some.
        StorageError: storage or disk are at fault.
    """
    shards = plan_shards(_by_split(found))
    _remove_others(out, shards)
    work = WriteShards(out=out, parts=parts)
    return sorted(_written(shards, work, running), key=lambda shard: shard.name)


def _by_split(found: Sequence[Found]) -> dict[str, list[Group]]:
    splits = defaultdict[str, list[Group]](list)
    for each in found:
        groups = [(each.name, n, rows, size) for n, (rows, size) in enumerate(each.part.groups)]
        splits[SourceFacts.of(each.job).split] += groups
    return dict(sorted(splits.items()))


def _remove_others(out: Location, shards: Sequence[Shard]) -> None:
    """Removes shards of an earlier plan."""
    wanted = {shard.name for shard in shards}
    for place in (out / DATA).children():
        if f"{DATA}/{place.name}" not in wanted:
            place.remove()


def _written(shards: Sequence[Shard], work: WriteShards, running: Running) -> Iterator[Written]:
    """
    Raises:
        ShardsLostError: workers died over some.
    """
    missing = {shard.name for shard in shards}
    steps = [Step(name="shard", call=work)]
    pool = running.pool
    if running.executor == "local":
        pool = replace(pool, max_workers=1)  # copying is the disk's work
    for each in get_executor(running.executor)(steps, list(shards), pool):
        if each.name in missing:
            missing.remove(each.name)
            yield each
    if missing:
        raise ShardsLostError(f"not written: {', '.join(sorted(missing))}; run the command again")
