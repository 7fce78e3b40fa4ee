"""How far the steps before the first pool of workers may run ahead of it. Ray Data asks."""

from __future__ import annotations

from typing import Any

from ray.data._internal.execution.backpressure_policy import BackpressurePolicy
from ray.data._internal.execution.operators.actor_pool_map_operator import ActorPoolMapOperator

RUN_AHEAD = 20
"""Records that may wait for the first pool, for each that it has at work."""


class RunAhead(BackpressurePolicy):
    """Holds back what comes before the first pool while enough waits for it.

    Without it the first step does a million tracks before the second is done with the tenth: 10 kB
    of the driver's memory each. Later steps are not held back: a pool that waits keeps its CPUs and
    GPUs, one that goes on to its end leaves them to the next.
    """

    def __init__(self, data_context: Any, topology: Any, resource_manager: Any) -> None:
        super().__init__(data_context, topology, resource_manager)
        pools = [n for n, each in enumerate(topology) if isinstance(each, ActorPoolMapOperator)]
        self._up_to_pool = list(topology)[: pools[0] + 1] if pools else []

    def can_add_input(self, op: Any) -> bool:
        """Whether Ray Data may start a task of this operator."""
        if op not in self._up_to_pool[:-1]:
            return True
        behind = self._up_to_pool[self._up_to_pool.index(op) + 1 :]
        waiting = sum(self._topology[each].total_enqueued_input_blocks() for each in behind)
        at_work = max(1, self._up_to_pool[-1].num_active_tasks())
        return bool(waiting < RUN_AHEAD * at_work)
