"""Addresses of clusters: what is none is found before the run, in seconds."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from morphsep.cli.app import app
from morphsep.errors import SettingError
from morphsep.run.executors import address
from morphsep.run.executors.address import check_address
from morphsep.run.executors.executor import choose_executor
from morphsep.run.executors.grpc_probe import frame
from morphsep.run.executors.step import Pool
from tests import songs

SETTINGS = frame(4, 0, 0, b"")
HELLO = SETTINGS + frame(6, 0, 0, bytes(8))


@contextmanager
def server(answer: bytes | None) -> Iterator[str]:
    """Something on a port that gives one answer and closes; None: that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1024)
                if answer is None:
                    connection.recv(64)  # until the other side gives up
                else:
                    connection.sendall(answer)

        Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def unused() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize(
    "text", ["none", "foo", "", "10.0.0.1", "a b:1", "h:99999", "s3://b:1", ":1", "http://h:8265"]
)
def test_what_is_no_address_is_said(text: str) -> None:
    with pytest.raises(SettingError, match=r"RAY_ADDRESS\) takes HOST:PORT"):
        check_address(text)


def test_where_nobody_answers_is_said() -> None:
    with pytest.raises(SettingError, match=r"no Ray cluster at .*: Connection refused"):
        check_address(unused())
    web = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    with server(web) as there, pytest.raises(SettingError, match="not the head of a cluster"):
        check_address(f"ray://{there}")
    with server(None) as there, pytest.raises(SettingError, match=r"timed out|within 0\.3 s"):
        check_address(there, wait=0.3)


@pytest.mark.parametrize("host", ["a..b", "x" * 70, "\u00e4" * 70])
def test_a_name_that_no_host_can_have_is_said_at_once(host: str) -> None:
    with pytest.raises(SettingError, match="no Ray cluster") as found:
        check_address(f"{host}:6379", wait=60.0)
    assert "nothing answered" not in str(found.value)


def test_a_name_that_is_looked_up_for_ever_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def wait(*_given: object, **_options: object) -> None:
            listening.accept()

        monkeypatch.setattr(address.socket, "create_connection", wait)
        with pytest.raises(SettingError, match=r"within 0\.2 s"):
            check_address("somewhere:6379", wait=0.2)


OK, GRPC = b"\x88", b"\x0f\x10\x10application/grpc"
STATUS = b"\x00\x0bgrpc-status"


@pytest.mark.parametrize(
    "answer",
    [
        HELLO + frame(1, 4, 1, OK + GRPC),
        HELLO + frame(1, 4, 1, b"\x20" + OK + GRPC),
        HELLO + frame(1, 4 | 8, 1, b"\x02" + OK + GRPC + bytes(2)),
        HELLO + frame(1, 5, 1, OK + GRPC + STATUS + b"\x0216"),  # it wants a token
    ],
    ids=["answer", "table", "padded", "denied"],
)
def test_what_answers_as_ray_does_is_let_through(answer: bytes) -> None:
    with server(answer) as there:
        check_address(there)
    check_address("auto")


@pytest.mark.parametrize(
    "answer",
    [
        HELLO + frame(1, 5, 1, b"\x8d"),  # a web server
        HELLO + frame(1, 5, 1, OK + GRPC + STATUS + b"\x0212"),  # another server of gRPC
        HELLO,
        b"",
        b"\xff" * 100,
        SETTINGS * 1000,
    ],
)
def test_what_answers_otherwise_is_no_cluster(answer: bytes) -> None:
    with server(answer) as there, pytest.raises(SettingError, match="no Ray cluster at"):
        check_address(there)


@pytest.mark.ray
def test_a_cluster_answers_at_its_address(cluster: None) -> None:
    import ray

    check_address(ray.get_runtime_context().gcs_address)


def test_only_an_address_decides_for_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert choose_executor("auto", Pool()) == "local"
    assert choose_executor("ray", Pool()) == "ray"
    monkeypatch.setenv("RAY_ADDRESS", "none")
    with pytest.raises(SettingError, match="takes HOST:PORT"):
        choose_executor("auto", Pool())
    assert choose_executor("local", Pool()) == "local"


@pytest.mark.parametrize("where", ["foo", "unused"])
def test_nothing_is_touched_for_a_cluster_that_is_not_there(where: str, tmp_path: Path) -> None:
    songs.write(tmp_path / "x.wav", songs.guitar(0.2))
    options = ["--to", "fuzz", "--separator", "none", "--executor", "ray", "--address"]
    there = unused() if where == "unused" else where
    with pytest.raises(SettingError, match=r"takes HOST:PORT|no Ray cluster"):
        app(
            ["morph", str(tmp_path / "x.wav"), "-o", str(tmp_path / "out"), *options, there],
            standalone_mode=False,
        )
    assert not (tmp_path / "out").exists()
