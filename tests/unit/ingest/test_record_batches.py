"""Batches of Kafka's records are read in bounded memory, and one that cannot be read stops nothing else."""

import hashlib
import sys
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.util import calc_crc32c

from consumers.kafka_workarounds import UnreadableBatch, read_batches_safely
from consumers.sources.kafka_records import raw_message
from consumers.sources.source import KEPT_BYTES, Whole

MAX_BYTES = 100_000
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
LIBRARIES = {"snappy": "snappy", "lz4": "lz4.frame", "zstd": "zstandard"}
COMPRESSED = [name for name in CODECS if name != "none"]

Headers = list[tuple[str, bytes | None]]


@pytest.fixture(autouse=True)
def safely() -> None:
    read_batches_safely(MAX_BYTES)


def batch(codec: str, *values: bytes | None, headers: Headers | None = None, first_offset: int = 0) -> bytearray:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=CODECS[codec],
        is_transactional=False,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=10**9,
    )
    for number, value in enumerate(values):
        assert builder.append(number, timestamp=1_000 + number, key=b"k", value=value, headers=headers or [])
    built = bytearray(builder.build())
    built[:8] = first_offset.to_bytes(8)
    return built


def read(*batches: bytes | bytearray) -> list[Any]:
    records = MemoryRecords(b"".join(bytes(one) for one in batches))
    return [record for one in records for record in one]


def said(records: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [(r.offset, r.timestamp, r.key, r.value, r.headers) for r in records]


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_gives_the_records_that_were_sent(codec: str) -> None:
    headers: Headers = [("ce_id", b"1"), ("empty", None)]
    assert said(read(batch(codec, b"a", None, b"c" * 50_000, headers=headers))) == [
        (0, 1_000, b"k", b"a", headers),
        (1, 1_001, b"k", None, headers),
        (2, 1_002, b"k", b"c" * 50_000, headers),
    ]


@pytest.mark.parametrize("codec", COMPRESSED)
def test_a_large_batch_of_small_records_is_read_record_by_record(codec: str) -> None:
    values = [b"%d" % number * 10_000 for number in range(100)]
    assert [r.value for r in read(batch(codec, *values, headers=[("n", b"v")]))] == values


@pytest.mark.parametrize("codec", COMPRESSED)
def test_a_record_that_decompresses_to_too_much_is_kept_by_size_hash_and_beginning(codec: str) -> None:
    # given a record of 40 MB between two small ones
    large = b"0123456789" * 4_000_000
    built = batch(codec, b"before", large, b"after")
    whole = Whole(len(large), hashlib.sha256(large).hexdigest())
    tracemalloc.start()
    # when the batch is read
    before, cut, after = (raw_message(record) for record in read(built))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # then the large one is known by size and SHA-256, and memory stayed flat
    assert (before.body, after.body) == (b"before", b"after")
    assert (cut.offset, cut.body, cut.whole) == (1, large[:KEPT_BYTES], whole)
    assert peak < len(built) * 4 + 12_000_000


def test_a_header_that_decompresses_to_too_much_makes_its_record_unreadable_alone() -> None:
    records = read(batch("gzip", b"a", headers=[("ce_id", b"x" * 1_000_000)]), batch("none", b"b", first_offset=1))
    large, small = (raw_message(record) for record in records)
    assert large.unreadable == "header ce_id: must have fewer bytes, but has 1000000"
    assert (small.body, small.unreadable) == (b"b", None)


def cut_short(codec: str) -> bytearray:
    """A batch that ends in its middle, with the length and the checksum that fit what is left of it."""
    whole = batch(codec, *(b"%d" % number * 1_000 for number in range(1_000)), first_offset=7)
    return sealed(whole[: len(whole) * 3 // 4])


def sealed(built: bytearray) -> bytearray:
    built[8:12] = (len(built) - 12).to_bytes(4)
    built[17:21] = calc_crc32c(memoryview(bytes(built))[21:]).to_bytes(4)
    return built


@pytest.mark.parametrize("codec", CODECS)
def test_a_batch_that_was_cut_short_stands_as_one_record_and_the_next_one_is_read(codec: str) -> None:
    built = cut_short(codec)
    *readable, unreadable, after = read(built, batch("none", b"next", first_offset=1_007))
    assert [r.value for r in readable] == [b"%d" % number * 1_000 for number in range(len(readable))]
    assert type(unreadable.value) is UnreadableBatch
    assert unreadable.value == bytes(built[:KEPT_BYTES])
    assert (unreadable.value.first_offset, unreadable.value.next_offset) == (7 + len(readable), 1_007)
    assert unreadable.value.whole == Whole(len(built), hashlib.sha256(built).hexdigest())
    assert (after.offset, after.value) == (1_007, b"next")


def test_a_wrong_checksum_is_told() -> None:
    built = batch("none", b"a")
    built[-1] ^= 1
    (record,) = read(built)
    assert record.value.reason == "its checksum is wrong"


@pytest.mark.parametrize("codec", LIBRARIES)
def test_a_codec_without_its_library_is_named(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    built = batch(codec, b"a" * 1_000)
    monkeypatch.setitem(sys.modules, LIBRARIES[codec], None)
    (record,) = read(built)
    assert record.value.reason.startswith(f"its compression is {codec}, and the library for it is missing")


def test_a_codec_that_nobody_knows_is_told() -> None:
    built = batch("none", b"a")
    built[22] |= 7
    (record,) = read(sealed(built))
    assert record.value.reason == "its compression is of kind 7, which is not known"
