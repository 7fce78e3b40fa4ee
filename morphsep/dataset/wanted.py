"""What is asked of `morphsep generate`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from morphsep.dataset.recipe import DataRecipe
from morphsep.dsp import Seconds
from morphsep.run import Pool
from morphsep.stages import OnProgress, Outcome, ignore_progress


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A data set that somebody wants."""

    recipe: DataRecipe
    text: str
    """The recipe as it was written."""
    commercial_only: bool = False
    """Whether sources that forbid commercial use, or say nothing, are refused."""
    new: bool = False
    """Whether another data set in the folder is given up."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """How it is done; nothing here changes a row."""

    executor: str = "local"
    pool: Pool = field(default_factory=Pool)
    work_in: str | None = None
    max_failures: str | None = None
    timeout: Seconds = 0.0
    on_progress: OnProgress = ignore_progress
    on_outcome: Callable[[Outcome], None] = lambda outcome: None
