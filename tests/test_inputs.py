import os
from pathlib import Path

import pytest

from morphsep.errors import SettingError
from morphsep.request.inputs import collect
from morphsep.request.job import backing_of
from morphsep.request.settings import Settings

SETTINGS = Settings(to="distortion")


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def tracks(inputs: list[Path | str], out: Path, settings: Settings = SETTINGS) -> list[str]:
    return [job.track for job in collect([str(i) for i in inputs], out, settings)]


def test_a_folder_is_searched_and_its_tree_mirrored(tmp_path: Path) -> None:
    music = tmp_path / "music"
    touch(music / "a" / "01.wav", music / "b" / "01.wav", music / "ü 🎸.FLAC", music / "x.txt")
    assert tracks([music], tmp_path / "out") == ["a/01.wav", "b/01.wav", "ü 🎸.FLAC"]


def test_two_files_of_one_name_in_two_folders_do_not_collide(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "01.wav", tmp_path / "b" / "01.wav")
    got = tracks([tmp_path / "a" / "01.wav", tmp_path / "b" / "01.wav"], tmp_path / "out")
    assert got == ["a/01.wav", "b/01.wav"]


def test_one_file_lands_at_the_top(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "01.WAV")
    assert tracks([tmp_path / "a" / "01.WAV"], tmp_path / "out") == ["01.WAV"]


def test_lossy_inputs_become_flac_and_keep_their_name_inside_it(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "x.mp3", tmp_path / "in" / "x.flac", tmp_path / "in" / "y.Ogg")
    got = tracks([tmp_path / "in"], tmp_path / "out")
    assert got == ["x.flac", "x.mp3.flac", "y.Ogg.flac"]


def test_the_format_decides_the_name(tmp_path: Path) -> None:
    touch(*(tmp_path / "in" / name for name in ("x.mp3", "x.WAV", "x.wav", "y.wave")))
    wanted = Settings(to="fuzz", format="wav")
    assert tracks([tmp_path / "in"], tmp_path / "out", wanted) == [
        "x.WAV", "x.mp3.wav", "x.wav", "y.wave",
    ]  # fmt: skip


def test_the_same_file_twice_is_one_job_and_one_skipped_row(tmp_path: Path) -> None:
    touch(tmp_path / "x.wav")
    jobs = collect([str(tmp_path / "x.wav")] * 2, tmp_path / "out", SETTINGS)
    assert [job.track for job in jobs] == ["x (2).wav", "x.wav"]
    jobs.reverse()
    assert [job.refusal and job.refusal[0] for job in jobs] == [None, "duplicate"]
    assert jobs[1].refused_as == "skipped"
    assert jobs[0].track != jobs[1].track


def test_the_output_folder_is_not_searched(tmp_path: Path) -> None:
    touch(tmp_path / "x.wav", tmp_path / "out" / "x.wav")
    assert tracks([tmp_path], tmp_path / "out") == ["x.wav"]


def test_an_input_inside_the_output_folder_is_refused(tmp_path: Path) -> None:
    touch(tmp_path / "out" / "x.wav")
    (job,) = collect([str(tmp_path / "out" / "x.wav")], tmp_path / "out", SETTINGS)
    assert job.refusal is not None
    assert job.refusal[0] == "inside_output"


def test_stems_named_by_a_pattern_are_no_inputs(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "x.wav", tmp_path / "in" / "x.guitar.wav")
    settings = Settings(to="distortion", stem="{stem}.guitar.wav")
    assert tracks([tmp_path / "in"], tmp_path / "out", settings) == ["x.wav"]


def test_a_missing_file_is_a_job_too(tmp_path: Path) -> None:
    assert tracks([tmp_path / "gone.wav"], tmp_path / "out") == ["gone.wav"]


def test_a_folder_called_wav_is_a_job_and_is_searched(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "x.wav" / "y.wav")
    assert tracks([tmp_path / "in"], tmp_path / "out") == ["x.wav", "x.wav/y.wav"]


