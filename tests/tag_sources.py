"""One file for each kind of tag: what is in it, and a text by which each tag is found again."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from pathlib import Path

from mutagen import id3
from mutagen.apev2 import APEv2, APEValue
from mutagen.asf import ASF, ASFByteArrayAttribute
from mutagen.flac import FLAC, CueSheet, CueSheetTrack, Picture
from mutagen.mp4 import MP4, AtomDataType, MP4Cover, MP4FreeForm
from mutagen.oggvorbis import OggVorbis

from tests import tag_files

Tagged = dict[str, tuple[str, str]]
"""What a tag is called in the table -> a text that is in no other tag of the file; how a sentence
about a tag that is left out or dropped calls it, where that is not its field's name."""
ODD_NAME = "Größe~=\n"
LOUDNESS = struct.pack("<5h", -2300, 500, -100, 11, 12)
FRONT = "picture 'front' of 0.0 MiB"
PNG = b"\x89PNG\r\n\x1a\n"


def picture(token: str, size: int = 0, kind: int = 3) -> Picture:
    made = Picture()
    made.type, made.mime, made.desc = kind, "image/png", "front"
    made.data = PNG + token.encode() + bytes(size)
    return made


FRAMES: dict[str, tuple[str, id3.Frame] | tuple[str, id3.Frame, str]] = {
    "TIT2": ("Titel Ω", id3.TIT2(encoding=3, text="Titel Ω")),
    "TPE1, two": ("Bob 2", id3.TPE1(encoding=3, text=["Anna 1", "Bob 2"])),
    "TRCK": ("37", id3.TRCK(encoding=3, text="37/98")),
    "TDRC": ("1978-05-01", id3.TDRC(encoding=3, text="1978-05-01")),
    "TCON": ("Polka", id3.TCON(encoding=3, text="(75)")),
    "TMOO, other text frames": ("mellow", id3.TMOO(encoding=3, text="mellow")),
    "TXXX": ("number X1", id3.TXXX(encoding=3, desc="CATALOGNUMBER", text="number X1")),
    "TXXX, name Größe~= and a newline": ("odd X2", id3.TXXX(3, ODD_NAME, ["odd X2"])),
    "COMM": ("spoken", id3.COMM(encoding=3, lang="eng", desc="", text="spoken")),
    "COMM with description": ("why not", id3.COMM(3, "eng", "notes", ["why not"])),
    "USLT": ("la la", id3.USLT(encoding=3, lang="eng", desc="", text="la la")),
    "SYLT": ("do re", id3.SYLT(3, "eng", 2, 1, "", [("do re", 1230)])),
    "TIPL": ("Paula", id3.TIPL(encoding=3, people=[["producer", "Paula"]])),
    "TMCL": ("Gustav", id3.TMCL(encoding=3, people=[["guitar", "Gustav"]])),
    "WOAR": ("http://artist", id3.WOAR(url="http://artist")),
    "WOAF, other URLs": ("http://file", id3.WOAF(url="http://file")),
    "WXXX": ("http://mine", id3.WXXX(encoding=3, desc="home", url="http://mine")),
    "POPM": ("201", id3.POPM(email="a@b", rating=201, count=0)),
    "PCNT": ("4711", id3.PCNT(count=4711)),
    "UFID of MusicBrainz": ("f00d-1", id3.UFID(owner="http://musicbrainz.org", data=b"f00d-1")),
    "UFID, text": ("beef-2", id3.UFID(owner="http://other", data=b"beef-2")),
    "UFID, bytes": ("cafe-3", id3.UFID(owner="http://third", data=b"\xff\0cafe-3"), "UFID:http://third"),
    "GEOB": ("an object", id3.GEOB(3, "text/plain", "a.txt", "notes", b"an object"), "GEOB:notes"),
    "PRIV": ("private", id3.PRIV(owner="me", data=b"private"), "PRIV:me"),
    "MCDI, other frames of bytes": ("cd toc", id3.MCDI(data=b"cd toc"), "MCDI"),
    "APIC": ("front cover", id3.APIC(3, "image/png", 3, "front", PNG + b"front cover"), FRONT),
    "APIC of 17 MiB": (
        "large",
        id3.APIC(3, "image/png", 4, "back", b"large" + bytes(17 * 2**20)),
        "picture 'back' of 17.0 MiB",
    ),
    "CHAP": ("Intro", id3.CHAP("c1", 0, 900, sub_frames=[id3.TIT2(3, ["Intro"])])),
    "CHAP, picture in it": ("chapter 2", id3.CHAP("c2", 900, 1800, sub_frames=[
        id3.APIC(3, "image/png", 3, "", b"chapter 2")]), "CHAP:c2 APIC"),
    "CTOC with a title": (
        "contents", id3.CTOC("toc", 3, ["c1", "c2"], [id3.TIT2(3, ["contents"])]), "CTOC:toc"
    ),
    "TXXX REPLAYGAIN_*, R128_*": (
        "-7.5 dB", id3.TXXX(3, "REPLAYGAIN_TRACK_GAIN", ["-7.5 dB"]), "REPLAYGAIN_TRACK_GAIN"
    ),
    "TXXX Acoustid Id, Fingerprint": (
        "aid-1", id3.TXXX(3, "Acoustid Id", ["aid-1"]), "Acoustid Id"
    ),
    "COMM iTunNORM, iTunSMPB": (
        "0000058A", id3.COMM(3, "eng", "iTunNORM", ["0000058A"]), "comment:iTunNORM"
    ),
    "RVA2": ("album gain", id3.RVA2("album gain", 1, 2.0, 0.5), "RVA2"),
    "TSSE": ("LAME 3.100", id3.TSSE(encoding=3, text="LAME 3.100"), "TSSE"),
}  # fmt: skip
UNKNOWN = b"XYZW" + b"\0\0\0\x0b" + b"\0\0" + b"unknown way"
DAMAGED = b"TPE4" + b"\0\0\0\x08" + b"\0\0" + b"\x09damaged"


