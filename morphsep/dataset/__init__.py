"""Data sets of guitar tones: clips of recordings, each dry and changed, with all that was done."""

from morphsep.dataset.generating import Generated, generate
from morphsep.dataset.planning import DataPlan, plan
from morphsep.dataset.verifying import differences, is_dataset, recipe_of, verify
from morphsep.dataset.wanted import Running, Wanted

__all__ = [
    "DataPlan",
    "Generated",
    "Running",
    "Wanted",
    "differences",
    "generate",
    "is_dataset",
    "plan",
    "recipe_of",
    "verify",
]
