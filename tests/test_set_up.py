"""The set-up that make demo and make test begin with, without installing anything."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copytree(SCRIPTS, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "constraints.txt").write_text("setuptools==1\ntorch==2.13.0\n")
    return tmp_path


@pytest.fixture
def set_up(checkout: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("set_up", checkout / "scripts" / "set_up.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def finished(set_up: ModuleType, purpose: str) -> Any:
    """An environment as a successful set-up leaves it behind, for these tests."""
    environment = set_up.Environment(purpose)
    environment.python.parent.mkdir(parents=True, exist_ok=True)
    environment.python.touch()
    environment.write_note(set_up.wanted_note(purpose))
    return environment


@pytest.mark.parametrize(
    ("done", "covered"),
    [
        ("demo", {"demo"}),
        ("docs", {"demo", "docs"}),
        ("test", {"demo", "docs", "test"}),
        ("newest", {"newest"}),
    ],
)
def test_a_finished_set_up_is_not_repeated(
    set_up: ModuleType, done: str, covered: set[str]
) -> None:
    assert not set_up.Environment(done).is_done()
    finished(set_up, done)
    assert {name for name in set_up.COVERS if set_up.Environment(name).is_done()} == covered


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt", "scripts/set_up.py"])
def test_other_pins_mean_an_update(set_up: ModuleType, checkout: Path, name: str) -> None:
    environment = finished(set_up, "test")
    with (checkout / name).open("a") as file:
        file.write("# changed\n")
    assert not environment.is_done()
    assert environment.can_be_updated()


@pytest.mark.parametrize(("key", "value"), [("python", "3.9.1"), ("place", "elsewhere")])
def test_another_python_or_place_means_a_new_one(set_up: ModuleType, key: str, value: str) -> None:
    environment = finished(set_up, "test")
    environment.write_note(set_up.wanted_note("test") | {key: value})
    assert not environment.is_done()
    assert not environment.can_be_updated()


@pytest.mark.parametrize("note", ['{"purpose": "unfinished"}', "", "[]", '{"purp'])
def test_an_interrupted_set_up_is_done_again(set_up: ModuleType, note: str) -> None:
    environment = finished(set_up, "test")
    environment.note.write_text(note)
    assert not environment.is_done()
    assert not environment.can_be_updated()


def pip_says(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], bool]
) -> list[str]:
    """pip that installs nothing and answers so; what it is asked for is in the list."""
    asked: list[str] = []

    def pip(environment: Any, *arguments: str) -> bool:
        asked.append(" ".join(arguments))
        environment.log.parent.mkdir(exist_ok=True)
        environment.log.write_text("ERROR: no such thing\n")
        return answer(asked[-1])

    monkeypatch.setattr(set_up.Environment, "pip", pip)
    monkeypatch.setattr(set_up.Environment, "make", lambda environment: None)
    return asked


@pytest.mark.parametrize(
    ("gpu", "cpu_wheel", "expected"),
    [(False, True, ["+cpu"]), (False, False, ["+cpu", ""]), (True, True, [""])],
)
def test_torch_without_cuda_is_tried_where_there_is_no_gpu(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, gpu: bool, cpu_wheel: bool,
    expected: list[str],
) -> None:  # fmt: skip
    asked = pip_says(set_up, monkeypatch, lambda text: cpu_wheel or "+cpu" not in text)
    monkeypatch.setattr(set_up, "has_nvidia_gpu", lambda: gpu)
    set_up.install_torch(set_up.Environment("demo"))
    assert asked == [f"torch==2.13.0{build}" for build in expected]


def test_the_newest_python_gets_every_dependency_that_is_not_large(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, checkout: Path
) -> None:
    asked = pip_says(set_up, monkeypatch, lambda text: True)
    (checkout / "pyproject.toml").write_text(
        '[project]\ndependencies = ["demucs>=4.1,<5", "numpy>=1.26", "ray[data]", "torch>=2.6"]\n'
    )
    (checkout / ".venv-newest").mkdir()
    assert set_up.main(["newest"]) == 0
    packages, itself = asked
    assert packages.startswith("--only-binary :all: numpy>=1.26 ray[data] ")
    assert "pytest" in packages.split()
    assert itself == "--no-build-isolation --no-deps -e ."


@pytest.mark.parametrize(("fails", "status"), [("numpy", 3), ("-e .", 1)])
def test_only_what_cannot_be_fetched_is_no_fault(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, checkout: Path, fails: str, status: int
) -> None:
    pip_says(set_up, monkeypatch, lambda text: fails not in text)
    (checkout / "pyproject.toml").write_text('[project]\ndependencies = ["numpy"]\n')
    (checkout / ".venv-newest").mkdir()
    assert set_up.main(["newest"]) == status
    assert not set_up.Environment("newest").is_done()


def test_a_set_up_that_may_be_done_without_does_not_wait_for_ever(set_up: ModuleType) -> None:
    class Hanging:
        def wait(self, timeout: float) -> int:
            raise subprocess.TimeoutExpired("pip", timeout)

    with pytest.raises(set_up.UnavailableError, match="not done after"):
        set_up.wait_for(Hanging(), 0.0)


def write_program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def run_shell(
    checkout: Path, pythons: dict[str, str], *arguments: str, script: str = "set-up.sh",
    **settings: str,
) -> tuple[int, str]:  # fmt: skip
    """A script, for `demo` unless told, with nothing but these shell scripts as Pythons."""
    folder = checkout / "path"
    folder.mkdir()
    for name, does in pythons.items():
        write_program(folder / name, does)
    for tool in ("sh", "dirname", "sed", "mktemp", "rm"):
        where = shutil.which(tool)
        assert where is not None
        (folder / tool).symlink_to(where)
    environment = {"PATH": str(folder), "HOME": str(checkout / "home")} | settings
    command = ["sh", str(checkout / "scripts" / script), *(arguments or ["demo"])]
    done = subprocess.run(
        command, env=environment, check=False, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


# a Python that fits, and says what it is asked to run
CHOSEN = 'case "$1" in -c) exit 0;; *) echo "chosen $*";; esac'


def test_a_shim_that_does_not_answer_is_passed_over(checkout: Path) -> None:
    status, said = run_shell(checkout, {"python3.11": "exit 127", "python3.12": CHOSEN})
    assert (status, said) == (0, "chosen scripts/set_up.py demo\n")


def test_no_python_that_fits_is_said(checkout: Path) -> None:
    status, said = run_shell(checkout, {"python3": "exit 1"})
    assert status == 1
    assert "needs Python 3.11, 3.12, 3.13 or 3.14" in said


def test_a_python_of_the_users_choice_has_to_fit(checkout: Path) -> None:
    status, said = run_shell(checkout, {}, MORPHSEP_PYTHON="no-such-python")
    assert status == 1
    assert "MORPHSEP_PYTHON is 'no-such-python'" in said


@pytest.mark.parametrize(
    ("used", "expected"), [("3.11", "3.14"), ("3.14", "3.13"), ("no Python", "3.14")]
)
def test_the_newest_python_is_another_than_the_one_used(
    checkout: Path, used: str, expected: str
) -> None:
    write_program(checkout / ".venv" / "bin" / "python", f"echo {used}")
    pythons = {f"python{v}": CHOSEN.replace("chosen", v) for v in ("3.11", "3.13", "3.14")}
    status, said = run_shell(checkout, pythons, "newest")
    assert (status, said) == (0, f"{expected} scripts/set_up.py newest\n")


@pytest.mark.parametrize("purpose", ["demo", "newest"])
def test_pythons_of_pyenv_are_found_where_their_shims_do_not_answer(
    checkout: Path, purpose: str
) -> None:
    python = checkout / "home" / ".pyenv" / "versions" / "3.13.0" / "bin" / "python"
    write_program(python, CHOSEN)
    status, said = run_shell(checkout, {"python3.13": "exit 127"}, purpose)
    assert (status, said) == (0, f"chosen scripts/set_up.py {purpose}\n")


def test_no_other_python_is_no_failure_and_said(checkout: Path) -> None:
    write_program(checkout / ".venv" / "bin" / "python", "echo 3.12")
    status, said = run_shell(
        checkout, {"python3.12": CHOSEN}, "tests", script="test-newest.sh"
    )  # fmt: skip
    assert status == 0
    assert said == (
        "There is no Python 3.11 to 3.14 here besides that of .venv.\n"
        "So no tests ran on another Python.\n"
    )


@pytest.mark.parametrize(
    ("set_up_ends", "tests_end", "status"), [(0, 0, 0), (0, 1, 1), (1, 0, 1), (3, 0, 0), (3, 1, 0)]
)
def test_a_failed_test_on_the_newest_python_fails_and_a_missing_package_does_not(
    checkout: Path, set_up_ends: int, tests_end: int, status: int
) -> None:
    pytest_ends = f'case "$1" in -m) echo "$@"; exit {tests_end};; esac'
    write_program(checkout / ".venv-newest" / "bin" / "python", pytest_ends)
    python = f'case "$1" in -c) exit 0;; *) exit {set_up_ends};; esac'
    got, said = run_shell(checkout, {"python3.14": python}, "a", "b", script="test-newest.sh")
    assert got == status
    assert ("-m pytest a b" in said) == (set_up_ends == 0)


@pytest.mark.parametrize(
    ("newest", "fetched", "tests_end", "expected", "status"),
    [
        ("2.60.0", 0, 1, "The pinned Ray, 2.60.0, is the newest.", 0),
        ("", 0, 1, "could not be found out", 0),
        ("2.61.1", 1, 1, "Ray 2.61.1 could not be fetched", 0),
        ("2.61.1", 0, 0, "-m pytest -m ray a b", 0),
        ("2.61.1", 0, 1, "-m pytest -m ray a b", 1),
    ],
)
def test_the_newest_ray_is_tried_where_another_is_pinned(
    checkout: Path, newest: str, fetched: int, tests_end: int, expected: str, status: int
) -> None:
    (checkout / "pyproject.toml").write_text('[optional]\nray = ["ray[default]>=2.60,<3"]\n')
    (checkout / "constraints.txt").write_text("numpy==2.4.6\nray==2.60.0\nscipy==1.17.1\n")
    says = f"echo Would install ray-{newest}" if newest else "exit 1"
    python = f"""case "$*" in
