"""Tasks of evaluation: which sounds, which ends, which amounts, by which backends."""

from morphsep.evaluation.protocol.five_transitions import (
    BACKENDS,
    FIVE_TRANSITIONS,
    TRANSITIONS,
    Plan,
    evaluate,
)

__all__ = ["BACKENDS", "FIVE_TRANSITIONS", "TRANSITIONS", "Plan", "evaluate"]