def called(tagged: dict[str, str | tuple[str, ...]]) -> Tagged:
    """Names where none is given: that of the field, which the table finds out."""
    pairs = {name: (each,) if isinstance(each, str) else each for name, each in tagged.items()}
    return {name: (each[0], each[1] if len(each) > 1 else "") for name, each in pairs.items()}


def id3v24(path: Path) -> Tagged:
    tag_files.sound(path)
    tag = id3.ID3()
    for _, frame, *_ in FRAMES.values():
        tag.add(frame)
    tag.save(path, padding=lambda _: 0)
    content = path.read_bytes()
    end = id3.ID3(path).size
    body = content[10:end] + UNKNOWN + DAMAGED
    path.write_bytes(tag_files.id3v2(4, body) + content[end:])
    found = {name: (token, *said) for name, (token, _, *said) in FRAMES.items()}
    return called(
        found | {"a frame that nobody knows": ("unknown way", "XYZW"),
                 "a damaged frame": ("damaged", "TPE4")}
    )  # fmt: skip


def id3v23(path: Path) -> Tagged:
    tag_files.sound(path)
    tag = id3.ID3()
    for frame in (
        id3.TIT2(encoding=1, text="Titel Ω"), id3.TYER(encoding=0, text="1978"),
        id3.TDAT(encoding=0, text="0105"), id3.IPLS(3, [["engineer", "Egon"]]),
        id3.RVAD(adjustments=[7, 7]),
    ):  # fmt: skip
        tag.add(frame)
    tag.save(path, v2_version=3, v23_sep=None)
    return called(
        {"TIT2": "Titel Ω", "TYER and TDAT": "1978", "IPLS": "Egon", "RVAD": ("RVAD", "RVAD")}
    )


def id3v22(path: Path) -> Tagged:
    tag_files.sound(path)
    front = b"\0PNG\x03front\0" + PNG + b"front cover"
    tag = tag_files.id3v22(
        [
            (b"TT2", b"\0Titel A"), (b"TXX", b"\0my name\0value V"), (b"PIC", front),
            (b"CRM", b"me\0\0sealed"),
        ]
    )  # fmt: skip
    path.write_bytes(tag + path.read_bytes())
    return called(
        {
            "TT2": "Titel A",
            "TXX": "value V",
            "PIC": ("front cover", FRONT),
            "CRM": ("sealed", "CRM"),
        }
    )


def only_id3v1(path: Path) -> Tagged:
    tag_files.sound(path)
    path.write_bytes(path.read_bytes() + tag_files.id3v1("Titel ä"))
    return called({"title": "Titel ä", "track": "7", "genre": "Rock"})


def only_apev2(path: Path) -> Tagged:
    tag_files.sound(path)
    tag = APEv2()
    tag["Title"] = "Titel Ω"
    tag["Artist"] = ["Anna 1", "Bob 2"]
    tag["Track"] = "37/98"
    tag["My Name"] = "value V"
    tag["Cover Art (Front)"] = APEValue(b"front.png\0" + PNG + b"front cover", 1)
    tag["Binary"] = APEValue(b"\xff\0private", 1)
    tag["MP3GAIN_UNDO"] = "+004,+004"
    tag.save(path)
    return called({
        "Title": "Titel Ω", "Artist, two": "Bob 2", "Track": "37", "any other text": "value V",
        "Cover Art": ("front cover", "picture 'front.png' of 0.0 MiB"),
        "other bytes": ("private", "Binary"), "MP3GAIN_*, REPLAYGAIN_*": ("+004", "MP3GAIN_UNDO"),
    })  # fmt: skip


