"""Who follows the store by position misses nothing, however writers linger, overlap and give up."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from threading import Event, Thread

from domain.account.events import CustomerContacted
from infra.app.container import Waybill
from infra.settings import Settings
from infra.store.engine import LOCKED
from infra.store.events.codec import encode_event
from tests.stores.conftest import StoreUrl

WRITERS, TRANSACTIONS = 6, 25
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


class GivenUpError(Exception):
    """A writer's transaction is rolled back."""


def write(waybill: Waybill, writer: int, written: list[str]) -> None:
    """Transactions of a few events each, some of them slow to commit, some rolled back after their insert."""
    draw = Random(writer)
    for number in range(TRANSACTIONS):
        streams = [f"account-{writer}-{number}-{event}" for event in range(draw.randrange(1, 4))]
        with suppress(GivenUpError), waybill.engine.execution_options(**{LOCKED: True}).begin() as connection:
            waybill.backend.lock(connection)
            waybill.backend.insert_events(
                connection, [(stream, 1, CustomerContacted.TOPIC, CONTACT) for stream in streams]
            )
            time.sleep(draw.choice((0, 0, 0.01)))
            if draw.random() < 0.3:
                raise GivenUpError
            written += streams


CONTACT = encode_event(
    CustomerContacted(
        recorded_at=NOW,
        occurred_at=NOW,
        source="crm",
        message_id="1",
        direction="inbound",
        about="order",
        rep_id="rep-7",
    )
)


def test_a_follower_sees_every_event_once_in_the_order_of_positions(new_store: StoreUrl) -> None:
    with Waybill(Settings(store=new_store())) as waybill:
        # given a follower that asks for what came after the last position that it saw
        seen: list[tuple[int, str]] = []
        done = Event()

        def follow() -> None:
            while True:
                ending = done.is_set()
                for positioned in waybill.history.after(seen[-1][0] if seen else 0, 7):
                    seen.append((positioned.position, positioned.event.originator_id))
                    ending = False
                if ending:
                    return

        follower = Thread(target=follow)
        follower.start()
        # when writers work at the same time, some slowly, some of them giving up
        written: list[str] = []
        writers = [Thread(target=write, args=(waybill, number, written)) for number in range(WRITERS)]
        for thread in writers:
            thread.start()
        for thread in writers:
            thread.join()
        done.set()
        follower.join()
        # then it saw all that was committed, each once
        assert sorted(stream for _, stream in seen) == sorted(written)
        # and in the order in which the store has it
        assert seen == [(p.position, p.event.originator_id) for p in waybill.history.after(0, 10_000)]
