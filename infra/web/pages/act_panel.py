"""What the page of an order shows of acting: the forms, who acts, and what became of the last act."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from fastapi import Request

from consumers.contract import CATALOGUE
from domain.order.state import OrderState
from domain.verdict import Verdict
from infra.queries.carriers import UsedCarrier, used_carriers
from infra.queries.orders import OrderAnswer
from infra.store.projected.serving import NotFilledError
from infra.web.acting.acts import ActForm, Desk, not_offered, offered
from infra.web.acting.saying import source_of
from infra.web.acting.verdicts import ToDo, Told, told_of
from infra.web.clocks import Clocks
from infra.web.context import Web, web_of
from infra.web.pages.fact_words import event_words
from infra.web.pages.order_story import still_to_book
from infra.web.security.principal import Principal, Role

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


def desk_of(web: Web, source: str, answer: OrderAnswer, reps: Mapping[str, str]) -> Desk:
    """What the forms for this source are made of. `reps` are names by id."""
    untaken = [
        (one.id, f"{one.type}: {one.reason}"[:MOST_CHARACTERS])
        for one in answer.untaken
        if one.source == source and one.id is not None and one.verdict != Verdict.MALFORMED
    ]
    return Desk(web.waybill.settings.time_zone, lambda: str(uuid4()), source, untaken, reps)


def panel_of(
    request: Request, principal: Principal, clocks: Clocks, answer: OrderAnswer, reps: Mapping[str, str]
) -> ActPanel | None:
    """The panel of a placed order; None for whoever may not publish. `reps` are names by id."""
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
        forms=offered(order, desk_of(web, source, answer, reps), owed=owed),
        notes=not_offered(order),
        told=_told(web, source, answer, request.query_params.get(SAID, "")),
    )


def _told(web: Web, source: str, answer: OrderAnswer, message_id: str) -> Told | None:
    """What became of a message of this source about this order."""
    if not message_id:
        return None
    for report in web.waybill.messages.find(source, message_id[:200]):
        if answer.summary is not None and report.subject == answer.summary.order_id and report.type in CATALOGUE:
            told = told_of(report.verdict, event_words(CATALOGUE[report.type].fact.__name__), report.reason)
            if report.verdict != Verdict.APPLIED:
                return told
            key = (source, message_id)
            changed = [one.what_changed for one in answer.timeline if (one.source, one.message_id) == key]
            return told._replace(changed=" ".join(changed), to_do=to_do(answer))
    return None


def to_do(answer: OrderAnswer) -> Sequence[ToDo]:
    """What is left to do on an order that is placed."""
    if answer.summary is None:
        return ()
    left = still_to_book(answer.details) if answer.summary.left_to_book else ""
    undecided = [one.request_id for one in answer.details.expedites if one.decision is None]
    decide = "grant" if answer.summary.status == "open" else "decline"
    owed = [one.request_id for one in answer.summary.follow_ups_at(answer.at)]
    return [
        *([ToDo(f"book {left}", "book")] if left else []),
        *(ToDo(f"decide expedite request {request_id}", decide) for request_id in undecided),
        *(ToDo(f"tell the customer about {_owed(request_id)}", "inform") for request_id in owed),
    ]


def _owed(request_id: str | None) -> str:
    return "the delay" if request_id is None else f"expedite request {request_id}"


def suggestions(web: Web) -> Mapping[str, Sequence[Suggestion]]:
    """What the fields of forms suggest, by the name of the list; kept for a while, because carriers take long."""
    return web.kept("suggestions", lambda: {"reps": _reps(web), "carriers": _carriers(web)})


def _reps(web: Web) -> Sequence[Suggestion]:
    """The registered reps."""
    try:
        reps = web.waybill.desk.reps().values()
    except NotFilledError:
        return ()
    return [(rep.rep_id, rep.name if rep.team is None else f"{rep.name}, {rep.team}") for rep in reps if rep.registered]


def _carriers(web: Web) -> Sequence[Suggestion]:
    """The carriers of the last year with how punctual they were, the most used first."""
    try:
        carriers = used_carriers(web.waybill.views, web.waybill.clock())
    except NotFilledError:
        return ()
    return [(one.carrier, _punctual(one)) for one in carriers]


def _punctual(one: UsedCarrier) -> str:
    return f"{one.on_time * 100 // one.delivered} % of {one.delivered} on time" if one.delivered else ""
