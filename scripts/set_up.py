"""Makes the checkout's virtual environments: set_up.py [--check] demo | docs | test | newest

Runs on a bare Python 3.11 to 3.14. ``demo`` installs morphsep and what draws pictures, ``docs``
also what builds the documentation, ``test`` also what lint, types and tests need, all into .venv.
``newest`` makes .venv-newest, in which a small part of the tests runs with another Python: without
torch, so that it takes a minute. What was done is noted last, in set-up.json there: no note, a
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
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = {"demo": "pictures", "docs": "pictures,docs", "test": "dev"}
COVERS = {
    "demo": ("demo", "docs", "test"),
    "docs": ("docs", "test"),
    "test": ("test",),
    "newest": ("newest",),
}
DEPENDS_ON = ("pyproject.toml", "constraints.txt", "scripts/set_up.py")
# What the tests on the newest Python do without, and what they need besides.
LEFT_OUT = ("demucs", "torch")
ADDED = ("hypothesis", "packaging", "pyloudnorm", "pytest", "pytest-timeout", "setuptools")
# Seconds that a set-up waits for pip; the one that may do without gives up.
PATIENCE = {"newest": 600.0}
# Exit status: what is needed cannot be had here, through no fault of the code. As in set-up.sh.
UNAVAILABLE = 3


class SetUpError(Exception):
    """A sentence for the user."""


class UnavailableError(SetUpError):
    """What is needed could not be fetched, which is no fault of this checkout."""


class Environment:
    """The virtual environment for a purpose, whether it is there or not."""

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        self.folder = ROOT / (".venv-newest" if purpose == "newest" else ".venv")
        self.python = self.folder / "bin" / "python"
        self.note = self.folder / "set-up.json"
        self.log = self.folder / "set-up.log"

    def read_note(self) -> dict[str, str]:
        try:
            note = json.loads(self.note.read_text())
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    def write_note(self, note: dict[str, str]) -> None:
        part = self.note.with_suffix(".part")
        part.write_text(json.dumps(note, indent=1) + "\n")
        part.replace(self.note)

    def is_done(self) -> bool:
        note = self.read_note()
        return any(note == wanted_note(done) for done in COVERS[self.purpose])

    def can_be_updated(self) -> bool:
        """Whether the environment there is whole, and of this Python in this place."""
        note, wanted = self.read_note(), wanted_note("")
        same = all(note.get(key) == wanted[key] for key in ("python", "place"))
        return self.python.exists() and same

    def make(self) -> None:
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
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir()
        self.write_note({"purpose": "unfinished"})
        try:
            venv.create(self.folder, with_pip=True, symlinks=True)
        except (OSError, subprocess.CalledProcessError) as error:
            message = f"no virtual environment could be made in {self.folder}: {error}"
            raise SetUpError(message) from error

    def pip(self, *arguments: str) -> bool:
        """Runs ``pip install``, its talk into the log; a sign of life every 20 s. True if done."""
        command = [str(self.python), "-m", "pip", "install", "--no-input"]
        command += ["-c", "constraints.txt", *arguments]
        settings = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_USER": "0"}
        with self.log.open("a") as log:
            print("$", *command, file=log, flush=True)
            process = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | settings, stdout=log, stderr=log
            )
            try:
                return wait_for(process, PATIENCE.get(self.purpose))
            except BaseException:
                process.terminate()
                process.wait()
                raise

    def last_words(self) -> str:
        lines = [line for line in self.log.read_text().splitlines() if "ERROR" in line]
        said = lines[-1] if lines else "see the log"
        return f"pip says: {said} (all of it: {self.log.relative_to(ROOT)})"


def wanted_note(purpose: str) -> dict[str, str]:
    files = b"".join((ROOT / name).read_bytes() for name in DEPENDS_ON)
    return {
        "purpose": purpose,
        "python": platform.python_version(),
        "place": str(ROOT),
        "pins": hashlib.sha256(files).hexdigest(),
    }


def wait_for(process: subprocess.Popen[bytes], patience: float | None) -> bool:
    """Whether the process ends well. UnavailableError if it takes longer than ``patience``."""
    begun = time.monotonic()
    while True:
        try:
            return process.wait(timeout=20) == 0
        except subprocess.TimeoutExpired:
            taken = time.monotonic() - begun
        if patience is not None and taken > patience:
            raise UnavailableError(f"pip was not done after {taken:.0f} s")
        print(f"    ... {taken:.0f} s", flush=True)


def pinned(package: str) -> str:
    text = (ROOT / "constraints.txt").read_text()
    match = re.search(rf"^{package}==(\S+)$", text, re.MULTILINE)
    if match is None:
        raise SetUpError(f"constraints.txt has no single pin for {package}")
    return match.group(1)


def has_nvidia_gpu() -> bool:
    return Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi") is not None


def install_torch(environment: Environment) -> None:
    version = pinned("torch")
    if not has_nvidia_gpu():
        print(f"  torch {version} for the CPU", flush=True)
        if environment.pip(f"torch=={version}+cpu"):
            return
        if sys.platform == "linux" and platform.machine() == "x86_64":
            print(
                "  none found by pip's settings: taking the build with CUDA, several GB", flush=True
            )
    print(f"  torch {version}", flush=True)
    if not environment.pip(f"torch=={version}"):
        raise SetUpError(f"torch could not be installed; {environment.last_words()}")


def needed_by_the_newest() -> list[str]:
    """What morphsep depends on, without what is large, and what runs tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {text: re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in project["dependencies"]}
    return [*(text for text, name in names.items() if name not in LEFT_OUT), *ADDED]


