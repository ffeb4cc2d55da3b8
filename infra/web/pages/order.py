"""Order: how one order stands, its timeline as a picture and as a list, and everything that belongs to it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response

from domain.fact import Fact, sort_key_of
from infra.app.container import Waybill
from infra.app.nearest import nearest_orders
from infra.queries.letter_contents import LetterContents
from infra.queries.names import names
from infra.queries.orders import OrderAnswer
from infra.queries.untaken_of_order import UntakenOfOrder
from infra.web.acting.acts import ActForm
from infra.web.clocks import Clocks, clocks_of
from infra.web.context import web_of
from infra.web.pages.act_panel import panel_of
from infra.web.pages.fact_words import event_words, how_known, plain, with_times
from infra.web.pages.links import order_path, steps_path
from infra.web.pages.order_story import story_of
from infra.web.pages.render import page
from infra.web.pages.stepper import stepper_page
from infra.web.pages.timeline_picture import timeline_picture
from infra.web.pages.timeline_tracks import imported_during
from infra.web.security.guard import Reader
from infra.web.security.principal import Principal, Role
from projections.order_timeline import TimelineEntry

MOST_LISTED = 500
"""Entries of the timeline that are listed; the stepper has all."""
MOST_CONTENTS = 20
MOST_BYTES = 4_096
"""What is shown of the bytes of each message that was not taken."""

router = APIRouter(include_in_schema=False)


class Difference(NamedTuple):
    """A field of the order that reads differently by today's knowledge."""

    name: str
    then: Any
    today: Any


class LineColumns(NamedTuple):
    """Which columns of lines are shown besides: those in which a line has something to say."""

    returned: bool
    own_promise: bool


class ShownMessage(NamedTuple):
    """A message that was not taken, with the beginning of its bytes as text (None: not kept)."""

    message: UntakenOfOrder
    body: str | None


@router.get("/orders/{order_id:path}")
def order(request: Request, principal: Reader, order_id: str) -> Response:
    """The page of an order, or its stepper: an id may contain slashes, so one route has both."""
    clocks = clocks_of(request)
    if _asks_for_steps(request):
        return stepper_page(request, principal, clocks, order_id.removesuffix("/steps"))
    return order_page(request, principal, clocks, order_id)


def _asks_for_steps(request: Request) -> bool:
    """Whether the path names the stepper, and not an order whose id ends with "/steps" (written %2Fsteps)."""
    return bytes(request.scope.get("raw_path", b"")).endswith(b"/steps")


def order_page(
    request: Request,
    principal: Principal,
    clocks: Clocks,
    order_id: str,
    status: int = 200,
    sent: ActForm | None = None,
) -> Response:
    """The page, with the form that was `sent` in the place of a new one."""
    waybill = web_of(request).waybill
    now, (as_of, known_at) = waybill.clock(), (clocks.asked.as_of, clocks.asked.known_at)
    answer = waybill.orders.order(order_id, now, as_of, known_at)
    today = answer if known_at is None else waybill.orders.order(order_id, now, as_of)
    if answer is None:
        return _missing(request, principal, clocks, order_id, waybill)
    facts = answer.reading.facts
    not_known = _not_known(answer, today)
    imported = imported_during([*facts, *not_known])
    account_id = answer.summary.account_id if answer.summary else None
    called = names(waybill.views, clocks.asked, [] if account_id is None else [account_id])
    acts = panel_of(request, principal, clocks, answer, called.reps)
    return page(
        request,
        "order.html",
        principal,
        clocks,
        status,
        acts=acts if acts is None or sent is None else acts.with_form(sent),
        order_id=order_id,
        called=called,
        may_not_act=not principal.may(Role.PUBLISH),
        answer=answer,
        fields=answer.fields(),
        summary=answer.summary,
        details=answer.details,
        story=story_of(answer.summary, answer.details, answer.settling.moments, answer.at, imported)
        if answer.summary
        else None,
        picture=timeline_picture(answer.settling, facts, answer.at, not_known, "now" if as_of is None else "as of"),
        timeline=answer.timeline[-MOST_LISTED:],
        not_yet_known=_entries(today, not_known),
        differences=_differences(answer, today),
        untaken=_with_contents(waybill, answer.untaken),
        touched=touched_by(answer),
        steps=lambda key=None: steps_link(clocks, order_id, key),
        imported=imported,
        known=lambda occurred_at, recorded_at: how_known(occurred_at, recorded_at, imported),
        columns=_line_columns(answer),
        event_words=event_words,
        plain=plain,
        with_times=with_times,
    )


