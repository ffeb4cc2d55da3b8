"""Server-sent events: how a stream of them is written, and how it ends with the server or with its reader."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from infra.serialization import json_text
from infra.web.context import web_of
from infra.web.stopping import stops

EVENT_STREAM = "text/event-stream"
SECONDS_BETWEEN_COMMENTS = 15.0
"""A silent stream gets a comment, so that nothing on the way closes it and a reader that left is noticed."""
COMMENT = ":\n\n"
_LOOK_SECONDS = 0.1


def event_text(data: Any, *, event: str | None = None, id: str | None = None) -> str:
    """One event, with its data as JSON in one line. `event` is its type, `id` where to continue after it."""
    lines = [f"id: {id}"] if id is not None else []
    lines += [f"event: {event}"] if event is not None else []
    return "\n".join([*lines, f"data: {json_text(data)}", "", ""])


def event_stream(events: AsyncIterator[str]) -> StreamingResponse:
    """The answer that sends these events as they come."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type=EVENT_STREAM, headers=headers)


async def goes_on(request: Request, seconds: float) -> bool:
    """Wait so long; False at once when the server stops, when the reader has left, or its key or session has ended."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (left := end - loop.time()) > 0:
        if stops(request):
            return False
        await asyncio.sleep(min(left, _LOOK_SECONDS))
    if stops(request) or await request.is_disconnected():
        return False
    return await run_in_threadpool(web_of(request).still_holds, request)
