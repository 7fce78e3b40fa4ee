"""Nothing from a list, a manifest or a file's name reaches a shell or escapes the output folder."""

from __future__ import annotations

import ast
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsep import manifest
from morphsep.audio.decode import decode_to
from morphsep.errors import SettingError
from morphsep.pipelines import REPROCESS
from morphsep.request.inputs import collect
from morphsep.request.job import Job
from morphsep.request.refusals import refuse
from morphsep.request.settings import Settings, make_settings
from morphsep.run.driver import run
from morphsep.run.jobs import settle_jobs
from morphsep.run.verification import verify
from morphsep.separators.own_stem.path import resolve_stem
from morphsep.storage import Identities
from tests import songs

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = Settings(to="fuzz", separator="none")
NASTY = (
    "$(touch pwned).wav", "; touch pwned;.wav", "`touch pwned`.wav", "|touch pwned.wav",
    "&& touch pwned &.wav", "new\nline.wav", "tab\there.wav", "\x1b[31mred.wav", "-o.wav",
    "--force.wav", "%s%n.wav", "{stem}.wav", "{0.__class__}.wav", "~.wav", "$HOME.wav", " .wav",
    "C:\\x.wav", "a\\..\\..\\b.wav", "file:x.wav", "[bold].wav", "'\".wav",
)  # fmt: skip


def go(jobs: list[Job], out: Path) -> dict[str, manifest.TrackRow]:
    run(settle_jobs(jobs), out, REPROCESS)
    return {row.track: row for row in manifest.read_tracks(out)}


def everything(folder: Path) -> set[str]:
    """All paths below a folder, links not followed."""
    return {
        os.path.relpath(os.path.join(where, name), folder)
        for where, folders, names in os.walk(folder)
        for name in folders + names
    }


def outside(folder: Path, out: Path) -> set[str]:
    below = os.path.relpath(out, folder)
    return {path for path in everything(folder) if not (path + os.sep).startswith(below + os.sep)}


