"""What a file's header says about its sound, and whether the file keeps that promise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from morphsep.dsp import Seconds
from morphsep.errors import TrackError

READABLE = "wav, flac, aiff, caf, w64, rf64, ogg, opus or mp3"
"""What is read without ffmpeg, in messages."""

LOSSY_SLACK = 8192
"""Samples by which a complete lossy file may miss its header: a few frames of coder delay and
padding, which encoders count in different ways. An Ogg's pages tell its length exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInfo:
    """One audio file's header. ``format`` and ``subtype`` are libsndfile's names (``WAV``,
    ``PCM_24``) where it has one; containers that only ffmpeg knows are called ``M4A``, ``AAC``,
    ``WMA``, ``MP2``, ``MATROSKA``, ``WAVPACK`` and so on."""

    path: str
    format: str
    subtype: str
    sample_rate: int
    """Hz."""
    num_channels: int
    num_samples: int
    """Samples per channel; an estimate for ffmpeg's formats until they are decoded."""
    via_ffmpeg: bool = False
    """Whether ffmpeg decodes it: libsndfile cannot, or (MP2) gets its length wrong."""
    note: str = ""
    """What is to be known of how it is read (one track of several, parts that were joined)."""
    is_length_own: bool = True
    """Whether the length is this track's, and not that of the longest of several."""
    most_missing: int | None = None
    """Samples that ffmpeg may leave out of a complete file, where the length was counted."""

    @property
    def duration(self) -> Seconds:
        return self.num_samples / self.sample_rate

    @property
    def is_float(self) -> bool:
        return self.subtype in ("FLOAT", "DOUBLE")

    @property
    def is_integer(self) -> bool:
        return self.subtype.startswith(("PCM_", "ALAC"))

    @property
    def is_lossy(self) -> bool:
        """mp3, vorbis, opus, aac, wma, and the lossy codings that a WAV can hold (ADPCM, u-law)."""
        return not (self.is_float or self.is_integer)

    @property
    def is_seekable(self) -> bool:
        """Whether :class:`AudioReader` is sample exact anywhere; if not, ``decode_to`` first."""
        return not (self.is_lossy or self.via_ffmpeg)


def parts_note(num_parts: int) -> str:
    """What is to be known of a file with several parts."""
    return f"{num_parts} parts, read one after the other" if num_parts > 1 else ""


def tracks_note(num_sounds: int, num_pictures: int = 0) -> str:
    """What is to be known of a file with several tracks."""
    if num_sounds > 1:
        return f"the first of {num_sounds} sound tracks"
    return "the sound track of a film" if num_pictures else ""


def check_length(info: AudioInfo, decoded_num_samples: int) -> None:
    """Raise ``TrackError("truncated")`` if fewer samples decode than the header promises."""
    slack = 0 if info.is_seekable or info.format == "OGG" else LOSSY_SLACK
    if decoded_num_samples < info.num_samples - slack:
        raise truncated(info.path, info.duration, decoded_num_samples / info.sample_rate)


def truncated(path: str, promised: Seconds, decodable: Seconds) -> TrackError:
    """The error for a file whose header promises more than there is."""
    decimals = 2 if promised - decodable >= 0.02 else 5
    return TrackError(
        "truncated",
        f"{Path(path).name}: the header promises {promised:.{decimals}f} s but only "
        f"{decodable:.{decimals}f} s "
        "decode; the file was cut off or damaged: get a complete copy of it",
    )


def claims_too_little(path: str, claimed: Seconds, following: Seconds, remedy: str) -> TrackError:
    """The error for a file whose header leaves out ``following`` seconds of its sound."""
    return TrackError(
        "truncated",
        f"{Path(path).name}: the header speaks of {claimed:.2f} s but {following:.2f} s more "
        f"follow; the header is wrong: {remedy}",
    )


def lost(path: str, counted: Seconds, decodable: Seconds) -> TrackError:
    """The error for a file whose frames or pages were counted, and do not all decode."""
    return TrackError(
        "truncated",
        f"{Path(path).name}: it holds {counted:.3f} s but only {decodable:.3f} s decode, so "
        f"{counted - decodable:.3f} s would be lost; the file is damaged: get a good copy of it",
    )


def ends_early(path: str, promised: int, size: int) -> TrackError:
    """The error for a file whose container promises more bytes than there are."""
    return TrackError(
        "truncated",
        f"{Path(path).name}: by its own structure the recording has at least {promised} bytes, but "
        f"the file ends after {size}; it was cut off: get a complete copy of it",
    )


def another_file(path: str, offset: int, kind: str) -> TrackError:
    """The error for a file that has another, of this kind, glued to its end."""
    return TrackError(
        "truncated",
        f"{Path(path).name}: a second recording ({kind.lower()}) begins at byte {offset} of the "
        "file, and would be lost; cut the file there and give both parts (`head -c "
        f"{offset}`, `tail -c +{offset + 1}`)",
    )


def another_kind(path: str, offset: int, before: str, after: str) -> TrackError:
    """The error for a file of parts that cannot be joined, since they differ in rate, channels or
    coding."""
    return TrackError(
        "truncated",
        f"{Path(path).name}: up to byte {offset} of the file the sound is {before}, from there on "
        f"{after}: two recordings in one file; cut it there and give both parts (`head -c "
        f"{offset}`, `tail -c +{offset + 1}`)",
    )
