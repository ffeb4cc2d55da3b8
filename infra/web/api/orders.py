"""One order over HTTP: GET /v1/orders/{order_id}."""

from fastapi import APIRouter, Request, Response

from infra.app.nearest import nearest_orders
from infra.web.api.answers import json_answer, reflecting
from infra.web.api.describing import CLOCKS, json_of, problems, record
from infra.web.context import web_of
from infra.web.parameters import Parameters
from infra.web.problems import Problem
from infra.web.security.guard import Reader

router = APIRouter(prefix="/v1/orders", tags=["orders"])

_ANSWER = record(
    {
        "order": {
            "type": ["object", "null"],
            "description": "How it stands, with its lines, shipments, requests, what was said and what was not taken; "
            "null before it is placed.",
        },
        "timeline": {"type": "array", "items": {"type": "object"}, "description": "What happened to it, in order."},
    }
)


@router.get(
    "/{order_id:path}",
    summary="One order",
    response_class=Response,
    responses={200: json_of(_ANSWER), **problems(400, 404)},
    openapi_extra={"parameters": list(CLOCKS)},
)
def order(request: Request, principal: Reader, order_id: str) -> Response:
    """How an order stands and what happened to it, by both clocks, as `waybill order --format json` tells it."""
    waybill, given = web_of(request).waybill, Parameters(request)
    as_of, known_at = given.instant("as_of"), given.instant("known_at")
    given.expect_no_more(("as_of", "known_at"))
    if "\0" in order_id:
        raise Problem(404, "no order has the character U+0000 in its id")
    answer = waybill.orders.order(order_id, waybill.clock(), as_of, known_at)
    if answer is None:
        near = ", ".join(nearest_orders(order_id, waybill.history))
        hint = f"; the nearest: {near}" if near else ""
        raise Problem(404, f"nothing is known of order {order_id}{hint}")
    return json_answer(answer.document(), reflecting(answer.position, answer.at))