def m4a(path: Path) -> Tagged:
    tag_files.mp4(path)
    file = MP4(path)
    file.add_tags()
    file.update(
        {
            "\xa9nam": ["Titel Ω"], "\xa9ART": ["Anna 1", "Bob 2"], "trkn": [(37, 98)],
            "cpil": True, "pgap": True, "desc": ["in short"], "ldes": ["at length"],
            "\xa9xyz": ["+52.5"], "covr": [MP4Cover(PNG + b"front cover", MP4Cover.FORMAT_PNG)],
            "----:com.apple.iTunes:LABEL": [MP4FreeForm(b"a label", AtomDataType.UTF8)],
            tag_files.freeform(ODD_NAME): [MP4FreeForm(b"odd X2", AtomDataType.UTF8)],
            "----:org.me:BYTES": [MP4FreeForm(b"\xff\0private", AtomDataType.IMPLICIT)],
            "----:com.apple.iTunes:iTunSMPB": [MP4FreeForm(b"0000058A", AtomDataType.UTF8)],
            "----:com.apple.iTunes:replaygain_track_gain": [MP4FreeForm(b"-7.5 dB")],
            "\xa9too": ["Lavf60"],
        }
    )  # fmt: skip
    file.save()
    return called({
        "©nam": "Titel Ω", "©ART, two": "Bob 2", "trkn": "37",
        "cpil": ("compilation|TCMP", "compilation"), "pgap": ("gapless|TXXX:gapless", "gapless"),
        "desc": "in short", "ldes": "at length", "other text atoms": "+52.5",
        "covr": ("front cover", "picture of 0.0 MiB"), "freeform": "a label",
        "freeform, name Größe~= and a newline": "odd X2", "freeform, bytes": ("private", "BYTES"),
        "iTunNORM, iTunSMPB": ("0000058A", "iTunSMPB"),
        "REPLAYGAIN_*": ("-7.5 dB", "replaygain_track_gain"), "©too": ("Lavf60", "encoder"),
    })  # fmt: skip


def wma(path: Path) -> Tagged:
    tag_files.asf(path)
    file = ASF(path)
    file["Title"] = "Titel Ω"
    file["WM/Mood"] = "mellow"
    file["My Name"] = "value V"
    cover = PNG + b"front cover"
    texts = "image/png\0front\0".encode("utf-16-le")
    file["WM/Picture"] = ASFByteArrayAttribute(
        b"\x03" + struct.pack("<I", len(cover)) + texts + cover
    )
    file["Binary"] = ASFByteArrayAttribute(b"\xff\0private")
    file["IsVBR"] = True
    file.save()
    return called({
        "Title": "Titel Ω", "WM/Mood, other WM/ texts": "mellow", "any other text": "value V",
        "WM/Picture": ("front cover", FRONT), "other bytes": ("private", "Binary"),
        "IsVBR, WMFSDK*": ("IsVBR", "IsVBR"),
    })  # fmt: skip


def flac(path: Path) -> Tagged:
    tag_files.sound(path)
    file = FLAC(path)
    file["title"] = "Titel Ω"
    file["artist"] = ["Anna 1", "Bob 2"]
    file["tracknumber"] = "37/98"
    file["my name"] = "value V"
    file["musicbrainz_trackid"] = "f00d-1"
    file["date"] = "spring 1978"
    file["metadata_block_picture"] = "broken !!"
    file["acoustid_id"] = "aid-1"
    file["encoder"] = "Lavf60"
    file.add_picture(picture("front cover"))
    sheet = CueSheet(None)
    sheet.media_catalog_number = b"1234567890123"
    sheet.tracks.append(CueSheetTrack(1, 0))
    sheet.tracks.append(CueSheetTrack(170, 9_601))
    file.metadata_blocks.append(sheet)
    file.save()
    return called({
        "TITLE": "Titel Ω", "ARTIST, two": "Bob 2", "TRACKNUMBER=37/98": "37",
        "any other name": "value V", "MUSICBRAINZ_TRACKID": "f00d-1",
        "DATE that is no date": "spring 1978", "picture": ("front cover", FRONT),
        "METADATA_BLOCK_PICTURE, damaged": ("broken", "metadata_block_picture"),
        "cue sheet": ("123456789", "cue sheet"),
        "ACOUSTID_*, REPLAYGAIN_*": ("aid-1", "acoustid_id"), "ENCODER": ("Lavf60", "encoder"),
    })  # fmt: skip


