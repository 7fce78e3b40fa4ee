"""Files that libsndfile cannot read, looked at before ffmpeg decodes them."""

from __future__ import annotations

import io
import re
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from morphsep.audio import ffprobe
from morphsep.audio.containers import adts, beginnings, boxes, ends, mpeg, ogg
from morphsep.audio.gaps import check_frames, check_gaps, check_ogg, frames_note, ogg_note
from morphsep.audio.info import (
    READABLE,
    AudioInfo,
    another_file,
    another_kind,
    ends_early,
    tracks_note,
)
from morphsep.audio.source import check_mpeg
from morphsep.errors import TrackError

SIGNS = (
    ("M4A", rb".{4}(?:ftyp|moov|mdat|wide|free|skip|pnot)"),
    ("WMA", re.escape(bytes.fromhex("3026b2758e66cf11"))),
    ("MATROSKA", rb"\x1aE\xdf\xa3"),
    ("WAVPACK", rb"wvpk"),
    ("APE", rb"MAC "),
    ("TTA", rb"TTA1"),
    ("DSF", rb"DSD "),
    ("MUSEPACK", rb"MPCK"),
    ("TAK", rb"tBaK"),
    ("FLV", rb"FLV\x01"),
    ("AVI", rb"RIFF.{4}AVI "),
    ("MPEGPS", rb"\0\0\x01\xba"),
    ("MPEGTS", rb"G.{187}G.{187}G"),
)
"""Kinds that need ffmpeg, and how they begin."""
DEMUXERS = {
    "M4A": "mov", "AAC": "aac", "WMA": "asf", "MP2": "mp3", "MATROSKA": "matroska",
    "WAVPACK": "wv", "APE": "ape", "TTA": "tta", "DSF": "dsf", "MUSEPACK": "mpc8",
    "TAK": "tak", "FLV": "flv", "AVI": "avi", "MPEGPS": "mpeg", "MPEGTS": "mpegts",
    "OGG": "ogg", "OGGFLAC": "ogg",
    "WAV": "wav", "AIFF": "aiff", "CAF": "caf", "W64": "w64",
}  # fmt: skip
"""Named, so that a playlist with a false name cannot make ffmpeg open other files."""
MIN_FRAMES = 2
FRAMES_AT_ENDS = 2
"""Frames that a decoder may need to begin, and to end, each part of a file."""
DAMAGE = (LookupError, ArithmeticError, ValueError, TypeError, struct.error, OSError)
"""What mutagen lets through where bytes are damaged."""
SIGN_BYTES = 64
"""Bytes that no second sign of the same file can begin in."""

_SIGNS = [(kind, re.compile(sign, re.DOTALL)) for kind, sign in SIGNS]


def kind_of(head: bytes) -> str | None:
    """The kind by a file's first bytes, None if it is not one that needs ffmpeg."""
    return next((kind for kind, sign in _SIGNS if sign.match(head)), None)


def has_ffmpeg() -> bool:
    """Whether an ``ffmpeg`` binary is on PATH."""
    return shutil.which("ffmpeg") is not None


def probe_foreign(path: str, file: BinaryIO, kind: str) -> AudioInfo:
    """The header of a file of this kind; the sound comes later, through ffmpeg.

    Raises TrackError with the codes not_audio, needs_ffmpeg or truncated.
    """
    if not has_ffmpeg():
        raise TrackError(
            "needs_ffmpeg",
            f"{Path(path).name} ({kind.lower()}) needs the program ffmpeg, which is not on PATH; "
            f"install it or convert the file to {READABLE}",
        )
    looks: dict[str, Callable[[str, BinaryIO], AudioInfo]] = {
        "M4A": _movie, "AAC": _adts, "MP2": _mp2, "WMA": _asf,
    }  # fmt: skip
    look = looks.get(kind)
    is_readable = look is not None or isinstance(file, io.FileIO)
    if is_readable and kind not in ("AAC", "MP2"):  # their frames are walked
        check_single(path, file, kind)
    return look(path, file) if look else ffprobe.probe(path, kind, DEMUXERS[kind])


def probe_inside(path: str, file: BinaryIO, kind: str) -> AudioInfo:
    """The header of a container that libsndfile knows, with sound in it that it does not."""
    if kind == "OGG":
        return _ogg(path, file)
    file.seek(mpeg.id3_end(file))
    name = {b"RIFF": "WAV", b"RF64": "WAV", b"FORM": "AIFF", b"caff": "CAF"}.get(file.read(4))
    info = ffprobe.probe(path, name or "W64", DEMUXERS[name or "W64"])
    if info.is_float or info.subtype.startswith("PCM"):  # libsndfile reads it if it is right
        raise TrackError(
            "not_audio",
            f"{Path(path).name} has a damaged header, or one of a rare kind; get a complete copy "
            f"of it, or export it again as {READABLE}",
        )
    return info


