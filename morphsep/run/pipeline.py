"""A pipeline as data: which stages a track goes through, and where each of them is done.

    REPROCESS = Pipeline("morph", tasks(prepare), actors(separate), ..., tasks(assemble))

The pipelines themselves stand in the package `morphsep.pipelines`, one file each.
"""

from __future__ import annotations

from dataclasses import dataclass

from morphsep.request import Command
from morphsep.run.executors.step import Step
from morphsep.run.retries import Attempt, Stage
from morphsep.stages import RunContext


@dataclass(frozen=True, slots=True)
class Assignment:
    """A stage, and which workers do it."""

    stage: Stage
    has_workers: bool
    """Whether it has workers of its own."""


def tasks(stage: Stage) -> Assignment:
    """A stage that any worker does between others."""
    return Assignment(stage, has_workers=False)


def actors(stage: Stage) -> Assignment:
    """A stage with workers of its own, which load their weights once and keep them."""
    return Assignment(stage, has_workers=True)


@dataclass(frozen=True, slots=True, init=False)
class Pipeline:
    """What one of morphsep's commands does with every track."""

    command: Command
    stages: tuple[Assignment, ...]

    def __init__(self, command: Command, *stages: Assignment) -> None:
        object.__setattr__(self, "command", command)
        object.__setattr__(self, "stages", stages)

    def steps(self, context: RunContext) -> list[Step]:
        """What an executor runs: every stage bound to this run, so that it always answers."""
        return [
            Step(
                name=each.stage.__name__, call=Attempt(stage=each.stage, context=context),
                has_workers=each.has_workers,
                wants_gpu=each.has_workers and each.stage.__name__ in context.with_weights,
            )
            for each in self.stages
        ]  # fmt: skip
