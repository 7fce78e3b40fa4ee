"""The address of a Ray cluster, tried before a run: Ray itself waits 14 minutes for an answer."""

from __future__ import annotations

import os
import re
import socket
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread

from morphsep.dsp import Seconds
from morphsep.errors import SettingError
from morphsep.run.executors.grpc_probe import knows

WAIT: Seconds = 20.0
"""How long an address may take to answer, names looked up and all."""
NAMED = ("auto", "local")
_ADDRESS = re.compile(
    r"^(?P<scheme>(?:ray://)?)(?P<host>[\w.-]+|\[[\da-fA-F:.]+\]):(?P<port>\d{1,5})/?$"
)
ASKED = {
    "": "/ray.rpc.NodeInfoGcsService/GetClusterId",
    "ray://": "/ray.rpc.RayletDriver/ClusterInfo",
}
"""What servers of Ray can be asked, by the scheme of their address."""


def check_address(address: str, wait: Seconds = WAIT) -> None:
    """
    Raises:
        SettingError: it is no address, or nothing of Ray's answers there.
    """
    if address in NAMED:
        return
    found = _ADDRESS.match(address)
    if found is None or int(found["port"]) > 65535:
        raise SettingError(
            f"--address (or $RAY_ADDRESS) takes HOST:PORT, ray://HOST:PORT or auto, got {address!r}"
            "; leave it out to start a cluster on this machine"
        )
    answers: SimpleQueue[str] = SimpleQueue()
    host, port = found["host"].strip("[]"), int(found["port"])
    # a thread that nobody waits for: looking up a name can take longer than any timeout of a socket
    ask = partial(_fault, host, port, ASKED[found["scheme"]], wait)
    Thread(target=lambda: answers.put(ask()), daemon=True).start()
    try:
        fault = answers.get(timeout=wait)
    except Empty:
        fault = f"nothing answered within {wait:g} s"
    if fault:
        raise SettingError(
            f"there is no Ray cluster at {address}: {fault}. Is it running, and can this machine "
            "reach it? `ray status` on its head names its address"
        )


def _fault(host: str, port: int, asked: str, wait: Seconds) -> str:
    """What is wrong with an address; empty if Ray answers."""
    try:
        with socket.create_connection((host, port), timeout=wait) as connection:
            # what is encrypted answers only those who encrypt, too
            if os.environ.get("RAY_USE_TLS", "0") not in ("", "0"):
                return ""
            is_ray = knows(connection, f"{host}:{port}", asked)
    except (OSError, ValueError) as error:  # a name that no host can have is a ValueError
        return getattr(error, "strerror", None) or str(error)
    return "" if is_ray else "what answers there is not the head of a cluster"
