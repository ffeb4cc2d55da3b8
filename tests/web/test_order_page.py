"""given messages about an order, then its page shows how it stands, and its stepper what each message changed."""

import re
from html import unescape

import pytest

from infra.app.steps import Sequencing, steps_of
from infra.app.view_effects import KEYS
from infra.queries.views import Asked
from projections.views.catalogue import view_named
from tests.integration.messages import SOURCE, booked, confirmed, delayed, dispatched, message, placed, voided
from tests.web.conftest import Served

PLACED, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"
HOSTILE = "<script>alert('x')</script>\"onload=\"\u202egnp.exe"


def seed(web: Served, order: str = "SO-1") -> None:
    """A late order, whose dispatch was heard of first."""
    web.seed(dispatched(order, "2025-03-05T09:00:00Z", id="D-1"))
    web.seed(placed(order, PLACED, PROMISE, id="O-1"), booked(order, "2025-03-04T09:00:00Z", PROMISE, id="B-1"))
    web.seed(delayed(order, "2025-03-06T09:00:00Z", "2025-03-12T09:00:00Z"))


def text_of(html: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)))


def test_the_page_of_a_late_order_says_so_first_on_either_store(web: Served) -> None:
    seed(web)

    answer = web.client.get("/orders/SO-1")

    text = text_of(answer.text)
    assert answer.status_code == 200
    assert "Overdue by" in text
    assert "after the promise" in text
    assert "The customer has not been told about the delay" in text
    assert '<svg class="tl-picture"' in answer.text


def test_the_page_shows_the_order_as_it_was_and_what_was_not_known_then(sqlite_web: Served) -> None:
    seed(sqlite_web)
    before = sqlite_web.waybill.clock().isoformat()
    sqlite_web.seed(confirmed("SO-1", "2025-03-09T09:00:00Z", id="C-1"))

    then = text_of(sqlite_web.client.get("/orders/SO-1", params={"as_of": "2025-03-11", "known_at": before}).text)
    today = text_of(sqlite_web.client.get("/orders/SO-1", params={"as_of": "2025-03-11"}).text)

    assert "Overdue by" in then
    assert "Not yet known then: 1 message" in then
    assert "Messages that were not yet known" in then
    assert "before its promise" in today


def test_hostile_text_is_only_text_on_the_page_in_the_picture_and_in_the_stepper(sqlite_web: Served) -> None:
    sqlite_web.seed(
        placed("SO-1", PLACED, PROMISE, reference=HOSTILE[:40], account_id=HOSTILE[:40], rep_id=HOSTILE[:40]),
        booked("SO-1", PLACED, PROMISE, shipment=HOSTILE, carrier=HOSTILE),
        message("shipment.delayed", "SO-1", "2025-03-06T09:00:00Z", {"shipment_id": HOSTILE, "reason": HOSTILE}),
        message("customer.informed", "SO-1", "2025-03-06T10:00:00Z", {"about": "delay", "note": HOSTILE}),
        message("delivery.attempted", "SO-1", "2025-03-06T11:00:00Z", {"shipment_id": "<b>none</b>"}),
        message("order.placed", "SO-1", "2025-03-06T12:00:00Z", {"account_id": HOSTILE}),
    )

    for path in ("/orders/SO-1", "/orders/SO-1/steps?by=arrived", "/orders/SO-1/steps?step=3", f"/orders/{HOSTILE}"):
        html = sqlite_web.client.get(path).text
        assert "<script>alert" not in html
        assert "\u202e" not in html
        assert "<b>none" not in html
        assert 'onload="' not in html.replace("&#34;onload=&#34;", "")
    assert "\\u202e" in sqlite_web.client.get("/orders/SO-1").text


def test_an_unknown_order_is_not_found_and_the_nearest_are_named(web: Served) -> None:
    web.seed(placed("SO-10248", PLACED, PROMISE), placed("XX-1", PLACED, PROMISE))

    for wrong in ("SO-10249", "so-10248", "10248"):
        answer = web.client.get(f"/orders/{wrong}")
        assert answer.status_code == 404
        assert "/orders/SO-10248" in answer.text
        assert "/orders/XX-1" not in answer.text


def test_an_order_that_was_not_known_then_leads_to_today(sqlite_web: Served) -> None:
    seed(sqlite_web)

    answer = sqlite_web.client.get("/orders/SO-1?known_at=2024-01-01")

    assert answer.status_code == 404
    assert "It is known today" in answer.text


