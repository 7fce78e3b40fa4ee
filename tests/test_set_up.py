"""The set-up that make demo and make test begin with, without installing anything."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

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


def finish(set_up: ModuleType, purpose: str) -> None:
    """What a successful set-up leaves behind, for these tests."""
    set_up.PYTHON.parent.mkdir(parents=True, exist_ok=True)
    set_up.PYTHON.touch()
    set_up.write_note(set_up.wanted_note(purpose))


@pytest.mark.parametrize(
    ("done", "covered"),
    [("demo", {"demo"}), ("docs", {"demo", "docs"}), ("test", {"demo", "docs", "test"})],
)
def test_a_finished_set_up_is_not_repeated(
    set_up: ModuleType, done: str, covered: set[str]
) -> None:
    assert not set_up.is_done(done)
    finish(set_up, done)
    assert {purpose for purpose in set_up.EXTRAS if set_up.is_done(purpose)} == covered


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt", "scripts/set_up.py"])
def test_other_pins_mean_an_update(set_up: ModuleType, checkout: Path, name: str) -> None:
    finish(set_up, "test")
    with (checkout / name).open("a") as file:
        file.write("# changed\n")
    assert not set_up.is_done("test")
    assert set_up.can_be_updated()


@pytest.mark.parametrize(("key", "value"), [("python", "3.9.1"), ("place", "elsewhere")])
def test_another_python_or_place_means_a_new_one(set_up: ModuleType, key: str, value: str) -> None:
    finish(set_up, "test")
    set_up.write_note(set_up.wanted_note("test") | {key: value})
    assert not set_up.is_done("test")
    assert not set_up.can_be_updated()


@pytest.mark.parametrize("note", ['{"purpose": "unfinished"}', "", "[]", '{"purp'])
def test_an_interrupted_set_up_is_done_again(set_up: ModuleType, note: str) -> None:
    finish(set_up, "test")
    set_up.NOTE.write_text(note)
    assert not set_up.is_done("test")
    assert not set_up.can_be_updated()


def asked_for(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, *, gpu: bool, cpu_wheel: bool
) -> list[str]:
    asked: list[str] = []

    def pip(requirement: str) -> bool:
        asked.append(requirement)
        return cpu_wheel or "+cpu" not in requirement

    monkeypatch.setattr(set_up, "has_nvidia_gpu", lambda: gpu)
    monkeypatch.setattr(set_up, "pip", pip)
    set_up.install_torch()
    return asked


def test_torch_without_cuda_is_tried_where_there_is_no_gpu(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu, plain = "torch==2.13.0+cpu", "torch==2.13.0"
    assert asked_for(set_up, monkeypatch, gpu=False, cpu_wheel=True) == [cpu]
    assert asked_for(set_up, monkeypatch, gpu=False, cpu_wheel=False) == [cpu, plain]
    assert asked_for(set_up, monkeypatch, gpu=True, cpu_wheel=True) == [plain]


def run_shell(checkout: Path, pythons: dict[str, str], **settings: str) -> tuple[int, str]:
    """set-up.sh with nothing but these shell scripts as Pythons."""
    folder = checkout / "path"
    folder.mkdir()
    for name, script in pythons.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    for tool in ("sh", "dirname"):
        where = shutil.which(tool)
        assert where is not None
        (folder / tool).symlink_to(where)
    environment = {"PATH": str(folder), "HOME": os.environ.get("HOME", "")} | settings
    command = ["sh", str(checkout / "scripts" / "set-up.sh"), "demo"]
    done = subprocess.run(
        command, env=environment, check=False, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_a_shim_that_does_not_answer_is_passed_over(checkout: Path) -> None:
    chosen = 'case "$1" in -c) exit 0;; *) echo "chosen $*";; esac'
    status, said = run_shell(checkout, {"python3.11": "exit 127", "python3.12": chosen})
    assert (status, said) == (0, "chosen scripts/set_up.py demo\n")


def test_no_python_that_fits_is_said(checkout: Path) -> None:
    status, said = run_shell(checkout, {"python3": "exit 1"})
    assert status == 1
    assert "needs Python 3.10, 3.11 or 3.12" in said


def test_a_python_of_the_users_choice_has_to_fit(checkout: Path) -> None:
    status, said = run_shell(checkout, {}, MORPHSEP_PYTHON="no-such-python")
    assert status == 1
    assert "MORPHSEP_PYTHON is 'no-such-python'" in said
