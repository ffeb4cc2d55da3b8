"""Acting: a rep's everyday acts on an order, each a form that publishes one message."""

from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from domain.fact import Fact
from domain.order.events import ExpediteRequested
from domain.verdict import Verdict
from infra.app.nearest import nearest_reps
from infra.queries.names import names
from infra.queries.orders import OrderAnswer
from infra.queries.views import Asked, NotYetReflectedError
from infra.store.projected.serving import NotFilledError
from infra.web.acting.acts import ACTS, ActForm, refilled
from infra.web.acting.fields import Typed, WrongInputError, one
from infra.web.acting.foreseen import CONFIRMED, confirmation_of, doubts, refused_beforehand, rep_named
from infra.web.acting.saying import Faults, Said, message_id_of, said_by, source_of
from infra.web.acting.verdicts import refusal
from infra.web.clocks import Clocks
from infra.web.context import Web, web_of
from infra.web.intake_problems import told_problems
from infra.web.pages.act_panel import SAID, desk_of, suggestions
from infra.web.pages.links import order_path
from infra.web.pages.order import order, order_page
from infra.web.pages.render import part
from infra.web.problems import Problem
from infra.web.security.guard import Publisher, Reader
from infra.web.security.principal import Principal, Role
from projections.views.catalogue import view_named

router = APIRouter(include_in_schema=False)

PATH = "/orders/{order_id:path}/acts/{act_name}"
SECONDS_FOR_THE_VIEWS = 1.0
"""How long an act waits until the views reflect it. The order's page always does, and says if the views do not."""
SENT_BEFORE = "This form was sent before, and says something else now. Send it again to make that an act of its own."


@router.get(PATH)
def form(request: Request, principal: Reader, order_id: str, act_name: str) -> Response:
    """The order's page at the form of an act."""
    if not _names_an_act(request):
        return order(request, principal, f"{order_id}/acts/{act_name}")
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{order_path(order_id)}{query}#{quote(act_name, safe='')}", HTTPStatus.SEE_OTHER)


@router.get("/suggestions")
def suggested(request: Request, principal: Reader) -> Response:
    """The lists that forms suggest from, which a script puts into the page when a form is opened."""
    return part("suggestions.html", Clocks(Asked()), lists=suggestions(web_of(request)))


async def typed_of(request: Request) -> Typed:
    """The inputs of the form that was sent. Files are none."""
    sent = await request.form()
    return {name: [value for value in sent.getlist(name) if isinstance(value, str)] for name in sent}


@router.post(PATH)
def act(
    request: Request, principal: Publisher, typed: Annotated[Typed, Depends(typed_of)], order_id: str, act_name: str
) -> Response:
    """Publish what the form says. Leads back to the order's page, or shows the form again with what is wrong."""
    if not principal.may(Role.READ):
        raise Problem(403, "acting on pages needs a key with the role read, too; POST /v1/events needs publish alone")
    web = web_of(request)
    answer = web.waybill.orders.order(order_id, web.waybill.clock())
    if act_name not in ACTS or not _names_an_act(request) or answer is None or answer.summary is None:
        raise Problem(404, f"there is no act {act_name} on order {order_id}")
    source = source_of(principal.name, principal.source)
    called = names(web.waybill.views, Asked(), ())
    filled = refilled(ACTS[act_name], answer.settling.state, desk_of(web, source, answer, called.reps), typed)
    message_id = message_id_of(typed)
    if message_id is None:
        return _again(request, principal, order_id, filled, typed, 422, Faults({}, "Send the form again."))
    try:
        understood = _with_rep(web, act_name, typed)
    except WrongInputError as error:
        return _again(request, principal, order_id, filled, typed, 422, Faults({"rep_id": str(error)}))
    said = said_by(
        filled,
        understood,
        order_id=order_id,
        message_id=message_id,
        source=source,
        now=web.waybill.clock(),
        rules=web.waybill.reading_rules(),
        correlation_id=_correlation_id(answer, one(typed, "request_id")),
    )
    if isinstance(said, Faults):
        return _again(request, principal, order_id, filled, typed, 422, said)
    earlier = _sent_before(answer, said.fact)
    if earlier is not None and not earlier.says_the_same_as(said.fact):
        return _again(request, principal, order_id, filled, typed, 409, Faults({}, SENT_BEFORE))
    if earlier is None:
        refused = refused_beforehand(filled, order_id, answer.reading.facts, said.fact)
        if refused is not None:
            return _again(request, principal, order_id, filled, typed, 409, refused)
        doubtful = doubts(answer.settling.state, said.fact, web.waybill.clock())
        if doubtful and one(typed, CONFIRMED) != (confirms := confirmation_of(doubtful)):
            asked = filled.doubted([each.sentence for each in doubtful], confirms)
            return _again(request, principal, order_id, asked, typed, 422, Faults({}))
    try:
        verdict, reason = _published(web, said, order_id)
    except Problem as problem:
        return _again(
            request, principal, order_id, filled, typed, problem.status, Faults({}, _later(problem)), message_id
        )
    if verdict is Verdict.REFUSED:
        return _again(request, principal, order_id, filled, typed, 409, Faults({}, refusal(reason)))
    return RedirectResponse(f"{order_path(order_id)}?{urlencode({SAID: message_id})}#said", HTTPStatus.SEE_OTHER)


