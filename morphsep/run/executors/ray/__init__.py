"""``ray``: workers on a cluster, each a Ray actor. Records travel through Ray, audio through
storage. `morphsep.run.executors.dispatch` hands them out."""

from morphsep.run.executors.ray.on_cluster import run

__all__ = ["run"]
