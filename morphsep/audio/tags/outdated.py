"""Tags that describe the old sound: a result that kept them would say what is not so."""

from __future__ import annotations

import re

_NAMES = re.compile(
    r"""
    replaygain_.* | r128_.* | mp3gain_.* | rg_(audiophile|radio|peak)   # levels to play at
    | itunnorm | ebur128_.* | loudness_(value|range)
    | itunsmpb | enc_delay | enc_padding                                # the coder's delay
    | acoustid[ _](id|fingerprint) | musicip[ _](puid|fingerprint)      # fingerprints
    | musicmagic[ _]fingerprint | musicbrainz[ _]trm[ _]?id
    | (audio[ _]?)?md5(sum|[ _]signature)? | (file|audio)?[ _]?checksum | crc(32)? | sha(1|256)
    | accuraterip.*
    | encoder | encoder[ _]?(settings|options) | encoding[ _]?settings  # how it was coded
    | source\ encoder | nominal\ bit\ rate
    | bps(-\w+)? | number_of_(frames|bytes)(-\w+)? | _statistics_.* | duration(-\w+)?  # mkvmerge
    | isvbr | wmfsdk.* | wmadrc.* | deviceconformancetemplate
    """,
    re.VERBOSE | re.IGNORECASE,
)
FRAMES = {
    "RVA2", "RVAD", "RGAD", "XRVA", "EQU2", "EQUA",  # levels to play at
    "MLLT", "ASPI", "SEEK", "RBUF", "TSIZ", "TFLT",  # where the old file's bytes lie, and its kind
    "TSSE",  # how it was coded
}  # fmt: skip
"""ID3 frames."""
CHUNKS = {b"MD5 ", b"dbmd"}
"""Chunks: a checksum of the samples, Dolby's levels."""

IXML_LOUDNESS = "iXML loudness"
_LOUDNESS = re.compile(
    rb"<LOUDNESS>.*?</LOUDNESS>"
    rb"|<(BWF_(?:LOUDNESS_(?:VALUE|RANGE)|MAX_[A-Z_]+))>[^<]*</\1>",
    re.DOTALL,
)


def is_outdated(name: str) -> bool:
    """Whether a tag of this name describes the old sound, in any format that has free names."""
    return _NAMES.fullmatch(name.removeprefix("comment:")) is not None


def without_loudness(ixml: bytes) -> bytes:
    """An iXML document without its statements about loudness."""
    return _LOUDNESS.sub(b"", ixml)
