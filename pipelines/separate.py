"""Separate: guitar and backing as files of their own.

track -> sections -> stem -> measured -> guitar and backing
"""

from __future__ import annotations

from morphsep import stages
from morphsep.attempts import on_workers, task
from morphsep.executors import Pipeline
from morphsep.work import Work


def separate(work: Work) -> Pipeline:
    """The steps of ``morphsep separate``."""
    return (
        task(stages.prepare, work),
        on_workers(stages.separate, work),
        task(stages.measure, work),
        task(stages.assemble_parts, work),
    )
