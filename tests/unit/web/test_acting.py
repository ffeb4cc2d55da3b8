"""given what a form has in its inputs, then it says this to the contract; given an order, these forms make sense."""

from datetime import UTC, datetime
from typing import Any

import pytest

from consumers.contract import ReadingRules, WellFormed, read_message
from domain.order.kind import ORDER
from domain.streams import settle_stream, stream_name
from infra.serialization import json_text
from infra.web.acting.acts import ACTS, MOST_LINES, MOST_REBOOKED, ActForm, Desk, form_of, not_offered, offered
from infra.web.acting.fields import Field, Kind, Typed, WrongInputError, read_fields, read_when, when_inputs
from infra.web.acting.saying import Faults, Said, said_by, source_of
from infra.web.acting.verdicts import told_of
from tests.integration.messages import Document, booked, cancelled, confirmed, declined, line, placed, requested

NOW = datetime(2025, 3, 5, 9, tzinfo=UTC)
PLACED, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"
RULES = ReadingRules(max_bytes=1_048_576)
DESK = Desk("UTC", lambda: "00000000-0000-4000-8000-000000000001")


def order_after(*documents: Document) -> Any:
    facts = []
    for document in documents:
        read = read_message(json_text(document).encode(), NOW, RULES)
        assert isinstance(read, WellFormed), read
        facts.append(read.fact)
    return settle_stream(stream_name(ORDER, "SO-1"), facts).state


def names_of(forms: list[ActForm]) -> list[str]:
    return [form.anchor for form in forms]


def said(form: ActForm, **typed: str | list[str]) -> Said | Faults:
    filled = {**form.values, **{name: [text] if isinstance(text, str) else text for name, text in typed.items()}}
    told: dict[str, Any] = {"order_id": "SO-1", "message_id": form.message_id, "source": "/desk/ann", "now": NOW}
    return said_by(form, filled, **told, rules=RULES, correlation_id=None)


# -- which acts make sense ------------------------------------------------------------------------


def test_an_order_to_book_offers_no_decision_and_no_rebooking() -> None:
    forms = offered(order_after(placed("SO-1", PLACED, PROMISE)), DESK)

    assert names_of(forms) == ["book", "inform", "request", "reschedule", "reassign"]


def test_an_undecided_request_offers_both_decisions_until_the_order_is_closed() -> None:
    asked = [placed("SO-1", PLACED, PROMISE), requested("SO-1", PLACED)]

    assert {"grant", "decline"} <= set(names_of(offered(order_after(*asked), DESK)))
    closed = names_of(offered(order_after(*asked, cancelled("SO-1", "2025-03-04T09:00:00Z")), DESK))
    assert closed == ["decline", "inform"]
    decided = names_of(offered(order_after(*asked, declined("SO-1", "2025-03-04T09:00:00Z")), DESK))
    assert not {"grant", "decline"} & set(decided)


def test_live_shipments_are_rebooked_and_cancelled_and_delivered_ones_are_not() -> None:
    order = order_after(
        placed("SO-1", PLACED, PROMISE, line(1, 3)),
        booked("SO-1", PLACED, PROMISE, "S1", lines=[{"line": 1, "quantity": 1}]),
        booked("SO-1", PLACED, PROMISE, "S2", lines=[{"line": 1, "quantity": 1}]),
        confirmed("SO-1", "2025-03-04T09:00:00Z", "S1"),
    )

    assert names_of(offered(order, DESK))[-2:] == ["rebook-2", "cancel-shipment"]


def test_an_order_with_nothing_to_book_says_so() -> None:
    order = order_after(placed("SO-1", PLACED, PROMISE), booked("SO-1", PLACED, PROMISE))

    assert "book" not in names_of(offered(order, DESK))
    assert not_offered(order) == ["Nothing is left to book: all goods are delivered or on a shipment."]


def test_a_closed_order_is_reassigned_only_while_a_follow_up_is_owed() -> None:
    order = order_after(placed("SO-1", PLACED, PROMISE), cancelled("SO-1", "2025-03-04T09:00:00Z"))

    assert names_of(offered(order, DESK)) == ["inform"]
    assert names_of(offered(order, DESK, owed=["expedite"])) == ["inform", "reassign"]


