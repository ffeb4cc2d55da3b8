"""The acts of a desk, and the forms of those that make sense now. Pure.

A form asks for what its message says; whether the message is taken is for the rules of the domain to decide.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from domain.order.shipment import Shipment
from domain.order.state import Expedite, OrderState
from infra.web.acting.fields import LINE, QUANTITY, WAS, Field, Kind, Typed, one, when_inputs
from infra.web.deadlines import Deadline

MODES = (("courier", "Courier"), ("in_house", "In-house shippers"), ("pickup", "The customer picks it up"))
MOST_LINES = 50
"""An order with more lines to book is booked as a whole."""
MOST_REBOOKED = 20
"""So many shipments have a form of their own."""

HAPPENED = Field("time", "When it happened", Kind.WHEN, hint=("Without it: now. A day needs its time of day, too.",))


class LineChoice(NamedTuple):
    """A line in a form: its id, what it is, and the most of it that can be taken."""

    line: str
    article: str
    most: Decimal


@dataclass(frozen=True)
class Act:
    """An act: the type of its message, and what its form is called. `changes`: absent fields stay as they are.

    `own_id` gives the message's id a place in the data: the id of what the act makes.
    """

    name: str
    type: str
    title: str
    button: str
    changes: bool = False
    own_id: str | None = None


ACTS: Mapping[str, Act] = {
    act.name: act
    for act in (
        Act("book", "shipment.booked.v1", "Book a shipment", "Book it"),
        Act("grant", "expedite.granted.v1", "Grant the expedite", "Grant it"),
        Act("decline", "expedite.declined.v1", "Decline the expedite", "Decline it"),
        Act("inform", "customer.informed.v1", "Inform the customer", "The customer knows"),
        Act("request", "expedite.requested.v1", "Request an expedite", "Request it", own_id="request_id"),
        Act("reschedule", "order.rescheduled.v1", "Reschedule", "Change the promise"),
        Act("reassign", "order.reassigned.v1", "Reassign", "Hand it over"),
        Act("rebook", "shipment.rebooked.v1", "Rebook", "Change the booking", changes=True),
        Act("cancel-shipment", "shipment.cancelled.v1", "Cancel a shipment", "Cancel the shipment"),
        Act("withdraw", "message.voided.v1", "Withdraw a message", "Withdraw it"),
    )
}


@dataclass(frozen=True)
class ActForm:
    """A form of an act. `message_id` is the id of its message, so that sending it twice is one act.

    `values` are what its inputs have. `lines` are the order lines that it asks quantities of. `faults` are what is
    wrong, by field; `told` is what is wrong with all of it. `anchor` names it on the page. `given` is what the message
    says besides. `wrong_lines` are the lines whose quantities are wrong. `doubts` are sentences about doubtful dates,
    and `confirms` is what the form says with them when they are meant.
    """

    act: Act
    anchor: str
    title: str
    message_id: str
    fields: Sequence[Field]
    values: Typed = field(default_factory=dict)
    lines: Sequence[LineChoice] = ()
    note: Sequence[str | datetime] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    wrong_lines: Sequence[str] = ()
    told: str = ""
    typed: bool = False
    doubts: Sequence[Sequence[str | datetime]] = ()
    confirms: str = ""

    @property
    def takes_days(self) -> bool:
        """Whether a field takes a day alone."""
        return any(field.kind is Kind.WHEN for field in self.asked)

    @property
    def asked(self) -> Sequence[Field]:
        """The fields of the message's data: all but when it happened."""
        return [field for field in self.fields if field is not HAPPENED]

    def value(self, name: str, number: int = 0) -> str:
        """What an input has."""
        given = self.values.get(name, ())
        return given[number] if number < len(given) else ""

    def has(self, name: str) -> bool:
        return name in self.values

    def again(
        self, typed: Typed, message_id: str, faults: Mapping[str, str], told: str = "", wrong_lines: Sequence[str] = ()
    ) -> "ActForm":
        """The form as it was filled in, with what is wrong."""
        return replace(
            self, values=typed, message_id=message_id, faults=faults, told=told, wrong_lines=wrong_lines, typed=True
        )

    def doubted(self, doubts: Sequence[Sequence[str | datetime]], confirms: str) -> "ActForm":
        """The form with what is doubtful about its dates; sent again with `confirms`, they are meant."""
        return replace(self, doubts=doubts, confirms=confirms)


