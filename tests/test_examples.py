"""Every example of the README and of docs/: run on a short clip where that is possible here, else
at least read by the parser of the real command line."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
import yaml

import morphsep
from morphsep.cli.app import app
from morphsep.dsp import Signal
from morphsep.separators import Mix
from morphsep.separators.embedded import Embedded
from morphsep.separators.own_stem import resolve_stem
from morphsep.tones import get_tone
from tests import songs
from tests.guitarml_captures import write_capture

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    *(p for p in sorted((ROOT / "docs").rglob("*.md")) if p.name != "command-line.md"),
]
"""The page of the command line is what --help says, and holds no examples."""

NOT_RUN = {
    "s3://": "needs a bucket",
    "/music/": "needs a cluster and its disk",
    "knob/": "needs packages; tests/test_train_knob.py runs the job on made-up sound",
    "jobs/reprocess.py": "needs a cluster",
    "diffusion": "needs weights",
    "music2latent": "needs weights",
    "lora": "needs weights",
    "models fetch": "needs a network",
    ".nam": "needs an amp capture and an extra",
    "match": "takes minutes",
    "evaluate": "takes minutes; tests/test_evaluation_protocol.py runs it",
    "listen": "needs finished evaluation work; tests/test_listening_cli.py runs it",
    "morphsep-example": "needs a package of a third party; tests/test_extending.py runs it",
    "equal-power": "needs a package of a third party; tests/test_extending.py runs it",
}
"""What an example holds that cannot be run here, and why. It is parsed."""
OTHERS = (
    *(
        "apt-get",
        "aws",
        "caddy",
        "chmod",
        "cp",
        "docker",
        "export",
        "for",
        "kill",
        "kubectl",
        "make",
        "mkdir",
        "pip",
    ),
    *("ps", "ray", "rm", "RAY_AUTH_MODE=token", ".", "python3"),
)
"""Other programs that examples call."""
PARTS = (
    "from morphsep.testing",
    "from morphsep.evaluation",
    "class ",
    "REPROCESS = ",
    "from dataclasses",
)
"""How Python begins that is part of something which another test runs: tests/test_extending.py,
tests/test_docs.py, tests/test_evaluation_metrics.py."""
LEFT_OVER = re.compile(
    r"^(--stem '|[{(]|name: |  - (VST3|Capture|Reverberator)|\[build-system\]|morphsep-example/)"
)
"""How blocks begin that are neither commands nor Python; tests of their own are below."""


@dataclass(frozen=True)
class Example:
    """A fenced block, or a command in a line of text."""

    page: Path
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.text[:40]!r}"


def examples(page: Path) -> Iterator[Example]:
    """In the order of the page."""
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^( *)```(\w*)\n(.*?)^\1```", text, re.M | re.S):
        yield Example(page, found[2], found[3])
    outside = re.sub(r"^( *)```.*?^\1```", "", text, flags=re.M | re.S)
    for line in re.findall(r"^    (morphsep .*)$", outside, re.M):
        yield Example(page, "", line)


def commands(example: Example) -> Iterator[list[str]]:
    """The words of each command of a shell block."""
    for line in example.text.replace("\\\n", " ").splitlines():
        for part in re.split(r" && ", line):
            words = shlex.split(part.rstrip("& "), comments=True)
            if words:
                yield words


def ours(words: list[str]) -> list[str] | None:
    """The arguments of `morphsep`, if a command is ours or hands on to ours."""
    if words[0] == "morphsep":
        return words[1:]
    if "jobs/reprocess.py" in words:
        return ["morph", *words[words.index("jobs/reprocess.py") + 1 :]]
    return None


def without_cluster(arguments: list[str]) -> list[str]:
    """The same on this machine alone: what comes out is the same."""
    words, kept = iter(arguments), []
    for word in words:
        if word in ("--executor", "--address"):
            next(words)
        else:
            kept.append(word)
    return kept


def reason(arguments: list[str]) -> str | None:
    """Why these arguments are not run here."""
    line = " ".join(arguments)
    return next((why for sign, why in NOT_RUN.items() if sign in line), None)


@cache
def command_line() -> Any:
    """All commands, as typer has built them."""
    return typer.main.get_command(app)


def parse(arguments: list[str]) -> None:
    """Reads arguments as the command line does; raises what it says of a mistake."""
    command = command_line()
    while hasattr(command, "commands") and not arguments[0].startswith("-"):
        name, *arguments = arguments
        command = command.commands[name]
    command.make_context(command.name, arguments)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the examples name, as short as can be."""
    place = tmp_path_factory.mktemp("material")
    guitar, mix = songs.guitar(1.5), songs.guitar(1.5) + songs.backing(1.5)
    for name in ("song.wav", "mix.wav", "take1.wav", "take2.wav", "albums/a/01.wav",
                 "albums/b/01.wav", "album/x.wav", "songs/x.wav", "albums/02.flac"):  # fmt: skip
        songs.write(place / name, mix)
        songs.write((place / name).with_suffix(".guitar.wav"), guitar, subtype="FLOAT")
    for path in place.glob("albums/**/*.guitar.wav"):
        path.unlink()
    shutil.copy(place / "albums" / "02.flac", place / "song.flac")
    songs.write(place / "guitar.wav", guitar, subtype="FLOAT")
    songs.write(place / "demo" / "guitar-clean.flac", guitar)
    songs.write(place / "guitars" / "take.wav", guitar)
    recipe = "clip_seconds: 1\nrender: [{ladder: {from: clean, to: fuzz, steps: 2}}]"
    (place / "recipe.yaml").write_text(recipe, encoding="utf-8")
    songs.write(place / "reamped.wav", np.tanh(4 * guitar))
    for name in ("their_solo.wav", "violin.wav", "riff.wav"):
        songs.write(place / name, songs.guitar(3.0, seed=7))
    shutil.copy(ROOT / "morphsep" / "tones" / "builtin" / "fuzz.yaml", place / "found.yaml")
    write_capture(place / "drive.json")
    songs.write(place / "transfers" / "a.wav", songs.guitar(4.0, channels=1), subtype="PCM_24")
    page = (ROOT / "docs" / "reference" / "provenance.md").read_text(encoding="utf-8")
    record = page.partition("```json\n")[2].partition("```")[0]
    (place / "tape-07.wav.provenance.json").write_text(record, encoding="utf-8")
    return place


