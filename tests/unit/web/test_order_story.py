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
    rescheduled,
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


def test_an_earlier_shipment_that_was_lost_is_told_though_another_is_under_way() -> None:
    lost = [booked(9, "S-1", estimate=11), dispatched(9.5, "S-1"), shipment_cancelled(10, "S-1")]

    told = story(placed(8, promised_by=12), *lost, booked(10.5, "S-2", estimate=16), at=11)

    assert "S-1 was cancelled on its way 2 Mar 2026 10:00 UTC: recalled." in said(told.why)


def test_a_shipment_that_left_after_the_promise_or_after_its_own_estimate_says_so() -> None:
    after_promise = story(placed(8, promised_by=12), booked(9, estimate=11), dispatched(13), at=14)
    after_estimate = story(placed(8, promised_by=20), booked(9, estimate=11), dispatched(13), at=14)

    assert "left 2 Mar 2026 13:00 UTC, 1 h after the promise; expected" in said(after_promise.why)
    assert "2 h after its own estimate of 2 Mar 2026 11:00 UTC" in said(after_estimate.why)


def test_a_late_delivery_that_left_after_the_promise_says_so() -> None:
    told = story(placed(8, promised_by=12), booked(9, estimate=11), dispatched(13), delivered(14), at=30)

    assert "S-1 (DHL) left 2 Mar 2026 13:00 UTC, 1 h after the promise." in said(told.why)


def test_what_the_customer_was_told_names_the_request() -> None:
    asked = [placed(8, promised_by=20), expedite_requested(9, "R-1"), expedite_requested(9.5, "R-2")]

    of_one = story(*asked, customer_informed(10, "expedite", request="R-2"), at=11)
    of_all = story(*asked, customer_informed(10, "expedite"), at=11)

    assert "The customer was told about expedite request R-2 2 Mar 2026 10:00 UTC" in said(of_one.customer)
    assert "about the expedite (of 2 requests, no one named)" in said(of_all.customer)


def test_an_order_that_was_late_when_it_was_rescheduled_keeps_saying_so() -> None:
    told = story(placed(8, promised_by=12), rescheduled(15, 40), at=16)

    assert told.headline == "Due in 1 d, not booked yet (was 3 h late to its promise before)"
    assert "Was 3 h late to its promise of 2 Mar 2026 12:00 UTC when it was rescheduled 2 Mar" in said(told.why)
    assert "was" not in story(placed(8, promised_by=12), rescheduled(11, 40), at=16).headline


def test_the_headline_is_at_risk_for_the_reasons_of_the_at_risk_view() -> None:
    no_estimate = story(placed(8, promised_by=100), booked(9, estimate=None), at=10)
    partly_booked = story(placed(8, {1: 2}, promised_by=20), booked(9, estimate=12, lines={1: 1}), at=10)

    assert (no_estimate.tone, no_estimate.headline) == ("risk", "Due in 3 d 18 h; nobody knows when it arrives")
    assert (partly_booked.tone, partly_booked.headline) == ("risk", "Due in 10 h, not all of it booked yet")