@dataclass(frozen=True)
class Desk:
    """What forms are made of besides the order: the business zone, and an id for each form's message.

    `source` is that of whoever acts; `untaken` are its messages about the order that were not taken: ids with words.
    `reps` are names of reps by id.
    """

    zone: str
    new_id: Callable[[], str]
    source: str = ""
    untaken: Sequence[tuple[str, str]] = ()
    reps: Mapping[str, str] = field(default_factory=dict)


def offered(order: OrderState, desk: Desk, *, owed: Sequence[str] = ()) -> list[ActForm]:
    """The forms of the acts that make sense now. `owed` is what the customer is to be informed about."""
    if order.placing is None:
        return []
    undecided = any(expedite.decision is None for expedite in order.expedites.values())
    live = [shipment for shipment in order.shipments.values() if shipment.live]
    names = [
        *(["book"] if not order.closed and order.lines_left else []),
        *(["grant"] if not order.closed and undecided else []),
        *(["decline"] if undecided else []),
        "inform",
        *(["request", "reschedule"] if not order.closed else []),
        *(["reassign"] if not order.closed or owed else []),
    ]
    forms = [form_of(ACTS[name], order, desk, owed=owed) for name in names]
    forms += [form_of(ACTS["rebook"], order, desk, one.shipment_id) for one in live[:MOST_REBOOKED]]
    rest = [*(["cancel-shipment"] if live else []), *(["withdraw"] if desk.untaken else [])]
    return [*forms, *(form_of(ACTS[name], order, desk) for name in rest)]


def not_offered(order: OrderState) -> list[str]:
    """Why usual acts are not offered, in sentences."""
    if order.placing is None or order.closed:
        return []
    said = []
    if not order.lines_left:
        said.append("Nothing is left to book: all goods are delivered or on a shipment.")
    live = sum(shipment.live for shipment in order.shipments.values())
    if live > MOST_REBOOKED:
        said.append(f"The first {MOST_REBOOKED} of {live} shipments can be rebooked here.")
    return said


def form_of(act: Act, order: OrderState, desk: Desk, shipment_id: str = "", *, owed: Sequence[str] = ()) -> ActForm:
    """The form of an act, filled in with what is known; it is made for an act that makes no sense now, too."""
    made = _FORMS[act.name](ActForm(act, act.name, act.title, desk.new_id(), ()), order, desk, shipment_id, owed)
    return replace(made, fields=(*made.fields, HAPPENED))


def refilled(act: Act, order: OrderState, desk: Desk, typed: Typed) -> ActForm:
    """The form that was sent, to be read and perhaps shown again."""
    return form_of(act, order, desk, one(typed, "shipment_id"))


def _book(form: ActForm, order: OrderState, desk: Desk, shipment_id: str, owed: Sequence[str]) -> ActForm:
    left = [
        LineChoice(line_id, line.ordered.sku or line_id, line.left_to_book)
        for line_id, line in order.lines.items()
        if line.left_to_book
    ]
    listed = left if len(left) <= MOST_LINES else []
    note = () if listed or not left else (f"It takes all that is left of {len(left)} lines.",)
    fields = (
        Field("mode", "How", Kind.CHOICE, True, choices=MODES),
        Field("carrier", "Carrier", required=True, suggestions="carriers"),
        *([Field("lines", "What it takes", Kind.LINES)] if listed else []),
        Field("estimated_delivery", "Expected", Kind.WHEN, hint=("Promised by ", Deadline.of(order.promised_by))),
        Field("pickup_at", "Pickup from", Kind.WHEN),
        Field("service_level", "Service level"),
        Field("cost", f"Cost in {_currency(order)}", Kind.AMOUNT),
        Field("tracking_number", "Tracking number"),
        Field("parcels", "Parcels", Kind.LIST, hint=("Ids or tracking numbers, with commas between them.",)),
        Field("shipment_id", "Shipment id", required=True, hint=("The warehouse names it so.",)),
    )
    values = {
        "mode": ["courier"],
        "shipment_id": [f"S-{form.message_id[:8]}"],
        LINE: [line.line for line in listed],
        QUANTITY: [_plain(line.most) for line in listed],
    }
    return replace(form, fields=fields, values=values, lines=listed, note=note)


