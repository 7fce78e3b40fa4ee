"""`morphsep listen`, from rendered sounds to tables."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from morphsep.evaluation.listening import read_test
from morphsep.storage import location
from tests.commands import invoke
from tests.listening import clicker, listeners, rendered, write_answers


def listen(folder: Path, *arguments: str) -> CompletedProcess[str]:
    with chdir(folder):
        return invoke("listen", *arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A test that was made on the command line, with the answers of three who are not real."""
    folder = tmp_path_factory.mktemp("cli")
    rendered(folder / "eval")
    done = listen(folder, "make", "eval", "-o", "test")
    assert done.returncode == 0, done.stderr
    first, *more = done.stdout.splitlines()
    assert first.startswith("test: 2 items, 20 trials, about ")
    assert [line for line in more if "0.3 MOS takes" in line] == more
    test = read_test(location(folder / "test"))
    write_answers(folder / "test" / "results", listeners(test, 3, 0))
    return folder


def test_scores_are_printed_as_markdown_or_json_and_written(folder: Path) -> None:
    printed = listen(folder, "score", "test", "-o", "scored")
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout == (folder / "scored" / "scores.md").read_text()
    told = json.loads(listen(folder, "score", "test/results", "--json").stdout)
    assert (told["listeners"], told["excluded"]) == (3, [])
    assert {row["measure"] for row in told["scores"]} >= {"mos", "quality", "position"}


def test_what_was_made_is_told_to_machines_too(folder: Path) -> None:
    arguments = ("--amount", "0.5", "--question", "mos", "--backend", "spectral", "--items", "1")
    done = listen(folder, "make", "eval", "-o", "small", *arguments, "--json")
    told = json.loads(done.stdout)
    assert (told["items"], told["trials"], told["left_out"]) == (1, 3, {})
    assert told["checks_listeners"] is False
    assert told["test"] == read_test(location(folder / "small")).id
    assert [each["listeners"] for each in told["needed"]] == sorted(
        each["listeners"] for each in told["needed"]
    )


def test_a_test_that_checks_nobody_says_so(folder: Path) -> None:
    for question, is_said in (("mos", True), ("position", False)):
        done = listen(folder, "make", "eval", "-o", question, "--question", question)
        assert ("nothing checks the listeners" in done.stdout) == is_said


def test_nobody_left_is_exit_code_1_and_says_why(folder: Path) -> None:
    test = read_test(location(folder / "test"))
    (path,) = write_answers(folder / "elsewhere", clicker(test, "somebody", 0))
    done = listen(folder, "score", str(path), "--test", "test")
    assert done.returncode == 1
    assert "no listener is left" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("make", "eval", "-o", "test"), "holds a test already"),
        (("make", ".", "-o", "other"), "has no sounds.parquet"),
        (("make", "eval", "-o", "other", "--question", "taste"), "there are mos, fusion"),
        (("make", "eval", "-o", "other", "--amount", "2"), "--amount"),
        (("score", "eval"), "holds no answers"),
        (("score", "test", "--test", "eval"), "holds no listening test"),
    ],
)
def test_what_cannot_be_is_exit_code_1_and_a_sentence(
    folder: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = listen(folder, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
