"""Stepper: an order's facts one by one, and what each of them changed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from fastapi import Request, Response

from infra.app.row_effects import TableEffect
from infra.app.steps import Sequencing, Step, Steps, steps_of
from infra.app.view_effects import KEYS, ViewEffect
from infra.web.clocks import Clocks
from infra.web.context import web_of
from infra.web.pages.fact_words import data_of, event_words, known_later, plain
from infra.web.pages.field_words import stored_words
from infra.web.pages.links import order_path, steps_path
from infra.web.pages.render import page
from infra.web.problems import Problem
from infra.web.security.principal import Principal
from projections.catalogue import PROJECTIONS
from projections.diff import RowChange
from projections.views.catalogue import VIEWS

MOST_LISTED = 101
"""Steps that are listed beside the present one."""


class Listed(NamedTuple):
    """A step in the list of steps."""

    number: int
    event: str
    link: str


class ChangedRows(NamedTuple):
    """The rows of a table or view that a step changed. `sums` counts totals, which have no rows of their own here."""

    name: str
    key: Sequence[str]
    rows: Sequence[RowChange]
    hidden: int
    sums: int


def stepper_page(request: Request, principal: Principal, clocks: Clocks, order_id: str) -> Response:
    """The stepper at ?step=N, or at the step of the message ?source=…&id=…; at its last step without either."""
    web = web_of(request)
    sequencing = _sequencing(request)
    steps = steps_of(web.waybill, order_id, sequencing, clocks.asked)
    here = order_path(order_id)
    if not len(steps):
        return page(
            request, "order_missing.html", principal, clocks, 404, order_id=order_id, known_today=bool(clocks.query),
            here=here, nearest=[],
        )  # fmt: skip
    number = _number(request, steps)
    step = steps.step(number)
    views = steps.view_effects(number, web.waybill.settings.time_zone, web.waybill.clock())

    def link(to: int, by: Sequencing = sequencing) -> str:
        return clocks.link(steps_path(order_id), by=by.value, step=str(to))

    return page(
        request,
        "stepper.html",
        principal,
        clocks,
        order_id=order_id,
        here=here,
        steps=steps,
        step=step,
        total=len(steps),
        by=sequencing.value,
        link=link,
        listed=_listed(steps, number, link),
        others_link=lambda key: clocks.link(steps_path(order_id), by=sequencing.value, source=key[0], id=key[1]),
        by_place=link(_same(steps, step, Sequencing.BY_PLACE), Sequencing.BY_PLACE),
        as_arrived=link(_same(steps, step, Sequencing.AS_ARRIVED), Sequencing.AS_ARRIVED),
        data=data_of(step.event),
        tables=[_of_table(effect) for effect in step.tables],
        views=[_of_view(effect) for effect in views],
        later=known_later,
        event_words=event_words,
        plain=plain,
        stored=stored_words,
        occurred_at=getattr(step.event, "occurred_at", None),
    )


def _sequencing(request: Request) -> Sequencing:
    text = request.query_params.get("by", Sequencing.BY_PLACE.value)
    try:
        return Sequencing(text)
    except ValueError:
        raise Problem(400, f"by: {text!r} is neither place nor arrived") from None


def _number(request: Request, steps: Steps) -> int:
    source, message_id = request.query_params.get("source"), request.query_params.get("id")
    if source is not None and message_id is not None:
        found = steps.number_of((source, message_id))
        if found is None:
            raise Problem(404, f"source, id: message {message_id} of {source} is no step of this order")
        return found
    text = request.query_params.get("step", str(len(steps)))
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise Problem(400, f"step: {text!r} is not a number from 1 to {len(steps)}")
    return min(max(1, int(text)), len(steps))


def _same(steps: Steps, step: Step, by: Sequencing) -> int:
    """The step about the same message in a sequence; its last one if there is none."""
    if by is steps.sequencing:
        return step.number
    other = steps.sequenced(by)
    return other.number_of(step.event.key) or len(other)


def _listed(steps: Steps, number: int, link: Any) -> Sequence[Listed]:
    first = max(0, min(number - 1 - MOST_LISTED // 2, len(steps) - MOST_LISTED))
    some = steps.events[first : first + MOST_LISTED]
    return [Listed(at, event_words(type(event).__name__), link(at)) for at, (_, event) in enumerate(some, first + 1)]


def _of_table(effect: TableEffect) -> ChangedRows:
    keys = {declared.name: declared.key for projection in PROJECTIONS for declared in projection.tables}
    rows = effect.samples
    counted = effect.added + effect.gone + effect.changed
    if effect.table not in keys:
        return ChangedRows(effect.table, (), (), 0, effect.changed)
    return ChangedRows(effect.table, keys[effect.table], rows, counted - len(rows), 0)


def _of_view(effect: ViewEffect) -> ChangedRows:
    key = next((KEYS[view.relation] for view in VIEWS if view.command == effect.view), ())
    counted = effect.added + effect.gone + effect.changed
    return ChangedRows(effect.view, key, effect.samples, counted - len(effect.samples), 0)
