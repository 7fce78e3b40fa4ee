"""Any name and any text: it is read back from the result, or named, and harms no other tag."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutagen import id3
from mutagen.apev2 import APEv2
from mutagen.flac import FLAC
from mutagen.mp4 import MP4, AtomDataType, MP4FreeForm

from morphsep.audio.tags import CopiedTags, copy_tags
from morphsep.audio.tags.names import free_name
from morphsep.audio.tags.outdated import is_outdated
from morphsep.audio.tags.vorbis import comment_name
from tests import tag_files, tag_table
from tests.tag_sources import SOURCES

TARGETS = ("wav", "aiff", "flac", "ogg", "opus", "caf", "w64")
WITNESS = ("a witness", "that nothing harms")
names = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=20)
texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=40)
vorbis_names = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7D, exclude_characters="="), min_size=1
)
ape_names = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=2, max_size=9)
any_tags = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


KINDS = (
    "ID3\4\0\0\0\0\2\x2c", "ID3\3\0\x40\0\0\0\x40", "fLaC", "OggS", "\0\0\0\x10ftyp",
    "APETAGEX", "RIFF\x24\0\0\0WAVE", "FORM\0\0\0\x40AIFF", "caff\0\1\0\0", "DSD ", ".snd", "",
)  # fmt: skip
"""How files begin."""


def into(source: Path, suffix: str) -> tuple[CopiedTags, list[tuple[str, bytes]]]:
    """The source's tags in a new file, read back."""
    target = tag_files.sound(source.parent / f"out.{suffix}", 480)
    copied = copy_tags(str(source), str(target), tag_table.LINE)
    return copied, list(tag_table.read_back(target))


def check(source: Path, suffix: str, name: str, text: str) -> None:
    """Both tags of the source are in the result; only in a W64 are both named."""
    copied, found = into(source, suffix)
    left_out = {tag for tag, _ in copied.left_out}
    if suffix == "w64":
        assert {WITNESS[0], free_name(name).lower()} <= left_out or is_outdated(name)
        return
    pairs = {(each.lower().removeprefix("txxx:"), value) for each, value in found}
    assert any(name == WITNESS[0] and WITNESS[1].encode() in value for name, value in pairs)
    if is_outdated(name):
        assert name in copied.outdated
        return
    assert not left_out
    values = [value for _, value in pairs]
    encodings = [text.encode(), repr(text).encode()[1:-1], repr([text]).encode()[2:-2]]
    assert any(each in value for value in values for each in encodings), (name, text, pairs)


@pytest.mark.parametrize("suffix", TARGETS)
@any_tags
@given(name=names, text=texts)
def test_any_description_of_id3(tmp_path: Path, suffix: str, name: str, text: str) -> None:
    source = tag_files.sound(tmp_path / "in.mp3", 480)
    tag = id3.ID3()
    tag.add(id3.TXXX(encoding=3, desc=WITNESS[0], text=WITNESS[1]))
    tag.add(id3.TXXX(encoding=3, desc=name, text=text))
    tag.save(source)
    check(source, suffix, name, text)


@pytest.mark.parametrize("suffix", TARGETS)
@any_tags
@given(name=names, text=texts)
def test_any_freeform_atom_of_mp4(tmp_path: Path, suffix: str, name: str, text: str) -> None:
    source = tag_files.mp4(tmp_path / "in.m4a")
    file = MP4(source)
    file.add_tags()
    name = name.replace(":", ";")  # what parts an atom's owner from its name
    for each, value in (WITNESS, (name, text)):
        atom = MP4FreeForm(value.encode(), AtomDataType.UTF8)
        file[tag_files.freeform(each)] = [atom]
    file.save()
    check(source, suffix, name, text)


@pytest.mark.parametrize("suffix", TARGETS)
@any_tags
@given(name=vorbis_names, text=texts)
def test_any_comment_of_flac(tmp_path: Path, suffix: str, name: str, text: str) -> None:
    source = tag_files.sound(tmp_path / "in.flac", 480)
    file = FLAC(source)
    file[WITNESS[0]] = WITNESS[1]
    if name.lower() == "metadata_block_picture":
        return
    file[name] = text
    file.save()
    check(source, suffix, name, text)


@pytest.mark.parametrize("suffix", TARGETS)
@any_tags
@given(name=ape_names, text=texts)
def test_any_item_of_apev2(tmp_path: Path, suffix: str, name: str, text: str) -> None:
    if name.lower() in ("id3", "tag", "oggs", "mp+"):
        return
    source = tag_files.sound(tmp_path / "in.mp3", 480)
    tag = APEv2()
    tag[WITNESS[0]] = WITNESS[1]
    tag[name] = text
    tag.save(source)
    check(source, suffix, name, text)


@given(name=names)
def test_a_comments_name_is_spelled_so_that_it_can_be_read(name: str) -> None:
    from urllib.parse import unquote

    spelled = comment_name(name)
    assert all(" " <= each <= "}" and each != "=" for each in spelled)
    if "%" not in name:
        assert unquote(spelled) == name


@pytest.mark.parametrize("suffix", TARGETS)
@any_tags
@given(data=st.binary(max_size=300), kind=st.sampled_from(KINDS))
def test_any_bytes_are_a_reason_and_never_an_error(
    tmp_path: Path, suffix: str, data: bytes, kind: str
) -> None:
    source = tmp_path / "in"
    source.write_bytes(kind.encode("latin-1") + data)
    copied, _ = into(source, suffix)
    assert "all tags" not in dict(copied.left_out)
    assert all(name and reason for name, reason in copied.left_out)


@pytest.mark.parametrize("title", [title for title in SOURCES if "2.4" not in title])
@pytest.mark.parametrize("suffix", ["flac", "wav"])
def test_changed_bytes_harm_neither_the_result_nor_all_tags(
    tmp_path: Path, title: str, suffix: str
) -> None:
    kind, make = SOURCES[title]
    source = tmp_path / f"in.{kind}"
    make(source)
    content = source.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(25):
        changed = bytearray(content)
        near = rng.integers(1, min(600, len(content)), size=5)
        for place in (*near[:3], *-near[3:]):
            changed[place] = rng.integers(256)
        source.write_bytes(changed)
        copied, _ = into(source, suffix)
        assert "all tags" not in dict(copied.left_out)
        assert all(name and reason for name, reason in copied.left_out)
        assert soundfile.info(tmp_path / f"out.{suffix}").frames == 480


def test_a_damaged_cue_sheet_is_no_block_of_the_result(tmp_path: Path) -> None:
    source = tag_files.sound(tmp_path / "in.flac", 480)
    content = source.read_bytes()
    source.write_bytes(content[:42] + b"\x05\0\0\0\x02\0\0\1x" + content[42:])
    copied, _ = into(source, "flac")
    assert [name for name, _ in copied.left_out] == ["cue sheet", "application block x"]
    assert soundfile.info(tmp_path / "out.flac").frames == 480
