"""given a store that others write to, then `verify` compares everything at one position, on both stores."""

from collections.abc import Iterator
from threading import Event, Thread

import pytest
from sqlalchemy import text

from infra.app.container import Waybill
from infra.app.pause import pause
from infra.app.selected_streams import Selection, sampled
from infra.app.verify import verify_store
from infra.store.opening import Access
from projections.views.tables import follow_up_periods
from tests.stores.conftest import StoreUrl
from tests.stores.histories import floor, in_small_batches, take_in

LINES = floor(60)
HALF = len(LINES) // 2
PART = 40


@pytest.fixture
def waybill(new_store: StoreUrl) -> Iterator[Waybill]:
    with Waybill(in_small_batches(new_store())) as waybill:
        take_in(waybill, LINES[:HALF], "first half")
        waybill.project()
        yield waybill


def test_beside_a_live_ingest_nothing_differs_and_each_check_is_at_one_position(waybill: Waybill) -> None:
    done = Event()

    def ingest() -> None:
        with Waybill(waybill.settings) as writer:
            for number, start in enumerate(range(HALF, len(LINES), PART)):
                take_in(writer, LINES[start : start + PART], f"part {number}")
                if number % 3:  # so that the views lag now and then
                    writer.project()
        done.set()

    writing = Thread(target=ingest)
    writing.start()
    positions: list[int] = []
    try:
        while not done.is_set() or not positions:
            with Waybill(waybill.settings, access=Access.READING) as reader:
                verified = verify_store(reader)
            assert verified.findings == []
            positions.append(verified.position)
    finally:
        writing.join()
    assert positions == sorted(positions)
    # and after the last batch too
    assert verify_store(waybill).findings == []
    assert verify_store(waybill).position == waybill.history.head() >= positions[0]


def test_a_writer_that_begins_during_a_check_does_not_spoil_it(waybill: Waybill) -> None:
    settings = waybill.settings
    waybill.close()
    streams = 0

    def begin_to_write() -> None:
        nonlocal streams
        streams += 1
        if streams == 1:
            # given a file that was read without locks, because no process wrote to it
            with Waybill(settings) as writer:
                take_in(writer, LINES[HALF:], "second half")

    with Waybill(settings, access=Access.READING) as reader:
        verified = verify_store(reader, begin_to_write)
    assert verified.findings == []


def test_projections_at_different_positions_are_each_compared_at_their_own(waybill: Waybill) -> None:
    pause(waybill, "follow_ups", "ann", "a test")
    take_in(waybill, LINES[HALF : HALF + PART], "some more")
    waybill.project()
    pause(waybill, "contacts", "ann", "a test")
    take_in(waybill, LINES[HALF + PART :], "the rest")
    waybill.project()

    verified = verify_store(waybill)

    assert verified.findings == []
    assert set(verified.behind) == {"follow_ups", "contacts"}
    assert verified.behind["follow_ups"] > verified.behind["contacts"]
    # and what is deleted there is missed
    with waybill.engine.begin() as connection:
        deleted = connection.execute(text(f"DELETE FROM {follow_up_periods.name}")).rowcount
    assert [finding.check for finding in verify_store(waybill).findings] == ["row"] * deleted


def test_a_message_without_its_stream_is_found(waybill: Waybill) -> None:
    with waybill.engine.begin() as connection:
        events = waybill.backend.events_table
        stream = connection.execute(text(f"SELECT min(originator_id) FROM {events}")).scalar_one()
        connection.execute(text(f"DELETE FROM {events} WHERE originator_id = :stream"), {"stream": stream})

    found = [finding for finding in verify_store(waybill).findings if finding.check == "verdict"]

    assert [finding.subject for finding in found] == [f"messages in {stream}"]


def test_a_sample_depends_on_names_and_seed_alone() -> None:
    names = [f"order-SO-{number}" for number in range(1_000)]

    share = list(sampled(names, Selection(share=0.1)))
    assert 60 < len(share) < 140
    assert sorted(sampled(reversed(names), Selection(share=0.1))) == sorted(share)
    assert set(sampled(names[:500], Selection(share=0.1))) == set(share) & set(names[:500])
    assert list(sampled(names, Selection(share=0.1, seed=1))) != share
    assert len(list(sampled(names, Selection(count=7)))) == 7
    assert list(sampled(reversed(names), Selection(count=7))) == list(sampled(names, Selection(count=7)))