def _with_rep(web: Web, act_name: str, typed: Typed) -> Typed:
    """What was typed, with the id of the rep whom it names. Raises WrongInputError for one who cannot take an order.

    Orders never wait for reps to be registered: where none is known, any id is taken.
    """
    text = one(typed, "rep_id")
    if act_name != "reassign" or not text:
        return typed
    try:
        reps = web.waybill.desk.reps()
    except NotFilledError:
        return typed
    return {**typed, "rep_id": [rep_named(text, reps, nearest_reps(text, reps))]} if reps else typed


def _published(web: Web, said: Said, order_id: str) -> tuple[Verdict, str]:
    """Store the message; returns the verdict that it has, also if it came before, with its reason."""
    with told_problems():
        stored = web.intake.submit([said.message])
    (receipt,) = stored.receipts
    with suppress(NotYetReflectedError):
        web.waybill.views.wait_for(view_named("overdue"), stored.position, timedelta(seconds=SECONDS_FOR_THE_VIEWS))
    outcomes = web.waybill.messages.outcomes(said.fact.source, [said.fact.message_id])
    outcome = outcomes.get((said.fact.message_id, order_id))
    return (receipt.verdict, receipt.reason) if outcome is None else (outcome.verdict, outcome.reason)


def _again(
    request: Request,
    principal: Principal,
    order_id: str,
    filled: ActForm,
    typed: Typed,
    status: int,
    faults: Faults,
    message_id: str | None = None,
) -> Response:
    """The order's page with the form as it was filled in. It carries a new id, unless its message was not stored."""
    form = filled.again(typed, message_id or filled.message_id, faults.fields, faults.all, faults.lines)
    return order_page(request, principal, Clocks(Asked()), order_id, status, sent=form)


def _later(problem: Problem) -> str:
    return f"It is not known to be stored: {problem.detail}. Send the form again; it counts once."


def _sent_before(answer: OrderAnswer, fact: Fact) -> Fact | None:
    return next((known for known in answer.reading.facts if known.key == fact.key), None)


def _correlation_id(answer: OrderAnswer, request_id: str) -> str | None:
    """The correlation id of the expedite request that an act names."""
    for fact in answer.reading.facts:
        if isinstance(fact, ExpediteRequested) and fact.request_id == request_id:
            return fact.correlation_id
    return None


def _names_an_act(request: Request) -> bool:
    """Whether the path ends with /acts/NAME, and not an order's id that has this in it (written %2Facts%2F…)."""
    return bytes(request.scope.get("raw_path", b"")).rpartition(b"/")[0].endswith(b"/acts")