@pytest.mark.parametrize("output", ["../x.wav", "a/../../x.wav", "/x.wav"])
def test_an_output_may_not_leave_the_output_folder(tmp_path: Path, output: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"path,output\na.wav,{output}\n")
    with pytest.raises(SettingError, match="leave the output folder"):
        collect([str(path)], tmp_path / "out", SETTINGS)


def test_nothing_found_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no audio files"):
        collect([str(tmp_path)], tmp_path / "out", SETTINGS)


def test_a_list_mirrors_the_tree_of_its_files_wherever_they_lie(tmp_path: Path) -> None:
    touch(*(tmp_path / "music" / name / "01.wav" for name in ("x", "y")))
    path = tmp_path / "lists" / "list.csv"
    path.parent.mkdir()
    path.write_text("path\n../music/x/01.wav\n../music/y/01.wav\n")
    assert tracks([path], tmp_path / "out") == ["x/01.wav", "y/01.wav"]


def test_one_file_with_two_settings_makes_two_results(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("path,amount\na.wav,0.2\na.wav,0.8\na.wav,0.2\n")
    jobs = {job.track: job for job in collect([str(path)], tmp_path / "out", SETTINGS)}
    assert {t: (j.settings.amount, j.refusal and j.refusal[0]) for t, j in jobs.items()} == {
        "a.wav": ("0.2", None), "a (2).wav": ("0.8", None), "a (3).wav": ("0.2", "duplicate"),
    }  # fmt: skip


def test_files_that_a_list_names_are_looked_up_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("path,stem,to,amount\na.wav,a.guitar.wav,rig.yaml,curve.csv\n")
    (job,) = collect([str(path)], tmp_path / "out", SETTINGS)
    here = [job.settings.stem, job.settings.to, job.settings.amount]
    assert here == [str(tmp_path / name) for name in ("a.guitar.wav", "rig.yaml", "curve.csv")]


def test_a_capture_and_its_knob_are_looked_up_beside_the_list(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("path,from,to\na.wav,amp.json@gain=0.,amp.json@gain=1\n")
    (job,) = collect([str(path)], tmp_path / "out", SETTINGS)
    assert job.settings.from_ == f"{tmp_path / 'amp.json'}@gain=0."
    assert job.settings.to == f"{tmp_path / 'amp.json'}@gain=1"
    assert job.path == str(tmp_path / "a.wav")


def test_a_stem_that_was_named_as_an_input_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("path,stem,separator\nx.wav,x.guitar.wav,\nx.guitar.wav,,none\n")
    assert tracks([path], tmp_path / "out") == ["x.guitar.wav", "x.wav"]


def test_separate_names_two_results_and_keeps_them_apart(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.wav", tmp_path / "in" / "a.flac")
    jobs = collect([str(tmp_path / "in")], tmp_path / "out", Settings(), "separate")
    assert [job.track for job in jobs] == ["a.flac.guitar.wav", "a.guitar.wav"]
    assert [backing_of(job.track) for job in jobs] == ["a.flac.backing.wav", "a.backing.wav"]


@pytest.mark.parametrize("settings", [{"format": "ogg"}, {"subtype": "PCM_16"}])
def test_stems_that_would_not_add_up_are_refused(tmp_path: Path, settings: dict[str, str]) -> None:
    touch(tmp_path / "a.wav")
    with pytest.raises(SettingError, match="add up"):
        collect([str(tmp_path / "a.wav")], tmp_path / "out", Settings(**settings), "separate")


def test_names_that_no_manifest_or_file_system_can_hold_are_rows(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with open(os.fsencode(tmp_path / "in") + b"/\xff.wav", "wb"):
        pass
    touch(tmp_path / "in" / f"{'x' * 251}.mp3")
    jobs = collect([str(tmp_path / "in")], tmp_path / "out", SETTINGS)
    assert [job.refusal and job.refusal[0] for job in jobs] == ["bad_name", "bad_name"]
    assert all(job.track.encode() and job.path.encode() for job in jobs)


def test_a_link_in_a_circle_ends(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.wav")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in")
    assert tracks([tmp_path / "in"], tmp_path / "out") == ["a.wav"]