def ogg(path: Path) -> Tagged:
    tag_files.sound(path)
    file = OggVorbis(path)
    file.delete()
    file["title"] = "Titel Ω"
    file["chapter001"] = "00:00:00.100"
    file["metadata_block_picture"] = base64.b64encode(picture("front cover").write()).decode()
    file["r128_track_gain"] = "-321"
    file.save()
    return called({
        "TITLE": "Titel Ω", "CHAPTER001": "00:00:00.100",
        "METADATA_BLOCK_PICTURE": ("front cover", FRONT), "R128_*": ("-321", "r128_track_gain"),
    })  # fmt: skip


def wav(path: Path) -> Tagged:
    tag_files.sound(path)
    cues = struct.pack("<I6I", 1, 5, 0, 0, 0, 0, 4800)
    labels = b"adtllabl" + struct.pack("<I", 10) + struct.pack("<I", 5) + b"verse\0"
    tag_files.with_chunks(
        path,
        [
            (b"LIST", b"INFOINAM\x08\0\0\0Titel A\0IARL\x06\0\0\0shelf\0"),
            (b"bext", tag_files.bext(b"A=ANALOGUE,M=mono,T=Studer\r\n", LOUDNESS)),
            (b"iXML", b"<BWFXML><NOTE>slate 7</NOTE><LOUDNESS>x</LOUDNESS></BWFXML>"),
            (b"cart", b"cart data"), (b"cue ", cues), (b"LIST", labels), (b"smpl", b"loop" * 9),
            (b"MD5 ", b"checksum" * 2),
        ],
    )  # fmt: skip
    return called({
        "INFO INAM": "Titel A", "INFO, other texts": "shelf", "bext texts": "descriptio",
        "bext coding history": "Studer",
        "bext loudness": (LOUDNESS.decode("latin-1"), "bext loudness"), "iXML": "slate 7",
        "iXML loudness": ("<LOUDNESS>", "iXML loudness"), "cue with label": "verse",
        "cart": ("cart data", "chunk cart"), "smpl, other chunks": ("looploop", "chunk smpl"),
        "MD5": ("checksum", "chunk MD5"),
    })  # fmt: skip


def aiff(path: Path) -> Tagged:
    tag_files.sound(path)
    marks = struct.pack(">HHIB", 1, 5, 4800, 5) + b"verse"
    comments = struct.pack(">HIHH", 1, 0, 0, 6) + b"slate8"
    chunks = [
        (b"NAME", b"Note A"), (b"ANNO", b"a note"), (b"MARK", marks), (b"COMT", comments),
        (b"APPL", b"applied"), (b"INST", b"instrument"),
    ]  # fmt: skip
    tag_files.with_chunks(path, chunks, ">")
    return called({
        "NAME": "Note A", "ANNO": "a note", "MARK": "verse", "COMT": "slate8",
        "APPL": ("applied", "chunk APPL"),
        "INST, other chunks": ("instrument", "chunk INST"),
    })  # fmt: skip


def caf(path: Path) -> Tagged:
    tag_files.sound(path)
    items = [("title", "Titel Ω"), ("recorded date", "1978"), ("my name", "value V")]
    tag_files.with_caf_info(path, [*items, ("source encoder", "Lavf60")])
    return called({
        "title": "Titel Ω", "recorded date": "1978", "any other name": "value V",
        "source encoder": ("Lavf60", "source encoder"),
    })  # fmt: skip


def w64(path: Path) -> Tagged:
    tag_files.sound(path)
    payload = tag_files.bext(b"A=ANALOGUE,M=mono,T=Studer\r\n")
    tag_files.with_w64_chunk(path, b"bext", payload)
    return called({"bext texts": "descriptio", "bext coding history": "Studer"})


SOURCES: dict[str, tuple[str, Callable[[Path], Tagged]]] = {
    "ID3v2.4 (mp3, aac, mp2; wav and aiff have it, too)": ("mp3", id3v24),
    "ID3v2.3": ("mp3", id3v23),
    "ID3v2.2": ("mp3", id3v22),
    "ID3v1 alone": ("mp3", only_id3v1),
    "APEv2 (mp3, ape, wv; also alone)": ("mp3", only_apev2),
    "MP4 (m4a)": ("m4a", m4a),
    "ASF (wma)": ("wma", wma),
    "FLAC": ("flac", flac),
    "Ogg (Vorbis, Opus)": ("ogg", ogg),
    "WAV, RF64": ("wav", wav),
    "AIFF": ("aiff", aiff),
    "CAF": ("caf", caf),
    "W64": ("w64", w64),
}
"""Title of the kind -> suffix, and what makes the file."""
