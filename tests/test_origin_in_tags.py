"""What a result says of where it comes from, in every format; and bext chunks that are damaged."""

from __future__ import annotations

import struct
from pathlib import Path
from xml.etree import ElementTree

import pytest
import soundfile
import wavinfo
from mutagen.flac import FLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis

from morphsep.audio import AudioReader, Origin, missing_tags, probe
from morphsep.audio.tags import copy_tags
from morphsep.audio.tags.xmp import NAMESPACES
from morphsep.errors import TrackError
from tests import tag_files, tag_sources

ENHANCED = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicallyEnhanced"
CAPTURED = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
ORIGIN = Origin(source_type=ENHANCED, agent="morphsep 9.8", done="restore; declick & <timbre>")
LINE = "A=PCM,F=48000,W=16,M=mono,T=morphsep 9.8; restore"
OLD = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="{NAMESPACES["rdf"]}">
 <r:Description r:about="uuid:1" xmlns:i="{NAMESPACES["Iptc4xmpExt"]}"
   xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:m="{NAMESPACES["xmpMM"]}"
   xmlns:e="{NAMESPACES["stEvt"]}" i:DigitalSourceType="{CAPTURED}">
  <dc:creator><r:Seq><r:li>Anna Größe</r:li></r:Seq></dc:creator><!-- a remark -->
  <m:History><r:Seq><r:li e:action="created" e:softwareAgent="WaveLab 12"/></r:Seq></m:History>
 </r:Description></r:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()


def carried(source: Path, target: Path, origin: Origin = ORIGIN) -> str | None:
    """Copies the tags, whose target must stay readable; the warning."""
    warning = copy_tags(str(source), str(target), LINE, origin).warning
    with AudioReader(str(target)) as reader:
        assert reader.read(0, 9_601).shape == (1, 9_601)
    assert missing_tags(str(source), str(target)) == []
    return warning


def packet(path: Path) -> bytes:
    """The one XMP packet of a file."""
    content = path.read_bytes()
    assert content.count(b"<?xpacket begin") == 1
    start, last = content.index(b"<?xpacket begin"), b'<?xpacket end="w"?>'
    mark = b"_PMX" if content.startswith((b"RIFF", b"RF64")) else b"APPL"
    end = content.index(last) + len(last)
    head = start - 8 if mark == b"_PMX" else start - 12
    size = int.from_bytes(content[head + 4 : head + 8], "little" if mark == b"_PMX" else "big")
    assert content[head : head + 4] == mark
    assert size == end - head - 8
    return content[start:end]


def said(xmp: bytes) -> tuple[list[str], list[tuple[str, str]]]:
    """Source types and events (program, parameters), as any reader of RDF finds them."""
    root = ElementTree.fromstring(xmp.decode().replace("\ufeff", ""))
    types, events = [], []
    name = {prefix: f"{{{uri}}}" for prefix, uri in NAMESPACES.items()}
    for element in root.iter(f"{name['rdf']}Description"):
        types += [v for k, v in element.attrib.items() if k.endswith("}DigitalSourceType")]
        types += [e.text or "" for e in element.iter(f"{name['Iptc4xmpExt']}DigitalSourceType")]
    for item in root.iterfind(f".//{name['xmpMM']}History/{name['rdf']}Seq/{name['rdf']}li"):
        fields = [f"{name['stEvt']}{each}" for each in ("softwareAgent", "parameters")]
        events.append(tuple(item.get(f) or item.findtext(f) or "" for f in fields))
    return types, [(agent, parameters) for agent, parameters in events]


OURS = (ORIGIN.agent, ORIGIN.done)


@pytest.mark.parametrize("suffix", ["wav", "rf64", "aiff"])
@pytest.mark.parametrize("source", ["wav", "rf64", "aiff", "flac"])
def test_a_result_without_xmp_gets_a_packet(tmp_path: Path, source: str, suffix: str) -> None:
    target = tag_files.sound(tmp_path / f"out.{suffix}")
    assert carried(tag_files.sound(tmp_path / f"in.{source}"), target) is None
    assert said(packet(target)) == ([ENHANCED], [OURS])


