"""What happens, as it happens: GET /v1/events/stream, server-sent events."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from infra.app.news import News, NewsReader, Place
from infra.serialization import json_text
from infra.store.opening import StoreChangedError
from infra.store.retries import passes
from infra.web.api.describing import parameter, problems
from infra.web.api.parameters import Parameters, wrong
from infra.web.context import web_of
from infra.web.security.guard import Reader
from infra.web.server_sent_events import stops

router = APIRouter(tags=["events"])

EVENT_STREAM = "text/event-stream"
SECONDS_BETWEEN_LOOKS = 0.25
SECONDS_BETWEEN_HEARTBEATS = 15.0
MILLISECONDS_TO_RECONNECT = 2_000
_PLACE = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?", re.ASCII)

_ANSWER = {
    "description": """\
Server-sent events, without end:

- `begun`: where the stream begins; `data` has the position.
- `stored`: an event of the store; `data` has position, stream, subject, event, type, source, id, occurred_at and
  recorded_at.
- `verdict`: a first verdict other than applied, or a changed one; `data` is the CloudEvent that the relay publishes to
  waybill.verdicts (see /asyncapi.json).

Each has an `id` from which to go on. A comment comes every 15 seconds when nothing happens.""",
    "content": {EVENT_STREAM: {"schema": {"type": "string"}}},
}
_AFTER = parameter(
    "after",
    "Begin after this position, or after the event with this id; 0 for everything. From now on unless given. "
    "The header Last-Event-ID, which browsers send when they connect again, counts before it.",
    {"type": "string", "pattern": "^[0-9]{1,18}(-[0-9]{1,18})?$"},
    "10248",
)


@router.get(
    "/v1/events/stream",
    summary="What happens, as it happens",
    response_class=Response,
    responses={200: _ANSWER, **problems(400)},
    openapi_extra={"parameters": [_AFTER]},
)
async def stream(request: Request, principal: Reader) -> Response:
    """Positions and verdicts as they come. It ends with the client, its key or session, or the server."""
    given = Parameters(request)
    after = given.text("after")
    given.expect_no_more(("after",))
    reader = NewsReader(web_of(request).waybill)
    place = await run_in_threadpool(_begin, reader, request.headers.get("last-event-id") or after)
    # A proxy must pass on each event as it comes.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_lines(request, reader, place), 200, headers, EVENT_STREAM)


def _begin(reader: NewsReader, text: str | None) -> Place:
    if not text:
        return reader.newest()
    found = _PLACE.fullmatch(text)
    if found is None:
        raise wrong("after", f"{text!r} is neither a position nor the id of an event of this stream")
    position, notice = found.groups()
    return reader.after_position(int(position)) if notice is None else Place(int(position), int(notice))


async def _lines(request: Request, reader: NewsReader, place: Place) -> AsyncIterator[str]:
    yield f"retry: {MILLISECONDS_TO_RECONNECT}\n\n" + _line(News("begun", {"position": place.position}, place))
    quiet = 0.0
    while not stops(request):
        found = await run_in_threadpool(_read, request, reader, place)
        if found is None:
            return
        news, after = found
        moved, place = after != place, after
        if news:
            quiet = 0.0
            yield "".join(map(_line, news))
        if moved:
            continue
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        quiet += SECONDS_BETWEEN_LOOKS
        if quiet >= SECONDS_BETWEEN_HEARTBEATS:
            quiet = 0.0
            yield ": nothing new\n\n"


def _read(request: Request, reader: NewsReader, place: Place) -> tuple[Sequence[News], Place] | None:
    """Some news, and the place after it; nothing while the store is unavailable. None: the key or session ended."""
    try:
        return reader.after(place) if web_of(request).still_holds(request) else None
    except Exception as e:
        if passes(e) or isinstance(e, StoreChangedError):
            return (), place
        raise


def _line(news: News) -> str:
    place = news.place
    return f"id: {place.position}-{place.notice}\nevent: {news.kind}\ndata: {json_text(news.data)}\n\n"
