"""A run as a whole: a pipeline over many jobs, its workers, its status, its summary."""

from morphsep.run.driver import run
from morphsep.run.estimate import plan
from morphsep.run.executors import Pool, Step, choose_executor, get_executor, is_for_cluster
from morphsep.run.jobs import only_failed, settle_jobs
from morphsep.run.malloc import keep_freed_memory
from morphsep.run.many_adapters import Result, TrainPair, read_pairs, train_many, write_results
from morphsep.run.pipeline import Pipeline
from morphsep.run.preview import cut_inputs
from morphsep.run.retries import Stage
from morphsep.run.status import read_status
from morphsep.run.summary import Fate, Summary, TrackResult
from morphsep.run.verification import verify
from morphsep.run.workers import workers_for_durations

__all__ = [
    "Fate",
    "Pipeline",
    "Pool",
    "Result",
    "Stage",
    "Step",
    "Summary",
    "TrackResult",
    "TrainPair",
    "choose_executor",
    "cut_inputs",
    "get_executor",
    "is_for_cluster",
    "keep_freed_memory",
    "only_failed",
    "plan",
    "read_pairs",
    "read_status",
    "run",
    "settle_jobs",
    "train_many",
    "verify",
    "workers_for_durations",
    "write_results",
]