def test_names_are_names_whatever_they_look_like(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    song = songs.write(tmp_path / "song.wav", songs.guitar(0.2))
    (tmp_path / "in").mkdir()
    for name in NASTY:
        shutil.copy(song, tmp_path / "in" / name)
    out = tmp_path / "out"
    before = outside(tmp_path, out)
    rows = go(collect(["in"], out, SETTINGS), out)
    assert {name: row.status for name, row in rows.items()} == dict.fromkeys(NASTY, "ok")
    assert all((out / name).is_file() for name in NASTY)
    assert outside(tmp_path, out) == before
    assert verify(out) == (len(NASTY), [])


def test_names_in_a_list_are_names_too(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    song = songs.write(tmp_path / "song.wav", songs.guitar(0.2))
    table = pa.table({"path": [song.name] * len(NASTY), "output": [f"to/{n}" for n in NASTY]})
    pq.write_table(table, tmp_path / "list.parquet")
    out = tmp_path / "out"
    before = outside(tmp_path, out)
    jobs = collect(["list.parquet"], out, SETTINGS)
    assert {job.track for job in jobs} == {f"to/{name}" for name in NASTY}
    some = [job for job in jobs if "touch" in job.track or "\n" in job.track]
    assert {row.status for row in go(some, out).values()} == {"ok"}
    assert outside(tmp_path, out) == before


@pytest.mark.parametrize(
    "output",
    ["../x.wav", "a/../../x.wav", "/x.wav", "..", "../", "a/..", ".", "a/b/../../../x.wav",
     "//x.wav", "../out2/x.wav"],
)  # fmt: skip
def test_a_list_cannot_write_elsewhere(tmp_path: Path, output: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"path,output\na.wav,{output}\n")
    with pytest.raises(SettingError, match=r"leave the output folder|not a file name"):
        collect([str(path)], tmp_path / "out", SETTINGS)


@pytest.mark.parametrize(
    "output",
    [".morphsep/x.wav", "a/.morphsep/x.wav", ".morphsep-0.part", "manifest/tracks/x.parquet",
     "manifest/chunks/x.wav", "a/../.morphsep/lock"],
)  # fmt: skip
def test_a_list_cannot_write_among_our_own_files(tmp_path: Path, output: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"path,output\na.wav,{output}\n")
    with pytest.raises(SettingError, match="keeps its own files"):
        collect([str(path)], tmp_path / "out", SETTINGS)


def test_two_spellings_of_one_output_are_one_output(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("path,output\na.wav,x.wav\nb.wav,d/../x.wav\nc.wav,./x.wav\n")
    tracks = [job.track for job in collect([str(path)], tmp_path / "out", SETTINGS)]
    assert len(set(tracks)) == 3
    assert all(os.path.normpath(track) == track for track in tracks)


@pytest.mark.parametrize("column", ["path", "output", "stem"])
def test_a_nul_character_in_a_list_is_said(tmp_path: Path, column: str) -> None:
    values = {"path": "a.wav", "output": "b.wav", "stem": "c.wav"}
    values[column] = "x\0.wav"
    pq.write_table(pa.table({k: [v] for k, v in values.items()}), tmp_path / "list.parquet")
    with pytest.raises(SettingError, match="NUL"):
        collect([str(tmp_path / "list.parquet")], tmp_path / "out", SETTINGS)


def test_a_linked_folder_inside_out_leads_nowhere(tmp_path: Path) -> None:
    songs.write(tmp_path / "in" / "sub" / "x.wav", songs.guitar(0.2))
    songs.write(tmp_path / "in" / "y.wav", songs.guitar(0.2))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingError, match="symbolic links in the output folder"):
        collect([str(tmp_path / "in")], tmp_path / "out", SETTINGS)
    assert everything(tmp_path / "elsewhere") == set()


def test_a_link_inside_out_that_stays_inside_is_fine(tmp_path: Path) -> None:
    songs.write(tmp_path / "in" / "sub" / "x.wav", songs.guitar(0.2))
    songs.write(tmp_path / "in" / "y.wav", songs.guitar(0.2))
    (tmp_path / "out" / "real").mkdir(parents=True)
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "out" / "real")
    rows = go(collect([str(tmp_path / "in")], tmp_path / "out", SETTINGS), tmp_path / "out")
    assert {row.status for row in rows.values()} == {"ok"}
    assert (tmp_path / "out" / "real" / "x.wav").is_file()


def test_out_itself_may_be_a_link(tmp_path: Path) -> None:
    songs.write(tmp_path / "x.wav", songs.guitar(0.2))
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    rows = go(collect([str(tmp_path / "x.wav")], tmp_path / "out", SETTINGS), tmp_path / "out")
    assert rows["x.wav"].status == "ok"
    assert (tmp_path / "disk" / "x.wav").is_file()


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_in_the_place_of_a_result_is_not_written_through(
    tmp_path: Path, force: bool, dangling: bool
) -> None:
    song = songs.write(tmp_path / "x.wav", songs.guitar(0.2))
    victim = tmp_path / "victim"
    if not dangling:
        victim.write_bytes(b"precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x.wav").symlink_to(victim)
    jobs = settle_jobs(collect([str(song)], tmp_path / "out", SETTINGS))
    run(jobs, tmp_path / "out", REPROCESS, force=force)
    assert victim.exists() is not dangling
    assert dangling or victim.read_bytes() == b"precious"


def test_links_in_the_input_tree_take_their_own_names(tmp_path: Path) -> None:
    song = songs.write(tmp_path / "far" / "away" / "song.wav", songs.guitar(0.2))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file.wav").symlink_to(song)
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "far")
    tracks = {job.track for job in collect([str(tmp_path / "in")], tmp_path / "out", SETTINGS)}
    assert tracks == {"file.wav", "folder/away/song.wav"}


def test_a_link_into_the_output_is_no_input(tmp_path: Path) -> None:
    result = songs.write(tmp_path / "out" / "x.wav", songs.guitar(0.2))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.wav").symlink_to(result)
    (job,) = collect([str(tmp_path / "in")], tmp_path / "out", SETTINGS)
    assert job.refusal is not None
    assert job.refusal[0] == "inside_output"


@given(st.text(st.sampled_from("./\\~.a$\n ñ"), min_size=1, max_size=12))
def test_no_track_that_is_let_through_leaves_out(track: str) -> None:
    out = "/somewhere/out"
    job = Job(track=track, path="/elsewhere/a.wav", settings=SETTINGS)
    try:
        refuse(job, out, Identities())
    except SettingError:
        return
    assert os.path.normpath(os.path.join(out, track)).startswith(out + "/")


