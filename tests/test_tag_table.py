"""What arrives of every kind of tag in every format: measured, named, and documented as it is."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import wavinfo

from morphsep.audio.tags import copy_tags, missing_tags
from tests import tag_files, tag_sources, tag_table

needs_ffprobe = pytest.mark.skipif(shutil.which("ffprobe") is None, reason="no ffprobe")


@pytest.mark.parametrize("title", tag_sources.SOURCES)
def test_every_tag_arrives_or_is_named_and_the_page_says_which(tmp_path: Path, title: str) -> None:
    rows = tag_table.table(title, tmp_path)
    measured = tag_table.markdown({title: rows})
    print(measured)
    assert {row["w64"] for row in rows.values()} <= {"left out", "dropped"}
    assert measured in tag_table.documented() + "\n", "run python -m tests.tag_table"


def test_the_page_has_the_tables_of_all_kinds_and_no_others() -> None:
    titles = [line for line in tag_table.documented().splitlines() if line.startswith("### ")]
    assert titles == [f"### From {title}" for title in tag_sources.SOURCES]


@pytest.mark.parametrize("suffix", [s for each in tag_table.TARGETS.values() for s in each])
@pytest.mark.parametrize("title", tag_sources.SOURCES)
def test_what_was_copied_is_what_verify_asks_for(tmp_path: Path, title: str, suffix: str) -> None:
    kind, make = tag_sources.SOURCES[title]
    make(tmp_path / f"in.{kind}")
    target = tag_files.sound(tmp_path / f"out.{suffix}")
    copy_tags(str(tmp_path / f"in.{kind}"), str(target), tag_table.LINE)
    assert missing_tags(str(tmp_path / f"in.{kind}"), str(target)) == []


@pytest.mark.parametrize("suffix", ["wav", "rf64", "aiff", "flac", "ogg", "opus", "caf"])
def test_verify_misses_a_tag_that_is_gone(tmp_path: Path, suffix: str) -> None:
    tag_sources.only_apev2(tmp_path / "in.mp3")
    target = tag_files.sound(tmp_path / f"out.{suffix}")
    missing = missing_tags(str(tmp_path / "in.mp3"), str(target))
    assert "the tag title is None, the input's 'Titel Ω'" in missing
    has_picture = any("picture 'front.png'" in sentence for sentence in missing)
    assert has_picture is (suffix != "caf")


@needs_ffprobe
@pytest.mark.parametrize("suffix", ["wav", "rf64", "aiff", "flac", "ogg", "opus", "caf"])
def test_ffprobe_reads_them_too(tmp_path: Path, suffix: str) -> None:
    tag_sources.only_apev2(tmp_path / "in.mp3")
    target = tag_files.sound(tmp_path / f"out.{suffix}")
    copy_tags(str(tmp_path / "in.mp3"), str(target), tag_table.LINE)
    asked = ["-select_streams", "a", "-show_entries", "format_tags:stream_tags", "-of", "json"]
    command = ["ffprobe", "-v", "error", *asked, str(target)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(shown.stdout)
    tags = dict(found["format"].get("tags", {}))
    for stream in found["streams"]:
        tags |= stream.get("tags", {})
    said = {name.lower(): value for name, value in tags.items()}
    assert said["title"] == "Titel Ω"
    if suffix not in ("wav", "rf64"):  # of these, it reads INFO alone
        assert said["my name"] == "value V"


def test_wavinfo_reads_the_coding_history(tmp_path: Path) -> None:
    tag_sources.wav(tmp_path / "in.wav")
    target = tag_files.sound(tmp_path / "out.wav")
    copy_tags(str(tmp_path / "in.wav"), str(target), tag_table.LINE)
    bext = wavinfo.WavInfoReader(str(target)).bext
    lines = bext.coding_history.rstrip("\0").splitlines()
    assert lines == ["A=ANALOGUE,M=mono,T=Studer", tag_table.LINE]
