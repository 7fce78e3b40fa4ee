"""A real S3-protocol server on loopback behind a proxy that fails when told to.

    with ObjectStore() as store:
        with store.used():                            # AWS_ENDPOINT_URL and credentials
            place = location(store.url("out"))        # s3://morphsep-test/out
        store.fail("503", times=3)                    # the next three requests
        store.fail("reset", times=1, method="PUT", key="tracks/")
        store.go_away(seconds=5)                      # nobody listens

Server and proxy live in a process of their own, so that a kill, a fork or the interpreter's lock
of the tests does not touch them. Used by several test modules.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

BUCKET = "morphsep-test"

Kind = Literal["503", "500", "403", "reset", "cut", "slow"]
"""What happens: an error status; the connection reset before the request is passed on; the answer
cut off half way (the request was done!); the answer delayed."""


@dataclass
class Fault:
    kind: Kind
    times: int
    method: str = ""
    key: str = ""
    seconds: float = 0.0


@dataclass
class Proxy:
    """Passes requests on to the server, but for those that a fault is meant for."""

    server: tuple[str, int]
    address: tuple[str, int] = ("127.0.0.1", 0)
    faults: list[Fault] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    sent: int = 0
    """Bytes of all answers' bodies."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    conditions: threading.Lock = field(default_factory=threading.Lock)
    """Held while the server looks at an object and writes it: of several one is the first."""
    listener: ThreadingHTTPServer | None = None

    def listen(self) -> None:
        self.listener = _Listener(self.address, self)
        self.address = ("127.0.0.1", self.listener.server_address[1])
        threading.Thread(target=self.listener.serve_forever, args=(0.02,), daemon=True).start()

    def go_away(self, seconds: float) -> None:
        """Nobody listens from now on, for a while."""
        assert isinstance(self.listener, _Listener)
        self.listener.shutdown()
        self.listener.server_close()
        self.listener.reset_all()
        while self.listener.open:  # who has not noticed yet would answer one more request
            time.sleep(0.005)
        back = threading.Timer(seconds, self.listen)
        back.daemon = True
        back.start()

    def fault_for(self, method: str, path: str) -> Fault | None:
        with self.lock:
            self.log.append(f"{method} {path}")
            for fault in self.faults:
                if fault.times and fault.method in ("", method) and fault.key in path:
                    fault.times -= 1
                    return fault
        return None


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], proxy: Proxy) -> None:
        self.proxy = proxy
        self.open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken connections are what this is for."""

    def reset_all(self) -> None:
        for connection in list(self.open):
            _reset(connection)


def _reset(connection: socket.socket) -> None:
    """The connection ends with RST, as when the other machine is gone."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
        connection.close()
    except OSError:
        pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or a body waits 40 ms for the headers to be acknowledged
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        self.server.open.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while length := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self.rfile.read(length))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def pass_on(self) -> None:
        body = self.body()
        fault = self.server.proxy.fault_for(self.command, self.path)
        kind = fault.kind if fault else None
        if fault and kind == "slow":
            time.sleep(fault.seconds)
        if kind == "reset":
            self.close_connection = True
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # rfile and wfile hold the socket open; detaching closes it for good
            self.rfile.close()
            socket.close(self.connection.detach())
            return
        if kind in ("503", "500", "403"):
            self.answer(int(kind), {"Content-Type": "application/xml"}, _errors[kind])
            return
        with self.server.proxy.conditions if self.is_conditional() else nullcontext():
            response, answer = self.asked(body)
        self.answer(response.status, dict(response.getheaders()), answer, cut=kind == "cut")

    def is_conditional(self) -> bool:
        return self.command == "PUT" and (
            "If-Match" in self.headers or "If-None-Match" in self.headers
        )

    def asked(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        """What the server answers."""
        client = http.client.HTTPConnection(*self.server.proxy.server, timeout=60)
        headers = {n: v for n, v in self.headers.items() if n.lower() not in _PER_HOP}
        client.request(self.command, self.path, body, headers)
        response = client.getresponse()
        answer = response.read()
        client.close()
        return response, answer

    def answer(self, status: int, headers: dict[str, str], body: bytes, cut: bool = False) -> None:
        self.send_response_only(status)
        length = headers.get("Content-Length") if self.command == "HEAD" else str(len(body))
        for name, value in headers.items():
            if name.lower() not in _PER_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        if self.command != "HEAD":
            with self.server.proxy.lock:
                self.server.proxy.sent += len(body)
            self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = pass_on  # noqa: N815 - http.server's names


_PER_HOP = ("transfer-encoding", "connection", "expect", "content-length")


def _error(code: str) -> bytes:
    text = f"<Error><Code>{code}</Code><Message>told to</Message></Error>"
    return f"<?xml version='1.0'?>{text}".encode()


_errors = {
    "503": _error("SlowDown"),
    "500": _error("InternalError"),
    "403": _error("AccessDenied"),
}


class ObjectStore:
    """The server and its proxy, from the tests' side."""

    def __enter__(self) -> ObjectStore:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.endpoint = str(json.loads(self._process.stdout.readline()))
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process use this store."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @contextmanager
    def used(self) -> Iterator[None]:
        """This process uses this store meanwhile."""
        before = {name: os.environ.get(name) for name in self.environment}
        os.environ.update(self.environment)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def url(self, key: str = "") -> str:
        """``s3://bucket/key`` in a bucket that exists."""
        return f"s3://{BUCKET}/{key}"

    def fail(
        self,
        kind: Kind,
        times: int = 1,
        method: str = "",
        key: str = "",
        seconds: float = 0.0,
    ) -> None:
        """Makes the next `times` requests fail that have this method and `key` in their path.

        times: -1 for all of them, until `recover`. seconds: how slow "slow" is.
        """
        self._tell(fail=asdict(Fault(kind, times, method, key, seconds)))

    def recover(self) -> None:
        """Forgets all faults, and the requests so far."""
        self._tell(recover=True)

    def go_away(self, seconds: float) -> None:
        """Refuses connections for that long, from now; returns at once."""
        self._tell(go_away=seconds)

    def requests(self) -> list[str]:
        """ "METHOD path" of every request since `recover`, those that failed included."""
        found = self._tell(requests=True)
        assert isinstance(found, list)
        return found

    def sent(self) -> int:
        """Bytes that were answered so far."""
        found = self._tell(sent=True)
        assert isinstance(found, int)
        return found

    def open_uploads(self) -> list[str]:
        """Keys of uploads in parts that were begun, and neither completed nor given up."""
        client = http.client.HTTPConnection(self.endpoint.removeprefix("http://"), timeout=60)
        client.request("GET", f"/{BUCKET}?uploads")
        answer = client.getresponse().read().decode()
        client.close()
        return re.findall(r"<Key>(.*?)</Key>", answer)

    def _tell(self, **order: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def _obey(proxy: Proxy, order: dict[str, Any]) -> Any:
    if "fail" in order:
        with proxy.lock:
            proxy.faults.append(Fault(**order["fail"]))
    if "recover" in order:
        with proxy.lock:
            proxy.faults.clear()
            proxy.log.clear()
    if "go_away" in order:
        proxy.go_away(order["go_away"])
    if "sent" in order:
        return proxy.sent
    return proxy.log if "requests" in order else None


def main() -> None:
    """Serves until standard input ends; one order a line."""
    warnings.simplefilter("ignore")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    proxy = Proxy((host, port))
    client = http.client.HTTPConnection(host, port)
    client.request("PUT", f"/{BUCKET}")
    assert client.getresponse().status == 200
    proxy.listen()
    print(json.dumps(f"http://127.0.0.1:{proxy.address[1]}"), flush=True)
    for line in sys.stdin:
        print(json.dumps(_obey(proxy, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
