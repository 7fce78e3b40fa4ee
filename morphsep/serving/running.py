"""Answering requests until somebody ends it."""

from __future__ import annotations

from importlib.util import find_spec

from morphsep.errors import SettingError
from morphsep.serving.address import Opened
from morphsep.serving.guard import Application

MOST_AT_ONCE = 200
"""Connections; who comes later is told to come again."""


def check_installed() -> None:
    """
    Raises:
        SettingError: what serves pages is not installed.
    """
    for name in ("starlette", "uvicorn"):
        if find_spec(name) is None:
            raise SettingError(f"{name} is not installed: pip install 'morphsep[page]'")


def serve(application: Application, opened: Opened) -> None:
    """Serves until Ctrl-C or SIGTERM; requests in work are answered first.

    Nothing is logged of a request: its address may hold the token.
    """
    import uvicorn

    config = uvicorn.Config(
        application,
        access_log=False,
        limit_concurrency=MOST_AT_ONCE,
        lifespan="off",
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        ws="none",
    )
    try:
        uvicorn.Server(config).run(sockets=[opened.socket])
    except KeyboardInterrupt:
        return
