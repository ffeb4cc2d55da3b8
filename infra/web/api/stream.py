"""What happens, as it happens: GET /v1/events/stream, server-sent events."""

import re
from collections.abc import AsyncIterator, Sequence
from time import monotonic

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from infra.app.news import News, NewsReader, Place
from infra.store.opening import StoreChangedError
from infra.store.retries import passes
from infra.web.api.describing import parameter, problems
from infra.web.context import web_of
from infra.web.parameters import Parameters, wrong
from infra.web.security.guard import Reader
from infra.web.server_sent_events import (
    COMMENT,
    EVENT_STREAM,
    SECONDS_BETWEEN_COMMENTS,
    event_stream,
    event_text,
    goes_on,
)

router = APIRouter(tags=["events"])

SECONDS_BETWEEN_LOOKS = 0.25
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
    return event_stream(_lines(request, reader, place))


def _begin(reader: NewsReader, text: str | None) -> Place:
    if not text:
        return reader.newest()
    found = _PLACE.fullmatch(text)
    if found is None:
        raise wrong("after", f"{text!r} is neither a position nor the id of an event of this stream")
    position, notice = found.groups()
    return reader.after_position(int(position)) if notice is None else Place(int(position), int(notice))


async def _lines(request: Request, reader: NewsReader, place: Place) -> AsyncIterator[str]:
    yield f"retry: {MILLISECONDS_TO_RECONNECT}\n\n" + _text(News("begun", {"position": place.position}, place))
    said, moved = monotonic(), True  # the first look is at once
    while await goes_on(request, 0.0 if moved else SECONDS_BETWEEN_LOOKS):
        news, after = await run_in_threadpool(_read, reader, place)
        moved, place = after != place, after
        if news or monotonic() - said >= SECONDS_BETWEEN_COMMENTS:
            yield "".join(map(_text, news)) or COMMENT
            said = monotonic()


def _read(reader: NewsReader, place: Place) -> tuple[Sequence[News], Place]:
    """Some news, and the place after it; nothing while the store is unavailable."""
    try:
        return reader.after(place)
    except Exception as e:
        if passes(e) or isinstance(e, StoreChangedError):
            return (), place
        raise


def _text(news: News) -> str:
    place = news.place
    return event_text(news.data, event=news.kind, id=f"{place.position}-{place.notice}")
