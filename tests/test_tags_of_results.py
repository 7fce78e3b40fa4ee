"""Tags in the results of a run, and what the command line says of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mutagen import id3
from mutagen.flac import FLAC

import morphsep
from morphsep.audio.tags import coding_line
from morphsep.manifest import commit, read_chunks, read_tracks
from morphsep.run.verification import verify
from morphsep.storage import digest_file
from tests import tag_files
from tests.commands import invoke
from tests.tag_files import sound

HISTORY = b"A=ANALOGUE,M=mono,T=Studer A80"


def printed(*arguments: object) -> str:
    """What a command prints that succeeds."""
    done = invoke(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A folder with a song whose tags arrive, and one with a tag that cannot."""
    songs = tmp_path / "songs"
    songs.mkdir()
    for name, frame in (
        ("whole", id3.TIT2(encoding=3, text="Title")),
        ("lacking", id3.PRIV(owner="me", data=b"private")),
    ):
        path = sound(songs / f"{name}.mp3", 3 * 48_000)
        tag = id3.ID3()
        tag.add(frame)
        tag.add(id3.TXXX(encoding=3, desc="REPLAYGAIN_TRACK_GAIN", text="-3 dB"))
        tag.save(path)
    return songs


def test_what_is_left_out_is_counted_and_shown(
    library: Path,
) -> None:
    out = library.parent / "out"
    said = "tags left out in 1 tracks: morphsep manifest show "
    run = ("morph", library, "-o", out, "--to", "chorus", "--separator", "none")
    assert said in printed(*run, "--executor", "local")
    assert "tags left out: PRIV:me: only ID3 can hold it" in printed("manifest", "show", out)
    assert said in printed("verify", out, "--executor", "local")
    assert {row.tags_outdated for row in read_tracks(out)} == {"REPLAYGAIN_TRACK_GAIN"}


def test_both_parts_of_a_separation_say_what_was_done(tmp_path: Path) -> None:
    path = sound(tmp_path / "in.wav", 3 * 48_000)
    source = tag_files.with_chunks(path, [(b"bext", tag_files.bext(HISTORY))])
    row = morphsep.separate_file(source, tmp_path / "out", separator="none")
    for output, part in ((row.output, "guitar"), (row.backing, "backing")):
        content = (tmp_path / "out" / str(output)).read_bytes()
        line = coding_line(48_000, 1, str(row.output_subtype), f"separate; {part}").encode()
        assert HISTORY + b"\r\n" + line in content


def test_verify_finds_a_result_that_has_lost_a_tag(library: Path) -> None:
    out = library.parent / "out"
    row = morphsep.morph_file(library / "whole.mp3", out, to="chorus", separator="none")
    result = FLAC(out / str(row.output))
    del result["title"]
    result.save()
    new = replace(row, output_hash=digest_file(out / str(row.output)))
    commit(out, new, read_chunks(out), after=row.finished_ns)
    _, findings = verify(out)
    assert [str(finding) for finding in findings] == [
        f"promise 1: {row.track}: the tag title is None, the input's 'Title'"
    ]


def test_rows_from_before_tags_were_named_are_not_asked_for_them(library: Path) -> None:
    out = library.parent / "out"
    row = morphsep.morph_file(library / "whole.mp3", out, to="chorus", separator="none")
    result = FLAC(out / str(row.output))
    result.delete()
    old = replace(row, output_hash=digest_file(out / str(row.output)), schema_version=3)
    commit(out, old, read_chunks(out), after=row.finished_ns)
    assert verify(out) == (1, [])
