"""What the page of an order shows of acting: the forms, who acts, and what became of the last act."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from fastapi import Request

from consumers.contract import CATALOGUE
from domain.order.state import OrderState
from domain.verdict import Verdict
from infra.queries.orders import OrderAnswer
from infra.queries.views import Asked
from infra.store.projected.serving import NotFilledError
from infra.web.acting.acts import ActForm, Desk, not_offered, offered
from infra.web.acting.saying import source_of
from infra.web.acting.verdicts import Told, told_of
from infra.web.clocks import Clocks
from infra.web.context import Web, web_of
from infra.web.pages.fact_words import event_words
from infra.web.security.principal import Principal, Role
from projections.views.catalogue import view_named

SAID = "said"
"""The parameter of the page with the id of the message that was just sent."""
MOST_CHARACTERS = 120
"""Of the reason of a message in a list."""
Suggestion = tuple[str, str]
"""A value, and what to know of it."""


@dataclass(frozen=True)
class ActPanel:
    """The part of the page for acting. In the past there are no forms, and `past` is true.

    `source` is under which the messages are published, `bound` whether the key allows no other. `zone` is the business
    zone. `told` is what became of the act that led here.
    """

    source: str
    bound: bool
    zone: str
    past: bool
    forms: Sequence[ActForm] = ()
    notes: Sequence[str] = ()
    told: Told | None = None

    def with_form(self, form: ActForm) -> "ActPanel":
        """The same with this form in the place of its like, or first if its act is not offered any more."""
        anchors = [one.anchor for one in self.forms]
        if form.anchor not in anchors:
            return replace(self, forms=(form, *self.forms))
        return replace(self, forms=[form if one.anchor == form.anchor else one for one in self.forms])


def desk_of(web: Web, source: str, answer: OrderAnswer) -> Desk:
    """What the forms for this source are made of."""
    untaken = [
        (one.id, f"{one.type}: {one.reason}"[:MOST_CHARACTERS])
        for one in answer.untaken
        if one.source == source and one.id is not None and one.verdict != Verdict.MALFORMED
    ]
    return Desk(web.waybill.settings.time_zone, lambda: str(uuid4()), source, untaken)


def panel_of(request: Request, principal: Principal, clocks: Clocks, answer: OrderAnswer) -> ActPanel | None:
    """The panel of a placed order; None for whoever may not publish."""
    if not principal.may(Role.PUBLISH) or answer.summary is None:
        return None
    web = web_of(request)
    zone, source = web.waybill.settings.time_zone, source_of(principal.name, principal.source)
    panel = ActPanel(source, principal.source is not None, zone, past=bool(clocks.query))
    if panel.past:
        return panel
    order: OrderState = answer.settling.state
    owed = list(dict.fromkeys(one.about for one in answer.summary.follow_ups_at(answer.at)))
    return replace(
        panel,
        forms=offered(order, desk_of(web, source, answer), owed=owed),
        notes=not_offered(order),
        told=_told(web, source, answer, request.query_params.get(SAID, "")),
    )


def _told(web: Web, source: str, answer: OrderAnswer, message_id: str) -> Told | None:
    """What became of a message of this source about this order."""
    if not message_id:
        return None
    for report in web.waybill.messages.find(source, message_id[:200]):
        if answer.summary is not None and report.subject == answer.summary.order_id and report.type in CATALOGUE:
            return told_of(report.verdict, event_words(CATALOGUE[report.type].fact.__name__), report.reason)
    return None


def suggestions(web: Web) -> Mapping[str, Sequence[Suggestion]]:
    """What the fields of forms suggest, by the name of the list; kept for a while, because carriers take long."""
    return web.kept("suggestions", lambda: {"reps": _reps(web), "carriers": _carriers(web, web.waybill.clock())})


def _reps(web: Web) -> Sequence[Suggestion]:
    """The registered reps."""
    try:
        reps = web.waybill.desk.reps().values()
    except NotFilledError:
        return ()
    return [(rep.rep_id, rep.name if rep.team is None else f"{rep.name}, {rep.team}") for rep in reps if rep.registered]


def _carriers(web: Web, now: datetime) -> Sequence[Suggestion]:
    """The carriers of the last year with how punctual they were, the most used first."""
    try:
        rows = web.waybill.views.ask(view_named("carriers"), Asked()).rows
    except NotFilledError:
        return ()
    since = f"{now.year - 1:04}-{now.month:02}"
    shipments: dict[str, list[int]] = {}
    for row in rows:
        if str(row["month"])[:7] >= since:
            _add(shipments.setdefault(row["carrier"], [0, 0, 0]), row)
    ordered = sorted(shipments.items(), key=lambda item: (-item[1][0], item[0]))
    return [(carrier, _punctual(delivered, on_time)) for carrier, (_, delivered, on_time) in ordered]


def _add(sums: list[int], row: Any) -> None:
    for place, column in enumerate(("shipments", "delivered", "on_time")):
        sums[place] += row[column]


def _punctual(delivered: int, on_time: int) -> str:
    return f"{on_time * 100 // delivered} % of {delivered} on time" if delivered else ""
