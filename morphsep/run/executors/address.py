"""The address of a Ray cluster, tried before a run: Ray itself waits 14 minutes for an answer."""

from __future__ import annotations

import os
import re
import socket
from queue import Empty, SimpleQueue
from threading import Thread

from morphsep.dsp import Seconds
from morphsep.errors import SettingError

WAIT: Seconds = 20.0
"""How long an address may take to answer, names looked up and all."""
NAMED = ("auto", "local")
_ADDRESS = re.compile(r"^(?:ray://)?(?P<host>[\w.-]+|\[[\da-fA-F:.]+\]):(?P<port>\d{1,5})/?$")
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""How HTTP/2 begins, in which Ray's servers talk: the preface, and settings that change nothing."""


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
    Thread(target=lambda: answers.put(_fault(host, port, wait)), daemon=True).start()
    try:
        fault = answers.get(timeout=wait)
    except Empty:
        fault = f"nothing answered within {wait:g} s"
    if fault:
        raise SettingError(
            f"there is no Ray cluster at {address}: {fault}. Is it running, and can this machine "
            "reach it? `ray status` on its head names its address"
        )


def _fault(host: str, port: int, wait: Seconds) -> str:
    """What is wrong with an address; empty if something like Ray answers."""
    try:
        with socket.create_connection((host, port), timeout=wait) as connection:
            # what is encrypted answers only those who encrypt, too
            if os.environ.get("RAY_USE_TLS", "0") not in ("", "0"):
                return ""
            connection.sendall(_GREETING)
            answer = connection.recv(9)
    except OSError as error:
        return error.strerror or str(error)
    # its frame of settings comes first
    return "" if len(answer) > 3 and answer[3] == 4 else "what answers there is not Ray"
