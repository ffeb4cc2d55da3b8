"""given messages that were not taken, then overdue and at-risk orders count those about them: look before you call."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.queries.views import Asked
from infra.settings import Settings
from infra.store.register.tables import malformed_messages
from projections.views.catalogue import view_named
from tests.integration.messages import Document, booked, cancelled, confirmed, message, placed, registered, voided
from tests.stores.conftest import StoreUrl

MARCH = datetime(2025, 3, 1, tzinfo=UTC)
ORDER = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
HELD = confirmed("SO-1", "2025-03-09T12:00:00Z", "S-unknown", id="held")
REFUSED = placed("SO-1", "2025-03-08T12:00:00Z", "2025-03-10T16:00:00Z", id="refused", rep_id="rep-2")
MALFORMED = {**confirmed("SO-1", "2025-03-09T18:00:00Z", id="broken"), "data": {}}


def day(number: float) -> datetime:
    """The beginning of that day of March."""
    return MARCH + timedelta(days=number - 1)


class Desk:
    """A service with a clock of its own, and what its lists count."""

    def __init__(self, url: str):
        self.now = day(1)
        self.waybill = Waybill(Settings(store=url), lambda: self.now)

    def hears(self, at: float, *documents: Document | bytes) -> None:
        """These messages come in on that day of March."""
        self.now = day(at)
        lines = [said if isinstance(said, bytes) else json.dumps(said).encode() for said in documents]
        ingest = self.waybill.ingest()
        ingest.read(JsonLines.of_bytes(f"on day {at}", b"\n".join(lines)))
        ingest.wake()
        self.waybill.project()

    def counts(
        self, view: str = "overdue", as_of: float | None = None, known_at: float | None = None
    ) -> dict[str, int]:
        """How many messages that were not taken the view counts, by order."""
        asked = Asked(
            None if as_of is None else day(as_of),
            None if known_at is None else day(known_at),
        )
        rows = self.waybill.views.ask(view_named(view), asked).rows
        return {row["order_id"]: row["untaken_messages"] for row in rows}


@pytest.fixture
def desk(new_store: StoreUrl) -> Iterator[Desk]:
    """It heard of one order, which is promised by the 10th at 16:00, on the day that it was placed."""
    service = Desk(new_store())
    service.hears(3.5, ORDER)
    yield service
    service.waybill.close()


# -- which messages ------------------------------------------------------------------------------


def test_an_order_of_which_all_was_taken_counts_none(desk: Desk) -> None:
    desk.hears(12, booked("SO-1", "2025-03-04T09:00:00Z", "2025-03-09T12:00:00Z"))
    assert desk.counts() == desk.counts(known_at=12) == {"SO-1": 0}


@pytest.mark.parametrize("told", [HELD, REFUSED, MALFORMED], ids=["held", "refused", "malformed"])
def test_what_is_held_refused_or_malformed_is_counted(desk: Desk, told: Document) -> None:
    desk.hears(12, told)
    assert desk.counts() == desk.counts(as_of=12) == desk.counts(known_at=12) == {"SO-1": 1}


def test_all_of_them_are_counted_of_each_order_its_own(desk: Desk) -> None:
    other = placed("SO-2", "2025-03-03T09:00:00Z", "2025-03-10T15:00:00Z")
    held_too = confirmed("SO-2", "2025-03-09T12:00:00Z", "S-unknown")
    desk.hears(12, HELD, REFUSED, MALFORMED, other, held_too)
    assert desk.counts() == desk.counts(as_of=12) == desk.counts(known_at=12) == {"SO-2": 1, "SO-1": 3}


def test_what_is_taken_after_all_or_is_a_duplicate_is_not_counted(desk: Desk) -> None:
    desk.hears(12, HELD, ORDER, {**ORDER, "id": "again"})
    assert desk.counts() == {"SO-1": 1}
    desk.hears(13, booked("SO-1", "2025-03-04T09:00:00Z", "2025-03-09T12:00:00Z", "S-unknown", lines=[half()]))
    assert desk.counts() == desk.counts(known_at=13) == {"SO-1": 0}


def half() -> Document:
    return {"line": 1, "quantity": "0.5"}


@pytest.mark.parametrize("wrong", [HELD, REFUSED], ids=["held", "refused"])
def test_a_voided_message_is_not_counted(desk: Desk, wrong: Document) -> None:
    desk.hears(12, wrong)
    desk.hears(13, voided(wrong, "2025-03-13T00:00:00Z"))
    assert desk.counts() == desk.counts(known_at=13) == {"SO-1": 0}


def test_a_void_that_waits_for_its_message_is_counted(desk: Desk) -> None:
    desk.hears(12, voided(REFUSED, "2025-03-09T00:00:00Z"))
    assert desk.counts() == desk.counts(as_of=12) == desk.counts(known_at=12) == {"SO-1": 1}


def test_a_message_held_longer_than_the_limit_is_counted_still(desk: Desk) -> None:
    desk.hears(12, HELD)
    desk.now = day(20)
    assert desk.counts() == {"SO-1": 1}


# -- malformed ones ------------------------------------------------------------------------------


def test_a_malformed_message_is_about_the_order_that_it_claims(desk: Desk) -> None:
    elsewhere = {**MALFORMED, "subject": "SO-9"}
    nobody_knows = {name: value for name, value in MALFORMED.items() if name != "subject"}
    of_a_rep = {**registered("SO-1", "2025-03-09T18:00:00Z", "Ann"), "data": {}}
    without_type = {name: value for name, value in MALFORMED.items() if name != "type"}
    desk.hears(12, elsewhere, nobody_knows, of_a_rep, b"neither JSON nor anything", {**without_type, "id": "another"})
    assert desk.counts() == desk.counts(known_at=12) == {"SO-1": 1}


def test_the_same_malformed_bytes_again_are_counted_once(desk: Desk) -> None:
    desk.hears(12, MALFORMED, MALFORMED)
    desk.hears(13, MALFORMED)
    assert desk.counts() == desk.counts(known_at=13) == {"SO-1": 1}


def test_a_discarded_malformed_message_is_counted_until_then(desk: Desk) -> None:
    desk.hears(12, MALFORMED)
    with desk.waybill.engine.begin() as connection:
        connection.execute(update(malformed_messages).values(discarded_at=day(13)))
    desk.now = day(14)
    assert desk.counts() == desk.counts(known_at=13) == {"SO-1": 0}
    assert desk.counts(known_at=12.5) == {"SO-1": 1}


def test_a_malformed_message_that_came_again_in_order_is_superseded(desk: Desk) -> None:
    desk.hears(12, MALFORMED)
    mended = message("customer.informed", "SO-1", "2025-03-09T18:00:00Z", {"about": "delay"}, id="broken")
    desk.hears(13, mended)
    assert desk.counts() == desk.counts(known_at=13) == {"SO-1": 0}
    assert desk.counts(known_at=12.5) == {"SO-1": 1}
    # and not any more once that one turns out wrong
    desk.hears(14, voided(mended, "2025-03-14T00:00:00Z"))
    assert desk.counts() == desk.counts(known_at=14) == {"SO-1": 1}


def test_a_malformed_message_that_came_again_and_was_not_taken_is_not_superseded(desk: Desk) -> None:
    desk.hears(12, MALFORMED)
    desk.hears(13, {**HELD, "id": "broken"})
    assert desk.counts() == desk.counts(known_at=13) == {"SO-1": 2}


# -- as of T -------------------------------------------------------------------------------------


def test_a_well_formed_message_is_counted_from_its_own_time_however_late_it_came(desk: Desk) -> None:
    late = confirmed("SO-1", "2025-03-12T12:00:00Z", "S-unknown")
    desk.hears(20, late)
    assert desk.counts(as_of=12.49) == desk.counts(as_of=12.49, known_at=20) == {"SO-1": 0}
    assert desk.counts(as_of=12.5) == desk.counts(as_of=12.5, known_at=20) == {"SO-1": 1}


def test_a_malformed_message_is_counted_from_when_it_was_recorded(desk: Desk) -> None:
    desk.hears(12, MALFORMED)
    desk.now = day(14)
    assert desk.counts(as_of=11.99) == desk.counts(as_of=11.99, known_at=14) == {"SO-1": 0}
    assert desk.counts(as_of=12) == desk.counts(as_of=12, known_at=14) == {"SO-1": 1}


def test_the_verdict_that_counts_is_todays_and_not_that_of_the_asked_day(desk: Desk) -> None:
    """What was held on the 12th and taken on the 20th is nothing to look at any more."""
    desk.hears(12, HELD)
    desk.hears(20, booked("SO-1", "2025-03-18T09:00:00Z", "2025-03-19T12:00:00Z", "S-unknown"))
    assert desk.counts(as_of=17) == desk.counts(as_of=17, known_at=20) == {"SO-1": 0}
    assert desk.counts(as_of=17, known_at=19) == {"SO-1": 1}


# -- as known at K -------------------------------------------------------------------------------


def test_with_known_at_the_verdict_is_the_one_that_a_message_had_then(desk: Desk) -> None:
    desk.hears(12, REFUSED, HELD, MALFORMED)
    desk.hears(14, voided(REFUSED, "2025-03-13T00:00:00Z"))
    desk.hears(16, voided(HELD, "2025-03-15T00:00:00Z"))
    known = {at: desk.counts(as_of=12, known_at=at) for at in (11, 12, 14, 16)}
    assert known == {11: {"SO-1": 0}, 12: {"SO-1": 3}, 14: {"SO-1": 2}, 16: {"SO-1": 1}}
    assert desk.counts(as_of=12) == {"SO-1": 1}


def test_a_message_that_became_refused_later_was_taken_until_then(desk: Desk) -> None:
    booking = booked("SO-1", "2025-03-05T09:00:00Z", "2025-03-09T12:00:00Z")
    desk.hears(12, booking)
    desk.hears(14, {**booked("SO-1", "2025-03-04T09:00:00Z", "2025-03-09T12:00:00Z", "S0")})
    assert desk.counts(known_at=13) == {"SO-1": 0}
    assert desk.counts(known_at=14) == desk.counts() == {"SO-1": 1}


def test_a_void_that_waited_then_and_was_taken_later_is_counted_as_known_then(desk: Desk) -> None:
    desk.hears(12, voided(REFUSED, "2025-03-09T00:00:00Z"))
    desk.hears(14, REFUSED)
    assert desk.counts(known_at=13) == {"SO-1": 1}
    assert desk.counts(known_at=14) == desk.counts() == {"SO-1": 0}


def test_a_void_that_waits_and_was_voided_later_is_counted_as_known_before(desk: Desk) -> None:
    waits = voided(REFUSED, "2025-03-09T00:00:00Z")
    desk.hears(12, waits)
    desk.hears(14, voided(waits, "2025-03-13T00:00:00Z"))
    assert desk.counts(known_at=13) == {"SO-1": 1}
    assert desk.counts(known_at=14) == desk.counts() == {"SO-1": 0}
    for known_at, untaken in ((day(13), 1), (None, 0)):
        told = desk.waybill.orders.order("SO-1", desk.now, known_at=known_at)
        assert told is not None
        assert len(told.untaken) == untaken


def test_what_the_clock_holds_is_counted_for_an_instant_from_its_time_on(desk: Desk) -> None:
    ahead = confirmed("SO-1", "2025-03-15T00:00:00Z", "S-unknown")
    desk.hears(12, ahead)
    assert desk.counts() == desk.counts(as_of=14.9) == desk.counts(as_of=14.9, known_at=12) == {"SO-1": 0}
    assert desk.counts(as_of=15) == desk.counts(as_of=15, known_at=12) == {"SO-1": 1}


# -- at risk -------------------------------------------------------------------------------------


def test_an_order_at_risk_counts_its_own_too(desk: Desk) -> None:
    desk.hears(10, HELD, REFUSED, MALFORMED)
    assert desk.counts("at-risk") == desk.counts("at-risk", known_at=10) == {"SO-1": 3}
    assert desk.counts("at-risk", as_of=9.7, known_at=10) == desk.counts("at-risk", as_of=9.7) == {"SO-1": 2}
    desk.hears(10.1, voided(REFUSED, "2025-03-10T00:00:00Z"), cancelled("SO-2", "2025-03-10T00:00:00Z"))
    assert desk.counts("at-risk") == desk.counts("at-risk", known_at=10.1) == {"SO-1": 2}
