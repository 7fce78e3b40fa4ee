"""``ray``: workers on a cluster, each a Ray actor. Records travel through Ray, audio through
storage.

A worker can do every step of its kind (with a GPU, or without) and carries a record on until the
next step is another kind's, or more than one record follows. The driver hands out what waits, the
latest step first, so that songs are finished while others have not begun. A worker that dies loses
nothing: what it had in hand is given to another (`morphsep.run.retries` counts).
"""

from morphsep.run.executors.ray.dispatch import run

__all__ = ["run"]