def _line_columns(answer: OrderAnswer) -> LineColumns:
    lines, summary = answer.details.lines, answer.summary
    return LineColumns(
        returned=any(line.returned for line in lines),
        own_promise=summary is not None and any(line.promised_by != summary.promised_by for line in lines),
    )


def _missing(request: Request, principal: Principal, clocks: Clocks, order_id: str, waybill: Waybill) -> Response:
    """404, with what may have been meant: the same order by another clock, or an id like it."""
    known_today = bool(clocks.query) and waybill.orders.order(order_id, waybill.clock()) is not None
    nearest = [] if known_today else nearest_orders(order_id, waybill.history)
    return page(
        request,
        "order_missing.html",
        principal,
        clocks,
        404,
        order_id=order_id,
        known_today=known_today,
        here=order_path(order_id),
        nearest=[(each, clocks.link(order_path(each))) for each in nearest],
    )


def steps_link(clocks: Clocks, order_id: str, key: tuple[str, str] | None = None) -> str:
    """The stepper of the order, at the step of a message (source, id) if one is given."""
    if key is None:
        return clocks.link(steps_path(order_id))
    return clocks.link(steps_path(order_id), source=key[0], id=key[1])


def _not_known(answer: OrderAnswer, today: OrderAnswer | None) -> Sequence[Fact]:
    """The facts that count by today's knowledge and did not by the asked one, in the order of their places."""
    if today is None or today is answer:
        return ()
    then = {fact.key for fact in answer.reading.facts}
    return sorted((fact for fact in today.reading.facts if fact.key not in then), key=sort_key_of)


def _entries(today: OrderAnswer | None, facts: Sequence[Fact]) -> Sequence[TimelineEntry]:
    keys = {fact.key for fact in facts}
    if today is None or not keys:
        return ()
    return [one for one in today.timeline if (one.source, one.message_id) in keys and one.occurred_at is not None]


def _differences(answer: OrderAnswer, today: OrderAnswer | None) -> Sequence[Difference]:
    if today is None or today is answer:
        return ()
    then, now = answer.fields() or {}, today.fields() or {}
    return [Difference(name, then.get(name), now.get(name)) for name in now if then.get(name) != now.get(name)]


def _with_contents(waybill: Waybill, untaken: Sequence[UntakenOfOrder]) -> Sequence[ShownMessage]:
    ids = [one.letter_id for one in untaken[:MOST_CONTENTS] if one.letter_id is not None]
    letters = waybill.dead_letters.by_ids(ids) if ids else []
    contents = LetterContents(waybill.backend).of_all(letters)
    bodies = {letter.letter_id: _as_text(content.body) for letter, content in contents}
    return [ShownMessage(one, bodies.get(one.letter_id or "")) for one in untaken]


def _as_text(body: bytes) -> str:
    text = body[:MOST_BYTES].decode(errors="replace")
    return f"{text} … ({len(body)} bytes)" if len(body) > MOST_BYTES else text


def touched_by(answer: OrderAnswer) -> Mapping[tuple[str, str], tuple[str, str]]:
    """The message (source, id) that last touched each line, shipment and request: ("line", "1") to its key."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for _, fact, summary in answer.settling.moments:
        if summary is None:
            continue
        found.update({("line", line_id): fact.key for line_id, _ in summary.changed_lines})
        found.update({("shipment", one.shipment_id): fact.key for one in summary.changed_shipments})
        found.update({("expedite", one.request_id): fact.key for one in summary.changed_expedites})
    return found
