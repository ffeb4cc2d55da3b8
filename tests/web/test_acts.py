"""given an order, when a rep sends a form of its page, then one message is published, and its verdict is told."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from consumers.contract.writing import to_cloud_event
from domain.fact import Fact
from domain.order.kind import ORDER
from domain.streams import stream_name
from infra.store.keys import Role
from infra.web.pages import acts
from infra.web.security.principal import Principal
from tests.integration.messages import (
    Document,
    booked,
    cancelled,
    confirmed,
    declined,
    line,
    message,
    placed,
    registered,
    requested,
)
from tests.stores.conftest import StoreUrl
from tests.web.conftest import Served, served_web
from tests.web.secured import secured_web, signed_in

PLACED = "2026-03-02T09:00:00Z"
IN_5_DAYS, IN_9_DAYS = (f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}" for days in (5, 9))
PROMISE = f"{IN_5_DAYS}T12:00:00Z"
HOSTILE = "<script>alert('x')</script>\"onload=\"\u202egnp.exe"

Fields = dict[str, list[str]]


@pytest.fixture(autouse=True)
def views_stand_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody projects in these tests, so no act waits for the views."""
    monkeypatch.setattr(acts, "SECONDS_FOR_THE_VIEWS", 0.0)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on SQLite for many tests, each of which has orders of its own."""
    with served_web(f"sqlite:///{tmp_path_factory.mktemp('acts')}/desk.db") as served:
        yield served


class Forms(HTMLParser):
    """The acting forms of a page by their anchors, with what their inputs have, and where they lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: dict[str, Fields] = {}
        self.actions: dict[str, str] = {}
        self._fields: Fields = {}
        self._name = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields = {}
            if "/acts/" in given.get("action", "") and "id" in given:
                self.found[given["id"]], self.actions[given["id"]] = self._fields, given["action"]
        elif tag == "input" and "name" in given:
            self._fields.setdefault(given["name"], []).append(given.get("value", ""))
        elif tag in ("select", "textarea"):
            self._name, self._fields[given["name"]] = given["name"], [""]
        elif tag == "option" and "selected" in given:
            self._fields[self._name] = [given["value"]]

    def handle_data(self, data: str) -> None:
        if self.lasttag == "textarea" and self._name:
            self._fields[self._name] = [self._fields[self._name][0] + data.removeprefix("\n")]

    def handle_endtag(self, tag: str) -> None:
        if tag in ("select", "textarea"):
            self._name = ""


def forms_of(web: Served, order: str = "SO-1") -> Forms:
    return Forms(web.client.get(f"/orders/{order}").text)


def send(client: httpx.Client, page: Forms, anchor: str, **typed: str | list[str]) -> httpx.Response:
    """Fill these fields of a form of the page in, and send it."""
    fields = {**page.found[anchor], **{name: [text] if isinstance(text, str) else text for name, text in typed.items()}}
    return client.post(page.actions[anchor].partition("#")[0], data=fields, headers={"Accept": "text/html"})


def act(web: Served, anchor: str, order: str = "SO-1", /, **typed: str | list[str]) -> httpx.Response:
    return send(web.client, forms_of(web, order), anchor, **typed)


def send_anyway(web: Served, name: str, order: str, **typed: str) -> httpx.Response:
    """Send a form that the page does not offer."""
    fields = {"message": str(uuid4()), "zone": "UTC", **typed}
    return web.client.post(f"/orders/{order}/acts/{name}", data=fields, headers={"Accept": "text/html"})


def messages_of(web: Served, order: str = "SO-1", source: str = "/desk/ann") -> list[Document]:
    """What the store has of this source, as messages."""
    events = [event for _, event in web.waybill.history.stream(stream_name(ORDER, order))]
    return [to_cloud_event(event, order) for event in events if isinstance(event, Fact) and event.source == source]


def text_of(html: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)))


def told(web: Served, answer: httpx.Response) -> str:
    """What the page says to which an act led."""
    assert answer.status_code == 303, text_of(answer.text)
    return text_of(web.client.get(answer.headers["Location"]).text)


