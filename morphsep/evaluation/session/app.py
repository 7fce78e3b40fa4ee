"""The application that a browser talks to (Starlette). Every answer to it is the next step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from morphsep.evaluation.session.hosting import Hosting, WrongAnswerError
from morphsep.serving import Address, Guard, cookies, page_files, set_cookie

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from morphsep.evaluation.session.listeners import Listener

FILES = ("index.html", "session.js", "questions.js", "session.css")
YEAR = 365 * 24 * 3600
AGAIN = "This does not fit what was asked; load the page again."


def listening_app(hosting: Hosting, address: Address) -> Guard:
    """The page of a test. All that it hands out are its own files, and sounds of the test under
    names that only the listener's browser was told."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    pages = _Pages(hosting, address)
    files = page_files("morphsep.evaluation.session", FILES)

    def page_file(request: Request) -> Response:
        from starlette.responses import Response

        found = files[request.url.path]
        return Response(found.data, headers={"content-type": found.kind})

    routes = [
        *(Route(path, page_file) for path in files),
        Route("/next", pages.next),
        Route("/consent", pages.consent, methods=["POST"]),
        Route("/headphones", pages.headphones, methods=["POST"]),
        Route("/headphones/{number:int}", pages.headphone_sound),
        Route("/answers", pages.answers, methods=["POST"]),
        Route("/sounds/{name}", pages.sound),
    ]
    return Guard(Starlette(routes=routes), address)


class _Pages:
    """What each address answers. Work on files is done in threads, so nobody waits for it."""

    def __init__(self, hosting: Hosting, address: Address) -> None:
        self._hosting = hosting
        self._address = address

    def next(self, request: Request) -> Response:
        return self._step(self._listener(request))

    async def consent(self, request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool

        await request.body()
        if (listener := self._listener(request)) is not None:
            return self._step(listener)
        secret, listener = await run_in_threadpool(self._hosting.welcome)
        is_secure = self._address.is_secure(request.headers["host"])
        response = self._step(listener)
        cookie = set_cookie(self._hosting.cookie, secret, is_secure, YEAR)
        response.headers.append("set-cookie", cookie)
        return response

    async def headphones(self, request: Request) -> Response:
        told = _from_json(await request.body())
        asked = told.get("check"), told.get("places")
        return await self._taken(request, self._hosting.hear_headphones, *asked)

    async def answers(self, request: Request) -> Response:
        told = _from_json(await request.body())
        asked = told.get("trial"), told.get("answers")
        return await self._taken(request, self._hosting.hear, *asked)

    def headphone_sound(self, request: Request) -> Response:
        listener, number = self._listener(request), request.path_params["number"]
        return _flac(None if listener is None else self._hosting.headphone_sound(listener, number))

    def sound(self, request: Request) -> Response:
        listener, name = self._listener(request), request.path_params["name"]
        return _flac(None if listener is None else self._hosting.sound(listener, name))

    async def _taken(self, request: Request, hear: Any, *told: object) -> Response:
        """The next step once something was taken; 409 if it does not fit."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import PlainTextResponse

        if (listener := self._listener(request)) is not None:
            try:
                await run_in_threadpool(hear, listener, *told)
                return self._step(listener)
            except WrongAnswerError:
                pass
        return PlainTextResponse(AGAIN, 409)

    def _listener(self, request: Request) -> Listener | None:
        held = cookies(request.headers.get("cookie", "")).get(self._hosting.cookie)
        return None if held is None else self._hosting.find(held)

    def _step(self, listener: Listener | None) -> Response:
        from starlette.responses import JSONResponse

        return JSONResponse(self._hosting.step(listener))


def _from_json(body: bytes) -> dict[str, Any]:
    """What a browser has sent; nothing if it is no object."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _flac(data: bytes | None) -> Response:
    from starlette.responses import PlainTextResponse, Response

    if data is None:
        return PlainTextResponse("There is no such sound.", 404)
    return Response(data, media_type="audio/flac")
