"""What became of a message, and its way: from the bytes that came in to rows and to records for other systems."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from infra.app.container import Waybill
from infra.app.dead_letters.choose import CannotChooseError, letters_named
from infra.app.nearest import unknown_source
from infra.app.trace import Trace, trace
from infra.queries.messages import MessageReport
from infra.row_changes import sample_rows
from infra.web.clocks import clocks_of
from infra.web.context import web_of
from infra.web.pages.links import letter_path, message_path
from infra.web.pages.render import page
from infra.web.security.guard import Reader

router = APIRouter(include_in_schema=False)

LONGEST_BODY = 20_000


class Followed(NamedTuple):
    """A message about one subject: its report (None of a malformed one) and its trace, with the rows that differ.

    `letters` are the ids of its letters: of a message that is not taken, or of malformed ones that claim its id.
    """

    report: MessageReport | None
    trace: Trace
    views: Sequence[dict[str, Any]]
    rows: Sequence[dict[str, Any]]
    body: str
    cut: int


@router.get("/messages")
def message(
    request: Request, principal: Reader, source: str = Query(""), message_id: str = Query("", alias="id")
) -> Response:
    """The page of a message; without a source, `id` is that of a letter. Without both, a form that asks for them."""
    waybill, source, message_id = web_of(request).waybill, source.strip(), message_id.strip()
    if message_id and not source and (letter_id := _letter(waybill, message_id)) is not None:
        return RedirectResponse(letter_path(letter_id), HTTPStatus.SEE_OTHER)
    found = _followed(waybill, source, message_id) if source and message_id else []
    asked = bool(message_id)
    return page(
        request,
        "message.html",
        principal,
        clocks_of(request),
        HTTPStatus.NOT_FOUND if asked and not found else HTTPStatus.OK,
        source=source,
        message_id=message_id,
        asked=asked,
        found=found,
        letters=waybill.dead_letters.claiming(source, message_id) if source and message_id else [],
        hint=(unknown_source(source, waybill.messages) or "") if source and asked and not found else "",
        message_path=message_path,
    )


def _letter(waybill: Waybill, beginning: str) -> str | None:
    try:
        (letter,) = letters_named(waybill, [beginning])
    except CannotChooseError:
        return None
    return letter.letter_id


def _followed(waybill: Waybill, source: str, message_id: str) -> list[Followed]:
    reports = {report.subject: report for report in waybill.messages.find(source, message_id)}
    return [
        Followed(
            reports.get(each.subject) if each.events and each.subject is not None else None,
            each,
            [row for view in each.views for change in view.samples for row in _changes(view.view, change)],
            [row for table in each.rows for change in table.samples for row in _changes(table.table, change)],
            each.received.body[:LONGEST_BODY],
            max(0, len(each.received.body) - LONGEST_BODY),
        )
        for each in trace(waybill, source, message_id)
    ]


def _changes(name: str, change: Any) -> list[dict[str, Any]]:
    return sample_rows("name", name, change, "without", "with")
