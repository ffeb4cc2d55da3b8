"""What holds for every request, whatever its route: names, origins and sizes are checked, every answer is secured."""

from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.web.problems import Problem
from infra.web.security.csrf import FORMS, content_type
from infra.web.security.headers import secure
from infra.web.security.hosts import SAFE_METHODS, Hosts

OWN_LIMIT = "/v1/events"
"""The one path whose route reads its body itself, to the limit of a message."""
MOST_BYTES = 256 * 1024
"""The largest body of all other requests, such as forms."""


class Protection:
    """Middleware: refuses requests that no route should see, and secures every answer."""

    def __init__(self, app: ASGIApp, hosts: Hosts, refuse: Callable[[Request, Problem], Response]):
        self._app = app
        self._hosts = hosts
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                secure(MutableHeaders(raw=message.setdefault("headers", [])), scope["path"])
            await send(message)

        request = Request(scope)
        problem = self._problem(request)
        answer: Any = self._app if problem is None else self._refuse(request, problem)
        await answer(scope, receive if _has_own_limit(request) else _limited(receive), send_secured)

    def _problem(self, request: Request) -> Problem | None:
        if wrong := self._hosts.wrong_host(request.headers):
            return Problem(421, wrong)
        if forged := self._hosts.forged(request.method, request.headers):
            return Problem(403, forged)
        if request.method in SAFE_METHODS or _has_own_limit(request):
            return None
        length = request.headers.get("content-length", "0")
        if "transfer-encoding" in request.headers:
            return Problem(411, "Content-Length: say how long the body is")
        if not (length.isdecimal() and int(length[:20]) <= MOST_BYTES):
            return _too_large()
        return None


def _has_own_limit(request: Request) -> bool:
    return request.url.path == OWN_LIMIT and content_type(request) not in FORMS


def _limited(receive: Receive) -> Receive:
    """Receives no more than a form may have, whatever the request says of its length, and whoever reads it."""
    received = 0

    async def receive_limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MOST_BYTES:
            raise _too_large()
        return message

    return receive_limited


def _too_large() -> Problem:
    return Problem(413, f"the body may have at most {MOST_BYTES} bytes")
