"""Whether a server knows a gRPC method, asked with a socket: gRPC's own library would wait long."""

from __future__ import annotations

import socket
from collections.abc import Iterator

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
"""Types of frames (RFC 9113)."""
_END_STREAM, _END_HEADERS, _PADDED, _PRIORITY = 1, 4, 8, 32
_OK = 0x88
"""``:status: 200`` in HPACK (RFC 7541): what gRPC answers whatever its own status is."""
_UNIMPLEMENTED = b"\x0212"
"""gRPC's status of a method that a server does not have."""
_MOST_FRAMES = 20


def knows(connection: socket.socket, host: str, method: str) -> bool:
    """Calls a method without arguments.

    Args:
        connection: to the server, with a timeout.
        method: its path, ``/package.Service/Method``.

    Raises:
        OSError: it does not answer.
    """
    connection.sendall(_PREFACE + frame(SETTINGS, 0, 0, b"") + _call(host, method))
    for kind, flags, payload in _frames(connection):
        if kind == HEADERS:
            block = payload[(1 if flags & _PADDED else 0) + (5 if flags & _PRIORITY else 0) :]
            block = block.lstrip(bytes(range(0x20, 0x40)))  # changes of a table that nobody uses
            is_refused = flags & _END_STREAM and _UNIMPLEMENTED in block
            return block[:1] == bytes((_OK,)) and not is_refused
    return False


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2."""
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags))
    return head + stream.to_bytes(4, "big") + payload


def _call(host: str, method: str) -> bytes:
    """The two frames of a call: its headers, in HPACK without compression, and no arguments."""
    headers = b"".join(
        (
            b"\x83\x86",  # :method: POST, :scheme: http
            b"\x04" + _text(method),  # :path
            b"\x01" + _text(host),  # :authority
            b"\x0f\x10" + _text("application/grpc"),  # content-type
            b"\x00" + _text("te") + _text("trailers"),
        )
    )
    return frame(HEADERS, _END_HEADERS, 1, headers) + frame(DATA, _END_STREAM, 1, bytes(5))


def _text(text: str) -> bytes:
    return bytes((len(text),)) + text.encode("ascii")


def _frames(connection: socket.socket) -> Iterator[tuple[int, int, bytes]]:
    """(type, flags, payload) of what comes back; ends where it is no HTTP/2."""
    with connection.makefile("rb") as answer:
        for _ in range(_MOST_FRAMES):
            head = answer.read(9)
            size = int.from_bytes(head[:3], "big")
            if len(head) < 9 or size > 1 << 14:
                return
            yield head[3], head[4], answer.read(size)