*"--dry-run"*"ray[default]>=2.60,<3"*) {says};;
*"ray[default]==2.61.1"*) exit {fetched};;
*) echo "$@"; exit {tests_end};;
esac"""
    write_program(checkout / ".venv" / "bin" / "python", python)
    got, said = run_shell(checkout, {}, "a", "b", script="test-newest-ray.sh")
    assert got == status
    assert expected in said
    assert ("pytest" in said) == ("pytest" in expected)


@pytest.mark.parametrize(("types", "tests", "status"), [(0, 0, 0), (1, 0, 2), (0, 1, 2), (1, 1, 2)])
def test_make_test_fails_with_either_of_its_parts(
    checkout: Path, types: int, tests: int, status: int
) -> None:
    """Types and tests run at once; what the types say is still seen at the end."""
    shutil.copy(SCRIPTS.parent / "Makefile", checkout)
    write_program(checkout / "scripts" / "set-up.sh", "exit 0")
    python = f"""case "$*" in
*mypy*) echo types said so; exit {types};;
*pytest*) echo tests began; sleep 0.3; echo tests ended; exit {tests};;
esac"""
    for name, script in (("python", python), ("lint-imports", "exit 0"), ("deptry", "exit 0")):
        write_program(checkout / ".venv" / "bin" / name, script)
    command = ["make", "--no-print-directory", "test"]
    ours = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "PYTEST")}
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, env=ours)
    assert done.returncode == status
    assert "tests ended" in done.stdout, "a failure of the types does not end the tests"
    assert done.stdout.count("types said so") == 1 + bool(types or tests)


def test_what_make_runs_on_the_newest_python_and_ray_is_there() -> None:
    root = SCRIPTS.parent
    command = ["make", "--dry-run", "--no-print-directory", "test-newest"]
    ours = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "PYTEST")}
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, env=ours)
    on_python, on_ray = (line.split()[2:] for line in done.stdout.splitlines())
    assert len(on_python) > 10
    assert len(on_ray) > 1
    assert [path for path in on_python + on_ray if not (root / path).exists()] == []