def test_what_is_owed_is_what_the_form_informs_about() -> None:
    form = form_of(ACTS["inform"], order_after(placed("SO-1", PLACED, PROMISE)), DESK, owed=["delay", "expedite"])

    assert form.value("about") == "delay"
    assert form.note == ("The customer waits to hear about the delay and the declined expedite.",)


def test_an_order_of_many_lines_is_booked_as_a_whole_and_many_shipments_have_no_form_each() -> None:
    many = [line(number, 1) for number in range(MOST_LINES + 1)]
    form = form_of(ACTS["book"], order_after(placed("SO-1", PLACED, PROMISE, *many)), DESK)
    assert (form.lines, form.note) == ([], (f"It takes all that is left of {MOST_LINES + 1} lines.",))
    assert isinstance(filled := said(form, carrier="Swift"), Said) and b'"lines"' not in filled.message.body

    rows = [
        booked("SO-1", PLACED, PROMISE, f"S{number}", lines=[{"line": number, "quantity": 1}], id=f"B{number}")
        for number in range(MOST_REBOOKED + 1)
    ]
    order = order_after(placed("SO-1", PLACED, PROMISE, *many), *rows)
    assert sum(form.act.name == "rebook" for form in offered(order, DESK)) == MOST_REBOOKED
    assert not_offered(order) == [f"The first {MOST_REBOOKED} of {MOST_REBOOKED + 1} shipments can be rebooked here."]


# -- what a form says -----------------------------------------------------------------------------


def test_a_booking_is_filled_in_with_what_is_left_of_goods() -> None:
    order = order_after(
        placed("SO-1", PLACED, PROMISE, line(1, 10), line("f", 1) | {"kind": "charge"}),
        booked("SO-1", PLACED, PROMISE, lines=[{"line": 1, "quantity": "2.50"}]),
    )

    form = form_of(ACTS["book"], order, DESK)

    assert (form.values["line"], form.values["quantity"]) == (["1"], ["7.5"])
    assert form.value("shipment_id") == "S-00000000"


def test_a_rebooking_says_what_was_changed_and_null_for_what_was_emptied() -> None:
    order = order_after(
        placed("SO-1", PLACED, PROMISE, line(1, 10)),
        booked("SO-1", PLACED, PROMISE, lines=[{"line": 1, "quantity": 4}], cost="9.90", tracking_number="1Z"),
    )
    form = form_of(ACTS["rebook"], order, DESK, "S1")

    nothing = said(form)
    changed = said(form, tracking_number="", quantity="6", cost="9.90")

    assert isinstance(nothing, Faults) and nothing.all.startswith("Nothing differs")
    assert isinstance(changed, Said)
    assert getattr(changed.fact, "tracking_number", "") is None
    body = changed.message.body.decode()
    assert '"data": {"shipment_id": "S1", "lines": [{"line": "1", "quantity": "6"}], "tracking_number": null}' in body


def test_an_estimate_shown_in_another_zone_is_not_changed_by_that() -> None:
    order = order_after(placed("SO-1", PLACED, PROMISE), booked("SO-1", PLACED, "2025-03-08T18:30:00Z"))
    form = form_of(ACTS["rebook"], order, DESK, "S1")
    assert (form.value("estimated_delivery_date"), form.value("estimated_delivery_time")) == ("2025-03-08", "18:30")

    in_tokyo = {"estimated_delivery_date": "2025-03-09", "estimated_delivery_time": "03:30", "zone": "Asia/Tokyo"}
    unchanged, moved = said(form, **in_tokyo), said(form, **{**in_tokyo, "estimated_delivery_time": "04:30"})

    assert isinstance(unchanged, Faults)
    assert isinstance(moved, Said) and b'"estimated_delivery": "2025-03-08T19:30:00Z"' in moved.message.body


def test_a_carrier_that_was_emptied_is_asked_for() -> None:
    order = order_after(placed("SO-1", PLACED, PROMISE), booked("SO-1", PLACED, PROMISE))

    filled = said(form_of(ACTS["rebook"], order, DESK, "S1"), carrier="")

    assert isinstance(filled, Faults) and filled.fields == {"carrier": "must be given"}


