"""``ray``: jobs as rows of a Ray Data pipeline; an actor pool does them, audio stays on storage."""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Iterator, Sequence
from typing import Any

import ray
from ray.data import ActorPoolStrategy, DataContext

from morphsep.executors import Work
from morphsep.inputs import Job
from morphsep.stages import OnProgress, Outcome


class _Worker:
    """Lives in an actor: recipes, and with them weights, are built once for all its jobs."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        job: Job = pickle.loads(row["job"])
        return {"outcome": pickle.dumps(self._work(job, lambda event: None))}


def run(work: Work, jobs: Sequence[Job], on_progress: OnProgress) -> Iterator[Outcome]:
    """Yields outcomes as workers finish them. Progress within a track stays with its worker.

    One actor a GPU where there are any, else one for every two CPUs.
    """
    # under `uv run`, Ray would rebuild the workers' environment and lose extras
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    started = not ray.is_initialized()
    if started:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
    try:
        DataContext.get_current().enable_progress_bars = False
        gpus = int(ray.cluster_resources().get("GPU", 0))
        cpus = int(ray.cluster_resources().get("CPU", 1))
        size = min(max(1, gpus or cpus // 2), len(jobs))
        worker: Any = _Worker  # Ray's hints know functions, not yet classes that become actors
        rows = ray.data.from_items([{"job": pickle.dumps(job)} for job in jobs])
        done = rows.repartition(len(jobs)).map(
            worker,
            fn_constructor_args=(work,),
            compute=ActorPoolStrategy(size=size),
            num_gpus=1 if gpus else 0,
        )
        for row in done.iter_rows():
            yield pickle.loads(row["outcome"])
    finally:
        if started:
            ray.shutdown()
