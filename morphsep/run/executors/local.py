"""``local``: on this machine, in this process or in several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from morphsep.run.executors.machine import num_cores
from morphsep.run.executors.step import Pool, Results, Steps
from morphsep.storage import ended_by_sigterm


def run(steps: Steps, records: Sequence[Any], pool: Pool) -> Results:
    """With one worker, this process takes each record to the end of the pipeline before the next
    one is begun. With more they are processes, between which the cores are divided.

    Raises:
        Exception: what a step raised, as it was.
    """
    workers = pool.max_workers or 1
    if workers > 1 and records:
        yield from _in_processes(steps, records, pool, workers)
        return
    for record in records:
        yield from _through(steps, record)


def _in_processes(steps: Steps, records: Sequence[Any], pool: Pool, workers: int) -> Results:
    from morphsep.run.executors.dispatch import dispatch
    from morphsep.run.executors.processes import ThisMachine

    pool = replace(pool, min_workers=min(workers, len(records)))
    with ended_by_sigterm():
        place = ThisMachine(steps, threads=max(1, num_cores() // workers))
        yield from dispatch(steps, records, pool, place)


def _through(steps: Steps, record: Any) -> Iterator[Any]:
    if not steps:
        yield record
        return
    for following in steps[0].call(record):
        yield from _through(steps[1:], following)
