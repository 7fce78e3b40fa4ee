"""Names of the programmes in an MPEG transport stream (ETSI EN 300 468, service descriptors).

ffprobe tells one of several, where streams were joined.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

PACKET = re.compile(rb"G\x40\x11.(.{184})", re.DOTALL)
"""One of those in which descriptions begin, and what follows its header."""
BLOCK, PACKET_BYTES = 2**20, 188
SERVICES = 0x42
"""The table of this stream's own services."""
SERVICE = 0x48
"""The descriptor that names one."""
UTF_8 = 0x15
"""First byte of a text in UTF-8; others below 0x20 name other alphabets."""


def programme_names(file: BinaryIO) -> list[str]:
    """Every name once, in the order in which they come."""
    found: dict[str, None] = {}
    start = 0
    while True:
        file.seek(start)
        block = file.read(BLOCK + PACKET_BYTES)
        for packet in PACKET.finditer(block):
            found |= dict.fromkeys(filter(None, _names(packet[1])))
        if len(block) <= BLOCK:
            return list(found)
        start += BLOCK


def _names(payload: bytes) -> Iterator[str]:
    """Of the services in a table that begins in this payload."""
    table = payload[1 + payload[0] :]
    if len(table) < 3 or table[0] != SERVICES:
        return
    position, end = 11, 3 + (int.from_bytes(table[1:3], "big") & 0xFFF) - 4
    while position + 5 <= min(end, len(table)):
        size = int.from_bytes(table[position + 3 : position + 5], "big") & 0xFFF
        yield from _of_service(table[position + 5 : position + 5 + size])
        position += 5 + size


def _of_service(descriptors: bytes) -> Iterator[str]:
    while len(descriptors) > 4:
        size = descriptors[1]
        if descriptors[0] == SERVICE:
            named = descriptors[4 + descriptors[3] : 2 + size]  # behind the provider's name
            yield _text(named[1 : 1 + named[0]]) if named else ""
        descriptors = descriptors[2 + size :]


def _text(data: bytes) -> str:
    is_marked = data[:1] < b"\x20"
    coding = "utf-8" if not is_marked or data[:1] == bytes([UTF_8]) else "latin-1"
    return data[is_marked:].decode(coding, "replace")