def test_each_act_publishes_what_was_filled_in_and_the_page_says_that_it_is_done(web: Served) -> None:
    web.seed(placed("SO-1", PLACED, PROMISE, line(1, 10), line("b", 4), id="O-1"))

    answer = act(web, "request", needed_by_date=IN_5_DAYS, reason="trade fair", requested_by="customer")
    assert "Expedite requested: done." in told(web, answer)
    (asked,) = messages_of(web)
    request = asked["data"]["request_id"]
    assert "grant" in forms_of(web).found
    assert "done." in told(web, act(web, "decline", request_id=request, reason="no lorry free"))
    assert "The customer waits to hear about the declined expedite" in text_of(web.client.get("/orders/SO-1").text)
    assert "done." in told(web, act(web, "inform", about="expedite", channel="phone", note="two\r\nlines"))
    assert "done." in told(web, act(web, "request", needed_by_date=IN_5_DAYS, reason="again"))
    grant = act(web, "grant", promised_by_date=IN_5_DAYS, promised_by_time="10:30", surcharge="12.5")
    assert "done." in told(web, grant)
    book = {"carrier": "Swift", "cost": "9.90", "parcels": "P1, P2", "pickup_at_date": IN_5_DAYS}
    assert "done." in told(web, act(web, "book", **book, shipment_id="S1", quantity=["6", ""]))
    rebook: dict[str, str | list[str]] = {
        "carrier": "Rapid",
        "parcels": "",
        "quantity": ["7", "4"],
        "reason": "Swift is full",
    }
    assert "done." in told(web, act(web, "rebook-1", **rebook))
    assert "done." in told(web, act(web, "cancel-shipment", shipment_id="S1", reason="lost"))
    assert "done." in told(web, act(web, "reassign", rep_id="rep-2", reason="leaves"))
    assert "done." in told(web, act(web, "reschedule", promised_by_date=IN_9_DAYS, reason="agreed"))

    published = messages_of(web)
    day_after_5 = f"{datetime.fromisoformat(IN_5_DAYS) + timedelta(days=1):%Y-%m-%d}T00:00:00Z"
    day_after_9 = f"{datetime.fromisoformat(IN_9_DAYS) + timedelta(days=1):%Y-%m-%d}T00:00:00Z"
    again = published[3]["data"]["request_id"]
    assert [(one["type"].removesuffix(".v1"), one["data"]) for one in published] == [
        (
            "expedite.requested",
            {"request_id": request, "needed_by": day_after_5, "reason": "trade fair", "requested_by": "customer"},
        ),
        ("expedite.declined", {"request_id": request, "reason": "no lorry free"}),
        ("customer.informed", {"about": "expedite", "channel": "phone", "note": "two\nlines"}),
        (
            "expedite.requested",
            {"request_id": again, "needed_by": day_after_5, "reason": "again", "requested_by": "customer"},
        ),
        (
            "expedite.granted",
            {"request_id": again, "promised_by": f"{IN_5_DAYS}T10:30:00Z", "surcharge": "12.5"},
        ),
        (
            "shipment.booked",
            {
                "shipment_id": "S1",
                "mode": "courier",
                "carrier": "Swift",
                "lines": [{"line": 1, "quantity": "6"}],
                "pickup_at": f"{IN_5_DAYS}T00:00:00Z",
                "cost": "9.90",
                "parcels": ["P1", "P2"],
            },
        ),
        (
            "shipment.rebooked",
            {
                "shipment_id": "S1",
                "carrier": "Rapid",
                "lines": [{"line": 1, "quantity": "7"}, {"line": "b", "quantity": "4"}],
                "parcels": None,
                "reason": "Swift is full",
            },
        ),
        ("shipment.cancelled", {"shipment_id": "S1", "reason": "lost"}),
        ("order.reassigned", {"rep_id": "rep-2", "reason": "leaves"}),
        ("order.rescheduled", {"promised_by": day_after_9, "reason": "agreed"}),
    ]


