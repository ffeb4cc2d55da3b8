"""The clock has no say in what messages mean: it may jump while they come, and once it is past all it made no odds."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.app.container import Waybill
from infra.queries.books import kept, recounted
from tests.property.histories import HOURS
from tests.property.messages import (
    Message,
    as_it_happened,
    by_stream,
    deliveries_of,
    messages_of_every_sort,
    outcomes_of,
)
from tests.property.stores import (
    LONG_AFTER,
    a_store,
    answers_of,
    deliver,
    findings_in,
    on_each_database,
    outcomes_in,
    project,
    read_file,
    rows_in,
    rows_of,
    small_and_quiet,
    tried,
)
from tests.stores.conftest import postgres_server
from tests.unit.domain.facts import oclock

__all__ = ["on_each_database", "postgres_server", "small_and_quiet"]
pytestmark = pytest.mark.usefixtures("small_and_quiet", "on_each_database")

# From before all that is told, so that nearly everything is ahead of the clock, to after it.
instants = st.sampled_from([oclock(hour) for hour in (-48, -2, *HOURS, 500)])


@tried(0.3)
@given(messages_of_every_sort(), st.data())
def test_once_the_clock_is_past_all_times_nothing_tells_what_it_said_on_receipt(
    sent: list[Message], data: st.DataObject
) -> None:
    deliveries = data.draw(deliveries_of(sent), label="deliveries")

    def jump(waybill: Waybill) -> None:
        assert kept(waybill.engine) == recounted(waybill.engine)
        if data.draw(st.integers(0, 4), label="woken") == 0:
            waybill.ingest().wake()
        jumping.clock.now = data.draw(instants, label="clock")

    with a_store() as steady, a_store() as jumping:
        # given a store whose clock was past all times, and one whose clock jumps while the same messages come
        told_late = steady.process()
        read_file(told_late, "all.jsonl", as_it_happened(sent))
        project(told_late)
        jumping.clock.now = data.draw(instants, label="first clock")
        deliver(jumping, deliveries, after_each=jump)
        # when its clock is past all times
        jumping.clock.now = steady.clock.now = LONG_AFTER
        told_anyhow = jumping.process()
        told_anyhow.ingest().wake()
        project(told_anyhow, data.draw(st.sampled_from((2, 10, 1_000)), label="events"))
        # then
        assert outcomes_in(told_anyhow) == outcomes_in(told_late) == outcomes_of(sent)
        assert rows_in(told_anyhow) == rows_in(told_late) == rows_of(by_stream(sent))
        assert kept(told_anyhow.engine) == recounted(told_anyhow.engine) == kept(told_late.engine)
        assert findings_in(told_anyhow) == []
        steady.clock.now = jumping.clock.now = data.draw(instants, label="asked at") + timedelta(days=600)
        assert answers_of(told_anyhow) == answers_of(told_late)


@tried(0.2)
@given(messages_of_every_sort(), st.data())
def test_while_the_clock_jumps_everything_verifies_after_each_batch(sent: list[Message], data: st.DataObject) -> None:
    def check_and_jump(waybill: Waybill) -> None:
        project(waybill)
        assert findings_in(waybill) == []
        jumping.clock.now = data.draw(instants, label="clock")

    with a_store() as jumping:
        jumping.clock.now = data.draw(instants, label="first clock")
        deliver(
            jumping, data.draw(deliveries_of(sent, projecting=False), label="deliveries"), after_each=check_and_jump
        )
