"""--max-failures: what it takes, and a run that stops, says so, and can be gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from morphsep import manifest
from morphsep.errors import SettingError
from morphsep.pipelines import REPROCESS
from morphsep.request.inputs import collect
from morphsep.request.settings import make_settings
from morphsep.run.driver import run
from morphsep.run.jobs import settle_jobs
from morphsep.run.summary import Summary
from morphsep.run.tally import most_failures
from morphsep.run.verification import verify
from tests import songs
from tests.commands import invoke


@pytest.mark.parametrize(
    ("text", "tracks", "most"),
    [
        (None, 10, float("inf")),
        ("0", 10, 0),
        (" 3 ", 10, 3),
        ("30", 10, 30),
        ("0%", 200, 0),
        ("5%", 200, 10),
        ("5%", 199, 9),
        ("5%", 10, 0),
        ("100%", 7, 7),
    ],
)
def test_a_number_or_a_share_of_all_tracks(text: str | None, tracks: int, most: float) -> None:
    assert most_failures(text, tracks) == most


BAD = ("", "%", "-1", "1.5", "5.5%", "101%", "5%%", "%5", "many", "1e3", "5/100")


@pytest.mark.parametrize("text", BAD)
def test_anything_else_is_a_setting_that_cannot_work(tmp_path: Path, text: str) -> None:
    songs.write(tmp_path / "a.wav", songs.guitar(0.5))
    with pytest.raises(SettingError, match="--max-failures takes a number or a share"):
        go(tmp_path / "a.wav", tmp_path / "out", text)
    assert not (tmp_path / "out").exists()


def go(inputs: Path, out: Path, max_failures: str | None) -> Summary:
    jobs = collect([str(inputs)], out, make_settings(to="fuzz", separator="none", uniform=False))
    return run(settle_jobs(jobs), out, REPROCESS, max_failures=max_failures)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """a good, b to d none, e good: a run takes them in this order."""
    for name in "ae":
        songs.write(tmp_path / "in" / f"{name}.wav", songs.guitar(1.0))
    for name in "bcd":
        (tmp_path / "in" / f"{name}.wav").write_bytes(b"no audio")
    return tmp_path / "in"


def rows(out: Path) -> dict[str, str]:
    return {row.track: row.status for row in manifest.read_tracks(out)}


# two of five may fail; 40 % of five are two, 59 % still are
@pytest.mark.parametrize("most", ["2", "40%", "59%"])
def test_it_stops_and_a_later_run_goes_on(folder: Path, most: str) -> None:
    out = folder.parent / "out"
    summary = go(folder, out, most)
    assert summary.stopped == "stopped: 3 tracks failed, and --max-failures allows 2"
    assert summary.exit_code == 2
    assert rows(out) == {"a.wav": "ok"} | dict.fromkeys(("b.wav", "c.wav", "d.wav"), "failed")
    assert verify(out) == (4, [])
    made = (out / "a.wav").stat().st_mtime_ns

    again = go(folder, out, None)
    assert (again.stopped, again.exit_code) == (None, 2)
    assert {o.row.track: o.fresh for o in again.outcomes} == {
        "a.wav": False, "b.wav": True, "c.wav": True, "d.wav": True, "e.wav": True,
    }  # fmt: skip
    assert rows(out)["e.wav"] == "ok"
    assert (out / "a.wav").stat().st_mtime_ns == made
    assert verify(out) == (5, [])


@pytest.mark.parametrize("most", ["3", "60%", "100%", None])
def test_as_many_as_it_allows_do_not_stop_it(folder: Path, most: str | None) -> None:
    summary = go(folder, folder.parent / "out", most)
    assert (summary.stopped, summary.exit_code) == (None, 2)
    assert len(summary.failed) == 3
    assert rows(folder.parent / "out")["e.wav"] == "ok"


def test_a_run_that_came_to_its_end_was_not_stopped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tracks whose workers were lost are counted once there is nothing left to stop."""
    monkeypatch.setattr(
        "morphsep.run.driver.get_executor", lambda name: lambda *given: (c for c in ())
    )
    summary = go(folder, folder.parent / "out", "0")
    assert (summary.stopped, summary.exit_code) == (None, 3)
    assert set(rows(folder.parent / "out").values()) == {"failed"}
    assert not list((folder.parent / "out" / ".morphsep").glob("ended"))


def test_none_done_is_said_by_the_exit_code(folder: Path) -> None:
    (folder / "a.wav").unlink()
    summary = go(folder, folder.parent / "out", "0")
    assert summary.stopped == "stopped: 1 tracks failed, and --max-failures allows 0"
    assert summary.exit_code == 3


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_says_it(folder: Path, as_json: bool) -> None:
    out = folder.parent / "out"
    done = invoke(
        "morph", folder, "-o", out, "--to", "fuzz", "--separator", "none", "--max-failures", "1",
        *(["--json"] if as_json else []),
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    sentence = "stopped: 2 tracks failed, and --max-failures allows 1"
    assert sentence in (json.loads(done.stdout)["stopped"] if as_json else done.stdout)
    assert sorted(rows(out)) == ["a.wav", "b.wav", "c.wav"]


def test_a_value_that_cannot_be_ends_the_command(folder: Path) -> None:
    done = invoke(
        "morph", folder, "-o", folder.parent / "out", "--to", "fuzz", "--separator", "none",
        "--max-failures", "some",
    )  # fmt: skip
    assert done.returncode == 1
    assert "--max-failures takes a number or a share such as 5%, got 'some'" in done.stderr
    assert not (folder.parent / "out").exists()
