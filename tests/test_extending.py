"""A third party's package, as docs/how-to/write-a-plugin.md shows it, installed and run."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from morphsep import testing
from morphsep.backends.crossfade import Crossfade
from morphsep.request import registry
from tests import songs

PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "write-a-plugin.md"
PAIRS = (("as-recorded", "distortion"), ("clean", "fuzz"), ("chorus", "ambient"))


@pytest.fixture(scope="module")
def installed(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page's package is installed."""
    folder = tmp_path_factory.mktemp("morphsep-example")
    blocks = dict.fromkeys(("toml", "python"), "")
    for language, code in re.findall(r"```(toml|python)\n(.*?)```", PAGE.read_text(), re.S):
        if "check_backend" not in code:
            blocks[language] += code + "\n"
    (folder / "pyproject.toml").write_text(blocks["toml"])
    (folder / "morphsep_example.py").write_text(blocks["python"])
    command = ["-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([sys.executable, *command, "--target", site, folder], check=True)
    return site


def morphsep(installed: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    paths = [str(installed), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return subprocess.run(
        [sys.executable, "-m", "morphsep", *map(str, arguments)],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip


@pytest.mark.ray
@pytest.mark.filterwarnings("default")  # Ray warns of its own deprecations
def test_both_executors_run_it_and_agree(installed: Path, address: str, tmp_path: Path) -> None:
    song = songs.write(tmp_path / "song.wav", songs.guitar(6.0))
    outputs = []
    for executor, *more in (("local",), ("ray", "--address", address)):
        out = tmp_path / executor
        done = morphsep(
            installed, "morph", song, "-o", out, "--executor", executor, *more, "--json",
            "--separator", "centre", "--to", "ring", "--backend", "equal-power",
            "--set", "exponent=0.7", "--amount", "0.5", "--no-uniform",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        (row,) = json.loads(done.stdout)["tracks"]
        assert (row["separator"], row["to_tone"], row["backend"]) == (
            "centre", "ring", "equal-power",
        )  # fmt: skip
        outputs.append((out / row["output"]).read_bytes())
    assert outputs[0] == outputs[1]
    assert outputs[0] != Path(song).read_bytes()


def test_it_is_listed_like_ours(installed: Path) -> None:
    for command, name in (("backends", "equal-power"), ("separators", "centre"), ("tones", "ring")):
        done = morphsep(installed, command)
        assert name in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("strength=1", "there is no option of equal-power 'strength'. There are: exponent"),
        ("exponent=much", "exponent takes a number, got 'much'"),
        ("exponent", "--set takes NAME=VALUE, such as exponent=1, got 'exponent'"),
    ],
)
def test_an_option_that_cannot_be_is_a_sentence(
    installed: Path, tmp_path: Path, option: str, sentence: str
) -> None:
    song = songs.write(tmp_path / "song.wav", songs.guitar(1.0))
    arguments = ("--separator", "none", "--to", "ring", "--backend", "equal-power")
    done = morphsep(installed, "morph", song, "-o", tmp_path / "out", *arguments, "--set", option)
    assert (done.returncode, done.stderr.strip()) == (1, f"morphsep: {sentence}")


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("name", ["chain", "crossfade", "spectral", "vocoder"])
def test_ours_keep_the_contract(name: str, pair: tuple[str, str]) -> None:
    testing.check_backend(registry.load_plugin("backend", name), *pair)


def broken(name: str, **changes: object) -> object:
    """The crossfade with one member replaced."""
    return type(name, (Crossfade,), changes)()


def test_a_broken_promise_is_named() -> None:
    real = Crossfade()
    third = itertools.chain([0, 0, 0], itertools.repeat(1))  # two passages, then one of them
    faults = {
        "of a stem": lambda self, ps: [x[:, 1:] for x in real.morph(ps)],
        "no numbers": lambda self, ps: [x * np.float32("nan") for x in real.morph(ps)],
        "alone and in a batch": lambda self, ps: [x * len(ps) for x in real.morph(ps)],
        "twice": lambda self, ps: [x * np.float32(1 + next(third)) for x in real.morph(ps)],
        "at amount 0 and its end": lambda self, ps: [x * np.float32(0.9) for x in real.morph(ps)],
        "silence came out": lambda self, ps: [
            x + np.float32(0.1) * (not each.stem.any())
            for x, each in zip(real.morph(ps), ps, strict=True)
        ],
    }  # fmt: skip
    for promise, morph in faults.items():
        with pytest.raises(AssertionError, match=promise):
            testing.check_backend(broken("Broken", morph=morph))
