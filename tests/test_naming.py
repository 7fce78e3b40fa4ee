"""Names of results: they follow from the inputs' names alone, none comes twice, and what an older
version has written keeps its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from morphsep import manifest
from morphsep.manifest import TrackRow
from morphsep.pipelines import REPROCESS, SEPARATE
from morphsep.request import collisions, naming
from morphsep.request.inputs import collect
from morphsep.request.job import Command, Job
from morphsep.request.settings import Settings
from morphsep.run import Pipeline, run, settle_jobs
from morphsep.run.summary import Summary
from morphsep.storage import Identities
from tests import songs

SETTINGS = Settings(to="fuzz", separator="none")


def a_job(path: str, amount: str = "1", command: Command = "morph") -> Job:
    return naming.new_job(f"/in/{path}", path, Settings(amount=amount), command)


def touched(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


roots = st.sampled_from(["x", "y", "No. 9", "x (2)", "ü"])
extensions = st.sampled_from(["wav", "WAV", "wave", "flac", "mp3", "ogg", "aif", "aiff", "caf"])
files = st.builds("{}.{}".format, roots, extensions)
commands = st.sampled_from(["morph", "separate"])
formats = st.sampled_from([None, "wav", "flac", "aiff", "ogg"])


@given(st.sets(files, min_size=1), commands, formats, st.randoms())
def test_a_name_does_not_depend_on_what_else_is_there(names, command, form, random) -> None:
    settings = Settings(format=form)
    jobs = [naming.new_job(f"/in/{name}", name, settings, command) for name in names]
    random.shuffle(jobs)
    together = {j.path: j.track for j in collisions.named_apart(jobs, command, {}, Identities())}
    assert together == {job.path: job.track for job in jobs}
    assert len(set(together.values())) == len(names)


any_name = st.builds(
    "{}{}{}.{}".format,
    st.sampled_from(["", "a/", "b/"]),
    st.sampled_from(["x", "x.flac", "x (2)", "x.mp3", "y"]),
    st.sampled_from(["", " (2)", " (3)"]),
    st.sampled_from(["wav", "flac", "mp3", "WAV", "ogg"]),
)


@given(st.lists(st.tuples(any_name, st.sampled_from(["0.2", "0.8"])), max_size=30), commands)
@example([("x.wav", "0.2"), ("x.wav", "0.8"), ("x.wav", "0.8")], "morph")
def test_no_two_results_have_one_name(wanted: list[tuple[str, str]], command: Command) -> None:
    jobs = [a_job(path, amount, command) for path, amount in wanted]
    named = collisions.named_apart(jobs, command, {}, Identities())
    assert len({job.track for job in named}) == len(named) == len(jobs)
    assert sorted(job.path for job in named) == sorted(job.path for job in jobs)
    twice = len(jobs) - len({(job.path, job.settings) for job in jobs})
    assert sum(job.refused_as == "skipped" for job in named) == twice


@pytest.mark.parametrize("count", [200, 800])
def test_the_work_of_naming_grows_with_the_jobs_and_no_faster(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    numbered = collisions._numbered
    monkeypatch.setattr(
        collisions, "_numbered", lambda track, n: tried.append(track) or numbered(track, n)
    )
    one_song = [a_job("x.wav", str(row / count)) for row in range(count)]
    taken = [a_job(f"x ({number}).wav") for number in range(2, count)]
    named = collisions.named_apart([*taken, *one_song], "morph", {}, Identities())
    assert len(named) == 2 * count - 2
    assert len(tried) <= 2 * (len(one_song) + len(taken))


def go(folder: Path, out: Path, pipeline: Pipeline = REPROCESS) -> Summary:
    jobs = collect([str(folder)], out, SETTINGS, pipeline.command)
    return run(settle_jobs(jobs), out, pipeline, executor="local")


def outputs(out: Path) -> dict[str, str | None]:
    rows = manifest.read_tracks(out)
    assert {row.status for row in rows} == {"ok"}
    return {Path(row.input).name: row.output for row in rows}


@pytest.mark.parametrize("pipeline", [REPROCESS, SEPARATE], ids=["morph", "separate"])
@pytest.mark.parametrize("first", ["z.mp3", "z.flac", "z.wav"])
def test_a_library_that_grows_needs_no_second_try(
    tmp_path: Path, first: str, pipeline: Pipeline
) -> None:
    music, out = tmp_path / "in", tmp_path / "out"
    music.mkdir()
    sounds = {"z.mp3": "MPEG_LAYER_III", "z.flac": "PCM_16", "z.wav": "PCM_16"}
    songs.write(music / first, songs.guitar(0.5), subtype=sounds[first])
    assert len(go(music, out, pipeline).which("done")) == 1
    before = {p: p.read_bytes() for p in out.glob("z.*")}
    for name, subtype in sounds.items():
        songs.write(music / name, songs.guitar(0.5), subtype=subtype)
    grown = go(music, out, pipeline)
    assert (len(grown.which("done")), len(grown.which("skipped")), grown.exit_code) == (2, 1, 0)
    assert {p: p.read_bytes() for p in before} == before
    at_once = tmp_path / "at once"
    go(music, at_once, pipeline)
    assert outputs(out) == outputs(at_once)


def named(music: Path, out: Path, command: Command) -> dict[str, str]:
    return {Path(j.path).name: j.track for j in collect([str(music)], out, SETTINGS, command)}


def an_old_result(out: Path, source: Path, track: str) -> None:
    out.mkdir(exist_ok=True)
    (out / track).write_bytes(b"old")
    manifest.commit(out, TrackRow(track=track, output=track, input=str(source), status="ok"))


@pytest.mark.parametrize(
    ("command", "old", "source", "added", "becomes"),
    [
        ("morph", "z.flac", "z.mp3", "z.flac", "z.flac.flac"),
        ("morph", "z.flac", "z.ogg", "z.mp3", "z.mp3.flac"),
        ("separate", "z.guitar.wav", "z.flac", "z.wav", "z.wav.guitar.wav"),
        ("separate", "z.guitar.wav", "z.WAV", "z.wav", "z.wav.guitar.wav"),
    ],
)
def test_what_an_older_version_has_written_keeps_its_name(
    tmp_path: Path, command: Command, old: str, source: str, added: str, becomes: str
) -> None:
    music, out = touched(tmp_path / "in", source), tmp_path / "out"
    an_old_result(out, music / source, old)
    assert named(music, out, command) == {source: old}
    touched(music, added)
    assert named(music, out, command) == {source: old, added: becomes}
    (music / source).unlink()  # replaced by the other: the name is free again
    assert named(music, out, command) == named(music, tmp_path / "new", command)


def test_another_folders_file_of_one_name_does_not_get_a_name_in_silence(tmp_path: Path) -> None:
    one, two = touched(tmp_path / "1", "z.mp3"), touched(tmp_path / "2", "z.flac")
    out = tmp_path / "out"
    an_old_result(out, one / "z.mp3", "z.flac")
    (job,) = collect([str(two)], out, SETTINGS)
    assert job.track == "z.flac"  # refused when its turn comes: output_taken
