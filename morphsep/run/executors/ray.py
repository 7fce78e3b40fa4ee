"""``ray``: the steps as a Ray Data pipeline. Records travel through Ray, audio through storage.

Every step streams: a record goes on as soon as it is done, whatever others do, and each is a block
of its own, so that the sections of one long track spread over all workers. Steps that load weights
are pools of actors, which load them once; the others are tasks, which need no workers of their own.
Ray restarts workers that die and gives their records to others (`morphsep.run.retries` counts).
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset, TaskPoolStrategy
from ray.data._internal.execution import backpressure_policy as pressure
from ray.data._internal.execution.operators import map_operator
from ray.exceptions import RayTaskError

from morphsep.errors import SettingError
from morphsep.run.executors.run_ahead import RunAhead
from morphsep.run.executors.step import Pool, Step, Steps
from morphsep.run.malloc import keep_freed_memory

log = logging.getLogger("morphsep")

RECORDS_PER_BLOCK = 16
"""Records that one task of the first step takes: they are spread by it."""


class _StepError(Exception):
    """Holds what a step raised, pickled: Ray writes words of its own into what passes through."""


class _Worker:
    """A step in a task, or in an actor, which keeps what it builds for one record (weights, above
    all) for all."""

    def __init__(self, step: Step, hides_gpus: bool) -> None:
        self._step = step
        self._hides_gpus = hides_gpus

    def __call__(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        if self._hides_gpus:
            # Ray leaves them visible to whom it gave none, and then nobody counts who uses them
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        keep_freed_memory()
        try:
            following = self._step.call(pickle.loads(row["record"]))
        except Exception as error:
            raise _StepError(pickle.dumps(error)) from error
        return [{"record": pickle.dumps(record)} for record in following]


def run(steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
    """Yields records as they come out at the end.

    Raises:
        SettingError: there is no cluster at the address.
        Exception: what a step raised, as it was.
    """
    if not records:
        return
    with _cluster(pool):
        blocks = -(-len(records) // RECORDS_PER_BLOCK)
        rows: Dataset = ray.data.from_items(
            [{"record": pickle.dumps(record)} for record in records], override_num_blocks=blocks
        )
        share = min(1.0, ray.cluster_resources().get("CPU", 0.0) / 4) or 1.0
        in_passing = share / 4  # of a task
        least = _workers_at_first(steps, pool, share)
        gpus = _gpus(pool, sum(step.wants_gpu for step in steps))
        for index, step in enumerate(steps):
            if index == 0 or step.has_workers:
                # only here, not where a step answers: Ray takes what a task that died has given
                # out already for what it gives out when done again, and what is missing of a track
                # changes. So a step's answer has to be one block
                rows = _dealt(rows, in_passing)
            if step.has_workers:
                rows = _on_workers(rows, step, pool, share, gpus, least)
            else:
                # to Ray a method is a function: it becomes tasks
                call = _Worker(step, hides_gpus=True).__call__
                rows = rows.flat_map(call, compute=TaskPoolStrategy(), num_cpus=in_passing)
        # Ray Data keeps its measurements of every block until the pipeline ends, 30 kB a track, for
        # a summary in its log; there is no setting against it
        with _replaced(map_operator, "to_stats", lambda metas: []):
            try:
                for row in rows.iter_rows():
                    yield pickle.loads(row["record"])
            except RayTaskError as error:
                if not isinstance(error.cause, _StepError):
                    raise
                raise pickle.loads(error.cause.args[0]) from error


def _dealt(rows: Dataset, cpus: float) -> Dataset:
    """Each record a block of its own."""
    rows = rows.repartition(target_num_rows_per_block=1)
    dealing: Any = rows._logical_plan.dag
    # there is no argument for it: with the whole CPU that Ray gives it, it waits while any other
    # step has work, and the first song is finished when most are halfway
    dealing.ray_remote_args["num_cpus"] = cpus
    return rows


def _on_workers(
    rows: Dataset, step: Step, pool: Pool, share: float, gpus: float, least: int
) -> Dataset:
    worker: Any = _Worker  # Ray's hints know functions, not yet classes that become actors
    gpus = gpus if step.wants_gpu else 0.0
    workers = ActorPoolStrategy(
        min_size=least,
        max_size=pool.max_workers,
        # one at work and one that waits, else a worker idles for as long as Ray takes to give it
        # the next: 0.1 to 0.2 s, a tenth of a section's time on a GPU
        max_tasks_in_flight_per_actor=2,
    )
    return rows.flat_map(
        worker, fn_constructor_args=(step, not gpus), compute=workers, num_cpus=share, num_gpus=gpus
    )


def _workers_at_first(steps: Steps, pool: Pool, share: float) -> int:
    """Workers that each step is given at once. Where they took every CPU, the tasks between them
    would wait for ever; from here on Ray Data lets the pools grow beside the tasks."""
    nodes = [node["Resources"].get("CPU", 0.0) for node in ray.nodes() if node["Alive"]]
    slots = sum(int(cpus / share) for cpus in nodes)
    pools = sum(step.has_workers for step in steps)
    return max(1, min(pool.min_workers, (slots - 1) // max(1, pools)))


def _gpus(pool: Pool, steps: int) -> float:
    """For each worker of the steps that want one: one of every kind fits on a GPU together."""
    if pool.gpus is not None:
        return pool.gpus
    return 1 / max(1, steps) if ray.cluster_resources().get("GPU", 0) >= 1 else 0.0


@contextmanager
def _replaced(module: Any, name: str, function: Any) -> Iterator[None]:
    """For as long as this lasts, the module's function is another one.

    A test notices if Ray has renamed it; a run does without, and its driver grows.
    """
    real = getattr(module, name, None)
    if real is None:
        log.warning("this version of Ray has no %s.%s", module.__name__, name)
        yield
        return
    setattr(module, name, function)
    try:
        yield
    finally:
        setattr(module, name, real)


@contextmanager
def _cluster(pool: Pool) -> Iterator[None]:
    """A cluster: the one at the pool's address, the one this process is in, or a new one."""
    # under `uv run`, Ray would rebuild the workers' environment and lose extras
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    started = not ray.is_initialized()
    if started:
        # without an address Ray would join whatever cluster was last started on this machine
        address = pool.address or os.environ.get("RAY_ADDRESS") or "local"
        local: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
        try:
            context = ray.init(address, log_to_driver=False, logging_level=logging.WARNING, **local)
        except (ConnectionError, RuntimeError, ValueError) as error:
            why = str(error).partition("\n")[0]
            raise SettingError(f"there is no Ray cluster at {address}: {why}") from error
        if context.dashboard_url:
            log.warning("Ray's dashboard: http://%s", context.dashboard_url)
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    settings = DataContext.get_current()
    settings.enable_progress_bars = False
    policies = [*pressure.ENABLED_BACKPRESSURE_POLICIES, RunAhead]
    settings.set_config(pressure.ENABLED_BACKPRESSURE_POLICIES_CONFIG_KEY, policies)
    # a step may take hours, and so may waiting for a node; what hangs is for `retries` to notice
    settings.execution_no_progress_timeout_s = -1
    settings.raise_original_map_exception = True
    # a pool grows as soon as all its workers are at work
    settings.autoscaling_config.actor_pool_util_upscaling_threshold = 1.0
    try:
        yield
    finally:
        if started:
            ray.shutdown()
