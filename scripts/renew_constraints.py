"""Renews constraints.txt: renew_constraints.py [OPTION FOR uv ...]

One resolution for every Python that pyproject.toml allows, on Linux, of wheels only: a release
without a wheel for one of them is not taken. Pins that still fit stay as they are, unless
``--upgrade`` or ``--upgrade-package NAME`` is given. Needs uv on the PATH (pip install uv).
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = ROOT / "pyproject.toml"
CONSTRAINTS = ROOT / "constraints.txt"
# torch itself pins these to the digit
CUDA = re.compile(r"nvidia-|cuda-|triton$")
HEAD = """\
# Every package that `pip install -c constraints.txt -e '.[dev]'` brings, all extras included, on
# Linux with Python 3.11 to 3.14: one line for a package, each with wheels for all four.
#
# Not here: the CUDA libraries (nvidia-*, cuda-*, triton); torch itself pins those to the digit.
# "torch==2.13.0" is satisfied by a CPU wheel too (2.13.0+cpu), see scripts/set_up.py.
#
# To renew: make constraints (keeps what still fits; UV=--upgrade for the newest), then make test.
"""


def compiled(arguments: list[str]) -> str:
    """What uv resolves, beginning with the pins that are there."""
    build = tomllib.loads(PYPROJECT.read_text())["build-system"]["requires"]
    command = [
        "uv", "pip", "compile", "--universal", "--only-binary", ":all:", "--all-extras",
        "--no-header", "--no-annotate", "--quiet", "--output-file", str(CONSTRAINTS),
        *arguments, str(PYPROJECT), "-",
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, input="\n".join(build), text=True, check=True)
    return CONSTRAINTS.read_text()


def without_markers(lines: Iterable[str]) -> list[str]:
    """`name==version` of each line: a constraint on what is not asked for does nothing.

    Raises:
        ValueError: a package has two versions, so that one line would not do.
    """
    pins: dict[str, str] = {}
    for line in lines:
        pin = line.partition(";")[0].strip()
        name = pin.partition("==")[0]
        if not pin or pin.startswith("#") or CUDA.match(name):
            continue
        if pins.setdefault(name, pin) != pin:
            raise ValueError(f"{name} has two versions: {pins[name]} and {pin}")
    return list(pins.values())


def main(arguments: list[str]) -> int:
    before = CONSTRAINTS.read_text()
    try:
        pins = without_markers(compiled(arguments).splitlines())
    except (FileNotFoundError, subprocess.CalledProcessError, ValueError) as error:
        CONSTRAINTS.write_text(before)
        print(f"constraints.txt stays as it was: {error}", file=sys.stderr)
        return 1
    CONSTRAINTS.write_text(HEAD + "\n".join(pins) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
