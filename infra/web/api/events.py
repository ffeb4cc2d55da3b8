"""POST /v1/events: publish messages over HTTP, and hear what became of each."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from consumers.contract import WellFormed, read_record
from consumers.contract.claims import Claimed, claimed_by
from consumers.contract.kafka_records import Headers
from consumers.ingest.group_commit import Stored
from consumers.sources.source import RawMessage
from domain.events import MessageVoided
from infra.serialization import json_text
from infra.web.api.answers import JSON, json_answer
from infra.web.api.bodies import Body, read_body
from infra.web.api.cloud_events import BATCH_TIMES, BATCHED, Mode, batch, message_headers, mode_of, single, size_of
from infra.web.api.describing import problems_saying
from infra.web.context import Web, web_of
from infra.web.intake_problems import told_problems
from infra.web.problems import Problem
from infra.web.security.guard import Publisher
from infra.web.security.principal import Principal

router = APIRouter(tags=["messages"])


_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The verdict of each well-formed message, and in a batch of each message."},
    **problems_saying(
        {
            403: "The key publishes messages of another source; nothing is stored.",
            413: "The message is too large. Its beginning is kept, and its verdict is malformed.",
            415: "The content type is none of CloudEvents.",
            422: "The message is malformed, and kept; `detail` names the fields at fault.",
            429: "Too many messages wait to be stored; send it again after Retry-After.",
            503: "The store is unavailable; send it again after Retry-After.",
        }
    ),
}
_EVENT = {"schema": {"type": "object"}}
_REQUEST = {
    "requestBody": {
        "required": True,
        "content": {
            "application/cloudevents+json": _EVENT,
            BATCHED: {"schema": {"type": "array", "items": {}}},
            JSON: {"schema": {"description": "The data; the attributes are in ce- headers."}},
        },
    }
}


@router.post("/v1/events", responses=_RESPONSES, openapi_extra=_REQUEST, summary="Publish messages")
async def post_events(request: Request, principal: Publisher) -> Response:
    """Publish one CloudEvent (structured or binary mode) or several (batched), and hear their verdicts.

    The answer comes after the commit. Sending a message again is harmless: it is a duplicate, by its source and id.
    """
    web, raw_headers = web_of(request), request.headers.raw
    mode, most = mode_of(raw_headers), web.waybill.settings.max_message_bytes
    body = await read_body(request.stream(), BATCH_TIMES * most if mode is Mode.BATCHED else most)
    headers = message_headers(raw_headers, mode)
    if mode is Mode.BATCHED:
        # Thousands of messages take a while to read: meanwhile the event loop serves others.
        posted = await web.posts.run(_batch, web, principal, body, headers)
    else:
        posted = single(body, headers)
        check_source(web, principal, posted)
    if isinstance(posted, RawMessage):
        (answer,) = answers([posted], await stored(web, [posted]))
        return _single(answer, posted, most)
    if not posted:
        return json_answer(())
    return await web.posts.run(_several, posted, await stored(web, posted))


def _batch(web: Web, principal: Principal, body: Body, headers: Headers) -> Sequence[RawMessage] | RawMessage:
    """The messages of a batch, all of which the principal may publish. Raises Problem (403)."""
    posted = batch(body, headers, web.waybill.settings.max_message_bytes)
    if not isinstance(posted, RawMessage):
        for number, message in enumerate(posted):
            check_source(web, principal, message, number)
    return posted


async def stored(web: Web, messages: Sequence[RawMessage]) -> Stored:
    """Wait until these messages are committed. Raises Problem (429, 503)."""
    with told_problems():
        return await asyncio.wrap_future(web.intake.submit_later(messages))


def check_source(web: Web, principal: Principal, message: RawMessage, number: int | None = None) -> None:
    """Refuse a message of another source than the one to which the key is bound, and a void of such a message.

    Raises Problem (403).
    """
    if principal.source is None or message.unreadable is not None:
        return
    read = read_record(message.body, message.headers, web.waybill.clock(), web.waybill.reading_rules())
    said = {"source": claimed_by(message.body, message.headers).source}
    if isinstance(read, WellFormed):
        said["source"] = read.fact.source
        if isinstance(read.fact, MessageVoided):
            said["data.source"] = read.fact.voided_source
    for field, source in said.items():
        if source is not None and not principal.may_publish(source):
            place: dict[str, Any] = {} if number is None else {"index": number}
            which = "" if number is None else f"message {number} of the batch: "
            must = f"must be {principal.source}, for which this key speaks, but is {source}"
            raise Problem(403, f"{which}{field}: {must}; nothing was stored", **place)


def answers(messages: Sequence[RawMessage], stored: Stored) -> list[Mapping[str, Any]]:
    """What to tell of each message, in their order. A malformed one has what it claims to be, and no position."""
    told: list[Mapping[str, Any]] = []
    for message, receipt, arrival in zip(messages, stored.receipts, stored.arrivals, strict=True):
        if arrival is None:
            claimed = Claimed() if message.unreadable else claimed_by(message.body, message.headers)
            source, message_id, subject, type_ = claimed.source, claimed.id, claimed.subject, claimed.type
        else:
            (source, message_id, subject), type_ = arrival.key, arrival.fact.TYPE
        told.append(
            {
                "source": source,
                "id": message_id,
                "subject": subject,
                "type": type_,
                "verdict": receipt.verdict.value,
                "reason": receipt.reason,
                "ignored": [] if arrival is None else list(arrival.ignored),
                "position": None if arrival is None else stored.position,
            }
        )
    return told


def _several(messages: Sequence[RawMessage], stored: Stored) -> Response:
    return json_answer(answers(messages, stored))


def _single(answer: Mapping[str, Any], message: RawMessage, max_bytes: int) -> Response:
    if answer["position"] is not None:
        return Response(json_text(answer), media_type=JSON)
    status = 413 if message.whole is not None or size_of(message) > max_bytes else 422
    members = {name: value for name, value in answer.items() if name not in ("position", "ignored")}
    raise Problem(status, answer["reason"], **members)
