"""``file:///`` URIs: every place that takes a path takes them, as the messages say."""

from __future__ import annotations

from pathlib import Path

import pytest

from morphsep import manifest
from morphsep.cli.app import app
from morphsep.cli.options import local_path
from morphsep.errors import SettingError
from morphsep.request.inputs import collect
from morphsep.request.settings import Settings
from tests import songs

SETTINGS = Settings(to="fuzz", separator="none")
NAME = "50 % ü#1.wav"


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "a b"
    songs.song(folder, 2.0, name=NAME)
    songs.song(folder / "deep", 2.0)
    return folder


@pytest.mark.parametrize("below", ["", NAME, "deep", "deep/song.wav"])
def test_an_input_by_uri_is_the_input_by_path(below: str, music: Path, tmp_path: Path) -> None:
    path = music / below
    by_path = collect([str(path)], tmp_path / "out", SETTINGS)
    uri = path.as_uri()
    assert "%20" in uri
    for text in (uri, uri.replace("file://", "file://localhost")):
        assert collect([text], tmp_path / "out", SETTINGS) == by_path
        assert collect([text], (tmp_path / "out").as_uri(), SETTINGS) == by_path


def test_a_list_by_uri_names_uris(music: Path, tmp_path: Path) -> None:
    listed = music / "the list.csv"
    stem = (music / NAME.replace(".wav", ".guitar.wav")).as_uri()
    rows = [(music / NAME).as_uri(), stem, "deep/song.wav", "deep/song.guitar.wav"]
    listed.write_text("path,stem\n{},{}\n{},{}\n".format(*rows))
    out = tmp_path / "out"
    command = ["morph", listed.as_uri(), "-o", out.as_uri(), "--to", "fuzz", "--no-uniform"]
    assert app(command, standalone_mode=False) == 0
    assert {row.track for row in manifest.read_tracks(out)} == {NAME, "deep/song.wav"}


def test_commands_take_uris(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, song = tmp_path / "try it", (music / NAME).as_uri()
    tone = ["--to", "fuzz", "--separator", "none", "--no-uniform"]
    assert app(["preview", song, "-o", out.as_uri(), *tone], standalone_mode=False) == 0
    assert (out / NAME).is_file()
    assert (out / "before" / NAME).is_file()
    app(["plan", song, "-o", out.as_uri(), *tone], standalone_mode=False)
    assert "1 readable" in capsys.readouterr().out
    for command in (["verify"], ["status"], ["manifest", "show"], ["manifest", "failed"]):
        assert app([*command, out.as_uri()], standalone_mode=False) in (0, None)
    app(["doctor", "-o", out.as_uri()], standalone_mode=False)
    assert f"output folder: {out} can be written to" in capsys.readouterr().out
    assert str(local_path(song)) == str(music / NAME)
    with pytest.raises(SettingError, match="copy it here first"):
        local_path("s3://bucket/a.wav")


@pytest.mark.parametrize("text", ["http://host/a.wav", "ftp://host/a.wav", "s3:///a.wav"])
def test_another_scheme_is_said_with_those_that_work(text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="file:///PATH, s3://BUCKET/KEY or gs://BUCKET/KEY"):
        collect([text], tmp_path / "out", SETTINGS)


def test_an_output_that_is_no_folder_is_said(music: Path, tmp_path: Path) -> None:
    song = str(music / NAME)
    for out in (music / NAME, music / NAME / "below"):
        with pytest.raises(SettingError, match=r"-o needs a folder, and .* is a file"):
            collect([str(music)], out, SETTINGS)
    for text in (str(music), music.as_uri(), str(music / "deep" / "..")):
        with pytest.raises(SettingError, match="is the input and the output"):
            collect([song, text], music, SETTINGS)