def install(environment: Environment) -> None:
    if environment.purpose == "newest":
        install_for_the_newest(environment)
        return
    install_torch(environment)
    extra = EXTRAS[environment.purpose]
    print(f"  morphsep[{extra}] and what it needs", flush=True)
    # setuptools first and no build isolation, so that the build too uses what constraints.txt pins.
    steps = [["setuptools"], ["--no-build-isolation", "-e", f".[{extra}]"]]
    if not all(environment.pip(*arguments) for arguments in steps):
        raise SetUpError(f"the packages could not be installed; {environment.last_words()}")


def install_for_the_newest(environment: Environment) -> None:
    print("  what a small part of the tests needs", flush=True)
    if not environment.pip("--only-binary", ":all:", *needed_by_the_newest()):
        raise UnavailableError(f"its packages could not be installed; {environment.last_words()}")
    if not environment.pip("--no-build-isolation", "--no-deps", "-e", "."):
        raise SetUpError(f"morphsep itself could not be installed; {environment.last_words()}")


def set_up(environment: Environment) -> None:
    begun = time.monotonic()
    name, purpose = environment.folder.name, environment.purpose
    if environment.can_be_updated():
        print(f"Updating {name} for make {purpose}", flush=True)
        if environment.read_note()["purpose"] == "test":
            environment.purpose = "test"
        environment.write_note({"purpose": "unfinished"})
    else:
        print(f"Making {name} for make {purpose} with Python {platform.python_version()}")
        sys.stdout.flush()
        environment.make()
    install(environment)
    environment.write_note(wanted_note(environment.purpose))
    print(f"Set up in {time.monotonic() - begun:.0f} s", flush=True)


def main(arguments: list[str]) -> int:
    *options, purpose = arguments or [""]
    if purpose not in COVERS or options not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    environment = Environment(purpose)
    if options or environment.is_done():
        return 0 if environment.is_done() else 1
    try:
        set_up(environment)
    except SetUpError as error:
        print(error, file=sys.stderr)
        return UNAVAILABLE if isinstance(error, UnavailableError) else 1
    except KeyboardInterrupt:
        print("interrupted; the next run starts the set-up again", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