def test_ids_with_slashes_have_pages_and_steps_of_their_own(sqlite_web: Served) -> None:
    for order in ("A/7", "A/7/steps", "ü?#%"):
        sqlite_web.seed(placed(order, PLACED, PROMISE, id=f"O {order}"))

    page = sqlite_web.client.get("/orders/A%2F7%2Fsteps")
    steps = sqlite_web.client.get("/orders/A%2F7/steps")

    assert "<title>A/7/steps · Waybill</title>" in page.text
    assert "<title>Step 1 of A/7 · Waybill</title>" in steps.text
    assert "ü?#%" in sqlite_web.client.get("/orders/%C3%BC%3F%23%25").text


@pytest.mark.parametrize("path", ["/orders/A%2F7", "/orders/%C3%BC%3F%23%25"])
def test_the_clocks_of_a_page_lead_to_the_same_page(sqlite_web: Served, path: str) -> None:
    for order in ("A/7", "ü?#%"):
        sqlite_web.seed(placed(order, PLACED, PROMISE, id=f"O {order}"))

    page = sqlite_web.client.get(f"{path}?as_of=2025-03-04T09:00:00Z").text

    assert f'action="{path}"' in page
    assert page.count(f'href="{path}') >= 3
    assert page.count("/orders/A/7") == page.count("/orders/ü") == 0


def test_a_message_that_was_not_taken_stands_whole_on_the_page(sqlite_web: Served) -> None:
    seed(sqlite_web)
    sqlite_web.seed(confirmed("SO-1", "2025-03-07T09:00:00Z", shipment="S-unknown", id="C-9"))

    text = text_of(sqlite_web.client.get("/orders/SO-1").text)

    assert "1 message not taken" in text
    assert "S-unknown is not known yet" in text
    assert '"shipment_id":"S-unknown"' in text.replace(" ", "")


def test_the_stepper_shows_verdicts_before_and_after_and_finds_a_message(sqlite_web: Served) -> None:
    seed(sqlite_web)

    first = text_of(sqlite_web.client.get("/orders/SO-1/steps?by=arrived&step=1").text)
    third = text_of(sqlite_web.client.get("/orders/SO-1/steps?by=arrived&step=3").text)
    found = text_of(sqlite_web.client.get("/orders/SO-1/steps", params={"source": SOURCE, "id": "B-1"}).text)

    assert "1. Shipment dispatched" in first
    assert "held" in first
    assert "Verdicts of other messages that this changed" in third
    assert "in transit" in third
    assert "2. Shipment booked" in found


def test_wrong_steps_are_told_by_name(sqlite_web: Served) -> None:
    seed(sqlite_web)

    assert sqlite_web.client.get("/orders/SO-1/steps?step=two").status_code == 400
    assert sqlite_web.client.get("/orders/SO-1/steps?by=chance").status_code == 400
    assert sqlite_web.client.get("/orders/SO-1/steps?source=a&id=b").status_code == 404
    assert sqlite_web.client.get("/orders/SO-9/steps").status_code == 404


def test_the_rows_after_the_last_step_are_the_live_rows(web: Served) -> None:
    seed(web)
    wrong = delayed("SO-1", "2025-03-06T10:00:00Z", "2025-03-20T09:00:00Z") | {"id": "X-1"}
    web.seed(wrong, voided(wrong, "2025-03-06T11:00:00Z"))
    now = web.waybill.clock()
    asked = Asked(as_of=now)

    for by in Sequencing:
        steps = steps_of(web.waybill, "SO-1", by, asked)
        rows: dict[str, dict[object, dict[str, object]]] = {}
        for number in range(1, len(steps) + 1):
            for effect in steps.view_effects(number, "UTC", now):
                for change in effect.samples:
                    row = rows.setdefault(effect.view, {}).setdefault(change.key, {})
                    row.update({column.column: column.after for column in change.columns})
                    if change.kind == "gone":
                        del rows[effect.view][change.key]
        for name in ("overdue", "orders", "order-lines", "shipments", "follow-ups"):
            view = view_named(name)
            live = web.waybill.views.ask(view, asked).rows
            by_key = {tuple(row[key] for key in KEYS[view.relation]): {**row} for row in live}
            for row in by_key.values():
                row.pop("untaken_messages", None)
            assert rows.get(name, {}) == by_key
