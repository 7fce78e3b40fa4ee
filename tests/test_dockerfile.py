"""The Dockerfile: it builds from what the repository has, with the versions that are pinned."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parent.parent
INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN"}


@dataclass(frozen=True)
class Instruction:
    name: str
    flags: dict[str, str]
    arguments: list[str]
    text: str


@dataclass
class Stage:
    """What stands between one FROM and the next."""

    image: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, name: str) -> list[Instruction]:
        return [each for each in self.instructions if each.name == name]

    def commands(self, *program: str) -> Iterator[list[str]]:
        """The words of every command that begins so, whatever else its RUN does."""
        for run in self.all("RUN"):
            for command in re.split(r"&&|\|\||;", run.text):
                words = [word for word in shlex.split(command) if word != "sudo"]
                if words[: len(program)] == list(program):
                    yield words


def parsed(text: str) -> list[Stage]:
    """The stages of a Dockerfile: comments left out, continued lines put together."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    stages: list[Stage] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if not name:
            continue
        flags: dict[str, str] = {}
        while found := re.match(r"--([\w-]+)=(\S+)\s+", rest):
            flags[found[1]] = found[2]
            rest = rest[found.end() :]
        if name == "FROM":
            image, _, alias = rest.partition(" AS ")
            stages.append(Stage(image, alias))
        arguments = [] if name == "RUN" else rest.split()
        stages[-1].instructions.append(Instruction(name, flags, arguments, rest))
    return stages


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    return parsed((ROOT / "Dockerfile").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]


def pin_of(package: str) -> str:
    found = re.search(rf"^{package}==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def test_the_parser_of_this_test_reads_what_docker_does() -> None:
    text = (
        "# note\nFROM a:1 AS one\nCOPY --from=x --chown=me a \\\n# within\n  b ./\n\n"
        "RUN a && sudo b c\n"
    )
    (stage,) = parsed(text)
    assert (stage.image, stage.name) == ("a:1", "one")
    (copy,) = stage.all("COPY")
    assert copy.flags == {"from": "x", "chown": "me"}
    assert copy.arguments == ["a", "b", "./"]
    assert list(stage.commands("b")) == [["b", "c"]]


def test_it_has_no_instruction_that_these_tests_do_not_know(stages: list[Stage]) -> None:
    # above all no USER: the last stage runs as the user of Ray's image, not as root
    assert {each.name for stage in stages for each in stage.instructions} == INSTRUCTIONS


def test_both_stages_have_one_python_that_we_support(
    stages: list[Stage], project: dict[str, Any]
) -> None:
    build, image = (stage.image for stage in stages)
    python = re.fullmatch(r"python:(\d+\.\d+)-slim", build)
    ray = re.fullmatch(r"rayproject/ray:[\d.]+-py(\d)(\d+)-gpu", image)
    assert python is not None
    assert ray is not None
    assert python[1] == f"{ray[1]}.{ray[2]}"
    assert SpecifierSet(project["requires-python"]).contains(python[1])


def test_ray_is_the_one_that_is_pinned(stages: list[Stage]) -> None:
    assert f":{pin_of('ray')}-" in stages[-1].image


def copied_from_the_checkout(stages: list[Stage]) -> list[str]:
    return [
        source
        for stage in stages
        for copy in stage.all("COPY")
        if "from" not in copy.flags
        for source in copy.arguments[:-1]
    ]


def test_what_is_copied_is_there_and_reaches_docker(stages: list[Stage]) -> None:
    sources = copied_from_the_checkout(stages)
    assert [source for source in sources if not (ROOT / source).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [rule for rule in ignored if rule and not rule.startswith("#")]
    assert rules[0] == "*"
    assert sorted(rule[1:] for rule in rules if rule[0] == "!") == sorted(sources)


def test_what_a_stage_takes_from_another_is_made_there(stages: list[Stage]) -> None:
    build, image = stages
    (workdir,) = build.all("WORKDIR")
    (wheel,) = build.commands("pip", "wheel")
    made = {"dist/": wheel[wheel.index("--wheel-dir") + 1] + "/"}
    (copy,) = [each for each in image.all("COPY") if "from" in each.flags]
    assert copy.flags["from"] == build.name
    for source in copy.arguments[:-1]:
        name = source.removeprefix(workdir.arguments[0] + "/")
        assert name in copied_from_the_checkout(stages) or made.get(name) == name


def test_everything_is_installed_as_it_is_pinned(
    stages: list[Stage], project: dict[str, Any]
) -> None:
    installs = [words for stage in stages for words in stage.commands("pip", "install")]
    assert len(installs) == len(stages)
    for words in installs:
        assert words[words.index("-c") + 1] == "constraints.txt"
    # the wheel by its name, with extras that there are
    found = re.fullmatch(r"\$\(ls ([\w*.-]+)\)\[([\w,]+)\]", installs[-1][-1])
    assert found is not None
    assert Path(f"{project['name']}-{project['version']}-py3-none-any.whl").match(found[1])
    assert set(found[2].split(",")) <= project["optional-dependencies"].keys()
    assert "ray" in found[2].split(",")


def test_the_image_has_the_programs_and_libraries_that_wheels_do_not_bring(
    stages: list[Stage],
) -> None:
    (install,) = stages[-1].commands("apt-get", "install")
    assert {"ffmpeg", "libatomic1"} <= set(install)
    assert "--no-install-recommends" in install


def test_the_cluster_runs_the_image_of_this_version(project: dict[str, Any]) -> None:
    expected = f"YOUR-REGISTRY/{project['name']}:{project['version']}"
    spec = yaml.safe_load((ROOT / "jobs" / "kuberay.yaml").read_text(encoding="utf-8"))["spec"]
    images = {
        container["image"]
        for group in [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
        for kind in ("containers", "initContainers")
        for container in group["template"]["spec"][kind]
    }
    assert images == {expected}
    assert f"docker build -t {expected} ." in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_wheel_builds_from_what_is_copied(stages: list[Stage], tmp_path: Path) -> None:
    for source in copied_from_the_checkout(stages):
        if (ROOT / source).is_dir():
            # links stay links, as Docker has it
            leave_out = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, tmp_path / source, symlinks=True, ignore=leave_out)
        else:
            shutil.copy(ROOT / source, tmp_path / source)
    (command,) = stages[0].commands("pip", "wheel")
    run = [sys.executable, "-m", *command]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "dist").glob("morphsep-*.whl"))) == 1


def test_its_build_tool_is_one_that_pyproject_asks_for(stages: list[Stage]) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        (asked,) = map(Requirement, tomllib.load(file)["build-system"]["requires"])
    (words,) = stages[0].commands("pip", "install")
    assert words[-1] == asked.name
    assert asked.specifier.contains(pin_of(asked.name))
