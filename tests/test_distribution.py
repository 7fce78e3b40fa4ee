"""What the wheel and the source distribution hold, and that the wheel works on its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

import morphsep

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")


def in_the_repository(*folders: str) -> list[str]:
    """Every file below that is or would be committed."""
    command = [
        "git",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        *folders,
    ]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def built(source: Path, kind: str, into: Path) -> Path:
    """One distribution, as a build tool has it made by our build backend, without a network."""
    code = f"from setuptools import build_meta; build_meta.build_{kind}({str(into)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, check=True)
    (path,) = into.iterdir()
    return path


@dataclass(frozen=True)
class Distributions:
    wheel: Path
    sdist: Path
    wheel_of_the_sdist: Path


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Built from a copy of the repository: building leaves things behind beside the sources."""
    tmp = tmp_path_factory.mktemp("distributions")
    for name in in_the_repository():
        (tmp / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp / "source" / name, follow_symlinks=False)
    for folder in ("wheel", "sdist", "again"):
        (tmp / folder).mkdir()
    wheel = built(tmp / "source", "wheel", tmp / "wheel")
    sdist = built(tmp / "source", "sdist", tmp / "sdist")
    with tarfile.open(sdist) as archive:
        # the first releases of Python 3.11 know no filters
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(tmp / "unpacked", **safely)
    (unpacked,) = (tmp / "unpacked").iterdir()
    return Distributions(wheel, sdist, built(unpacked, "wheel", tmp / "again"))


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_installs_morphsep_and_nothing_else(distributions: Distributions) -> None:
    top = {PurePosixPath(name).parts[0] for name in names_in(distributions.wheel)}
    # above all no `pipelines`, which is a name that others may have
    assert top == {"morphsep", f"morphsep-{morphsep.__version__}.dist-info"}


def test_the_wheel_holds_every_file_of_the_package(distributions: Distributions) -> None:
    expected = {
        f"morphsep/{name}" if name.startswith("pipelines/") else name
        for name in in_the_repository("morphsep", "pipelines")
        if not (ROOT / name).is_symlink()
    }
    assert "morphsep/pipelines/reprocess.py" in expected
    assert {PurePosixPath(name).suffix for name in expected} > {".py", ".typed", ".yaml"}
    assert expected - names_in(distributions.wheel) == set()


def test_the_source_distribution_gives_the_same_wheel(distributions: Distributions) -> None:
    assert names_in(distributions.wheel_of_the_sdist) == names_in(distributions.wheel)


def test_the_wheel_works_without_the_checkout(distributions: Distributions, tmp_path: Path) -> None:
    with zipfile.ZipFile(distributions.wheel) as archive:
        archive.extractall(tmp_path / "installed")
    # neither the checkout's folder nor what an editable install puts in its place
    code = f"""
import sys
from pathlib import Path
root = Path({str(ROOT)!r})
sys.path[:] = [{str(tmp_path / "installed")!r}] + [p for p in sys.path if Path(p).resolve() != root]
sys.meta_path[:] = [each for each in sys.meta_path if "editable" not in repr(each)]
import morphsep.pipelines
from morphsep.cli import main
from morphsep.separators import embedded
print(*(Path(each.__file__).resolve() for each in (morphsep, morphsep.pipelines, embedded)))
sys.argv = ["morphsep", "tones"]
sys.exit(main())
"""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    where, *listed = done.stdout.splitlines()
    assert all(Path(path).is_relative_to(tmp_path / "installed") for path in where.split())
    assert "distortion" in "\n".join(listed)
