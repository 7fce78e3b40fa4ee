"""``local``: one record after the other, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from morphsep.run.executors.step import Pool, Steps


def run(steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
    """Takes each record to the end of the pipeline before the next one is begun."""
    for record in records:
        yield from _through(steps, record)


def _through(steps: Steps, record: Any) -> Iterator[Any]:
    if not steps:
        yield record
        return
    for following in steps[0].call(record):
        yield from _through(steps[1:], following)
