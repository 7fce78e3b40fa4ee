"""What holds for a content, whatever its copies are called and whoever is said to play them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from morphsep.dataset.sources import SourceFacts, refusal, strictness
from morphsep.dataset.surveying import Surveyed
from morphsep.errors import ErrorCode
from morphsep.request import Job


def same_content(jobs: Sequence[Job], surveyed: Mapping[str, Surveyed]) -> dict[str, list[Job]]:
    """For each recording those that hold the same bytes, itself among them."""
    copies = defaultdict[str, list[Job]](list)
    for job in jobs:
        seen = surveyed.get(job.track)
        known = seen is not None and seen.fault is None and seen.content_hash
        copies[f"content {known}" if known else f"recording {job.track}"].append(job)
    return {job.track: same for same in copies.values() for job in same}


def whose_content(same: Sequence[Job]) -> list[str]:
    """What must not lie in two splits: the artists and songs of all copies."""
    return sorted({name for job in same for name in SourceFacts.of(job).whose()})


def licensed(job: Job, same: Sequence[Job], *, commercial_only: bool) -> Job:
    """A job under the strictest licence that any copy has, refused if that forbids its use.

    Args:
        same: the copies, the job among them.
    """
    if job.refusal is not None:
        return job
    facts = {each.track: SourceFacts.of(each) for each in same}
    own = facts[job.track]
    who = max(facts, key=lambda name: (strictness(facts[name].licence), name == job.track))
    strictest = facts[who]
    if (why := refusal(strictest.licence, commercial_only=commercial_only)) is not None:
        code, text = why
        return refused(job, why if who == job.track else (code, f"of its copy {who}: {text}"))
    if who == job.track:
        return job
    return replace(
        own, licence=strictest.licence, source_url=strictest.source_url,
        attribution=strictest.attribution,
    ).beside(job)  # fmt: skip


def refused(job: Job, why: tuple[ErrorCode, str]) -> Job:
    """A job that is left out."""
    return replace(job, refusal=why, refused_as="skipped")
