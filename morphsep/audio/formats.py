"""The format in which a result is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from morphsep.audio.info import AudioInfo
from morphsep.errors import SettingError

SUFFIXES = {
    "WAV": (".wav", ".wave", ".bwf"),
    "WAVEX": (".wav", ".wave", ".bwf"),
    "RF64": (".wav", ".rf64", ".wave", ".bwf"),
    "FLAC": (".flac",),
    "AIFF": (".aiff", ".aif", ".aifc"),
    "CAF": (".caf",),
    "W64": (".w64",),
    "OGG": (".ogg", ".oga"),
}
"""File name suffixes of the formats that are written; the first is the usual one."""

INTEGERS = ("PCM_16", "PCM_24", "PCM_32")
SUBTYPES = {
    **dict.fromkeys(("WAV", "WAVEX", "RF64", "W64"), ("PCM_U8", *INTEGERS, "FLOAT", "DOUBLE")),
    "AIFF": ("PCM_S8", "PCM_U8", *INTEGERS, "FLOAT", "DOUBLE"),
    "CAF": ("PCM_S8", *INTEGERS, "FLOAT", "DOUBLE"),
    "FLAC": ("PCM_S8", "PCM_16", "PCM_24"),
    "OGG": ("VORBIS", "OPUS"),
}
OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_BYTES = {**{subtype: bits // 8 for subtype, bits in BITS.items()}, "FLOAT": 4, "DOUBLE": 8}
LIMIT_32_BIT = 2**32 - 2**24
"""Most bytes of samples that a WAV or AIFF file can hold, with 16 MiB left for tags."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFormat:
    """How a file is written: libsndfile's names, and the file name's suffix with its dot."""

    format: str
    subtype: str
    extension: str

    @property
    def bits(self) -> int | None:
        """Bits of an integer sample, None for float and lossy subtypes."""
        return BITS.get(self.subtype)

    @property
    def is_float(self) -> bool:
        """Whether samples beyond full scale can be held."""
        return self.subtype in ("FLOAT", "DOUBLE")


def format_of(name: str, info: AudioInfo) -> str | None:
    """The format that a result's name asks for, by its suffix; None keeps the input's own,
    which this name fits."""
    suffix = Path(name).suffix.lower()
    if suffix in SUFFIXES.get(info.format, ()) and not info.is_lossy:
        return None
    return next((key for key, suffixes in SUFFIXES.items() if suffix in suffixes), None)


def fits_name(name: str, file_format: str) -> bool:
    """Whether a file of this format may have this name; a suffix that says nothing fits all."""
    suffix = Path(name).suffix.lower()
    named = [key for key, suffixes in SUFFIXES.items() if suffix in suffixes]
    return file_format in named if named else suffix != ".opus" or file_format == "OGG"


def output_format(
    info: AudioInfo, wanted_format: str | None = None, wanted_subtype: str | None = None
) -> OutputFormat:
    """The input's own format and subtype unless told otherwise; 24-bit FLAC for a lossy input.

    Formats: wav, flac, aiff, caf, w64, rf64, ogg. A WAV of more than 4 GiB becomes an RF64 (still
    called .wav), an AIFF a CAF. Raises SettingError for a combination that does not exist.
    """
    file_format = _format(info, wanted_format)
    subtype = wanted_subtype.upper() if wanted_subtype else _subtype(info, file_format)
    _check(file_format, subtype, info)
    size = info.num_samples * info.num_channels * _BYTES.get(subtype, 0)
    if size > LIMIT_32_BIT:
        file_format = {"WAV": "RF64", "WAVEX": "RF64", "AIFF": "CAF"}.get(file_format, file_format)
    own = Path(info.path).suffix
    suffixes = (".opus",) if subtype == "OPUS" else SUFFIXES[file_format]
    extension = own if own.lower() in suffixes else suffixes[0]
    return OutputFormat(format=file_format, subtype=subtype, extension=extension)


def check_format(name: str) -> None:
    """Raises SettingError for a format that cannot be written."""
    if name.upper() not in SUFFIXES:
        known = ", ".join(each.lower() for each in SUFFIXES if each != "WAVEX")
        raise SettingError(f"format {name!r} cannot be written; choose one of {known}")


def _format(info: AudioInfo, wanted: str | None) -> str:
    if wanted is not None:
        check_format(wanted)
        if (wanted.upper(), info.format) == ("WAV", "WAVEX"):
            return "WAVEX"
        return wanted.upper()
    return info.format if info.format in SUFFIXES and not info.is_lossy else "FLAC"


def _subtype(info: AudioInfo, file_format: str) -> str:
    """The input's subtype, or else the subtype of this format that loses least."""
    possible = SUBTYPES[file_format]
    if file_format == "OGG":
        return "VORBIS"
    if info.subtype in possible:
        return info.subtype
    if info.subtype in ("PCM_S8", "PCM_U8"):
        return next(subtype for subtype in possible if BITS.get(subtype) == 8)
    if info.subtype == "ALAC_16":
        return "PCM_16"
    return "PCM_32" if info.subtype == "ALAC_32" and "PCM_32" in possible else "PCM_24"


def _check(file_format: str, subtype: str, info: AudioInfo) -> None:
    possible = SUBTYPES[file_format]
    if subtype not in possible:
        raise SettingError(
            f"{file_format.lower()} cannot hold {subtype}; choose one of {', '.join(possible)}"
        )
    if subtype == "OPUS" and info.sample_rate not in OPUS_RATES:
        rates = ", ".join(str(rate) for rate in OPUS_RATES)
        raise SettingError(
            f"opus knows {rates} Hz, not {info.sample_rate} Hz; choose VORBIS or another format"
        )
