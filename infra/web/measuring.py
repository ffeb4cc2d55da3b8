"""Counts and times requests, for /metrics."""

import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.telemetry.meter import Meter

OTHER_ROUTE = "other"


class Measured:
    """An ASGI middleware. A request is measured from its head to the head of its answer, by the route's template."""

    def __init__(self, app: ASGIApp, meter: Meter):
        self._app = app
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()

        async def measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = _route(scope)
                self._meter.observe("waybill_http_request_seconds", time.monotonic() - began, route=route)
                status = f"{message['status'] // 100}xx"
                self._meter.count("waybill_http_requests_total", route=route, status=status)
            await send(message)

        await self._app(scope, receive, measured)


def _route(scope: Scope) -> str:
    """The route's template, such as "/v1/events": callers choose paths, and each would be a series."""
    route: Any = scope.get("route")
    template = getattr(route, "path_format", None)
    return template if isinstance(template, str) else OTHER_ROUTE
