"""Printing decides nothing: any name, any encoding, any standard output."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsep import manifest
from morphsep.cli.app import app
from morphsep.cli.streams import log_to_stderr, shown
from morphsep.manifest import TrackRow
from tests import songs

NASTY = "a\nb\x1b[2J\r\x9b1m \u202e\u2028ü 🎸.wav"
TONE = ["--to", "fuzz", "--separator", "none", "--no-uniform"]


def morphsep(
    *arguments: object, shell: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """The command in a shell that redirects what it prints."""
    line = ["sh", "-c", f'"$@" {shell}', "sh", sys.executable, "-m", "morphsep"]
    return subprocess.run(
        [*line, *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True,
        check=False,
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder in which one song of a nasty name is done, and its input."""
    folder = tmp_path_factory.mktemp("printing")
    songs.write(folder / "in" / NASTY, songs.guitar(0.3))
    (folder / "in" / f"not {NASTY}").write_text("no sound")
    assert morphsep("morph", folder / "in", "-o", folder / "out", *TONE).returncode == 2
    return folder


@pytest.mark.parametrize(
    ("shell", "environment", "says"),
    [
        ("", {"PYTHONIOENCODING": "ascii"}, ""),
        pytest.param("", {"PYTHONIOENCODING": "latin-1"}, "", marks=pytest.mark.slow),
        ("", {"LC_ALL": "C"}, ""),
        pytest.param("", {"TERM": "dumb", "NO_COLOR": "1"}, "", marks=pytest.mark.slow),
        pytest.param(">&-", {}, "", marks=pytest.mark.slow),
        pytest.param(">&- 2>&-", {}, "", marks=pytest.mark.slow),
        ("<&- >&- 2>&-", {}, ""),
        (">/dev/full", {}, "not all that was said could be printed: No space left"),
        pytest.param(">/dev/full 2>/dev/full", {}, "", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("how", [[], ["--json"]], ids=["people", "machines"])
def test_a_run_ends_as_its_work_did(
    shell: str, environment: dict[str, str], says: str, how: list[str], done: Path
) -> None:
    tail = ["-o", done / "out", *TONE, *how]
    found = morphsep("morph", done / "in", *tail, shell=shell, **environment)
    assert found.returncode == 2, found.stderr.decode()
    assert b"Traceback" not in found.stdout + found.stderr
    assert says in found.stderr.decode()
    if how and not shell:
        assert json.loads(found.stdout)["exit_code"] == 2


def test_a_reader_that_goes_away_is_no_fault(done: Path) -> None:
    found = morphsep("manifest", "show", done / "out", "--json", shell="| true; wait")
    assert (found.stdout, found.stderr) == (b"", b"")


def test_an_answer_that_cannot_be_printed_is_none() -> None:
    found = morphsep("tones", shell=">/dev/full")
    assert found.returncode == 3
    assert b"the answer cannot be printed: No space left" in found.stderr
    assert morphsep("tones", shell=">&-").returncode == 0


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_json_is_json_in_any_encoding(encoding: str, done: Path) -> None:
    found = morphsep("manifest", "show", done / "out", "--json", PYTHONIOENCODING=encoding)
    rows = json.loads(found.stdout)
    assert [row["track"] for row in rows] == sorted([NASTY, f"not {NASTY}"])


def lines_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[str]:
    app([*map(str, arguments)], standalone_mode=False)
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\x9b" not in printed
    assert "\u202e" not in printed
    return printed.splitlines()


def test_every_table_has_one_line_for_one_name(
    done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, inside = done / "out", done / "in"
    shown_name = shown(NASTY)
    assert len(lines_of(capsys, "manifest", "show", out)) == 2
    (line,) = lines_of(capsys, "manifest", "failed", out)
    assert f"not {shown_name}" in line
    assert any(shown_name in line for line in lines_of(capsys, "status", out))
    planned = lines_of(capsys, "plan", inside, "-o", out, "--separator", "none")
    assert [line for line in planned if line.startswith("problem")] == [
        line for line in planned if f"not {shown_name}" in line
    ]
    manifest.commit(out, TrackRow(track=f"gone {NASTY}", output="gone", status="ok"))
    assert any(f"gone {shown_name}" in line for line in lines_of(capsys, "verify", out))
    table = lines_of(capsys, "morph", inside, "-o", out, *TONE)
    assert sum("not a" in line for line in table) == 1


def test_a_warning_is_one_line_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    log_to_stderr()
    logging.getLogger("morphsep").warning("%s: %d columns", NASTY, 2)
    assert capsys.readouterr().err == f"morphsep: {shown(NASTY)}: 2 columns\n"


@given(st.text())
def test_what_is_shown_is_one_line_that_can_be_printed(text: str) -> None:
    line = shown(text)
    assert len(line.splitlines()) <= 1
    assert line.encode().decode() == line
    assert shown(line) == line


@pytest.mark.parametrize("folder", ["", "album/"])
def test_what_is_missing_is_named_once(folder: str, tmp_path: Path) -> None:
    missing = f"{folder}nothere.flac"
    found = morphsep("morph", missing, "-o", tmp_path / "out", *TONE, COLUMNS="200")
    assert found.returncode == 3
    assert found.stdout.decode().count("nothere.flac") == 1
    assert "nothere.flac is not there; check the path" in found.stdout.decode()


def test_a_manifest_is_shown_with_what_was_made_and_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = songs.write(tmp_path / "loop.wav", 3 * songs.backing(3.0))
    song = songs.write(tmp_path / "in" / "song.wav", songs.guitar(3.0))
    tail = ("--separator", "none", "--backend", "crossfade", "--amount", "0.5", "--no-uniform")
    lines_of(capsys, "morph", song, "-o", tmp_path / "out", "--to", loop, *tail)
    shown, warning, *_ = lines_of(capsys, "manifest", "show", tmp_path / "out")
    assert shown == f"ok       song.wav  as-recorded -> {loop} at 0.5  crossfade  none"
    assert warning.startswith("         loop.wav sounds like drums or a whole mix")