def _rebook(form: ActForm, order: OrderState, desk: Desk, shipment_id: str, owed: Sequence[str]) -> ActForm:
    fields = [
        Field("shipment_id", "Shipment", Kind.HIDDEN, True),
        Field("mode", "How", Kind.CHOICE, True, choices=MODES),
        Field("carrier", "Carrier", required=True, suggestions="carriers"),
        Field("estimated_delivery", "Expected", Kind.WHEN, hint=("Promised by ", Deadline.of(order.promised_by))),
        Field("service_level", "Service level"),
        Field("cost", f"Cost in {_currency(order)}", Kind.AMOUNT),
        Field("tracking_number", "Tracking number"),
        Field("parcels", "Parcels", Kind.LIST, hint=("All of them, with commas between them.",)),
        Field("reason", "Reason", Kind.NOTE),
    ]
    shipment = order.shipments.get(shipment_id)
    if shipment is None:
        return replace(form, fields=fields, values={"shipment_id": [shipment_id]})
    lines = [
        LineChoice(line_id, line.ordered.sku or line_id, shipment.carried.get(line_id, Decimal(0)) + line.left_to_book)
        for line_id, line in order.lines.items()
        if line.left_to_book or shipment.carried.get(line_id)
    ]
    listed = lines if len(lines) <= MOST_LINES else []
    if listed:
        fields.insert(3, Field("lines", "What it carries, with what was delivered", Kind.LINES))
    values = {"shipment_id": [shipment_id], LINE: [line.line for line in listed], **_was(shipment, desk.zone, listed)}
    anchor = f"rebook-{list(order.shipments).index(shipment_id) + 1}"
    return replace(form, anchor=anchor, title=f"Rebook {shipment_id}", fields=fields, values=values, lines=listed)


def _was(shipment: Shipment, zone: str, lines: Sequence[LineChoice]) -> dict[str, list[str]]:
    """What the inputs of a rebooking have, and the same again as what they had."""
    now: dict[str, list[str]] = {
        "mode": [shipment.mode],
        "carrier": [shipment.carrier],
        "service_level": [shipment.service_level or ""],
        **when_inputs("estimated_delivery", shipment.estimated_delivery, zone),
        "cost": ["" if shipment.cost is None else f"{shipment.cost:f}"],
        "tracking_number": [shipment.tracking_number or ""],
        "parcels": [", ".join(shipment.parcels)],
        QUANTITY: [_plain(shipment.carried.get(line.line, Decimal(0))) for line in lines],
    }
    return {**now, **{name + WAS: values for name, values in now.items()}}


def _grant(form: ActForm, order: OrderState, desk: Desk, shipment_id: str, owed: Sequence[str]) -> ActForm:
    no_later = ("No later than ", Deadline.of(order.promised_by), ", the promise that it replaces.")
    fields = (
        _request_field(order, undecided=True),
        Field("promised_by", "Promise", Kind.WHEN, True, hint=no_later),
        Field("surcharge", f"Surcharge in {_currency(order)}", Kind.AMOUNT),
    )
    return replace(form, fields=fields, values=_first(order), note=_asked(order))


def _decline(form: ActForm, order: OrderState, desk: Desk, shipment_id: str, owed: Sequence[str]) -> ActForm:
    fields = (
        _request_field(order, undecided=True),
        Field("reason", "Why it is impossible", Kind.NOTE, True, hint=("The customer is to be informed then.",)),
    )
    return replace(form, fields=fields, values=_first(order), note=_asked(order))


def _inform(form: ActForm, order: OrderState, desk: Desk, shipment_id: str, owed: Sequence[str]) -> ActForm:
    about = [("delay", "The delay"), ("expedite", "The expedite"), ("other", "Something else")]
    fields = [
        Field("about", "About", Kind.CHOICE, True, choices=about),
        Field("channel", "How", hint=("Such as phone or email.",)),
        Field("note", "What was said", Kind.NOTE),
    ]
    if order.expedites:
        fields.insert(1, _request_field(order, undecided=False))
    waits = {"delay": "the delay", "expedite": "the declined expedite"}
    note = ("The customer waits to hear about " + " and ".join(waits.get(one, one) for one in owed) + ".",)
    values = {"about": [owed[0] if owed else "delay" if order.expected_late else "other"]}
    return replace(form, fields=fields, values=values, note=note if owed else ())


