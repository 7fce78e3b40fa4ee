"""Executors: where a pipeline's steps are done. They know no stage, and stages know no executor."""

from morphsep.run.executors.executor import choose_executor, get_executor, is_for_cluster
from morphsep.run.executors.machine import free_memory, num_cores
from morphsep.run.executors.serving import tell
from morphsep.run.executors.step import ClusterLostError, Executor, Pool, Step, Steps

__all__ = [
    "ClusterLostError",
    "Executor",
    "Pool",
    "Step",
    "Steps",
    "choose_executor",
    "free_memory",
    "get_executor",
    "is_for_cluster",
    "num_cores",
    "tell",
]
