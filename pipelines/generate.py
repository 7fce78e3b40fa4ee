"""Generate: rows of a data set, from clips of the guitar of a recording."""

from __future__ import annotations

from morphsep.run import Pipeline, Stage
from morphsep.stages import measure, prepare, separate


def generate(render: Stage, *, on_gpu: bool = False) -> Pipeline:
    """The stages of ``morphsep generate``.

    Args:
        render: the stage that knows the data set's recipe (`morphsep.dataset`).
        on_gpu: whether it is faster on a GPU.
    """
    return Pipeline(
        "generate",
        prepare,  # input -> checked, measured, cut into sections
        separate,  # section of the mix -> stem
        measure,  # whole stem -> its level
        render,  # stem -> clips -> tones, ladders, chains -> rows
        on_gpu=[render.__name__] if on_gpu else [],
    )