@pytest.mark.parametrize("name", ["{parent}", "{stem}", "{0.__class__}", "$(x)", "~", "%(stem)s"])
def test_a_tracks_name_is_never_read_as_a_pattern(name: str) -> None:
    assert resolve_stem("{stem}.guitar.wav", f"/m/{name}.wav") == f"/m/{name}.guitar.wav"


@pytest.mark.parametrize("pattern", ["{stem.__class__}.wav", "{0}.wav", "{stem!r}.wav", "{x}"])
def test_a_stem_pattern_reaches_no_attribute(pattern: str) -> None:
    with pytest.raises(SettingError):
        resolve_stem(pattern, "/m/a.wav")


def test_a_stem_may_lie_anywhere_but_is_only_read(tmp_path: Path) -> None:
    song = songs.write(tmp_path / "in" / "x.wav", songs.guitar(0.3))
    stem = songs.write(tmp_path / "stems" / "x.wav", songs.guitar(0.3))
    before = (stem.read_bytes(), outside(tmp_path, tmp_path / "out"))
    settings = make_settings(to="fuzz", stem="../stems/{stem}.wav", separator="stem")
    rows = go(collect([str(song)], tmp_path / "out", settings), tmp_path / "out")
    assert rows["x.wav"].status == "ok"
    assert (stem.read_bytes(), outside(tmp_path, tmp_path / "out")) == before


def test_an_edited_manifest_makes_nothing_written_elsewhere(tmp_path: Path) -> None:
    song = songs.write(tmp_path / "x.wav", songs.guitar(0.2))
    out = tmp_path / "out"
    row = go(collect([str(song)], out, SETTINGS), out)["x.wav"]
    secret = songs.write(tmp_path / "secret.wav", songs.guitar(0.3))
    before = (secret.read_bytes(), song.read_bytes(), outside(tmp_path, out))
    for output in ("../secret.wav", str(secret)):
        manifest.commit(out, replace(row, output=output, backing=output))
        assert verify(out)[1]
        after = go(collect([str(song)], out, SETTINGS), out)["x.wav"]
        assert after.output == "x.wav"
    assert (secret.read_bytes(), song.read_bytes(), outside(tmp_path, out)) == before


FAKE_FFMPEG = """#!{python}
import sys, shutil
with open({log!r}, "a") as file:
    file.write("\\0".join(sys.argv[1:]) + "\\n\\n")
shutil.copy({audio!r}, sys.argv[-1].removeprefix("file:"))
"""
ADTS = bytes((0xFF, 0xF1, 0x50, 0x40, 0x08, 0x1F, 0xFC)) + bytes(57)


def test_ffmpeg_gets_each_name_as_one_argument_that_is_a_file(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    audio = songs.write(tmp_path / "audio.wav", songs.guitar(0.2), subtype="FLOAT")
    log = tmp_path / "arguments"
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "ffmpeg"
    fake.write_text(FAKE_FFMPEG.format(python=sys.executable, log=str(log), audio=str(audio)))
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    names = [name.replace(".wav", ".aac") for name in NASTY]
    for name in names:
        Path(name).write_bytes(ADTS * 8)  # 0.19 s
        decode_to(name, str(tmp_path / "decoded.wav"))
    calls = [call.split("\0") for call in log.read_bytes().decode().split("\n\n") if call]
    given = [call[call.index("-i") + 1] for call in calls]
    assert given == [f"file:{tmp_path / name}" for name in names]
    for call in calls:
        assert call.index("-protocol_whitelist") < call.index("-i")
        assert call[call.index("-protocol_whitelist") + 1] == "file"
        assert call[-1].startswith(f"file:{tmp_path}/.morphsep-")
    assert not (tmp_path / "pwned").exists()


def test_no_code_starts_a_shell() -> None:
    for path in [*ROOT.glob("morphsep/**/*.py"), *ROOT.glob("jobs/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                shell = {k.arg: k.value for k in node.keywords}.get("shell")
                assert shell is None or ast.literal_eval(shell) is False, path
                assert ast.unparse(node.func) not in SHELLS, (path, node.lineno)


SHELLS = {
    "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "eval", "exec",
    "asyncio.create_subprocess_shell",
}  # fmt: skip
