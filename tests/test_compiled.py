"""Compiled loops: as Python says, kept on disk where that is possible."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from morphsep.dsp.jit import compiled

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


AGAIN = """
import sys
import numpy as np
sys.path.insert(0, FOLDER)
import loops
out = np.empty(5)
loops.sums(np.arange(5.0), out)
readonly = np.arange(10.0)[::2]
readonly.flags.writeable = False
other = np.empty(5)
loops.sums(readonly, other)
print(out.tolist(), other.tolist())
"""


def test_what_is_kept_is_used_again_and_what_is_broken_is_not(tmp_path: Path) -> None:
    (tmp_path / "loops.py").write_text(
        f"from morphsep.dsp.jit import compiled\n\n@compiled{SOURCE}"
    )

    def run() -> str:
        command = [sys.executable, "-c", AGAIN.replace("FOLDER", repr(str(tmp_path)))]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    expected = "[0.0, 1.0, 3.0, 6.0, 10.0] [0.0, 2.0, 6.0, 12.0, 20.0]\n"
    assert run() == expected
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbc")}
    assert len(kept) == 1, "one for all layouts"
    assert run() == expected
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbc")} == kept
    for path in (*kept, *tmp_path.rglob("*.nbi")):
        path.write_bytes(path.read_bytes()[:20])
        assert run() == expected


def test_it_keeps_its_name_and_its_words() -> None:
    @compiled
    def halve(values: np.ndarray, out: np.ndarray) -> None:
        """Half of each."""
        for i in range(values.size):
            out[i] = values[i] / 2

    out = np.empty(2)
    halve(np.array([1.0, 3.0]), out)
    assert (halve.__name__, halve.__doc__, out.tolist()) == ("halve", "Half of each.", [0.5, 1.5])