def _ogg(path: str, file: BinaryIO) -> AudioInfo:
    chain = ogg.scan(file)
    if chain is not None:
        check_ogg(file, path, chain)
        _check_speex(path, chain)
    info = ffprobe.probe(path, "OGG", "ogg")
    if chain is not None:
        info = replace(info, note=ogg_note(chain) or info.note)
    if info.is_lossy:
        return info
    info = replace(info, format="OGGFLAC")
    num_samples = ogg.last_granules(chain) if chain else 0
    return replace(info, num_samples=num_samples, most_missing=0) if num_samples else info


def _check_speex(path: str, chain: ogg.Chain) -> None:
    """Raise TrackError("truncated") for a chain, of which ffmpeg decodes the first link."""
    speex = [link for link in chain.links if link.coding and link.coding.name == "speex"]
    if len(speex) > 1:
        raise another_file(path, speex[1].start, "speex")


def check_single(path: str, file: BinaryIO, kind: str) -> None:
    """Raise TrackError("truncated") for a file that ends before its recording does, and if another
    sound file follows one of this kind: ffmpeg reads the first, or mixes up the two. Where the
    container does not say where it ends, the whole file is searched for a second one of its
    kind."""
    start, size = mpeg.id3_end(file), file.seek(0, io.SEEK_END)
    end = ends.recording_end(file, kind, start)
    if end is not None and end > size:
        raise ends_early(path, end, size)
    if end is not None:
        check_gaps(file, path, [(start, end)])
    elif kind in beginnings.SIGNS and isinstance(file, io.FileIO):
        second = beginnings.find_kind(file, kind, start + SIGN_BYTES, size)
        if second is not None:
            raise another_file(path, second, kind)


def _movie(path: str, file: BinaryIO) -> AudioInfo:
    movie = boxes.read_movie(file)
    from mutagen.mp4 import MP4

    header = _tagged(path, file, MP4)
    codec = str(getattr(header, "codec", ""))
    # fragments do not tell their length, and mutagen not how many bits QuickTime's ALAC has
    if not header.length or not codec or codec == "alac":
        return ffprobe.probe(path, "M4A", DEMUXERS["M4A"])
    return AudioInfo(
        path=path, format="M4A", subtype=codec.upper(), via_ffmpeg=True,
        sample_rate=int(header.sample_rate), num_channels=int(header.channels),
        num_samples=round(header.length * header.sample_rate),
        note=tracks_note(movie.num_sounds, movie.num_pictures),
    )  # fmt: skip


def _asf(path: str, file: BinaryIO) -> AudioInfo:
    from mutagen.asf import ASF

    header = _tagged(path, file, ASF)
    return AudioInfo(
        path=path, format="WMA", subtype="WMA", via_ffmpeg=True,
        sample_rate=int(header.sample_rate), num_channels=int(header.channels),
        num_samples=round(header.length * header.sample_rate),
    )  # fmt: skip


def _tagged(path: str, file: BinaryIO, parser: Callable[..., Any]) -> Any:
    import mutagen

    file.seek(0)
    try:
        return parser(fileobj=file).info
    except (mutagen.MutagenError, *DAMAGE) as error:
        raise TrackError(
            "not_audio", f"{Path(path).name} is damaged or cut off ({error}); get a complete copy"
        ) from error


def _adts(path: str, file: BinaryIO) -> AudioInfo:
    start = mpeg.id3_end(file)
    file.seek(start)
    first = adts.parse_at(file.read(adts.HEADER_BYTES), 0)
    walked = adts.scan(file, start)
    if first is None or (walked and walked.num_frames < MIN_FRAMES):
        raise TrackError(
            "not_audio", f"{Path(path).name} begins like AAC, but is none; export it again"
        )
    if walked is None:  # remote: as long as its first frame tells
        size = file.seek(0, 2) - start
        return _of_adts(path, first, size // first.length)
    if walked.other is not None:
        offset, frame = walked.other
        raise another_kind(path, offset, str(first), str(frame))
    check_gaps(file, path, walked.spans)
    check_frames(file, path, walked, adts.SAMPLES / first.sample_rate)
    return replace(
        _of_adts(path, first, walked.num_frames),
        note=frames_note(file, walked.spans, walked.cut_frame),
        most_missing=FRAMES_AT_ENDS * adts.SAMPLES * len(walked.spans),
    )


def _of_adts(path: str, first: adts.Frame, num_frames: int) -> AudioInfo:
    return AudioInfo(
        path=path, format="AAC", subtype="AAC", via_ffmpeg=True, sample_rate=first.sample_rate,
        num_channels=first.num_channels or 2, num_samples=num_frames * adts.SAMPLES,
    )  # fmt: skip


def _mp2(path: str, file: BinaryIO) -> AudioInfo:
    scan = mpeg.scan(file)
    assert scan is not None
    check_mpeg(file, path, scan)
    check_frames(file, path, scan, scan.first.num_samples / scan.first.sample_rate)
    return AudioInfo(
        path=path, format="MP2", subtype="MP2", via_ffmpeg=True,
        sample_rate=scan.first.sample_rate, num_channels=scan.first.num_channels,
        num_samples=scan.num_samples, note=frames_note(file, scan.spans, scan.cut_frame),
        most_missing=FRAMES_AT_ENDS * scan.first.num_samples * len(scan.spans),
    )  # fmt: skip
