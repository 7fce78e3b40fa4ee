"""``local``: one record after the other, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from morphsep.executors import Pipeline, Pool


def run(pipeline: Pipeline, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
    """Takes each record to the end of the pipeline before the next one is begun."""
    for record in records:
        yield from _through(pipeline, record)


def _through(pipeline: Pipeline, record: Any) -> Iterator[Any]:
    if not pipeline:
        yield record
        return
    for following in pipeline[0].call(record):
        yield from _through(pipeline[1:], following)
