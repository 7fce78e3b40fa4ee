"""Executors: where a pipeline's steps are done. They know no stage, and stages know no executor."""

from morphsep.run.executors.executor import Pool

__all__ = ["Pool"]
