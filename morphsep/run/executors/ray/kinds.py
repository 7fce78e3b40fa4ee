"""Kinds of workers: with a GPU, and without."""

from __future__ import annotations

from collections.abc import Mapping

from morphsep.run.executors.place import Kind
from morphsep.run.executors.step import Pool, Steps


def kinds_of(steps: Steps, pool: Pool, cluster: Mapping[str, float]) -> list[Kind]:
    """The kinds that these steps need.

    A worker with a GPU takes no CPU, else those without one could take them all and leave the GPUs
    idle.

    Args:
        cluster: what it has in all, by Ray's names.
    """
    gpus = pool.gpus
    if gpus is None:
        gpus = 1.0 if cluster.get("GPU", 0.0) >= 1 else 0.0
    on_gpu = frozenset(at for at, step in enumerate(steps) if step.wants_gpu and gpus)
    others = frozenset(range(len(steps))) - on_gpu
    cpus = min(1.0, cluster.get("CPU", 0.0)) or 1.0  # a cluster that grows may have none yet
    kinds = [Kind(on_gpu, 0.0, gpus), Kind(others, cpus, 0.0)]
    return [kind for kind in kinds if kind.own]