def test_a_refused_act_says_why_keeps_what_was_typed_and_can_be_sent_again_and_withdrawn(web: Served) -> None:
    web.seed(placed("SO-1", PLACED, PROMISE, line(1, 10), id="O-1"))

    refused = act(web, "book", carrier="Swift", quantity=["11"], service_level="over night")

    assert refused.status_code == 409
    assert "Refused: SKU-1: 11 is more than the 10 left to book. Nothing was sent." in text_of(refused.text)
    assert "What it takes: SKU-1: 11 is more than the 10 left to book" in text_of(refused.text)
    assert messages_of(web) == []
    kept = Forms(refused.text)
    assert kept.found["book"]["service_level"] == ["over night"]
    assert "done." in told(web, send(web.client, kept, "book", quantity=["10"]))


def test_a_message_that_was_refused_in_the_end_can_be_withdrawn(web: Served) -> None:
    web.seed(placed("SO-1", PLACED, PROMISE, line(1, 10), id="O-1"))
    late = booked("SO-1", PLACED, PROMISE, lines=[{"line": 1, "quantity": "11"}]) | {"source": "/desk/ann"}
    web.seed(late)

    assert "1 message not taken" in text_of(web.client.get("/orders/SO-1").text)
    assert "done." in told(web, act(web, "withdraw", reason="typed by mistake"))
    assert "not taken" not in text_of(web.client.get("/orders/SO-1").text)


def test_every_act_that_a_rule_forbids_says_so(desk: Served) -> None:
    desk.seed(
        placed("T1-1", PLACED, PROMISE, id="O-1"),
        requested("T1-1", "2026-03-03T09:00:00Z", "E1"),
        requested("T1-1", "2026-03-03T10:00:00Z", "E2"),
        declined("T1-1", "2026-03-04T09:00:00Z", "E2"),
        placed("T1-2", PLACED, PROMISE, id="O-2"),
        requested("T1-2", "2026-03-03T09:00:00Z", "E1"),
        booked("T1-2", "2026-03-03T09:00:00Z", PROMISE),
        confirmed("T1-2", "2026-03-05T09:00:00Z"),
        placed("T1-3", PLACED, PROMISE, id="O-3"),
        cancelled("T1-3", "2026-03-05T09:00:00Z"),
        placed("T1-4", PLACED, PROMISE, id="O-4"),
        booked("T1-4", "2026-03-03T09:00:00Z", PROMISE),
    )
    book = {"mode": "courier", "carrier": "Swift"}
    later = {"promised_by_date": IN_9_DAYS, "reason": "why"}
    for name, order, typed, reason in (
        ("grant", "T1-1", {"request_id": "E1", **later}, "is later than the promise it replaces"),
        ("grant", "T1-1", {"request_id": "E2", "promised_by_date": IN_5_DAYS}, "was decided before, in another way"),
        ("decline", "T1-1", {"request_id": "E2", "reason": "rain"}, "was decided before, in another way"),
        ("grant", "T1-2", {"request_id": "E1", "promised_by_date": IN_5_DAYS}, "the order is complete"),
        ("request", "T1-3", {"needed_by_date": IN_5_DAYS, "reason": "why"}, "the order is cancelled"),
        ("reschedule", "T1-3", later, "the order is cancelled"),
        ("book", "T1-3", {**book, "shipment_id": "S9"}, "the order is cancelled"),
        ("book", "T1-4", {**book, "shipment_id": "S9"}, "nothing is left to book"),
        ("book", "T1-4", {**book, "shipment_id": "S1"}, "S1 was used before on this order, with other content"),
        ("rebook", "T1-2", {"shipment_id": "S1", **book}, "S1 was delivered in whole"),
        ("cancel-shipment", "T1-2", {"shipment_id": "S1", "reason": "lost"}, "S1 was delivered in whole"),
    ):
        answer = send_anyway(desk, name, order, **typed)
        assert (answer.status_code, "Refused: " in (text := text_of(answer.text))) == (409, True), (name, order)
        assert reason in text, (name, order)
        assert messages_of(desk, order) == [], (name, order)


def test_what_waits_and_what_is_already_so_is_told_as_such(desk: Served) -> None:
    desk.seed(placed("T2-1", PLACED, PROMISE, id="O-1"), requested("T2-1", "2026-03-03T09:00:00Z"))
    desk.seed(declined("T2-1", "2026-03-04T09:00:00Z"))

    waits = send_anyway(desk, "rebook", "T2-1", shipment_id="S9", mode="courier", carrier="Swift")
    same = send_anyway(desk, "decline", "T2-1", request_id="E1", reason="no lorry free")

    assert "Shipment rebooked: kept, but it waits. shipment S9 is not known yet" in told(desk, waits)
    assert "Expedite declined: this is already so. request E1 was decided before" in told(desk, same)


