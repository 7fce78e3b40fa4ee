"""Compiled loops: as Python says, whatever the arrays look like, kept on disk where possible."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from filelock import FileLock

from morphsep.dsp.jit import compiled

Array = npt.NDArray[Any]

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


def test_an_array_that_is_given_twice_stays_one() -> None:
    space: dict[str, object] = {}
    exec(SOURCE, space)
    values = np.arange(10.0)[::2]
    compiled(space["sums"])(values, values)  # type: ignore[arg-type]
    assert values.tolist() == [0, 2, 6, 12, 20]


def compiled_functions() -> dict[str, Callable[..., None]]:
    """All there are in the package, by name."""
    jit = import_module("morphsep.dsp.jit")
    found = {}
    for package in ("morphsep.dsp", "morphsep.tones"):
        for info in walk_packages(import_module(package).__path__, f"{package}."):
            for name, each in vars(import_module(info.name)).items():
                if hasattr(each, "__wrapped__") and getattr(each, "__globals__", {}) is vars(jit):
                    found[name] = each
    return found


def noise(*shape: int) -> Array:
    random = np.random.default_rng(len(shape) * 1000 + shape[-1])
    return random.uniform(0.1, 0.9, shape).astype(np.float32)


def arguments() -> dict[str, list[Any]]:
    """Of a call of each compiled function."""
    half, out = np.float32(0.5), np.zeros((2, 200), np.float32)
    normal, weight = np.linspace(-4, 4, 9, dtype=np.float32), np.full(9, 1 / 9, np.float32)
    return {
        "_first_order": [noise(2, 200), 3, noise(9), np.zeros((2, 2), np.float32), out],
        "_state_variable": [noise(2, 200), 3, noise(5, 9), np.zeros((2, 2), np.float32), out],
        "_followed": [noise(2, 200), half, half, np.zeros((2, 2), np.float32), out],
        "_swept": [noise(2, 200), 3, noise(210), half, np.zeros((2, 6), np.float32), out],
        "_shape_steps": [noise(2, 200), noise(1, 200), noise(2, 200), noise(1, 200), out],
        "_makeup": [noise(9), noise(9), noise(9), normal, weight, np.zeros(9, np.float32)],
        "_energies": [noise(2, 200), 3, np.zeros(9)],
        "_run": [
            noise(2, 200), noise(2, 20), noise(5, 20), noise(20), noise(5), noise(2), noise(5),
            noise(5), out[0],
        ],
        "_add_tail": [noise(2, 6, 300), noise(6).astype(float), 5, 0.5, out],
        "_reshape": [noise(2, 3, 200), noise(3).astype(float), 10, 0.5, out],
        "_filter_in_place": [noise(2, 200), noise(2, 5) / 5, np.zeros((2, 2, 2))],
        "_block": [noise(200), half, noise(2)],
        "_delayed": [noise(200), 4.0 + noise(210).astype(float), 3, half, np.zeros(208), out[0]],
    }  # fmt: skip


def strided(array: Array) -> Array:
    return np.repeat(array, 2, axis=-1)[..., ::2]


def backwards(array: Array) -> Array:
    return array[..., ::-1].copy()[..., ::-1]


def columns_first(array: Array) -> Array:
    return np.asfortranarray(array) if min(array.shape) > 1 < array.ndim else strided(array)


def unaligned(array: Array) -> Array:
    room = np.zeros(array.nbytes + 1, np.uint8)[1:]
    found = room.view(array.dtype).reshape(array.shape)
    found[...] = array
    return found


def read_only(array: Array) -> Array:
    found = array.copy()
    found.flags.writeable = False
    return found


def called(function: Callable[..., None], args: list[Any]) -> list[Any]:
    """The arguments after the call."""
    function(*args)
    return args


def test_every_compiled_function_is_tried() -> None:
    assert compiled_functions().keys() == arguments().keys()


@pytest.mark.parametrize("name", arguments())
def test_no_layout_changes_or_loses_what_is_written(name: str) -> None:
    function = compiled_functions()[name]
    expected = called(function, arguments()[name])
    changed = 0
    for index, given in enumerate(arguments()[name]):
        if not isinstance(given, np.ndarray):
            continue
        for layout in (strided, backwards, columns_first, unaligned):
            args = arguments()[name]
            args[index] = layout(given)
            assert args[index].flags.c_contiguous == (layout is unaligned)
            for wanted, found in zip(expected, called(function, args), strict=True):
                assert np.array_equal(wanted, found), layout
        changed += not np.array_equal(given, expected[index])
    assert changed, "it has written something"


@pytest.mark.parametrize("name", arguments())
def test_read_only_arrays_are_read_and_never_silently_not_written(name: str) -> None:
    function = compiled_functions()[name]
    expected = called(function, arguments()[name])
    for index, given in enumerate(arguments()[name]):
        if not isinstance(given, np.ndarray):
            continue
        args = arguments()[name]
        args[index] = read_only(given)
        if np.array_equal(given, expected[index]):
            for wanted, found in zip(expected, called(function, args), strict=True):
                assert np.array_equal(wanted, found)
        else:
            with pytest.raises(ValueError, match="read-only"):
                function(*args)
            assert np.array_equal(args[index], given)


@pytest.mark.parametrize("name", arguments())
def test_arrays_of_another_type_give_the_same_but_for_rounding(name: str) -> None:
    function = compiled_functions()[name]
    args = [
        strided(each.astype(np.float64)) if isinstance(each, np.ndarray) else each
        for each in arguments()[name]
    ]
    for wanted, found in zip(
        called(function, arguments()[name]), called(function, args), strict=True
    ):
        assert np.allclose(wanted, found, rtol=1e-4, atol=1e-6)


def test_not_a_number_in_a_read_only_input_is_not_taken_for_a_result() -> None:
    signal = np.array([[0.5, np.nan]], np.float32)
    signal.flags.writeable = False
    out = np.zeros((1, 2), np.float32)
    states = np.zeros((1, 2), np.float32)
    compiled_functions()["_followed"](signal, np.float32(0), np.float32(0), states, out)
    assert out[0, 0] == 0.5
    assert np.isnan(out[0, 1])


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


def test_two_processes_do_not_write_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numba's index would name one file for two processors, and either may have written it."""
    (tmp_path / "kept_loops.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("morphsep.dsp.jit._PATIENCE", 0.0)
    sums = import_module("kept_loops").sums
    values, out = np.arange(5.0), np.empty(5)
    with FileLock(tmp_path / "__pycache__" / "sums.lock"):
        compiled(sums)(values, out)
        assert out.tolist() == [0, 1, 3, 6, 10]
        assert not list(tmp_path.rglob("*.nb?"))
    compiled(sums)(values, out)
    assert len(list(tmp_path.rglob("*.nb?"))) == 2


def test_a_folder_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lone_loops.py").write_text(SOURCE)
    (tmp_path / "__pycache__").write_text("a file where the folder should be")
    (tmp_path / "home").write_text("another one")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.syspath_prepend(tmp_path)
    values, out = np.arange(5.0), np.empty(5)
    compiled(import_module("lone_loops").sums)(values, out)
    assert out.tolist() == [0, 1, 3, 6, 10]
    assert not list(tmp_path.rglob("*.nb?"))


def test_it_keeps_its_name_and_its_words() -> None:
    @compiled
    def halve(values: np.ndarray, out: np.ndarray) -> None:
        """Half of each."""
        for i in range(values.size):
            out[i] = values[i] / 2

    out = np.empty(2)
    halve(np.array([1.0, 3.0]), out)
    assert (halve.__name__, halve.__doc__, out.tolist()) == ("halve", "Half of each.", [0.5, 1.5])
