"""What ffprobe, which comes with ffmpeg, says of a file."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from morphsep.audio.info import READABLE, AudioInfo, tracks_note
from morphsep.errors import TrackError

LOSSLESS = (
    "flac",
    "alac",
    "wavpack",
    "tta",
    "ape",
    "tak",
    "mlp",
    "truehd",
    "shorten",
    "wmalossless",
)
"""ffmpeg's names of codings that keep every sample; so do those that begin with ``pcm_``."""
NOT_EXACT = ("pcm_alaw", "pcm_mulaw", "pcm_vidc")
ENTRIES = (
    "stream=codec_type,codec_name,sample_rate,channels,sample_fmt,bits_per_raw_sample,duration"
    ":stream_disposition=attached_pic:stream_tags=DURATION:format=duration"
)
TIMEOUT = 120
"""Seconds after which a file that keeps ffprobe busy is given up."""


def probe(path: str, kind: str, demuxer: str) -> AudioInfo:
    """The header of the first sound track.

    Raises TrackError with the codes needs_ffmpeg, not_audio, or storage for what is not here.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError as error:  # a URI, of which the header alone is open
        raise TrackError(
            "storage",
            f"{PurePosixPath(path).name} ({kind.lower()}) is read by ffmpeg, so its length is "
            "known only once it is fetched; a run fetches and reads it",
        ) from error
    return _probe(path, kind, demuxer, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _probe(path: str, kind: str, demuxer: str, *_state: int) -> AudioInfo:
    """Each stage looks at its input again: once a state of the file is enough."""
    found = ask(path, kind, demuxer, ENTRIES)
    streams = found.get("streams", [])
    sounds = [each for each in streams if each.get("codec_type") == "audio"]
    if not sounds or not int(sounds[0].get("sample_rate") or 0):
        raise TrackError("not_audio", f"{Path(path).name} ({kind.lower()}) holds no sound track")
    films = [
        each for each in streams
        if each.get("codec_type") == "video" and not each["disposition"]["attached_pic"]
    ]  # fmt: skip
    first, rate = sounds[0], int(sounds[0]["sample_rate"])
    own = first.get("duration") or _in_seconds(first.get("tags", {}).get("DURATION", ""))
    seconds = own or found.get("format", {}).get("duration") or 0
    return AudioInfo(
        path=path, format=kind, subtype=_subtype(first), via_ffmpeg=True, sample_rate=rate,
        num_channels=int(first["channels"]), num_samples=max(1, round(float(seconds) * rate)),
        note=tracks_note(len(sounds), len(films)),
        is_length_own=own is not None or len(sounds) + len(films) == 1,
    )  # fmt: skip


def _in_seconds(clock: str) -> float | None:
    """Matroska's tag of a track's own length, as hours:minutes:seconds; None if it is none."""
    found = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", clock)
    if found is None:
        return None
    hours, minutes, seconds = map(float, found.groups())
    return hours * 3600 + minutes * 60 + seconds


def ask(path: str, kind: str, demuxer: str, entries: str) -> dict[str, Any]:
    """What ffprobe answers, as it spells JSON.

    Args:
        entries: in ffprobe's words.

    Raises TrackError with the codes needs_ffmpeg or not_audio.
    """
    if shutil.which("ffprobe") is None:
        raise TrackError(
            "needs_ffmpeg",
            f"{Path(path).name} ({kind.lower()}) needs the program ffprobe, which comes with "
            f"ffmpeg and is not on PATH; install it or convert the file to {READABLE}",
        )
    command = [
        "ffprobe", "-v", "error", "-protocol_whitelist", "file", "-f", demuxer,
        "-show_entries", entries, "-of", "json", f"file:{Path(path).absolute()}",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=TIMEOUT)
        answer: dict[str, Any] = json.loads(done.stdout or b"{}")
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise _refused(path, "no answer") from error
    if done.returncode != 0:
        complaint = done.stderr.decode(errors="replace").strip().splitlines()
        raise _refused(path, complaint[-1] if complaint else "no reason given")
    return answer


def _refused(path: str, why: str) -> TrackError:
    return TrackError(
        "not_audio", f"{Path(path).name}: ffmpeg cannot read it ({why}); convert it first"
    )


def _subtype(stream: dict[str, Any]) -> str:
    """libsndfile's name of the samples, where none is lost; else the coding's."""
    codec = str(stream.get("codec_name", "unknown"))
    exact = codec in LOSSLESS or codec.startswith("pcm_")
    if not exact or codec in NOT_EXACT:
        return codec.upper()
    sample = str(stream.get("sample_fmt", "")).rstrip("p")
    if sample in ("flt", "dbl"):
        return {"flt": "FLOAT", "dbl": "DOUBLE"}[sample]
    bits = int(stream.get("bits_per_raw_sample") or 0) or {"u8": 8, "s16": 16}.get(sample, 24)
    if codec == "alac":
        return f"ALAC_{bits}"
    return {8: "PCM_U8", 24: "PCM_24"}.get(bits, "PCM_16" if bits <= 16 else "PCM_32")