def test_all_that_is_wrong_is_told_at_once_by_field() -> None:
    order = order_after(placed("SO-1", PLACED, PROMISE, line(1, 10)))

    filled = said(form_of(ACTS["book"], order, DESK), cost="-1", estimated_delivery_date="2025-02-30", time_time="9")

    assert isinstance(filled, Faults)
    assert set(filled.fields) == {"carrier", "cost", "estimated_delivery", "time"}
    assert "-1" in filled.fields["cost"]


def test_the_id_of_a_request_comes_from_its_message() -> None:
    form = form_of(ACTS["request"], order_after(placed("SO-1", PLACED, PROMISE)), DESK)

    filled = said(form, needed_by_date="2025-03-07", reason="trade fair")

    assert isinstance(filled, Said) and getattr(filled.fact, "request_id", None) == "R-00000000"


def test_the_request_of_a_word_about_a_delay_is_left_out() -> None:
    order = order_after(placed("SO-1", PLACED, PROMISE), requested("SO-1", PLACED, "E1"))
    form = form_of(ACTS["inform"], order, DESK)

    delay, expedite = said(form, about="delay", request_id="E1"), said(form, about="expedite", request_id="E1")

    assert isinstance(delay, Said) and getattr(delay.fact, "request_id", "") is None
    assert isinstance(expedite, Said) and getattr(expedite.fact, "request_id", "") == "E1"


# -- days and times of day ------------------------------------------------------------------------


def when(date: str = "", time: str = "", zone: str = "UTC") -> Typed:
    return {"t_date": [date], "t_time": [time], "zone": [zone]}


def test_a_day_alone_stays_a_day_and_a_time_of_day_is_an_instant_in_the_forms_zone() -> None:
    assert read_when(when(), "t") is None
    assert read_when(when("2025-03-08"), "t") == "2025-03-08"
    assert read_when(when("2025-07-01", "09:30", "America/New_York"), "t") == "2025-07-01T13:30:00Z"
    assert read_when(when("2025-07-01", "09:30", ""), "t") == "2025-07-01T09:30:00Z"


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        (when(time="09:00"), "give the day"),
        (when("2025-02-30", "09:00"), "must be a day such as"),
        (when("2025-03-01", "09:00+01:00"), "the time of day must be one such as"),
        (when("2025-03-09", "02:30", "America/New_York"), "02:30 does not exist on that day"),
        (when("2025-03-01", "09:00", "Mars/Base"), "time zone Mars/Base is not known"),
        (when("2025-03-01", "09:00", "../../etc/passwd"), "is not known"),
        (when("9999-12-31", "23:00", "America/New_York"), "within the years 1 to 9999"),
    ],
)
def test_a_wrong_day_or_time_says_what_is_wrong(typed: Typed, fault: str) -> None:
    with pytest.raises(WrongInputError, match=fault):
        read_when(typed, "t")


def test_the_end_of_a_day_of_the_business_zone_is_shown_as_that_day() -> None:
    assert when_inputs("t", datetime(2025, 3, 8, 23, tzinfo=UTC), "Europe/Berlin") == {
        "t_date": ["2025-03-08"],
        "t_time": [""],
    }
    assert when_inputs("t", None, "UTC") == {"t_date": [""], "t_time": [""]}


def test_parcels_stand_between_commas_and_lines() -> None:
    fields = [Field("parcels", "Parcels", Kind.LIST)]

    assert read_fields(fields, {"parcels": [" P1, P 2,\r\nP3,, "]}).data == {"parcels": ["P1", "P 2", "P3"]}
    assert read_fields(fields, {"parcels": [" , "]}).data == {}


# -- who says it, and what became of it -----------------------------------------------------------


def test_a_name_becomes_a_source_and_a_bound_key_keeps_its_own() -> None:
    assert source_of("ann", None) == "/desk/ann"
    assert source_of("Zoë /x", None) == "/desk/Zo%C3%AB%20%2Fx"
    assert source_of("ann", "/crm") == "/crm"


def test_each_verdict_is_told_with_its_reason_and_what_to_do() -> None:
    tones = {
        verdict: told_of(verdict, "Shipment booked", "why").tone
        for verdict in ("applied", "duplicate", "held", "refused")
    }
    assert tones == {"applied": "ok", "duplicate": "quiet", "held": "risk", "refused": "late"}
    refused = told_of("refused", "Shipment booked", "nothing is left to book")
    assert refused.reason == "nothing is left to book" and "Correct the form" in refused.advice
