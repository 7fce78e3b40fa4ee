"""Executors: where a pipeline's steps are done. They know no stage, and stages know no executor."""

from morphsep.run.executors.executor import choose_executor, get_executor
from morphsep.run.executors.step import ClusterLostError, Executor, Pool, Step, Steps

__all__ = [
    "ClusterLostError",
    "Executor",
    "Pool",
    "Step",
    "Steps",
    "choose_executor",
    "get_executor",
]
