"""Makes the checkout's virtual environment: set_up.py [--check] demo | docs | test

Runs on a bare Python 3.10 to 3.12. ``demo`` installs morphsep and what draws pictures, ``test``
also what lint, types and tests need. What was done is noted last, in .venv/set-up.json: no note, a
note of an unfinished run, of another Python or of another place (environments cannot be moved)
mean a new environment; other pins or dependencies mean an update.

Which torch: on Linux the registry's wheel brings CUDA libraries of several GB, which a machine
without an NVIDIA GPU has no use for. The wheels without them are called VERSION+cpu and lie
elsewhere. So where there is no GPU, VERSION+cpu is tried first: that works where pip's own settings
(PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL, pip.conf) name a source of such wheels. Otherwise the plain
VERSION follows, which on macOS and on ARM is a CPU build anyway and on Linux x86 is the large one.
We name no package index ourselves: where packages come from is for the user's pip to know.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
NOTE = VENV / "set-up.json"
LOG = VENV / "set-up.log"
EXTRAS = {"demo": "pictures", "docs": "pictures,docs", "test": "dev"}
COVERS = {"demo": ("demo", "docs", "test"), "docs": ("docs", "test"), "test": ("test",)}
DEPENDS_ON = ("pyproject.toml", "constraints.txt", "scripts/set_up.py")


class SetUpError(Exception):
    """A sentence for the user."""


def wanted_note(purpose: str) -> dict[str, str]:
    files = b"".join((ROOT / name).read_bytes() for name in DEPENDS_ON)
    return {
        "purpose": purpose,
        "python": platform.python_version(),
        "place": str(ROOT),
        "pins": hashlib.sha256(files).hexdigest(),
    }


def read_note() -> dict[str, str]:
    try:
        note = json.loads(NOTE.read_text())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def write_note(note: dict[str, str]) -> None:
    part = NOTE.with_suffix(".part")
    part.write_text(json.dumps(note, indent=1) + "\n")
    part.replace(NOTE)


def is_done(purpose: str) -> bool:
    note = read_note()
    return any(note == wanted_note(done) for done in COVERS[purpose])


def can_be_updated() -> bool:
    """Whether the environment there is whole, and of this Python in this place."""
    note, wanted = read_note(), wanted_note("")
    return PYTHON.exists() and all(note.get(key) == wanted[key] for key in ("python", "place"))


def make_environment() -> None:
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError as error:
        version = ".".join(platform.python_version_tuple()[:2])
        raise SetUpError(
            f"Python {version} ({sys.executable}) cannot make virtual environments: its module "
            f"{error.name} is missing. On Debian and Ubuntu: apt install python{version}-venv. "
            "Or name another Python: MORPHSEP_PYTHON=..."
        ) from error
    if VENV.exists():
        shutil.rmtree(VENV)
    VENV.mkdir()
    write_note({"purpose": "unfinished"})
    try:
        venv.create(VENV, with_pip=True, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetUpError(f"no virtual environment could be made in {VENV}: {error}") from error


def pip(*arguments: str) -> bool:
    """Runs ``pip install``, its talk into the log; a sign of life every 20 s. True if it worked."""
    command = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--no-input",
        "-c",
        "constraints.txt",
        *arguments,
    ]
    settings = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_USER": "0"}
    begun = time.monotonic()
    with LOG.open("a") as log:
        print("$", *command, file=log, flush=True)
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **settings}, stdout=log, stderr=subprocess.STDOUT
        )
        while True:
            try:
                return process.wait(timeout=20) == 0
            except subprocess.TimeoutExpired:
                print(f"    ... {time.monotonic() - begun:.0f} s", flush=True)
            except BaseException:
                process.terminate()
                process.wait()
                raise


def pinned(package: str) -> str:
    text = (ROOT / "constraints.txt").read_text()
    match = re.search(rf"^{package}==(\S+)$", text, re.MULTILINE)
    if match is None:
        raise SetUpError(f"constraints.txt has no single pin for {package}")
    return match.group(1)


def has_nvidia_gpu() -> bool:
    return Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi") is not None


def install_torch() -> None:
    version = pinned("torch")
    if not has_nvidia_gpu():
        print(f"  torch {version} for the CPU", flush=True)
        if pip(f"torch=={version}+cpu"):
            return
        if sys.platform == "linux" and platform.machine() == "x86_64":
            print(
                "  none found by pip's settings: taking the build with CUDA, several GB", flush=True
            )
    print(f"  torch {version}", flush=True)
    if not pip(f"torch=={version}"):
        raise SetUpError(f"torch could not be installed; {last_words()}")


def last_words() -> str:
    lines = [line for line in LOG.read_text().splitlines() if "ERROR" in line] or ["see the log"]
    return f"pip says: {lines[-1]} (all of it: {LOG.relative_to(ROOT)})"


def set_up(purpose: str) -> None:
    begun = time.monotonic()
    if can_be_updated():
        print(f"Updating .venv for make {purpose}", flush=True)
        purpose = "test" if read_note()["purpose"] == "test" else purpose
        write_note({"purpose": "unfinished"})
    else:
        print(
            f"Making .venv for make {purpose} with Python {platform.python_version()}", flush=True
        )
        make_environment()
    install_torch()
    print(f"  morphsep[{EXTRAS[purpose]}] and what it needs", flush=True)
    # setuptools first and no build isolation, so that the build too uses what constraints.txt pins.
    if not (pip("setuptools") and pip("--no-build-isolation", "-e", f".[{EXTRAS[purpose]}]")):
        raise SetUpError(f"the packages could not be installed; {last_words()}")
    write_note(wanted_note(purpose))
    print(f"Set up in {time.monotonic() - begun:.0f} s", flush=True)


def main(arguments: list[str]) -> int:
    *options, purpose = arguments or [""]
    if purpose not in EXTRAS or options not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    if options or is_done(purpose):
        return 0 if is_done(purpose) else 1
    try:
        set_up(purpose)
    except SetUpError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the next run starts the set-up again", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
