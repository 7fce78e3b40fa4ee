"""From the parts of all sources to shards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

from morphsep import manifest
from morphsep.dataset.parts import Part, Parts
from morphsep.dataset.shards import DATA, Shard, WriteShards, Written, plan_shards
from morphsep.dataset.sources import SourceFacts
from morphsep.dataset.wanted import Running
from morphsep.errors import MorphsepError
from morphsep.request import Job
from morphsep.run import Step, get_executor
from morphsep.storage import Location


class ShardsLostError(MorphsepError, OSError):
    """Workers died over shards, or what they are made of was removed. The same command goes on."""


class Named(Protocol):
    """A shard, or something of one."""

    @property
    def name(self) -> str:
        """The shard's."""
        ...


class Done(NamedTuple):
    """A source that is done, and where its rows are."""

    content_hash: str
    split: str
    part: str


@dataclass(frozen=True, kw_only=True)
class Joined:
    """What came of the parts of all sources."""

    shards: Sequence[Written]
    incomplete: Sequence[Done]
    """Sources of which rows were left out; see `left_out`."""
    rejected: int
    """Rows that were left out."""
    without_guitar: int
    """Lengths of a clip in which no guitar plays."""


def done_sources(jobs: Sequence[Job], parts: Parts, out: Location) -> list[Done]:
    """The sources that are done, in an order that only their content decides."""
    columns = ["status", "stem_key", "content_hash"]
    known = manifest.read_known(out, columns, [job.track for job in jobs])
    rows = {row["track"]: row for row in known.to_pylist()}
    found = []
    for job in jobs:
        row = rows.get(job.track)
        if row is not None and row["status"] == "ok" and row["stem_key"] is not None:
            part, split = parts.name(job, row["stem_key"]), SourceFacts.of(job).split
            found.append(Done(row["content_hash"] or "", split, part))
    return sorted(found, key=lambda each: each.content_hash)


def has_lost_parts(done: Iterable[Done], parts: Parts) -> bool:
    """Whether there is nothing any more of a source that is done."""
    whole = parts.whole()
    return any(each.part not in whole for each in done)


def left_out(done: Iterable[Done], parts: Parts) -> Iterator[Mapping[str, Any]]:
    """The rows that were left out, source by source."""
    for _, part in _found(done, parts):
        yield from part.rejected


def _found(done: Iterable[Done], parts: Parts) -> Iterator[tuple[Done, Part]]:
    """Their notes, each read when it is asked for: those of all sources are too much.

    Raises:
        ShardsLostError: a part was removed.
    """
    whole = parts.whole()
    for each in done:
        part = parts.note(each.part) if each.part in whole else None
        if part is None:
            raise ShardsLostError("clips were removed while they were made; run the command again")
        yield each, part


def join(done: Sequence[Done], parts: Parts, out: Location, running: Running) -> Joined:
    """The shards of these sources, in the order of their names; others are removed.

    Raises:
        ShardsLostError: workers died over some, or a part was removed.
        StorageError: storage or disk are at fault.
    """
    rejected = without_guitar = 0
    incomplete: list[Done] = []

    def groups() -> Iterator[tuple[str, str, Sequence[tuple[int, int]]]]:
        nonlocal rejected, without_guitar
        for each, part in _found(done, parts):
            if part.rejected:
                incomplete.append(each)
            rejected += len(part.rejected)
            without_guitar += part.without_guitar
            yield each.split, each.part, part.groups

    shards = plan_shards(groups())
    _remove_others(out, shards)
    step = Step(name="shard", call=WriteShards(out=out, parts=parts))
    written: list[Written] = sorted(over_shards(step, shards, running), key=lambda each: each.name)
    return Joined(
        shards=written, incomplete=incomplete, rejected=rejected, without_guitar=without_guitar
    )


def _remove_others(out: Location, shards: Sequence[Shard]) -> None:
    """Removes shards of an earlier plan."""
    wanted = {shard.name for shard in shards}
    for place in (out / DATA).children():
        if f"{DATA}/{place.name}" not in wanted:
            place.remove()


def over_shards(step: Step, shards: Sequence[Named], running: Running) -> Iterator[Any]:
    """What a step gives back of each shard, once, in any order; each has the shard's name.

    Raises:
        ShardsLostError: workers died over some.
    """
    missing = {shard.name for shard in shards}
    pool = running.pool
    if running.executor == "local":
        pool = replace(pool, max_workers=1)  # copying is the disk's work
    for each in get_executor(running.executor)([step], list(shards), pool):
        if each.name in missing:
            missing.remove(each.name)
            yield each
    if missing:
        raise ShardsLostError(f"not written: {', '.join(sorted(missing))}; run the command again")
