"""GET /v1/messages: what became of a message, for whoever published it."""

from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Query, Request, Response

from infra.app.message import reports_of
from infra.app.nearest import nearest_id
from infra.serialization import json_text
from infra.web.api.answers import JSON
from infra.web.api.describing import problems_saying
from infra.web.context import web_of
from infra.web.problems import Problem
from infra.web.security.guard import PublisherOrReader
from infra.web.security.principal import Principal, Role

router = APIRouter(prefix="/v1/messages", tags=["messages"])

PATH = b"/v1/messages/"
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "An array with one object a subject, as of `waybill message --format json`, then one for each "
        "malformed message that claims this source and id."
    },
    **problems_saying(
        {
            400: "The address cannot be read.",
            403: "The key asks about messages of another source.",
            404: "No message of this source and id is known.",
        }
    ),
}


@router.get("", responses=_RESPONSES, summary="Ask about a message, with any source and id")
def message_by_query(
    request: Request,
    principal: PublisherOrReader,
    source: str = Query(description="The message's source."),
    message_id: str = Query(alias="id", description="The message's id."),
) -> Response:
    """What became of a message: verdict, reason, when it took effect, what it changed, what was ignored."""
    return _answer(request, principal, source, message_id)


@router.get("/{source:path}/{message_id:path}", responses=_RESPONSES, summary="Ask about a message")
def message_by_path(request: Request, principal: PublisherOrReader, source: str, message_id: str) -> Response:
    """The same, for a source and an id that are percent-encoded in the path, such as /v1/messages/%2Fcrm/O-1."""
    # The decoded path does not say which slashes belong to the source.
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    encoded_source, _, encoded_id = raw[raw.index(PATH) + len(PATH) :].rpartition(b"/")
    try:
        source, message_id = (unquote(part.decode("ascii"), errors="strict") for part in (encoded_source, encoded_id))
    except ValueError:
        raise Problem(400, "source and id: must be UTF-8 with percent-encoding, such as %2Fcrm") from None
    return _answer(request, principal, source, message_id)


def _answer(request: Request, principal: Principal, source: str, message_id: str) -> Response:
    if not (principal.may(Role.READ) or principal.may_publish(source)):
        raise Problem(403, f"source: must be {principal.source}, which this key publishes, but is {source}")
    waybill = web_of(request).waybill
    found = reports_of(waybill, source, message_id)
    if not found:
        near = nearest_id(source, message_id, waybill.messages, waybill.malformed_claims)
        raise Problem(404, f"no message {message_id} of {source} is known{near}")
    return Response(json_text(found), media_type=JSON)
