"""What can be told of an act before its message is sent: what the rules would refuse, and what is doubtful. Pure.

The intake decides in the end: what is foreseen holds for the order as it was read.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from consumers.contract.writing import instant_text
from domain.fact import Fact
from domain.order.events import ExpediteGranted, ExpediteRequested, OrderRescheduled, ShipmentBooked, ShipmentRebooked
from domain.order.kind import ORDER
from domain.order.state import OrderState
from domain.streams import settle_stream, stream_name
from domain.verdict import Verdict
from infra.queries.desk import Rep
from infra.web.acting.acts import ActForm
from infra.web.acting.fields import WrongInputError
from infra.web.acting.saying import Faults
from infra.web.deadlines import Deadline
from infra.web.pages.words import plain_amount, span_text

CONFIRMED = "confirmed"
"""The input with which a form says that its doubtful dates are meant."""
FIELD_OF_REASON = (
    (re.compile(r"line .* (does not exist|is a charge|is more than|would fall to)"), "lines"),
    (re.compile(r"request .* was (decided before|used before)"), "request_id"),
    (re.compile(r"promised_by .* is later than"), "promised_by"),
    (re.compile(r"shipment_id .* was used before"), "shipment_id"),
)
"""Reasons of the rules, and the field that each speaks of."""


def refused_beforehand(form: ActForm, order_id: str, facts: Sequence[Fact], fact: Fact) -> Faults | None:
    """Why the rules refuse a fact that is not stored yet, by field; None if they do not."""
    outcome = settle_stream(stream_name(ORDER, order_id), [*facts, fact], watched=False).outcomes.get(fact.key)
    if outcome is None or outcome.verdict is not Verdict.REFUSED:
        return None
    above = _above(form, fact)
    reason = "; ".join(above.values()) or _with_article(form, outcome.reason)
    names = {field.name for field in form.fields}
    field = "lines" if above else next((name for said, name in FIELD_OF_REASON if said.match(outcome.reason)), "")
    fields = {field: reason} if field in names else {}
    return Faults(fields, f"Refused: {reason}. Nothing was sent.", tuple(above))


def _above(form: ActForm, fact: Fact) -> Mapping[str, str]:
    """What is above what can be taken of a line, by line."""
    known = {line.line: line for line in form.lines}
    rows = getattr(fact, "lines", None)
    wanted: Mapping[str, Decimal] = {row.line: row.quantity for row in rows} if isinstance(rows, tuple) else {}
    return {
        line: f"{known[line].article}: {plain_amount(quantity)} is more than the {plain_amount(known[line].most)} left "
        "to book"
        for line, quantity in wanted.items()
        if line in known and quantity > known[line].most
    }


def _with_article(form: ActForm, reason: str) -> str:
    """The reason with the article's name in the place of "line 1"."""
    for line in form.lines:
        if reason.startswith((f"line {line.line} ", f"line {line.line}:")):
            return line.article + reason.removeprefix(f"line {line.line}")
    return reason


class Doubt(NamedTuple):
    """A date that a desk asks about twice. `sentence` is text with instants in it."""

    field: str
    instant: datetime
    sentence: Sequence[str | datetime]


def doubts(order: OrderState, fact: Fact, now: datetime) -> list[Doubt]:
    """What is doubtful about the dates of a fact at `now` (UTC)."""
    return list(_doubts(order, fact, now))


def _doubts(order: OrderState, fact: Fact, now: datetime) -> Iterator[Doubt]:
    if isinstance(fact, OrderRescheduled | ExpediteGranted) and fact.promised_by < now:
        yield _doubt("promised_by", fact.promised_by, "The new promise, ", ", is past.")
    if isinstance(fact, ExpediteRequested) and fact.needed_by < now:
        yield _doubt("needed_by", fact.needed_by, "Needed by ", ", which is past.")
    if isinstance(fact, ShipmentBooked | ShipmentRebooked):
        estimate: Any = fact.estimated_delivery
        if isinstance(estimate, datetime) and estimate < now:
            yield _doubt("estimated_delivery", estimate, "Expected ", ", which is past.")
        elif isinstance(estimate, datetime) and estimate > order.promised_by:
            late = span_text(Decimal(int((estimate - order.promised_by).total_seconds())) / 3600)
            promise = Deadline.of(order.promised_by)
            yield _doubt("estimated_delivery", estimate, "Expected ", f", {late} after the promise of ", promise, ".")


def _doubt(field: str, instant: datetime, before: str, *after: str | datetime) -> Doubt:
    return Doubt(field, instant, (before, Deadline.of(instant), *after))


def confirmation_of(found: Sequence[Doubt]) -> str:
    """What CONFIRMED has for these doubts; another date is asked about anew."""
    return " ".join(f"{one.field}={instant_text(one.instant)}" for one in found)


def rep_named(text: str, reps: Mapping[str, Rep], nearest: Sequence[Rep]) -> str:
    """The id of the rep whom a text names, by id or by a name that only one has.

    `nearest` are those whom it may have meant. Raises WrongInputError for one who is not known or has left.
    """
    wanted = " ".join(text.casefold().split())
    named = [rep for rep in reps.values() if rep.name.casefold() == wanted]
    staying = [rep for rep in named if rep.registered] or named
    if text in reps:
        staying = [reps[text]]
    if not staying:
        meant = ", ".join(f"{rep.rep_id} ({rep.name})" for rep in nearest)
        raise WrongInputError(f"no such rep; did you mean {meant}?" if meant else "no such rep; choose one of the list")
    if len(staying) > 1:
        ids = ", ".join(rep.rep_id for rep in staying)
        raise WrongInputError(f"several reps have this name: {ids}; give the id")
    (rep,) = staying
    if not rep.registered:
        raise WrongInputError(f"{rep.rep_id} ({rep.name}) has left; choose another")
    return rep.rep_id
