"""Compiled loops: as Python says, kept on disk where that is possible."""

from __future__ import annotations

import numpy as np

from morphsep.compiled import compiled

SOURCE = """
def sums(values, out):
    total = 0.0
    for i in range(values.size):
        total += values[i]
        out[i] = total
"""


def test_a_function_of_no_file_is_compiled_without_a_copy_on_disk() -> None:
    space: dict[str, object] = {}
    exec(SOURCE, space)
    values = np.arange(5.0)
    out = np.empty(5)
    compiled(space["sums"])(values, out)  # type: ignore[arg-type]
    assert out.tolist() == [0, 1, 3, 6, 10]


def test_it_keeps_its_name_and_its_words() -> None:
    @compiled
    def halve(values: np.ndarray, out: np.ndarray) -> None:
        """Half of each."""
        for i in range(values.size):
            out[i] = values[i] / 2

    out = np.empty(2)
    halve(np.array([1.0, 3.0]), out)
    assert (halve.__name__, halve.__doc__, out.tolist()) == ("halve", "Half of each.", [0.5, 1.5])
