"""What stands before an application (ASGI): requests that are not for us never reach it.

Comparing `Origin` with `Host` alone is no help against DNS rebinding, where both are the attacker's
name. So: a fixed list of hosts; then a token, which only the link that was printed holds; then, for
whatever changes something and for WebSockets, a fixed list of origins.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from secrets import compare_digest
from typing import Any
from urllib.parse import parse_qs

from morphsep.serving.address import Address

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SAFE = ("GET", "HEAD")
"""Requests that change nothing."""
POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
    "img-src 'self' data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
))  # fmt: skip
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    # the address may hold the token
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Guard:
    """An application that only those reach who may. It is an application itself."""

    inner: Application
    address: Address
    most_bytes: int = MOST_BYTES
    """Of what one request may send; what is longer is refused, unread."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        headers = _headers(scope)
        send = self._with_headers(scope, headers, send)
        if refused := self._refusal(scope, headers):
            await _refuse(scope, send, *refused)
        else:
            await self.inner(scope, _bounded(receive, self.most_bytes), send)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """The status and a sentence for those who may not."""
        if headers.get("host", "").lower() not in self.address.hosts:
            return 421, "This is not the name of this server. Open the address that was printed."
        if not (self._knows_by_cookie(headers) or self._knows_by_link(scope)):
            return 403, "Open the link that you were given: it has a token at its end."
        is_change = scope["type"] == "websocket" or scope["method"] not in SAFE
        if is_change and headers.get("origin", "").lower() not in self.address.origins:
            return 403, "This request has come from another page."
        if not _fits(headers.get("content-length", "0"), self.most_bytes):
            return 413, f"More than {self.most_bytes} bytes are not taken."
        return None

    def _knows_by_cookie(self, headers: dict[str, str]) -> bool:
        return self._is_token(cookies(headers.get("cookie", "")).get(self.address.cookie, ""))

    def _knows_by_link(self, scope: Scope) -> bool:
        """Only a page may be opened by a link: for what changes something, no link is enough."""
        if scope["type"] != "http" or scope["method"] not in SAFE:
            return False
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
        return self._is_token(asked[0])

    def _is_token(self, text: str) -> bool:
        return compare_digest(text.encode(), self.address.token.encode())

    def _with_headers(self, scope: Scope, headers: dict[str, str], send: Send) -> Send:
        """`send` with our headers on every answer; who has come by the link gets the cookie."""
        more = dict(HEADERS)
        # no redirect to an address without the token: a browser that was sent here by a page from
        # elsewhere would not show a strict cookie there
        host = headers.get("host", "").lower()
        if host in self.address.hosts and self._knows_by_link(scope):
            secure = self.address.is_secure(host)
            more["set-cookie"] = set_cookie(self.address.cookie, self.address.token, secure)
        added = [(name.encode(), value.encode()) for name, value in more.items()]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        return send_with_headers


def cookies(header: str) -> dict[str, str]:
    """What a header ``Cookie`` holds. Other servers of this machine have theirs there, too, in
    whatever form: none of them hides another."""
    pairs = (part.partition("=") for part in header.split(";"))
    return {name.strip(): value.strip() for name, is_pair, value in pairs if is_pair}


def set_cookie(name: str, value: str, is_secure: bool, seconds: int | None = None) -> str:
    """A header ``Set-Cookie`` that scripts cannot read and that pages from elsewhere cannot use."""
    parts = [f"{name}={value}", "Path=/", "HttpOnly", "SameSite=Strict"]
    if seconds is not None:
        parts.append(f"Max-Age={seconds}")
    return "; ".join([*parts, *(["Secure"] if is_secure else [])])


def _headers(scope: Scope) -> dict[str, str]:
    """By name; two of a name, joined, fit no list."""
    found: dict[str, str] = {}
    for raw_name, raw in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw.decode("latin-1")
        joint = "; " if name == "cookie" else ","
        found[name] = f"{found[name]}{joint}{value}" if name in found else value
    return found


def _fits(length: str, most: int) -> bool:
    return length.isascii() and length.isdigit() and len(length) < 20 and int(length) <= most


def _bounded(receive: Receive, most: int) -> Receive:
    """`receive` that ends a request once it has sent too much without having said so."""
    seen = 0

    async def receive_bounded() -> Message:
        from starlette.exceptions import HTTPException

        nonlocal seen
        message = await receive()
        seen += len(message.get("body") or b"")
        if seen > most:
            raise HTTPException(413, f"More than {most} bytes are not taken.")
        return message

    return receive_bounded


async def _refuse(scope: Scope, send: Send, status: int, sentence: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": sentence})
        return
    body = sentence.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