def _request(form: ActForm, order: OrderState, desk: Desk, shipment_id: str, owed: Sequence[str]) -> ActForm:
    fields = (
        Field("needed_by", "Needed by", Kind.WHEN, True, hint=("Promised by ", Deadline.of(order.promised_by))),
        Field("reason", "Why it has to be faster", Kind.NOTE, True),
        Field("requested_by", "Who asks", Kind.CHOICE, choices=(("customer", "The customer"), ("rep", "The rep"))),
    )
    return replace(form, fields=fields, values={"requested_by": ["customer"]})


def _reschedule(form: ActForm, order: OrderState, desk: Desk, shipment_id: str, owed: Sequence[str]) -> ActForm:
    fields = (
        Field("promised_by", "New promise", Kind.WHEN, True, hint=("Now ", Deadline.of(order.promised_by))),
        Field("reason", "Reason", Kind.NOTE, True),
    )
    return replace(form, fields=fields)


def _reassign(form: ActForm, order: OrderState, desk: Desk, shipment_id: str, owed: Sequence[str]) -> ActForm:
    name = desk.reps.get(order.rep_id or "")
    holds = order.rep_id if name is None else f"{name} ({order.rep_id})"
    now = ("Nobody holds it now.",) if order.rep_id is None else (f"Now {holds}.",)
    fields = (
        Field("rep_id", "To the rep", required=True, suggestions="reps", hint=now),
        Field("reason", "Reason", Kind.NOTE),
    )
    return replace(form, fields=fields)


def _cancel_shipment(form: ActForm, order: OrderState, desk: Desk, shipment_id: str, owed: Sequence[str]) -> ActForm:
    live = [one for one in order.shipments.values() if one.live]
    shown = live if not shipment_id or shipment_id in {one.shipment_id for one in live} else order.shipments.values()
    choices = [(one.shipment_id, f"{one.shipment_id}: {one.carrier}") for one in shown]
    fields = (
        Field("shipment_id", "Shipment", Kind.CHOICE, True, choices=choices),
        Field("reason", "Why it will not arrive", Kind.NOTE, True),
    )
    return replace(form, fields=fields)


def _withdraw(form: ActForm, order: OrderState, desk: Desk, shipment_id: str, owed: Sequence[str]) -> ActForm:
    fields = (
        Field("id", "Message that was not taken", Kind.CHOICE, True, choices=desk.untaken),
        Field("reason", "Reason", Kind.NOTE, True),
    )
    values = {"id": [message_id for message_id, _ in desk.untaken[-1:]], "reason": ["sent by mistake"]}
    return replace(form, fields=fields, values=values, given={"source": desk.source})


_FORMS: Mapping[str, Callable[[ActForm, OrderState, Desk, str, Sequence[str]], ActForm]] = {
    "book": _book,
    "grant": _grant,
    "decline": _decline,
    "inform": _inform,
    "request": _request,
    "reschedule": _reschedule,
    "reassign": _reassign,
    "rebook": _rebook,
    "cancel-shipment": _cancel_shipment,
    "withdraw": _withdraw,
}


def _request_field(order: OrderState, *, undecided: bool) -> Field:
    """The request that a form speaks of: the undecided ones first, and those that were decided since."""
    requests = sorted(order.expedites.values(), key=lambda one: one.decision is not None)
    choices = [(one.request.request_id, _named(one)) for one in requests]
    if undecided:
        return Field("request_id", "Request", Kind.CHOICE, True, choices=choices)
    return Field(
        "request_id",
        "Request",
        Kind.CHOICE,
        choices=choices,
        hint=("Without it: all that are open.",),
        not_about="delay",
    )


def _named(expedite: Expedite) -> str:
    return f"{expedite.request.request_id}: {expedite.request.reason[:60]}"


def _first(order: OrderState) -> dict[str, list[str]]:
    undecided = [one.request.request_id for one in order.expedites.values() if one.decision is None]
    return {"request_id": undecided[:1]}


def _asked(order: OrderState) -> Sequence[str | datetime]:
    """What is asked for, if it is one request."""
    undecided = [one.request for one in order.expedites.values() if one.decision is None]
    if len(undecided) != 1:
        return ()
    return ("Needed by ", Deadline.of(undecided[0].needed_by), f": {undecided[0].reason}")


def _currency(order: OrderState) -> str:
    return order.placing.currency if order.placing is not None else "the order's currency"


def _plain(amount: Decimal) -> str:
    """A number for an input: without needless zeros, and with no signs between thousands."""
    return f"{amount.normalize():f}"