@pytest.mark.parametrize("suffix", ["wav", "rf64"])
def test_a_packet_goes_on_and_keeps_what_it_said(tmp_path: Path, suffix: str) -> None:
    source = tag_files.with_chunks(tag_files.sound(tmp_path / "in.wav"), [(b"_PMX", OLD)])
    once, twice = (tag_files.sound(tmp_path / f"{name}.{suffix}") for name in ("once", "twice"))
    assert carried(source, once) is None
    assert said(packet(once)) == ([ENHANCED], [("WaveLab 12", ""), OURS])
    for kept in ("Anna Größe", "<!-- a remark -->", 'r:about="uuid:1"'):
        assert kept.encode() in packet(once)
    later = Origin(source_type=CAPTURED, agent="morphsep 9.9", done="restore; dehum")
    assert carried(once, twice, later) is None
    assert said(packet(twice)) == (
        [CAPTURED], [("WaveLab 12", ""), OURS, (later.agent, later.done)],
    )  # fmt: skip
    again = tag_files.sound(tmp_path / f"again.{suffix}")
    carried(source, again)
    assert again.read_bytes() == once.read_bytes()


def test_an_aiff_keeps_chunks_of_other_applications(tmp_path: Path) -> None:
    chunks = [(b"APPL", b"XMP " + OLD), (b"APPL", b"othrdata")]
    source = tag_files.with_chunks(tag_files.sound(tmp_path / "in.aiff"), chunks, ">")
    target = tag_files.sound(tmp_path / "out.aiff")
    assert carried(source, target) is None
    assert b"APPL\0\0\0\x08othrdata" in target.read_bytes()
    assert said(packet(target)) == ([ENHANCED], [("WaveLab 12", ""), OURS])


@pytest.mark.parametrize(
    "damaged",
    [
        b"", b"\xff\xfe<", b"<x/>", b"no xml", OLD[:200], OLD.replace("ö".encode(), b"\xf6"),
        b'<!DOCTYPE a [<!ENTITY b "cc">]><x>&b;</x>', b"<a>" * 5000 + b"</a>" * 5000, b"\0" * 8,
    ],
)  # fmt: skip
def test_a_damaged_packet_stays_as_it_is_and_is_named(tmp_path: Path, damaged: bytes) -> None:
    source = tag_files.with_chunks(tag_files.sound(tmp_path / "in.wav"), [(b"_PMX", damaged)])
    target = tag_files.sound(tmp_path / "out.wav")
    warning = copy_tags(str(source), str(target), LINE, ORIGIN).warning
    if damaged.strip(b"\0"):
        assert "kept as it is, and says nothing of this result" in str(warning)
        assert b"_PMX" + struct.pack("<I", len(damaged)) + damaged in target.read_bytes()
    else:
        assert warning is None
        assert said(packet(target)) == ([ENHANCED], [OURS])
    assert soundfile.info(target).frames == 9_601


@pytest.mark.parametrize("suffix", ["flac", "ogg", "opus", "caf"])
def test_other_formats_say_it_in_fields(tmp_path: Path, suffix: str) -> None:
    source = tag_files.with_chunks(tag_files.sound(tmp_path / "in.wav"), [(b"_PMX", OLD)])
    target = tag_files.sound(tmp_path / f"out.{suffix}")
    assert carried(source, target) is None
    later = Origin(source_type=CAPTURED, agent="morphsep 9.9", done="restore; dehum")
    second = tag_files.sound(tmp_path / f"second.{suffix}")
    assert carried(target, second, later) is None
    if suffix == "caf":
        content = second.read_bytes()
        assert f"digitalsourcetype\0{CAPTURED}\0".encode() in content
        assert b"softwareagent\0morphsep 9.8, morphsep 9.9\0" in content
        assert ENHANCED.encode() not in content[content.index(b"digitalsourcetype") :]
        return
    kinds = {"flac": FLAC, "ogg": OggVorbis, "opus": OggOpus}
    tags = kinds[suffix](second)
    assert tags["digitalsourcetype"] == [CAPTURED]
    assert tags["softwareagent"] == ["morphsep 9.8", "morphsep 9.9"]
    assert said(tags["xmp"][0].encode()) == (
        [CAPTURED], [("WaveLab 12", ""), OURS, (later.agent, later.done)],
    )  # fmt: skip
    back = tag_files.sound(tmp_path / "back.wav")
    assert carried(second, back) is None
    assert said(packet(back))[1][1:] == [OURS, (later.agent, later.done), OURS]


