"""What ingest remembers tells where streams stand for as long as nobody else writes to the store."""

from consumers.ingest.settling_cache import SettledStream, SettlingsInStore
from domain.settling import Settling
from domain.streams import settle_stream

STREAM = "order-SO-1"


def settled() -> Settling[object]:
    return settle_stream(STREAM, [])


def test_a_stream_stands_where_our_own_batches_left_it() -> None:
    remembered = SettlingsInStore()
    remembered.look_at(head=0)
    remembered.put_back([SettledStream(STREAM, 3, settled())], head=3)

    remembered.look_at(head=3)

    assert remembered.version_of(STREAM) == 3


def test_once_another_process_wrote_nothing_is_known_however_often_we_write_after_it() -> None:
    remembered = SettlingsInStore()
    remembered.put_back([SettledStream(STREAM, 3, settled())], head=3)

    remembered.look_at(head=4)
    remembered.put_back([], head=5)
    remembered.look_at(head=5)

    assert remembered.version_of(STREAM) is None
    assert remembered.take(STREAM, 3) is not None, "it is still of use, if the store says that the stream is there"


def test_a_stream_that_a_batch_of_ours_found_and_put_back_is_known_again() -> None:
    remembered = SettlingsInStore()
    remembered.put_back([SettledStream(STREAM, 3, settled())], head=3)

    remembered.look_at(head=4)
    remembered.put_back([SettledStream(STREAM, 5, settled())], head=5)
    remembered.look_at(head=5)

    assert remembered.version_of(STREAM) == 5


def test_of_a_stream_whose_batch_was_not_stored_nothing_is_known() -> None:
    remembered = SettlingsInStore()
    remembered.put_back([SettledStream(STREAM, 3, settled())], head=3)

    remembered.look_at(head=3)
    remembered.take(STREAM, 3)
    remembered.look_at(head=3)

    assert remembered.version_of(STREAM) is None


def test_of_a_stream_that_was_forgotten_nothing_is_known() -> None:
    remembered = SettlingsInStore(capacity=1)
    remembered.put_back([SettledStream(STREAM, 3, settled()), SettledStream("order-SO-2", 1, settled())], head=4)

    remembered.look_at(head=4)

    assert remembered.version_of(STREAM) is None
    assert remembered.version_of("order-SO-2") == 1
