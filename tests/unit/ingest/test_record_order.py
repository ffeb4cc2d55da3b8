"""Records of several partitions are taken in the order in which they happened, in bounded memory."""

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from consumers.sources.record_order import BATCHES_PASSED_OVER, RecordOrder, Timed

ORDERS, SHIPMENTS, PEOPLE = "orders", "shipments", "people"
LATER = 60.0
SIZE = 10


def order_of(*partitions: str, batch_messages: int = 100, batch_bytes: int = 100 * SIZE) -> RecordOrder[str, str]:
    order = RecordOrder[str, str](batch_messages, batch_bytes, patience_seconds=1.0)
    for partition in partitions:
        order.open(partition)
    return order


def add(order: RecordOrder[str, str], partition: str, *timestamps: int, more: bool = True, size: int = SIZE) -> None:
    """Records with these timestamps, named by them; `more` says whether the partition has more to give."""
    order.add(partition, [Timed(timestamp, size, f"{partition} {timestamp}") for timestamp in timestamps])
    order.expect(partition, more)


def taken(order: RecordOrder[str, str], now: float = 0.0) -> Mapping[str, Sequence[int]]:
    return {p: [int(message.split()[1]) for message in messages] for p, messages in order.take(now).items()}


def test_without_a_backlog_everything_is_taken_at_once() -> None:
    order = order_of(ORDERS, SHIPMENTS)
    add(order, ORDERS, 10, 20, more=False)
    add(order, SHIPMENTS, 15, more=False)

    assert taken(order) == {ORDERS: [10, 20], SHIPMENTS: [15]}
    assert taken(order) == {}


def test_in_a_backlog_nothing_later_is_taken_than_the_slowest_partition_has_reached() -> None:
    order = order_of(ORDERS, SHIPMENTS)
    add(order, ORDERS, 10, 20)
    add(order, SHIPMENTS, 5, 15, 30, 40)

    assert taken(order) == {}, "a larger batch may still come"
    assert taken(order, LATER) == {ORDERS: [10, 20], SHIPMENTS: [5, 15]}


def test_a_whole_batch_is_taken_at_once_and_its_records_are_the_earliest() -> None:
    order = order_of(ORDERS, SHIPMENTS, batch_messages=4, batch_bytes=4 * SIZE)
    add(order, ORDERS, 1, 4, 5, 8, 9)
    add(order, SHIPMENTS, 2, 3, 6, 7, 9)

    assert order.has_batch()
    assert taken(order) == {ORDERS: [1, 4], SHIPMENTS: [2, 3]}
    assert taken(order) == {ORDERS: [5, 8], SHIPMENTS: [6, 7]}
    assert not order.has_batch()


def test_a_batch_is_bounded_in_bytes_too_but_has_at_least_one_message() -> None:
    order = order_of(ORDERS)
    add(order, ORDERS, 1, 2, 3, size=400, more=False)
    add(order, ORDERS, 4, size=5_000, more=False)

    assert [taken(order)[ORDERS] for _ in range(3)] == [[1, 2], [3], [4]]


def test_a_partition_that_is_level_does_not_hold_back_the_others() -> None:
    order = order_of(ORDERS, SHIPMENTS, PEOPLE, batch_messages=2, batch_bytes=2 * SIZE)
    add(order, PEOPLE, 1, more=False)
    add(order, ORDERS, 10, 20)
    add(order, SHIPMENTS, 15, 30)

    assert taken(order) == {PEOPLE: [1], ORDERS: [10]}


def test_a_partition_that_should_have_more_but_is_silent_is_waited_for_once() -> None:
    order = order_of(ORDERS, SHIPMENTS)
    add(order, ORDERS, 10)

    assert taken(order, 0.0) == {}
    assert taken(order, 0.9) == {}
    assert taken(order, 1.0) == {ORDERS: [10]}
    # then it is not waited for again
    order.expect(ORDERS, more=False)
    add(order, ORDERS, 20, more=False)
    assert taken(order, 1.0) == {ORDERS: [20]}
    # until it gives something
    add(order, SHIPMENTS, 15)
    add(order, ORDERS, 30, more=False)
    assert taken(order, 1.0) == {}
    assert taken(order, 2.0) == {SHIPMENTS: [15]}
    assert taken(order, 2.0) == {}


def test_the_time_that_a_batch_takes_to_store_is_no_silence() -> None:
    order = order_of(ORDERS, SHIPMENTS)
    add(order, ORDERS, 10, 20)
    add(order, SHIPMENTS, 10)
    assert taken(order, 0.0) == {}
    assert taken(order, 1.0) == {ORDERS: [10], SHIPMENTS: [10]}

    assert taken(order, LATER) == {}, "shipments were not asked since"


def test_timestamps_that_go_back_within_a_partition_keep_the_order_of_offsets() -> None:
    order = order_of(ORDERS, SHIPMENTS)
    add(order, ORDERS, 50, 0, -1, 60)
    add(order, SHIPMENTS, 40, 55)

    assert taken(order, 0.0) == {}
    assert taken(order, LATER) == {ORDERS: [50, 0, -1], SHIPMENTS: [40, 55]}


