"""given the facts of an order, then its story says in sentences how it stands, why, and what the customer knows."""

from datetime import datetime

from domain.fact import Fact
from domain.order.kind import ORDER
from domain.settling import settle
from infra.web.pages.order_story import Sentence, Story, story_of
from infra.web.pages.time_words import instant_in_words
from projections.order_details import order_details
from tests.unit.domain.facts import (
    attempted,
    booked,
    cancelled,
    customer_informed,
    delayed,
    delivered,
    dispatched,
    expedite_requested,
    oclock,
    placed,
    shipment_cancelled,
)


def story(*facts: Fact, at: float) -> Story:
    settling = settle(ORDER.decider, "SO-1", facts)
    return story_of(settling.moments[-1].summary, order_details(settling), settling.moments, oclock(at))


def said(sentences: list[Sentence] | object) -> str:
    assert isinstance(sentences, list)
    parts = [instant_in_words(p) if isinstance(p, datetime) else p for sentence in sentences for p in sentence]
    return "".join(parts)


def test_an_overdue_order_says_by_how_much_and_which_shipment_is_late_and_why() -> None:
    told = story(placed(8, promised_by=12), booked(9, estimate=11), dispatched(10), delayed(11, estimate=20), at=15)

    assert (told.tone, told.headline) == ("late", "Overdue by 3 h")
    assert "S-1 (DHL) left 2 Mar 2026 10:00 UTC; expected 2 Mar 2026 20:00 UTC, 8 h after the promise" in said(told.why)
    assert told.customer_waits
    assert "has not been told about the delay" in said(told.customer)


def test_a_customer_who_was_told_waits_for_nothing() -> None:
    told = story(placed(8, promised_by=12), customer_informed(13, "delay"), at=15)

    assert not told.customer_waits
    assert "The customer was told about the delay 2 Mar 2026 13:00 UTC" in said(told.customer)


def test_an_order_without_a_shipment_says_what_is_left_to_book() -> None:
    told = story(placed(8, promised_by=12), booked(9), shipment_cancelled(10), at=11)

    assert "No shipment is under way: 10 × LAMP-1 left to book." in said(told.why)
    assert "S-1 was cancelled 2 Mar 2026 10:00 UTC" in said(told.why)


def test_of_many_shipments_the_slowest_are_told_and_the_rest_counted() -> None:
    many = [booked(9 + n / 10, f"S-{n}", estimate=10 + n, lines={1: 1}) for n in range(6)]

    told = story(placed(8, promised_by=12), *many, at=9.9)

    assert [str(sentence[0])[:4] for sentence in told.why] == ["S-5 ", "S-4 ", "S-3 ", "3 mo", "Not "]


def test_what_is_still_owed_of_an_order_delivered_in_part_is_told() -> None:
    told = story(placed(8, {1: 10}), booked(9, lines={1: 4}), delivered(11), at=12)

    assert "Delivered in part; still owed: 6 × LAMP-1." in said(told.why)


def test_attempts_in_vain_are_told() -> None:
    told = story(placed(8, promised_by=20), booked(9, estimate=11), dispatched(10), attempted(11), attempted(12), at=13)

    assert (told.tone, told.headline) == ("risk", "Due in 7 h; its estimate has passed")
    assert "Delivery was attempted 2 times" in said(told.why)


def test_an_expected_lateness_is_told_before_the_promise_passes() -> None:
    told = story(placed(8, promised_by=20), booked(9, estimate=22), at=10)

    assert (told.tone, told.headline) == ("risk", "Due in 10 h, expected 2 h late")


def test_a_delivery_in_time_is_good_and_one_that_became_known_later_says_so() -> None:
    told = story(placed(8, promised_by=20), booked(9, estimate=11), delivered(11, recorded=19), at=30)

    assert (told.tone, told.headline) == ("done", "Delivered 9 h before its promise")
    assert "The last delivery became known 8 h later, 2 Mar 2026 19:00 UTC." in said(told.why)


def test_a_late_delivery_says_what_delayed_it() -> None:
    told = story(placed(8, promised_by=12), booked(9, estimate=11), delayed(10, estimate=14), delivered(14), at=30)

    assert (told.tone, told.headline) == ("late", "Delivered 2 h late")
    assert "S-1 was delayed 2 Mar 2026 10:00 UTC" in said(told.why)


def test_a_cancelled_order_and_an_undecided_request_are_told() -> None:
    assert story(placed(8), cancelled(9), at=10).headline == "Cancelled"
    assert "Expedite request undecided since 2 Mar 2026 09:00 UTC" in said(
        story(placed(8), expedite_requested(9), at=10).why
    )