def test_what_an_act_changed_and_what_is_left_to_do_stands_at_the_top_of_the_page(desk: Served) -> None:
    desk.seed(
        registered("rep-7", PLACED, "Gus Hall"),
        placed("T15-1", PLACED, PROMISE, line(1, 10), rep_id="rep-7", id="O-1"),
        requested("T15-1", "2026-03-03T09:00:00Z"),
    )

    page = told(desk, act(desk, "book", "T15-1", carrier="Swift", quantity=["4"]))

    assert "Changed: stage: to book → booked; carrier: none → Swift" in page
    assert "Still to do: book 6 × SKU-1 , decide expedite request E1 ." in page
    assert page.index("Still to do") < page.index("Due in") < page.index("Book a shipment")
    assert "Gus Hall rep-7" in page


def test_a_form_that_is_sent_twice_is_one_act(web: Served) -> None:
    web.seed(placed("SO-1", PLACED, PROMISE, line(1, 10), id="O-1"))
    page = forms_of(web)

    first = send(web.client, page, "inform", about="other", note="hello")
    second = send(web.client, page, "inform", about="other", note="hello")
    changed = send(web.client, page, "inform", about="other", note="something else")

    assert first.headers["Location"] == second.headers["Location"]
    assert "Customer informed: done." in told(web, second)
    assert len(messages_of(web)) == 1
    assert (changed.status_code, "This form was sent before" in changed.text) == (409, True)
    assert "done." in told(web, send(web.client, Forms(changed.text), "inform"))
    assert [one["data"]["note"] for one in messages_of(web)] == ["hello", "something else"]


