"""A pipeline as data: which stages a track goes through.

    REPROCESS = Pipeline("morph", prepare, separate, measure, morph, assemble)

The pipelines themselves stand in the package `morphsep.pipelines`, one file each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from morphsep.request import Command
from morphsep.run.executors.step import Step
from morphsep.run.retries import Attempt, Stage
from morphsep.stages import RunContext


@dataclass(frozen=True, slots=True, init=False)
class Pipeline:
    """What one of morphsep's commands does with every track."""

    command: Command
    stages: tuple[Stage, ...]
    on_gpu: frozenset[str]
    """Names of stages that are faster on a GPU whatever the jobs' settings say."""

    def __init__(self, command: Command, *stages: Stage, on_gpu: Iterable[str] = ()) -> None:
        object.__setattr__(self, "command", command)
        object.__setattr__(self, "stages", stages)
        object.__setattr__(self, "on_gpu", frozenset(on_gpu))

    def steps(self, context: RunContext) -> list[Step]:
        """What an executor runs: every stage bound to this run, so that it always answers."""
        return [
            Step(
                name=stage.__name__, call=Attempt(stage=stage, context=context),
                wants_gpu=stage.__name__ in context.with_weights | self.on_gpu,
            )
            for stage in self.stages
        ]  # fmt: skip