def run_shell(example: Example) -> int:
    """Runs or parses each of our commands; returns how many were run."""
    count = 0
    for words in commands(example):
        arguments = ours(words)
        if arguments is None:
            if words[:2] == ["python", "-c"]:
                exec(compile(words[2], str(example), "exec"), {})
            else:
                assert words[0] in OTHERS or words[:2] == ["python", "-m"], words
            continue
        parse(arguments)
        if reason(arguments) is None:
            assert app(without_cluster(arguments), standalone_mode=False) in (0, None), words
            count += 1
    return count


def run_python(example: Example) -> None:
    if example.text.startswith(PARTS):
        compile(example.text, str(example), "exec")
        return
    guitar = songs.guitar(0.5)
    mix = guitar + songs.backing(0.5)
    names: dict[str, Any] = {"morphsep": morphsep, "samples": guitar, "mix": mix}
    if "pandas." in example.text:
        names |= {name: pytest.importorskip(name) for name in ("pandas", "duckdb", "datasets")}
    exec(compile(example.text, str(example), "exec"), names)


@pytest.fixture(scope="module", autouse=True)
def _separated_once() -> Iterator[None]:
    """All examples are about the same few sounds: each is separated once, not once a page."""
    separate, made = Embedded.separate, dict[tuple[bytes, int, int], Signal]()

    def remembered(self: Embedded, mix: Mix, start: int, stop: int) -> Signal:
        key = (mix.read(0, mix.num_samples).tobytes(), start, stop)
        if key not in made:
            made[key] = separate(self, mix, start, stop)
        return made[key].copy()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Embedded, "separate", remembered)
        yield


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_work_as_printed(
    page: Path, material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = list(examples(page))
    if not found:
        return
    here = shutil.copytree(material, tmp_path / "here")
    monkeypatch.chdir(here)
    for name, value in {
        "MORPHSEP_WEIGHTS": str(tmp_path / "weights"),
        "HF_HUB_OFFLINE": "1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if page.name == "manifest.md":  # its examples read what others have made
        assert app(["morph", "song.flac", "-o", "OUT", "--to", "fuzz"], standalone_mode=False) == 0
    for example in found:
        if example.language == "python":
            run_python(example)
        elif example.language == "sql":
            pytest.importorskip("duckdb").sql(example.text).fetchall()
        elif example.language == "csv":
            (here / "list.csv").write_text(example.text, encoding="utf-8")
        elif not LEFT_OVER.match(example.text):
            assert example.language == "", example
            run_shell(example)


def test_the_list_of_the_page_does_what_it_says(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both of its rows change something, and land where it says."""
    here = shutil.copytree(material, tmp_path / "here")
    monkeypatch.chdir(here)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    page = ROOT / "docs" / "how-to" / "do-many-songs.md"
    (listed,) = (each.text for each in examples(page) if each.language == "csv")
    (here / "list.csv").write_text(listed, encoding="utf-8")
    command = ["morph", "list.csv", "-o", "out", "--to", "chorus"]
    assert app(command, standalone_mode=False) == 0
    for source, result in (("take1.wav", "loud/take1.wav"), ("take2.wav", "take2.wav")):
        assert (songs.read(here / source) != songs.read(here / "out" / result)).any(), result


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    command = command_line()
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


def test_commands_inside_a_sentence_exist() -> None:
    """They hold placeholders, so only their names and options can be looked up."""
    seen = 0
    for page in PAGES:
        for span in re.findall(r"`morphsep ([^`]+)`", page.read_text(encoding="utf-8")):
            command, rest = command_of(span.split())
            # what follows is placeholders and values, or another group's command
            assert not hasattr(command, "commands") or not rest or rest[0][0] == "-", (page, span)
            options = {
                name for each in command.params for name in (*each.opts, *each.secondary_opts)
            }
            known = options | {"--help", "--install-completion", "--show-completion"}
            assert {word.partition("=")[0] for word in rest if word[0] == "-"} <= known, (
                page,
                span,
            )
            seen += 1
    assert seen > 20


def test_the_chain_of_the_page_is_a_tone(tmp_path: Path) -> None:
    page = ROOT / "docs" / "how-to" / "write-a-tone.md"
    blocks = [each.text for each in examples(page) if each.language == "yaml"]
    (tmp_path / "rig.yaml").write_text(blocks[0], encoding="utf-8")
    tone = get_tone(str(tmp_path / "rig.yaml"))
    assert np.isfinite(tone.render(songs.guitar(0.5), 0, -20.0)).all()
    for fragment in blocks[1:]:
        assert yaml.safe_load(fragment)


def test_the_patterns_of_the_page_name_what_it_says() -> None:
    page = ROOT / "docs" / "how-to" / "use-your-own-stem.md"
    lines = re.findall(
        r"^--stem '(.+)' +song\.flac -> (\S+) ", page.read_text(encoding="utf-8"), re.M
    )
    assert len(lines) == 2
    for pattern, named in lines:
        assert resolve_stem(pattern, "/music/song.flac") == f"/music/{named}"
