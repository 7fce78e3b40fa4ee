"""Where a server listens, and under which names it lets itself be asked."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from morphsep.errors import SettingError

LOOPBACK = "127.0.0.1"
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
"""What browsers leave out."""
TLS_ADVICE = (
    "what is sent there, the token and the answers among it, can be read and changed on the way. "
    "Better: leave --host alone, put a web server with TLS before the port (Caddy: `reverse_proxy "
    "127.0.0.1:PORT`) and name its address with --url https://NAME. If the network is yours alone, "
    "add --i-know"
)


@dataclass(frozen=True, kw_only=True)
class Address:
    """How a server is reached. Whoever asks for it under another name is refused, so that a page
    from elsewhere whose name was made to lead here (DNS rebinding) gets nothing."""

    host: str
    """What it listens on."""
    port: int
    url: str | None = None
    """Where people reach it, if that is not `host` and `port`: ``https://listen.example.org``."""
    token: str
    """Whoever knows it is let in."""

    @cached_property
    def origins(self) -> frozenset[str]:
        """What a browser may call the place that a request comes from, in small letters."""
        names = ["127.0.0.1", "localhost", "[::1]"] if _is_loopback(self.host) else []
        if not _is_any(self.host):
            names.append(_in_brackets(self.host))
        known = {f"http://{_with_port(name, self.port)}" for name in names}
        return frozenset(known | ({self.base} if self.url else set()))

    @cached_property
    def hosts(self) -> frozenset[str]:
        """What it may be called in the header ``Host``, in small letters."""
        return frozenset(origin.partition("://")[2] for origin in self.origins)

    @property
    def base(self) -> str:
        """Where people reach it, without the token and the last slash."""
        if self.url:
            parts = urlsplit(self.url.lower())
            return f"{parts.scheme}://{parts.netloc.removesuffix(DEFAULT_PORTS[parts.scheme])}"
        return f"http://{_with_port(_in_brackets(self.host), self.port)}"

    @property
    def link(self) -> str:
        """What to open in a browser."""
        return f"{self.base}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """The cookie that holds the token. All ports of a machine share their cookies."""
        return f"morphsep-{self.port}"

    def is_secure(self, host: str) -> bool:
        """Whether a request to this host has come by way of TLS."""
        return self.base == f"https://{host.lower()}"


@dataclass(frozen=True, slots=True)
class Opened:
    """A socket that listens already: who connects waits until `serve` answers."""

    socket: socket.socket
    address: Address


@contextmanager
def opened(
    *,
    host: str = LOOPBACK,
    ports: tuple[int, ...] = (0,),
    url: str | None = None,
    token: str | None = None,
    is_known_to_be_open: bool = False,
) -> Iterator[Opened]:
    """Listens on the first of `ports` that is free; 0 is any.

    Args:
        token: none: a new one, by chance.
        is_known_to_be_open: whether the user has agreed to be reached from other machines.

    Raises:
        SettingError: the host is not this machine alone and nobody has agreed to that, `url` is
            none, or the ports are taken.
    """
    _check(host, url, is_known_to_be_open)
    listening = _listen(host, ports)
    with listening:
        port: int = listening.getsockname()[1]
        token = token or secrets.token_urlsafe(24)
        yield Opened(listening, Address(host=host, port=port, url=url, token=token))


def _check(host: str, url: str | None, is_known: bool) -> None:
    if url is not None:
        try:
            parts = urlsplit(url)
            is_possible = parts.scheme in DEFAULT_PORTS and parts.hostname and parts.port != 0
        except ValueError:
            is_possible = False
        if not is_possible or not _is_bare(parts):
            raise SettingError(f"--url {url}: name http://HOST:PORT or https://HOST, and no more")
    if _is_loopback(host):
        return
    if not is_known:
        raise SettingError(f"--host {host} can be reached from other machines, and {TLS_ADVICE}")
    if _is_any(host) and url is None:
        raise SettingError(
            f"--host {host} has many names; say with --url http://NAME:PORT which one people open"
        )


def _is_bare(parts: SplitResult) -> bool:
    return parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc)


def _listen(host: str, ports: tuple[int, ...]) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in ports:
        try:
            return socket.create_server((host, port), family=family)
        except OSError as error:
            failed = error
    raise SettingError(f"cannot listen on {host}, port {ports[-1]}: {failed.strerror or failed}")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_any(host: str) -> bool:
    return host in ("", "0.0.0.0", "::")


def _in_brackets(host: str) -> str:
    return f"[{host.lower()}]" if ":" in host else host.lower()


def _with_port(name: str, port: int) -> str:
    """As browsers write it: they leave 80 out."""
    return name if port == 80 else f"{name}:{port}"
