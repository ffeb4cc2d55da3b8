"""given a desk, when somebody types what they know of an order, rep or account, then the search finds it."""

from threading import Event

import pytest

from infra.app.search import What, search
from tests.integration.messages import booked, confirmed, message, placed, registered
from tests.web.conftest import Served

HTML = {"Accept": "text/html"}
AT, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"
DESK = (
    registered("rep-1", AT, "Ann Weber"),
    registered("rep-2", AT, "Bo Weber"),
    message("account.registered", "ACME", AT, {"name": "Müller & Sons", "segment": "b2b"}),
    placed("SO-100618", AT, PROMISE, reference="PO-1468"),
    placed("SO-100619", AT, PROMISE),
    placed("SO-200618", AT, PROMISE),
    booked("SO-100619", AT, PROMISE, tracking_number="1Z 999"),
    confirmed("SO-100619", PROMISE),
    placed("SO-300000", AT, PROMISE, reference="PO-TWICE"),
    placed("SO-400000", AT, PROMISE, reference="PO-TWICE"),
)


@pytest.fixture
def desk(sqlite_web: Served) -> Served:
    sqlite_web.seed(*DESK)
    sqlite_web.waybill.react(Event(), once=True)
    return sqlite_web


def went_to(served: Served, text: str) -> str | None:
    location: str | None = served.client.get("/search", params={"q": text}, headers=HTML).headers.get("location")
    return location


def test_one_certain_hit_is_gone_to(desk: Served) -> None:
    went = {
        text: went_to(desk, text)
        for text in ("100618", "so 100618", "SO100618", "Ann weber", "  bo  weber", "müller", "PO-1468", "1Z 999")
    }

    assert went == {
        "100618": "/orders/SO-100618",
        "so 100618": "/orders/SO-100618",
        "SO100618": "/orders/SO-100618",
        "Ann weber": "/reps/rep-1",
        "  bo  weber": "/reps/rep-2",
        "müller": "/accounts/ACME",
        "PO-1468": "/orders/SO-100618",
        "1Z 999": "/orders/SO-100619",
    }


def test_what_may_be_meant_is_linked(desk: Served) -> None:
    for text, links in {
        "SO-100617": ["/orders/SO-100618", "/orders/SO-100619"],
        "10618": ["/orders/SO-100618"],
        "300618": ["/orders/SO-100618", "/orders/SO-200618"],
        "Weber": ["/reps/rep-1", "/reps/rep-2"],
        "PO-TWICE": ["/orders/SO-300000", "/orders/SO-400000"],
    }.items():
        answer = desk.client.get("/search", params={"q": text}, headers=HTML)

        assert answer.status_code == 200
        assert [link for link in links if f'href="{link}"' not in answer.text] == [], text


def test_a_parcel_that_no_shipment_has_leads_to_its_row(desk: Served) -> None:
    desk.seed(message("parcel.delivered", "LOST-1", AT, {"carrier": "Swift"}))

    assert went_to(desk, "LOST-1") == "/unmatched-parcels?tracking_number=LOST-1"


def test_a_large_store_says_that_not_every_reference_was_read(desk: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.queries.found.ROWS_READ", 1)

    assert [hit.id for hit in search(desk.waybill, "PO-1468").hits] == ["SO-100618"]
    page = desk.client.get("/search", params={"q": "PO-9999"}, headers=HTML).text
    assert 'href="/orders?reference=PO-9999"' in page


def test_the_search_works_on_either_store(web: Served) -> None:
    web.seed(*DESK)

    found = {
        text: [(hit.what, hit.id) for hit in search(web.waybill, text).hits] for text in ("100618", "PO-1468", "Bo")
    }

    assert found == {
        "100618": [(What.ORDER, "SO-100618")],
        "PO-1468": [(What.ORDER, "SO-100618")],
        "Bo": [(What.REP, "rep-2")],
    }
