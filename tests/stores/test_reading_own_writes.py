"""Who stored a message can wait until the views reflect it, while another process projects."""

from datetime import timedelta
from threading import Event, Thread

import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.status import begun_partitions, partition_statuses
from infra.queries.views import Asked, NotYetReflectedError
from infra.settings import Settings
from projections.views.catalogue import VIEWS
from tests.stores.conftest import StoreUrl

WORKLOAD = next(view for view in VIEWS if view.command == "workload")
REGISTERED = (
    b'{"specversion":"1.0","id":"%d","source":"hr","type":"rep.registered.v1","time":"2026-03-02T14:30:00Z",'
    b'"subject":"rep-%d","data":{"name":"Ann","level":"senior"}}'
)


@pytest.fixture
def settings(new_store: StoreUrl) -> Settings:
    return Settings(store=new_store())


def register(waybill: Waybill, number: int) -> int:
    pipeline = waybill.ingest()
    ingested = pipeline.read(JsonLines.of_bytes(f"feed-{number}", REGISTERED % (number, number)))
    pipeline.finish(ingested.feed_id)
    return ingested.position


def test_a_position_that_nobody_projects_is_not_waited_for_for_ever(settings: Settings) -> None:
    with Waybill(settings) as waybill:
        position = register(waybill, 1)
        with pytest.raises(NotYetReflectedError, match=f"reflects position 0, not yet {position}"):
            waybill.views.wait_for(WORKLOAD, position, timedelta(0))


def test_the_answer_after_waiting_has_what_was_written(settings: Settings) -> None:
    stop = Event()
    with Waybill(settings) as waybill, Waybill(settings) as another:
        # given a projector at work
        projector = Thread(target=lambda: another.projector(stop).run(once=False))
        projector.start()
        try:
            for number in range(1, 6):
                # when a message was stored, and its position is waited for
                position = register(waybill, number)
                waybill.views.wait_for(WORKLOAD, position, timedelta(seconds=60))
                # then the answer has it, and says a position no smaller
                answer = waybill.views.ask(WORKLOAD, Asked())
                assert answer.position >= position
                assert [row["rep_id"] for row in answer.rows] == [f"rep-{n}" for n in range(1, number + 1)]
        finally:
            stop.set()
            projector.join()


def test_of_two_projectors_one_is_active_and_the_other_takes_over(settings: Settings) -> None:
    first, second = Event(), Event()
    with Waybill(settings) as waybill, Waybill(settings) as one, Waybill(settings) as other:
        claim, standby = one.backend.leadership("projector"), other.backend.leadership("projector")
        assert claim.claim()
        assert not standby.claim()
        assert claim.claim()
        claim.close()
        assert standby.claim()
        standby.close()
        # and so do projectors: with one that ends, another goes on
        threads = [
            Thread(target=lambda: one.projector(first).run(once=False)),
            Thread(target=lambda: other.projector(second).run(once=False)),
        ]
        for thread in threads:
            thread.start()
        try:
            waybill.views.wait_for(WORKLOAD, register(waybill, 1), timedelta(seconds=60))
            first.set()
            threads[0].join()
            waybill.views.wait_for(WORKLOAD, register(waybill, 2), timedelta(seconds=60))
        finally:
            first.set()
            second.set()
            for thread in threads:
                thread.join()


def test_a_partition_that_nobody_has_begun_to_read_is_told_of_with_all_its_lag(settings: Settings) -> None:
    with Waybill(settings) as waybill:
        waybill.register.partition_feed("orders", 0, None, waybill.clock())
        told = partition_statuses(begun_partitions(waybill), {("orders", 0): (5, 5), ("orders", 1): (7, 7)})
    assert told == [("orders", 0, 0, 5, 5, 5, None), ("orders", 1, 0, 7, 7, 7, None)]
