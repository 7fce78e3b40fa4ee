"""Reprocess: the guitar of a finished recording changes its tone, all else stays as it is.

track -> sections -> stem -> what holds for all of it -> changed sections -> finished track
"""

from __future__ import annotations

from morphsep import stages
from morphsep.attempts import on_workers, task
from morphsep.executors import Pipeline
from morphsep.work import Work


def reprocess(work: Work) -> Pipeline:
    """The steps of ``morphsep morph``."""
    return (
        task(stages.prepare, work),
        on_workers(stages.separate, work),
        task(stages.measure, work),
        on_workers(stages.morph, work),
        task(stages.assemble, work),
    )
