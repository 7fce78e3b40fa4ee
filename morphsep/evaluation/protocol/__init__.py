"""How a task of evaluation is done: which sounds, which amounts, by which backends."""

from morphsep.evaluation.protocol.evaluating import BACKENDS, Plan, evaluate

__all__ = ["BACKENDS", "Plan", "evaluate"]
