"""The status over HTTP: GET /v1/status."""

from fastapi import APIRouter, Request, Response

from infra.app.status import read_status
from infra.web.api.answers import json_answer, reflecting
from infra.web.api.describing import FLAG, json_of, parameter, problems
from infra.web.context import web_of
from infra.web.parameters import Parameters
from infra.web.security.guard import Reader

router = APIRouter(prefix="/v1/status", tags=["operations"])

_COUNTS = {"type": "object", "additionalProperties": {"type": "integer"}}
_RECORDS = {"type": "array", "items": {"type": "object"}}
_ANSWER = {
    "type": "object",
    "properties": {
        "books": _COUNTS | {"description": "received = applied + duplicate + held + dead."},
        "head": {"type": "integer", "description": "The position of the newest event."},
        "projections": _RECORDS,
        "partitions": _RECORDS,
        "paused": _RECORDS,
        "parked": _RECORDS,
        "rebuilds": _RECORDS,
        "reactors": _RECORDS,
        "unreadable_batches": _RECORDS,
        "records_left_out": {"type": "object"},
        "set_aside": _COUNTS,
        "pruned": {"type": "object"},
    },
    "required": ["books", "head", "projections", "partitions"],
}
_KAFKA = parameter("kafka", "Whether to ask Kafka for the ends of partitions, for their lag; true unless given.", FLAG)


@router.get(
    "",
    summary="The books, positions and lag",
    response_class=Response,
    responses={200: json_of(_ANSWER), **problems(400)},
    openapi_extra={"parameters": [_KAFKA]},
)
def status(request: Request, principal: Reader) -> Response:
    """The books, and the position and lag of everything, as `waybill status --format json` tells them."""
    given = Parameters(request)
    ask_kafka = given.choice("kafka", ("true", "false")) != "false"
    given.expect_no_more(("kafka",))
    found = read_status(web_of(request).waybill, ask_kafka=ask_kafka)
    return json_answer(found.document(), reflecting(found.head))