def test_a_refused_form_that_is_sent_twice_is_refused_twice_and_not_kept(desk: Served) -> None:
    desk.seed(placed("T3-1", PLACED, PROMISE, id="O-1"))
    page = forms_of(desk, "T3-1")

    answers = [send(desk.client, page, "book", carrier="Swift", quantity=["2"]) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert messages_of(desk, "T3-1") == []


def test_an_order_goes_to_a_rep_who_is_there_by_id_or_by_name(desk: Served) -> None:
    desk.seed(
        registered("rep-2", PLACED, "Bela Brandt"),
        registered("rep-6", PLACED, "Femi Ojo"),
        message("rep.left", "rep-6", "2026-03-04T09:00:00Z", {}),
        placed("T13-1", PLACED, PROMISE, rep_id="rep-2", id="O-1"),
    )

    for typed, fault in (
        ("Bela Brand", "To the rep: no such rep; did you mean rep-2 (Bela Brandt)?"),
        ("rep-22", "To the rep: no such rep; did you mean rep-2 (Bela Brandt)"),
        ("zzz", "To the rep: no such rep; choose one of the list"),
        ("rep-6", "To the rep: rep-6 (Femi Ojo) has left; choose another"),
        ("Femi Ojo", "To the rep: rep-6 (Femi Ojo) has left; choose another"),
    ):
        answer = act(desk, "reassign", "T13-1", rep_id=typed)
        assert (answer.status_code, fault in text_of(answer.text)) == (422, True), typed
        assert Forms(answer.text).found["reassign"]["rep_id"] == [typed]
    assert messages_of(desk, "T13-1") == []
    assert "Now Bela Brandt (rep-2)" in text_of(desk.client.get("/orders/T13-1").text)
    for typed in ("bela  brandt", "rep-2"):
        assert "done." in told(desk, act(desk, "reassign", "T13-1", rep_id=typed, reason=typed))
    assert [one["data"]["rep_id"] for one in messages_of(desk, "T13-1")] == ["rep-2", "rep-2"]


def test_a_doubtful_date_is_sent_only_when_confirmed(desk: Served) -> None:
    desk.seed(placed("T14-1", PLACED, PROMISE, line(1, 10), id="O-1"), requested("T14-1", "2026-03-03T09:00:00Z"))

    past = "2026-03-09"
    for anchor, typed, doubt in (
        ("reschedule", {"promised_by_date": past, "reason": "x"}, "The new promise, end of 2026-03-09 , is past."),
        ("grant", {"promised_by_date": past}, "The new promise, end of 2026-03-09 , is past."),
        ("request", {"needed_by_date": past, "reason": "x"}, "Needed by end of 2026-03-09 , which is past."),
        ("book", {"carrier": "S", "estimated_delivery_date": past}, "Expected end of 2026-03-09 , which is past."),
        ("book", {"carrier": "S", "estimated_delivery_date": IN_9_DAYS}, "after the promise of"),
    ):
        answer = act(desk, anchor, "T14-1", **typed)
        assert (answer.status_code, doubt in text_of(answer.text)) == (422, True), (anchor, doubt)
        assert "Nothing was sent" in text_of(answer.text)
    assert messages_of(desk, "T14-1") == []

    asked = act(desk, "reschedule", "T14-1", promised_by_date="2026-03-09", reason="x")
    confirmed_as = re.findall(r'name="confirmed" value="([^"]*)"', asked.text)[0]
    other = {"promised_by_date": "2026-03-08", "confirmed": confirmed_as}
    assert send(desk.client, Forms(asked.text), "reschedule", **other).status_code == 422
    assert "done." in told(desk, send(desk.client, Forms(asked.text), "reschedule", confirmed=confirmed_as))
    assert [one["data"]["promised_by"] for one in messages_of(desk, "T14-1")] == ["2026-03-10T00:00:00Z"]


def test_a_wrong_field_is_named_nothing_is_stored_and_the_form_keeps_what_was_typed(desk: Served) -> None:
    desk.seed(placed("T4-1", PLACED, PROMISE, line(1, 10), id="O-1"), requested("T4-1", "2026-03-03T09:00:00Z"))

    for anchor, typed, fault in (
        ("book", {"carrier": ""}, "Carrier: must be given"),
        ("book", {"carrier": "S", "cost": "1,5"}, "Cost in USD: must be a decimal number"),
        ("book", {"carrier": "S", "quantity": "ten"}, "What it takes: line 1: must be a decimal number"),
        ("book", {"carrier": "S", "quantity": "0"}, "What it takes: give at least one line a quantity above 0"),
        ("book", {"carrier": "S", "mode": "by air"}, "How: choose one of the list"),
        ("book", {"carrier": "x" * 201}, "Carrier: must"),
        ("book", {"carrier": "a\u202eb\x07"}, "Carrier: must"),
        ("grant", {"promised_by_time": "10:00"}, "Promise: give the day, too"),
        ("grant", {"promised_by_date": "soon"}, "Promise: must be"),
        ("grant", {"promised_by_date": IN_5_DAYS, "promised_by_time": "late"}, "Promise: must be a day such as"),
        ("grant", {"promised_by_date": IN_5_DAYS, "promised_by_time": "9:00", "zone": "Mars"}, "Promise: "),
        ("inform", {"time_date": IN_5_DAYS}, "When it happened: give the time of day, too"),
        ("reassign", {}, "To the rep: must be given"),
    ):
        answer = act(desk, anchor, "T4-1", **typed)
        assert answer.status_code == 422, (anchor, typed)
        assert fault in text_of(answer.text), (anchor, typed)
        kept = Forms(answer.text).found[anchor]
        for name, value in typed.items():
            assert name == "mode" or kept[name] == [value.replace("\x07", "")], name

    assert messages_of(desk, "T4-1") == []


def test_a_form_without_an_id_of_ours_is_not_sent(desk: Served) -> None:
    desk.seed(placed("T5-1", PLACED, PROMISE, id="O-1"))

    answer = act(desk, "inform", "T5-1", message="1")

    assert (answer.status_code, messages_of(desk, "T5-1")) == (422, [])
    assert "done." in told(desk, send(desk.client, Forms(answer.text), "inform"))


def test_an_act_may_have_happened_before_in_the_viewers_zone(desk: Served) -> None:
    desk.seed(placed("T6-1", PLACED, PROMISE, id="O-1"))

    typed = {"time_date": "2026-07-01", "time_time": "09:30", "zone": "America/New_York"}
    assert "done." in told(desk, act(desk, "inform", "T6-1", **typed))

    assert [one["time"] for one in messages_of(desk, "T6-1")] == ["2026-07-01T13:30:00Z"]


def test_a_decision_carries_the_correlation_id_of_its_request(desk: Served) -> None:
    asked = requested("T7-1", "2026-03-03T09:00:00Z") | {"correlationid": "call-7"}
    desk.seed(placed("T7-1", PLACED, PROMISE, id="O-1"), asked)

    act(desk, "decline", "T7-1", reason="no lorry free")

    assert [one["correlationid"] for one in messages_of(desk, "T7-1")] == ["call-7"]


def test_only_acts_that_make_sense_now_are_offered(desk: Served) -> None:
    desk.seed(
        placed("T8-1", PLACED, PROMISE, id="O-1"),
        booked("T8-1", PLACED, PROMISE),
        placed("T8-2", PLACED, PROMISE, id="O-2"),
        cancelled("T8-2", "2026-03-05T09:00:00Z"),
        requested("T8-3", "2026-03-03T09:00:00Z"),
    )

    assert set(forms_of(desk, "T8-1").found) == {
        "inform",
        "request",
        "reschedule",
        "reassign",
        "rebook-1",
        "cancel-shipment",
    }
    assert "Nothing is left to book" in desk.client.get("/orders/T8-1").text
    assert set(forms_of(desk, "T8-2").found) == {"inform"}
    assert forms_of(desk, "T8-3").found == {}  # not placed yet
    assert send_anyway(desk, "inform", "T8-3").status_code == 404
    assert send_anyway(desk, "inform", "T8-9").status_code == 404
    assert send_anyway(desk, "dispatch", "T8-1").status_code == 404


def test_the_past_takes_no_acts(desk: Served) -> None:
    desk.seed(placed("T9-1", PLACED, PROMISE, id="O-1"))

    for clock in ("as_of", "known_at"):
        html = desk.client.get("/orders/T9-1", params={clock: datetime.now(UTC).isoformat()}).text
        assert Forms(html).found == {}
        assert "The past takes no acts" in html and '<a href="/orders/T9-1">Go to now to act</a>' in html


def test_an_order_whose_id_has_slashes_takes_acts(desk: Served) -> None:
    for order in ("A/7", "A/acts/inform"):
        desk.seed(placed(order, PLACED, PROMISE, id=f"O {order}"))

    assert "done." in told(desk, act(desk, "inform", "A%2F7"))
    assert "done." in told(desk, act(desk, "inform", "A%2Facts%2Finform"))
    assert desk.client.post("/orders/A%2Facts%2Finform").status_code == 404
    assert "<title>A/acts/inform" in desk.client.get("/orders/A%2Facts%2Finform").text
    assert desk.client.get("/orders/A%2F7/acts/inform").headers["Location"] == "/orders/A%2F7#inform"


def test_lists_lead_to_the_form_of_what_is_to_be_done(desk: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = placed("L-1", PLACED, "2026-03-05T09:00:00Z", rep_id=None, id="O-1")
    desk.seed(nobody, placed("L-2", PLACED, PROMISE, id="O-1"))
    inform, assign = 'href="/orders/L-1#inform"', 'href="/orders/L-1#reassign"'

    follow_ups, orders = desk.client.get("/follow-ups").text, desk.client.get("/orders").text
    assert inform in follow_ups and assign in follow_ups
    assert assign in orders and "/orders/L-2#" not in orders
    assert inform not in desk.client.get("/follow-ups", params={"as_of": datetime.now(UTC).isoformat()}).text
    monkeypatch.setattr(desk, "principal", Principal("ann", frozenset({Role.READ})))
    assert inform not in desk.client.get("/follow-ups").text


def test_forms_suggest_registered_reps_and_carriers_with_how_punctual_they_were(web: Served) -> None:
    web.seed(
        registered("rep-2", PLACED, "Bo Kim", team="<North>"),
        registered("rep-3", PLACED, "Cy Orr"),
        message("rep.left", "rep-3", "2026-03-04T09:00:00Z", {}),
        placed("SO-1", PLACED, "2026-03-05T09:00:00Z", id="O-1"),
        booked("SO-1", PLACED, PROMISE),
        confirmed("SO-1", "2026-03-04T09:00:00Z"),
    )

    suggested = web.client.get("/suggestions").text

    assert '<option value="rep-2">Bo Kim, &lt;North&gt;</option>' in suggested
    assert "rep-3" not in suggested
    assert '<option value="Swift">100 % of 1 on time</option>' in suggested


def test_hostile_text_is_only_text_in_forms_and_stays_what_was_typed(desk: Served) -> None:
    shipment = HOSTILE.replace("\u202e", "")
    desk.seed(
        placed("T11-1", PLACED, PROMISE, line(HOSTILE, 2), line(2, 2), rep_id=HOSTILE, id="O-1"),
        booked("T11-1", PLACED, PROMISE, shipment, carrier=HOSTILE, lines=[{"line": 2, "quantity": 1}]),
        requested("T11-1", "2026-03-03T09:00:00Z", HOSTILE),
    )

    answer = act(
        desk, "inform", "T11-1", about=HOSTILE, note=HOSTILE, request_id=HOSTILE, zone=HOSTILE, time_time=HOSTILE
    )

    assert answer.status_code == 422
    for html in (answer.text, desk.client.get("/orders/T11-1", params={"said": HOSTILE}).text):
        assert "<script>alert" not in html and 'onload="' not in html.replace("&#34;onload=&#34;", "")
    assert Forms(answer.text).found["inform"]["note"] == [HOSTILE]
    assert "done." in told(desk, act(desk, "book", "T11-1", carrier="Swift"))
    assert "done." in told(desk, act(desk, "rebook-1", "T11-1", service_level="slow"))
    assert "done." in told(desk, act(desk, "decline", "T11-1", reason=HOSTILE))
    assert {one["line"] for one in messages_of(desk, "T11-1")[0]["data"]["lines"]} == {HOSTILE, 2}
    assert messages_of(desk, "T11-1")[2]["data"] == {"request_id": HOSTILE, "reason": HOSTILE}


def test_who_may_only_read_sees_no_forms_and_who_may_only_publish_no_page(
    desk: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.seed(placed("T12-1", PLACED, PROMISE, id="O-1"))
    page = forms_of(desk, "T12-1")

    for roles, shown in (({Role.READ}, 200), ({Role.OPERATE}, 200), ({Role.PUBLISH}, 403)):
        monkeypatch.setattr(desk, "principal", Principal("ann", frozenset(roles)))
        html = desk.client.get("/orders/T12-1", headers={"Accept": "text/html"})
        assert (html.status_code, Forms(html.text).found, "Act</h2>" in html.text) == (shown, {}, False)
        assert ("sign in with a key that has the role publish" in text_of(html.text)) == (shown == 200)
        assert send(desk.client, page, "inform").status_code == 403
    assert messages_of(desk, "T12-1") == []


def test_a_rep_who_is_signed_in_acts_under_the_keys_name_or_its_source(new_store: StoreUrl, tmp_path: Path) -> None:
    with secured_web(new_store(), tmp_path) as web, web.browser() as ann, web.browser() as crm:
        served = Served(web.url, ann, web.waybill)
        served.seed(placed("SO-1", PLACED, PROMISE, id="O-1"))
        assert signed_in(ann, web.key(Role.READ, Role.PUBLISH)).status_code == 303
        assert signed_in(crm, web.key(Role.READ, Role.PUBLISH, source="/crm")).status_code == 303
        page = forms_of(served)

        forged = {**page.found["inform"], "csrf_token": ["0" * 64]}
        assert ann.post("/orders/SO-1/acts/inform", data=forged).status_code == 403
        assert "What you send is published as /desk/ann ." in text_of(ann.get("/orders/SO-1").text)
        assert send(ann, page, "inform", note="from ann").status_code == 303
        bound = crm.get("/orders/SO-1").text
        assert "published as /crm , the only source that your key may publish" in text_of(bound)
        assert send(crm, Forms(bound), "inform", note="from the CRM").status_code == 303

        assert [one["data"]["note"] for one in messages_of(served)] == ["from ann"]
        assert [one["data"]["note"] for one in messages_of(served, source="/crm")] == ["from the CRM"]