def test_a_w64_says_nothing_and_that_is_said(tmp_path: Path) -> None:
    target = tag_files.sound(tmp_path / "out.w64")
    before = target.read_bytes()
    warning = carried(tag_files.sound(tmp_path / "in.flac"), target)
    assert warning == "digitalsourcetype, softwareagent: a W64 is written without tags"
    assert target.read_bytes() == before


def test_all_else_of_a_broadcast_wave_stays(tmp_path: Path) -> None:
    tag_sources.wav(tmp_path / "in.wav")
    target = tag_files.sound(tmp_path / "out.wav")
    carried(tmp_path / "in.wav", target)
    content = target.read_bytes()
    for kept in (b"slate 7", b"cart data", b"verse", b"Titel A", b"looploop", b"T=Studer\r\n"):
        assert kept in content
    assert LINE.encode() in content


def test_wavinfo_reads_a_result(tmp_path: Path) -> None:
    umid, reference = bytes(range(1, 65)), b"DEXYZ12345678901234"
    payload = bytearray(tag_files.bext(b"A=ANALOGUE,M=mono,T=Studer A80\r\n"))
    payload[288 : 288 + len(reference)], payload[348:412] = reference, umid
    ixml = b"<BWFXML><PROJECT>Reel 7</PROJECT></BWFXML>"
    source = tag_files.with_chunks(
        tag_files.sound(tmp_path / "in.wav"), [(b"bext", bytes(payload)), (b"iXML", ixml)]
    )
    target = tag_files.sound(tmp_path / "out.wav")
    assert carried(source, target) is None
    found = wavinfo.WavInfoReader(str(target))
    assert found.bext.originator_ref == reference.decode()
    assert found.bext.umid == umid
    assert found.bext.coding_history.splitlines() == ["A=ANALOGUE,M=mono,T=Studer A80", LINE]
    assert found.ixml.project == "Reel 7"


def test_two_bext_chunks_are_both_kept_and_continued(tmp_path: Path) -> None:
    histories = (b"A=ANALOGUE,T=Studer\r\n", b"A=ANALOGUE,T=Otari\r\n")
    chunks = [(b"bext", tag_files.bext(history)) for history in histories]
    source = tag_files.with_chunks(tag_files.sound(tmp_path / "in.wav"), chunks)
    target = tag_files.sound(tmp_path / "out.wav")
    warning = carried(source, target)
    assert warning == "chunk bext: there are several: all are kept and continued"
    for history in histories:
        assert history + LINE.encode() + b"\r\n" in target.read_bytes()


def with_bext(path: Path, change: int, before_sound: bool) -> Path:
    """A WAV whose bext chunk states a length that is wrong by so many bytes."""
    content = tag_files.sound(path).read_bytes()
    payload = tag_files.bext(b"A=ANALOGUE,M=mono,T=Studer\r\n")
    assert len(payload) % 2 == 0
    chunk = b"bext" + struct.pack("<I", len(payload) + change) + payload
    texts = b"LIST" + struct.pack("<I", 18) + b"INFOINAM\x06\0\0\0Title\0"
    place = 36 if before_sound else len(content) + len(content) % 2
    content = content[:place].ljust(place, b"\0") + chunk + content[place:] + texts
    path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
    return path


WRONG = (-28, -2, 2, 8, 2**31)


@pytest.mark.parametrize("change", WRONG)
def test_a_wrong_length_of_bext_before_the_sound_is_said(tmp_path: Path, change: int) -> None:
    path = with_bext(tmp_path / "in.wav", change, before_sound=True)
    with pytest.raises(TrackError, match="the length of its chunk bext is wrong") as caught:
        probe(str(path))
    assert caught.value.code == "truncated"
    assert probe(str(with_bext(path, 0, before_sound=True))).num_samples == 9_601


@pytest.mark.parametrize("change", WRONG)
def test_a_wrong_length_of_bext_behind_the_sound_is_named(tmp_path: Path, change: int) -> None:
    path = with_bext(tmp_path / "in.wav", change, before_sound=False)
    assert probe(str(path)).num_samples == 9_601
    target = tag_files.sound(tmp_path / "out.wav")
    warning = str(copy_tags(str(path), str(target), LINE, ORIGIN).warning)
    assert "chunk bext" in warning
    assert "it is cut off" in warning
    assert probe(str(target)).num_samples == 9_601
    assert carried(with_bext(path, 0, before_sound=False), tmp_path / "out.wav") is None
