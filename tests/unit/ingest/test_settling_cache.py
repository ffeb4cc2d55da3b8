"""The settlings that ingest caches tell where streams stand for as long as nobody else writes to the store."""

from consumers.ingest.settling_cache import IngestSettlingCache, SettledStream
from domain.settling import Settling
from domain.streams import settle_stream

STREAM = "order-SO-1"


def settled() -> Settling[object]:
    return settle_stream(STREAM, [])


def test_a_stream_stands_where_our_own_batches_left_it() -> None:
    cache = IngestSettlingCache()
    cache.look_at(head=0)
    cache.put_back({STREAM: SettledStream(3, settled())}, head=3)

    cache.look_at(head=3)

    assert cache.version_of(STREAM) == 3


def test_once_another_process_wrote_nothing_is_known_however_often_we_write_after_it() -> None:
    cache = IngestSettlingCache()
    cache.put_back({STREAM: SettledStream(3, settled())}, head=3)

    cache.look_at(head=4)
    cache.put_back({}, head=5)
    cache.look_at(head=5)

    assert cache.version_of(STREAM) is None
    assert cache.take(STREAM, 3) is not None, "it is still of use, if the store says that the stream is there"


def test_a_stream_that_a_batch_of_ours_found_and_put_back_is_known_again() -> None:
    cache = IngestSettlingCache()
    cache.put_back({STREAM: SettledStream(3, settled())}, head=3)

    cache.look_at(head=4)
    cache.put_back({STREAM: SettledStream(5, settled())}, head=5)
    cache.look_at(head=5)

    assert cache.version_of(STREAM) == 5


def test_of_a_stream_whose_batch_was_not_stored_nothing_is_known() -> None:
    cache = IngestSettlingCache()
    cache.put_back({STREAM: SettledStream(3, settled())}, head=3)

    cache.look_at(head=3)
    cache.take(STREAM, 3)
    cache.look_at(head=3)

    assert cache.version_of(STREAM) is None


def test_of_a_stream_that_the_cache_dropped_nothing_is_known() -> None:
    cache = IngestSettlingCache(capacity=1)
    cache.put_back({STREAM: SettledStream(3, settled()), "order-SO-2": SettledStream(1, settled())}, head=4)

    cache.look_at(head=4)

    assert cache.version_of(STREAM) is None
    assert cache.version_of("order-SO-2") == 1


def test_the_stream_that_was_stored_longest_ago_is_dropped_first() -> None:
    cache = IngestSettlingCache(capacity=2)
    for stream, version in ((STREAM, 3), ("order-SO-2", 1), (STREAM, 4), ("order-SO-3", 1)):
        cache.put_back({stream: SettledStream(version, settled())}, head=9)

    assert cache.version_of("order-SO-2") is None
    assert (cache.version_of(STREAM), cache.version_of("order-SO-3")) == (4, 1)
