"""given a key that a reactor cannot react to, then the others are reacted to, and it can be tried again."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from threading import Event
from typing import Any

import pytest

from consumers.reactors.parcels import PARCELS
from consumers.reactors.reactor import Reaction
from domain.fact import Fact
from infra.app.container import Waybill
from infra.app.parked import parked_keys, retry_parked
from infra.app.status import read_status
from infra.app.verify import verify_store
from infra.runtime.reactions import Reactions
from infra.store.reactions.reading import ReactionReading
from infra.store.reactions.transaction import StoredReactions
from infra.store.retries import RetryPolicy
from projections.failures import FailurePolicy
from tests.integration.command import encoded
from tests.integration.messages import booked, message, placed
from tests.stores.conftest import StoreUrl
from tests.stores.histories import in_small_batches, take_in

NUMBERS = [f"1Z-{number}" for number in range(4)]
ORDERS = [f"SO-{number}" for number in range(len(NUMBERS))]
POISON = ORDERS[1]


def order(number: int) -> list[bytes]:
    return [
        encoded(placed(f"SO-{number}", "2026-03-02T09:00:00Z", "2026-03-06T12:00:00Z")),
        encoded(
            booked(f"SO-{number}", "2026-03-02T10:00:00Z", "2026-03-05T12:00:00Z", tracking_number=NUMBERS[number])
        ),
    ]


def scan(number: str, time: str, said: str = "delivered") -> bytes:
    return encoded(message(f"parcel.{said}", number, time, {}, source="/northline"))


class Failing:
    """The reactor that tells orders of their parcels, with a bug in some of the orders."""

    def __init__(self, *orders: str):
        self.orders = orders

    def __getattr__(self, name: str) -> Any:
        return getattr(PARCELS, name)

    def react(
        self,
        key: str,
        facts: Sequence[Fact],
        referred: Mapping[str, Sequence[Fact]],
        now: datetime,
        stated: Mapping[str, datetime | None],
    ) -> Reaction:
        if key in self.orders:
            raise ValueError("no such carrier")
        return PARCELS.react(key, facts, referred, now, stated)


class Service:
    """Reactors with a bug; their pauses between retries pass at once."""

    def __init__(self, waybill: Waybill, *orders: str, most_parked: int = 100):
        self.waybill = waybill
        self.reactor = Failing(*orders)
        self.seconds = 0.0
        self.work = Reactions(
            [self.reactor],
            waybill.engine,
            ReactionReading(waybill.backend),
            StoredReactions(waybill.backend),
            waybill.clock,
            100,
            RetryPolicy(0),
            policy=FailurePolicy(most_parked=most_parked, monotonic=lambda: self.seconds),
        )

    def run(self) -> None:
        self.work.begin()
        while True:
            while self.work.step():
                pass
            due = self.work.seconds_to_retry()
            if due is None:
                return
            self.seconds += due


@pytest.fixture
def waybill(new_store: StoreUrl) -> Iterator[Waybill]:
    with Waybill(replace_batches(in_small_batches(new_store()))) as waybill:
        take_in(waybill, [line for number in range(len(NUMBERS)) for line in order(number)])
        take_in(waybill, [scan(number, "2026-03-04T15:00:00Z") for number in NUMBERS], "scans")
        yield waybill


def replace_batches(settings: Any) -> Any:
    return settings.model_copy(update={"batch_events": 100})


def told(waybill: Waybill) -> set[str]:
    """The orders that were told of their parcel's delivery."""
    return {
        stream.removeprefix("order-SO-")
        for stream, facts in waybill.history.streams()
        if any(fact.source == PARCELS.source for fact in facts)
    }


def test_one_key_that_fails_is_parked_and_all_others_are_reacted_to(waybill: Waybill) -> None:
    Service(waybill, POISON).run()

    assert told(waybill) == {"0", "2", "3"}
    (parked,) = parked_keys(waybill)
    assert (parked.name, parked.key) == ("reactor.parcels", POISON)
    assert parked.reason.endswith(f"parcels cannot react to {POISON}: ValueError: no such carrier")
    assert [one.lag for one in read_status(waybill).reactors if one.name == "reactor.parcels"] == [0]
    waybill.project()
    (finding,) = verify_store(waybill).findings
    assert (finding.check, finding.subject) == ("derived", f"{POISON} of reactor.parcels")
    assert "parked since" in finding.found


def test_a_failure_that_passes_parks_nothing(waybill: Waybill) -> None:
    service = Service(waybill, POISON)
    service.work.begin()
    assert not service.work.step() and service.work.seconds_to_retry()
    service.reactor.orders = ()
    service.run()

    assert told(waybill) == {"0", "1", "2", "3"} and parked_keys(waybill) == []


def test_a_parked_key_is_tried_again_by_an_operator_beside_the_leader(waybill: Waybill) -> None:
    Service(waybill, POISON).run()
    since = parked_keys(waybill)[0].since
    # while it still fails, it stays parked since it failed first
    assert Service(waybill, POISON).work.retry_parked(Failing(POISON), [POISON]) == [POISON]
    assert parked_keys(waybill)[0].since == since

    (retried,) = retry_parked(waybill, "ann", "fixed", "parcels")

    assert (retried.key, retried.resumed) == (POISON, True)
    assert told(waybill) == {"0", "1", "2", "3"} and parked_keys(waybill) == []
    waybill.project()
    waybill.react(Event(), once=True)
    assert verify_store(waybill).findings == []
    (act,) = [positioned.event for positioned in waybill.history.stream("operator-ann")]
    assert getattr(act, "keys", None) == (POISON,)


def test_a_parked_key_is_tried_again_with_its_next_event_and_by_each_new_leader(waybill: Waybill) -> None:
    service = Service(waybill, POISON)
    service.run()
    take_in(waybill, [scan(NUMBERS[1], "2026-03-04T12:00:00Z", "attempted")], "another scan")
    service.run()
    assert [one.key for one in parked_keys(waybill)] == [POISON]

    service.reactor.orders = ()
    take_in(waybill, [scan(NUMBERS[1], "2026-03-04T13:00:00Z", "attempted")], "one more scan")
    while service.work.step():
        pass
    assert told(waybill) == {"0", "1", "2", "3"} and parked_keys(waybill) == []


def test_a_reactor_for_which_too_many_keys_fail_stops_and_loses_nothing(waybill: Waybill) -> None:
    Service(waybill, *ORDERS, most_parked=1).run()

    stopped = next(one for one in parked_keys(waybill) if one.key is None)
    assert stopped.name == "reactor.parcels" and "more than 1 keys fail" in stopped.reason
    assert told(waybill) == set()

    # when it is fixed, the next process reacts to everything
    Service(waybill).run()
    assert told(waybill) == {"0", "1", "2", "3"} and parked_keys(waybill) == []
