"""Settlings of recent batches: which are of use to the next one, and what of the store they tell for sure."""

from domain.settling import Settling
from domain.stepping import Recent
from domain.subject import settle_stream

STREAM = "order-SO-1"


def blank() -> Settling[object]:
    return settle_stream(STREAM, [])


def test_a_stream_stands_where_our_own_batches_left_it() -> None:
    recent = Recent()
    recent.seen(head=0)
    recent.put(STREAM, 3, blank())
    recent.stored(head=3)

    recent.seen(head=3)

    assert recent.surely(STREAM) == 3


def test_once_another_process_wrote_nothing_is_sure_however_often_we_write_after_it() -> None:
    recent = Recent()
    recent.put(STREAM, 3, blank())
    recent.stored(head=3)

    recent.seen(head=4)
    recent.stored(head=5)
    recent.seen(head=5)

    assert recent.surely(STREAM) is None
    assert recent.take(STREAM, 3) is not None, "it is still of use, if the store says that the stream is there"


def test_a_settling_that_was_taken_out_is_gone_until_its_batch_is_stored() -> None:
    recent = Recent()
    recent.put(STREAM, 3, blank())

    recent.take(STREAM, 3)

    assert recent.surely(STREAM) is None
    assert recent.take(STREAM, 3) is None


def test_a_settling_of_another_version_is_of_no_use() -> None:
    recent = Recent()
    recent.put(STREAM, 3, blank())

    assert recent.take(STREAM, 4) is None


def test_the_longest_untouched_are_forgotten_first() -> None:
    recent = Recent(capacity=1)
    recent.put(STREAM, 3, blank())
    recent.put("order-SO-2", 1, blank())

    assert recent.surely(STREAM) is None
    assert recent.surely("order-SO-2") == 1