def test_a_partition_of_the_far_future_is_taken_after_some_batches() -> None:
    order = order_of(ORDERS, PEOPLE, batch_messages=2, batch_bytes=2 * SIZE)
    add(order, PEOPLE, 10**15, 10**15 + 1)
    for number in range(BATCHES_PASSED_OVER):
        add(order, ORDERS, 2 * number, 2 * number + 1)
        assert taken(order).keys() == {ORDERS}

    add(order, ORDERS, 100, 101)
    assert taken(order) == {PEOPLE: [10**15, 10**15 + 1]}


def test_partitions_without_a_clock_do_not_keep_the_others_waiting_for_ever() -> None:
    order = order_of(ORDERS, PEOPLE, batch_messages=2, batch_bytes=2 * SIZE)
    add(order, ORDERS, 1_000, 2_000)
    batches = 0
    while True:
        add(order, PEOPLE, 0, 0)
        batch = taken(order)
        if batch.keys() == {ORDERS}:
            break
        batches += 1
        assert batches <= BATCHES_PASSED_OVER


def test_a_dropped_partition_gives_nothing_and_holds_back_nothing() -> None:
    order = order_of(ORDERS, SHIPMENTS)
    add(order, ORDERS, 10)
    add(order, SHIPMENTS, 20, 30)
    order.drop(ORDERS)
    order.expect(SHIPMENTS, more=False)

    assert taken(order) == {SHIPMENTS: [20, 30]}
    assert order.weight == 0


def test_one_that_is_opened_again_begins_anew() -> None:
    order = order_of(ORDERS)
    add(order, ORDERS, 10, 20, more=False)
    order.open(ORDERS)
    add(order, ORDERS, 15, more=False)

    assert taken(order) == {ORDERS: [15]}


def test_the_partition_that_the_others_wait_for_has_room_longer_than_they() -> None:
    order = order_of(ORDERS, SHIPMENTS)
    add(order, ORDERS, *range(90))
    add(order, SHIPMENTS, *range(1_000, 1_090))

    assert order.has_room(ORDERS)
    assert not order.has_room(SHIPMENTS)


# -- whatever arrives ----------------------------------------------------------------------------

timestamps = st.one_of(st.integers(0, 50), st.sampled_from([-1, 0, 2**62, -(2**62)]))
arrivals = st.lists(st.tuples(timestamps, st.integers(0, 60)), min_size=1, max_size=8)
polls = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from((ORDERS, SHIPMENTS, PEOPLE)), arrivals, max_size=3),
        st.sets(st.sampled_from((ORDERS, SHIPMENTS, PEOPLE))),
        st.sampled_from((0.0, 0.25, 0.5, 1.0, 2.0)),
    ),
    max_size=30,
)


@given(polls, st.integers(1, 8), st.integers(1, 100))
def test_every_record_is_given_once_in_the_order_of_its_partition_and_memory_is_bounded(
    polls: Sequence[tuple[Mapping[str, Sequence[tuple[int, int]]], set[str], float]],
    batch_messages: int,
    batch_bytes: int,
) -> None:
    partitions = (ORDERS, SHIPMENTS, PEOPLE)
    order = RecordOrder[str, tuple[int, int]](batch_messages, batch_bytes, patience_seconds=1.0)
    for partition in partitions:
        order.open(partition)
    added: dict[str, list[int]] = {partition: [] for partition in partitions}
    given: dict[str, list[int]] = {partition: [] for partition in partitions}
    now, largest_poll = 0.0, dict.fromkeys(partitions, 0)

    def take() -> bool:
        batch = order.take(now)
        sizes = [size for messages in batch.values() for _, size in messages]
        assert len(sizes) <= batch_messages
        assert sum(sizes) <= batch_bytes or len(sizes) == 1
        for partition, messages in batch.items():
            assert messages, "a partition without records has no place in a batch"
            given[partition] += [offset for offset, _ in messages]
        return bool(batch)

    for poll, with_more, seconds in polls:
        now += seconds
        rooms = {partition for partition in partitions if order.has_room(partition)}
        for partition in rooms & poll.keys():
            start = len(added[partition])
            records = [Timed(at, size, (start + n, size)) for n, (at, size) in enumerate(poll[partition])]
            order.add(partition, records)
            added[partition] += [record.message[0] for record in records]
            weight = sum(max(record.size, 1, batch_bytes // batch_messages) for record in records)
            largest_poll[partition] = max(largest_poll[partition], weight)
        assert order.weight <= order.capacity + sum(largest_poll.values())
        for partition in partitions:
            order.expect(partition, partition in with_more)
        take()
    # however much more the partitions should have, what is there is given in the end
    while order.weight:
        if not take():
            now += 1.0
            assert take(), "it waits once, and not for ever"

    assert given == added
    assert order.take(now + LATER) == {}
