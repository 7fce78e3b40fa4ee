"""A picture of a matrix as PNG (ISO/IEC 15948), with a palette: small, and nothing to install."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PALETTE_TYPE = 3
"""Colour type of pictures whose samples are places in a palette."""
DARK_TO_LIGHT = (
    *((0, 0, 4), (66, 10, 104), (147, 38, 103)),
    *((221, 81, 58), (252, 165, 10), (252, 255, 164)),
)
"""RGB at equal distances, from soft to loud: ever lighter, so that it is read without colours."""


def png(levels: npt.NDArray[np.float64]) -> bytes:
    """``[height, width]`` in 0 ... 1, the first row on top, as a PNG file. The same levels, the
    same bytes."""
    height, width = levels.shape
    places = np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8)
    # each row begins with the filter it went through: 0, none
    rows = np.hstack([np.zeros((height, 1), np.uint8), places])
    header = struct.pack(">IIBBBBB", width, height, 8, PALETTE_TYPE, 0, 0, 0)
    parts = ((b"IHDR", header), (b"PLTE", _palette()), (b"IDAT", zlib.compress(rows.tobytes(), 9)))
    return SIGNATURE + b"".join(_chunk(*part) for part in (*parts, (b"IEND", b"")))


def _palette() -> bytes:
    """256 colours."""
    anchors = np.array(DARK_TO_LIGHT, np.float64)
    at = np.linspace(0, len(anchors) - 1, 256)
    colours = [np.interp(at, np.arange(len(anchors)), channel) for channel in anchors.T]
    palette: bytes = np.rint(np.stack(colours, axis=1)).astype(np.uint8).tobytes()
    return palette


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
