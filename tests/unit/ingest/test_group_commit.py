"""given posts of many callers, then they are stored together, and each hears of its own messages after the commit."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from consumers.ingest.group_commit import HTTP, GroupCommit, IntakeStoppedError, QueueFullError, Stored
from consumers.ingest.pipeline import Ingest, Part, StoredBatch
from consumers.sources.source import RawMessage
from domain.checkpoint import CheckpointMovedError
from infra.app.container import Waybill
from infra.app.status import read_status
from infra.settings import Settings
from infra.store.register.tables import feeds
from tests.integration.messages import Document, booked, placed

EARLY, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"


class StoreAwayError(Exception):
    """The store cannot be reached."""


class UnreliableIngest:
    """The real pipeline, which fails as often as it is told, before or after the commit."""

    def __init__(self, pipeline: Ingest):
        self._pipeline = pipeline
        self.attempts = 0
        self.sizes: list[int] = []
        self.before: list[Exception] = []
        self.after: list[Exception] = []
        self.refuses: Callable[[RawMessage], bool] = lambda message: False

    def take_together(self, parts: Sequence[Part]) -> StoredBatch:
        messages = parts[0].batch.messages
        self.attempts += 1
        if any(map(self.refuses, messages)):
            raise ValueError("this message cannot be stored")
        if self.before:
            raise self.before.pop()
        stored = self._pipeline.take_together(parts)
        self.sizes.append(len(messages))
        if self.after:
            raise self.after.pop()
        return stored


class Desk:
    """Posts of one process, and its store."""

    def __init__(
        self,
        waybill: Waybill,
        *,
        at_once: int = 100,
        at_once_bytes: int = 1_000_000,
        most_messages: int = 10,
        most_bytes: int = 100_000,
    ):
        self.waybill = waybill
        self.ingest = UnreliableIngest(waybill.ingest())
        self.posts = GroupCommit(
            self.ingest,  # type: ignore[arg-type]
            waybill.register,
            waybill.clock,
            lambda error: isinstance(error, StoreAwayError),
            at_once=at_once,
            at_once_bytes=at_once_bytes,
            most_messages=most_messages,
            most_bytes=most_bytes,
        )

    def post(self, *documents: Document | bytes) -> "Future[Stored]":
        bodies = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in documents]
        return self.posts.submit_later([RawMessage(0, body) for body in bodies])

    @property
    def unfinished(self) -> int:
        with self.waybill.engine.connect() as connection:
            question = select(feeds.c.feed_id).where(feeds.c.topic == HTTP, feeds.c.finished_at.is_(None))
            return len(connection.execute(question).all())

    @property
    def books(self) -> tuple[int, ...]:
        return tuple(read_status(self.waybill).books)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Waybill(Settings(store=f"sqlite:///{tmp_path}/waybill.db")) as waybill:
        yield Desk(waybill)


def verdicts(stored: Stored) -> list[str]:
    return [receipt.verdict.value for receipt in stored.receipts]


def test_posts_that_wait_are_stored_in_one_transaction_and_each_hears_of_its_own(desk: Desk) -> None:
    first = desk.post(placed("SO-1", EARLY, PROMISE, discount="10"))
    second = desk.post(booked("SO-2", EARLY, PROMISE), b"no JSON")
    assert not first.done()

    assert desk.posts.step(0) == 3

    assert desk.ingest.sizes == [3]
    assert (verdicts(first.result()), verdicts(second.result())) == (["applied"], ["held", "malformed"])
    assert [arrival and (arrival.key.subject, arrival.ignored) for arrival in first.result().arrivals] == [
        ("SO-1", ("discount",))
    ]
    assert second.result().arrivals[1] is None
    assert first.result().position == desk.waybill.history.head()


def test_a_transaction_takes_no_more_than_it_should_but_a_post_is_never_divided(desk: Desk) -> None:
    desk = Desk(desk.waybill, at_once=2)
    for order in ("SO-1", "SO-2", "SO-3"):
        desk.post(placed(order, EARLY, PROMISE))
    desk.post(*(placed(f"SO-{n}", EARLY, PROMISE) for n in range(4, 8)))

    while desk.posts.step(0):
        pass

    assert desk.ingest.sizes == [2, 1, 4]


def test_a_transaction_is_bounded_in_bytes_too(desk: Desk) -> None:
    desk = Desk(desk.waybill, at_once_bytes=2_000)
    for order in ("SO-1", "SO-2", "SO-3", "SO-4"):
        desk.post(placed(order, EARLY, PROMISE, note="x" * 400))
    desk.post(placed("SO-5", EARLY, PROMISE, note="x" * 3_000))

    while desk.posts.step(0):
        pass

    assert desk.ingest.sizes == [2, 2, 1]


def test_a_full_queue_takes_nothing_more_until_it_is_stored(desk: Desk) -> None:
    for number in range(10):
        desk.post(placed(f"SO-{number}", EARLY, PROMISE))
    with pytest.raises(QueueFullError):
        desk.post(placed("SO-11", EARLY, PROMISE))

    desk.posts.step(0)

    assert not desk.post(placed("SO-11", EARLY, PROMISE)).done()
    with pytest.raises(QueueFullError):
        desk.post(b"x" * 100_000)


def test_a_post_larger_than_the_queue_is_taken_when_nothing_waits(desk: Desk) -> None:
    posted = desk.post(*(placed(f"SO-{number}", EARLY, PROMISE) for number in range(12)))
    desk.posts.step(0)

    assert verdicts(posted.result()) == ["applied"] * 12


def test_when_the_store_is_away_everybody_who_waits_is_told_and_it_goes_on_later(desk: Desk) -> None:
    posted = [desk.post(placed("SO-1", EARLY, PROMISE)), desk.post(placed("SO-2", EARLY, PROMISE))]
    desk.ingest.before = [StoreAwayError()]
    with pytest.raises(StoreAwayError):
        desk.posts.step(0)
    assert [type(one.exception()) for one in posted] == [StoreAwayError, StoreAwayError]

    again = desk.post(placed("SO-1", EARLY, PROMISE))
    desk.posts.step(0)

    assert verdicts(again.result()) == ["applied"]
    assert desk.unfinished == 1


def test_when_the_answer_to_the_commit_is_lost_the_same_message_again_is_a_duplicate(desk: Desk) -> None:
    desk.post(placed("SO-1", EARLY, PROMISE))
    desk.ingest.after = [StoreAwayError()]
    with pytest.raises(StoreAwayError):
        desk.posts.step(0)

    again = desk.post(placed("SO-1", EARLY, PROMISE))
    desk.posts.step(0)

    assert verdicts(again.result()) == ["duplicate"]
    assert desk.books == (2, 1, 1, 0, 0)


def test_a_feed_that_moved_is_left_and_a_new_one_begins(desk: Desk) -> None:
    desk.post(placed("SO-1", EARLY, PROMISE))
    desk.posts.step(0)
    posted = desk.post(placed("SO-2", EARLY, PROMISE))
    desk.ingest.before = [CheckpointMovedError("another process")]

    desk.posts.step(0)

    assert verdicts(posted.result()) == ["applied"]


def test_a_message_that_cannot_be_stored_spoils_only_its_own_post(desk: Desk) -> None:
    desk.ingest.refuses = lambda message: b"SO-2" in message.body
    posted = [desk.post(placed(order, EARLY, PROMISE)) for order in ("SO-1", "SO-2", "SO-3")]

    with pytest.raises(ValueError, match="cannot be stored"):
        desk.posts.step(0)

    assert verdicts(posted[0].result()) == verdicts(posted[2].result()) == ["applied"]
    assert isinstance(posted[1].exception(), ValueError)


def test_when_the_store_goes_away_while_posts_are_stored_singly_the_rest_is_told_at_once(desk: Desk) -> None:
    desk.ingest.refuses = lambda message: b"SO-1" in message.body
    posted = [desk.post(placed(order, EARLY, PROMISE)) for order in ("SO-1", "SO-2", "SO-3", "SO-4")]
    desk.ingest.before = [StoreAwayError()]

    with pytest.raises(StoreAwayError):
        desk.posts.step(0)

    told = [type(one.exception()) for one in posted]
    assert told == [ValueError, StoreAwayError, StoreAwayError, StoreAwayError]
    assert desk.ingest.attempts == 3  # together, SO-1, SO-2


def test_what_nobody_waits_for_any_more_is_not_stored(desk: Desk) -> None:
    desk.post(placed("SO-1", EARLY, PROMISE)).cancel()
    kept = desk.post(placed("SO-2", EARLY, PROMISE))
    desk.posts.step(0)

    assert verdicts(kept.result()) == ["applied"]
    assert desk.books[0] == 1


def test_a_stop_tells_who_still_waits_and_finishes_the_feed(desk: Desk) -> None:
    desk.post(placed("SO-1", EARLY, PROMISE))
    desk.posts.step(0)
    waiting = desk.post(placed("SO-2", EARLY, PROMISE))

    desk.posts.close()

    assert isinstance(waiting.exception(), IntakeStoppedError)
    with pytest.raises(IntakeStoppedError):
        desk.post(placed("SO-3", EARLY, PROMISE))
    assert desk.unfinished == 0


def test_many_callers_at_once_each_hear_of_their_own_message(desk: Desk) -> None:
    desk = Desk(desk.waybill, most_messages=1_000)
    with ThreadPoolExecutor(8) as callers:
        found = [callers.submit(desk.post, placed(f"SO-{number}", EARLY, PROMISE)) for number in range(200)]
        stored = 0
        while stored < 200:
            stored += desk.posts.step(1)

    subjects = [arrival.key.subject for one in found for arrival in one.result().result().arrivals if arrival]
    assert subjects == [f"SO-{number}" for number in range(200)]
    assert len(desk.ingest.sizes) < 200
