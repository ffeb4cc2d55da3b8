"""Group commit: many posts, one transaction.

Posts wait in a bounded queue. One writer takes what is there, stores all of it in one transaction, and answers each
post after the commit: so the costs of a commit are shared by everybody who waits for it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Condition
from typing import NamedTuple

import msgspec

from consumers.ingest.pipeline import Clock, Ingest, Part
from consumers.ingest.register import Arrival, Feed, Receipt, Register
from consumers.sources.source import BATCH_BYTES, Batch, FeedPosition, RawMessage
from domain.checkpoint import CheckpointMovedError

HTTP = "http"
"""The topic of the feeds of messages that came over HTTP: one feed a process."""


class QueueFullError(Exception):
    """Too many messages, or too many bytes, wait already: try again a little later."""


class IntakeStoppedError(Exception):
    """The intake has been stopped, and the messages are not stored."""


class Stored(NamedTuple):
    """What became of the messages of one post, in their order.

    `position` is that of the newest event of the transaction: a view that reflects it reflects these messages. An
    arrival is None where the message is malformed.
    """

    position: int
    receipts: Sequence[Receipt]
    arrivals: Sequence[Arrival | None]


class _Post(NamedTuple):
    """Messages that are stored together, and where their answer is waited for."""

    messages: Sequence[RawMessage]
    size: int
    answer: "Future[Stored]"


class GroupCommit:
    """A feed of this process, to which any thread submits, and which one thread stores with `step`.

    It takes at most `most_messages` and `most_bytes` into its queue, and at most `at_once` messages and `at_once_bytes`
    into a transaction. A post that alone is larger is taken when nothing waits. `is_away` says of an error that the
    store itself failed, so that storing the posts one by one would not help. Implements
    consumers.sources.source.FeedName.
    """

    topic = HTTP
    partition = 0
    identifies_by_offset = False

    def __init__(
        self,
        pipeline: Ingest,
        register: Register,
        clock: Clock,
        is_away: Callable[[BaseException], bool],
        *,
        at_once: int,
        at_once_bytes: int = BATCH_BYTES,
        most_messages: int,
        most_bytes: int,
    ):
        self._pipeline = pipeline
        self._register = register
        self._clock = clock
        self._is_away = is_away
        self._at_once = at_once
        self._at_once_bytes = at_once_bytes
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._queue: deque[_Post] = deque()
        self._messages = self._bytes = 0
        self._changed = Condition()
        self._closed = False
        self._feed: Feed | None = None
        self._left: list[int] = []

    @property
    def waiting(self) -> int:
        """How many messages wait in the queue."""
        return self._messages

    def submit(self, messages: Sequence[RawMessage]) -> Stored:
        """Store messages, all in one transaction; their offsets are given here. Waits for the commit.

        Raises QueueFullError, IntakeStoppedError, and the store's error: then nothing is known to be stored, and the
        same messages can be submitted again.
        """
        return self.submit_later(messages).result()

    def submit_later(self, messages: Sequence[RawMessage]) -> "Future[Stored]":
        """As `submit`, without waiting. Raises QueueFullError and IntakeStoppedError."""
        size = sum(len(message.body) for message in messages)
        post = _Post(messages, size, Future())
        with self._changed:
            if self._closed:
                raise IntakeStoppedError("the service is stopping; send it again when it is back")
            full = self._messages + len(messages) > self._most_messages or self._bytes + size > self._most_bytes
            if self._queue and full:
                raise QueueFullError(f"{self._messages} messages wait to be stored; send it again a little later")
            self._queue.append(post)
            self._count(post, 1)
            self._changed.notify()
        return post.answer

    def step(self, seconds: float) -> int:
        """Store what is queued, and wait for so many seconds if nothing is; returns how many messages were stored.

        Raises the error of the store, after it was told to those who wait.
        """
        posts = self._next_posts(seconds)
        if not posts:
            return 0
        try:
            self._store(posts)
        except Exception as error:
            if len(posts) == 1 or self._is_away(error):
                for post in posts:
                    post.answer.set_exception(error)
                raise
            # One of the posts may be at fault, and the others can be stored without it.
            self._store_one_by_one(posts)
        return sum(len(post.messages) for post in posts)

    def close(self) -> None:
        """Take nothing more, tell those who still wait, and finish the feed."""
        with self._changed:
            self._closed = True
            left = list(self._queue)
            self._queue.clear()
            self._messages = self._bytes = 0
        for post in left:
            if post.answer.set_running_or_notify_cancel():
                post.answer.set_exception(IntakeStoppedError("the service has stopped; send it again when it is back"))
        self._leave_feed()
        self._finish_left()

    def _next_posts(self, seconds: float) -> list[_Post]:
        """The posts of the next transaction; those whose callers gave up are left out."""
        posts: list[_Post] = []
        messages = size = 0
        with self._changed:
            self._changed.wait_for(lambda: self._queue, seconds)
            while self._queue and (not posts or self._fits(self._queue[0], messages, size)):
                post = self._queue.popleft()
                self._count(post, -1)
                if post.answer.set_running_or_notify_cancel():
                    posts.append(post)
                    messages += len(post.messages)
                    size += post.size
        return posts

    def _fits(self, post: _Post, messages: int, size: int) -> bool:
        """Whether the post fits a transaction that has so many messages and bytes."""
        return messages + len(post.messages) <= self._at_once and size + post.size <= self._at_once_bytes

    def _count(self, post: _Post, by: int) -> None:
        self._messages += by * len(post.messages)
        self._bytes += by * post.size

    def _store(self, posts: Sequence[_Post]) -> None:
        try:
            self._take(posts)
        except CheckpointMovedError:
            self._take(posts)  # on a new feed

    def _store_one_by_one(self, posts: Sequence[_Post]) -> None:
        """Store each post by itself. When the store goes away, all that are left hear so at once."""
        last: Exception | None = None
        for number, post in enumerate(posts):
            try:
                self._store([post])
            except Exception as error:
                if self._is_away(error):
                    for one in posts[number:]:
                        one.answer.set_exception(error)
                    raise
                post.answer.set_exception(error)
                last = error
        if last is not None:
            raise last

    def _take(self, posts: Sequence[_Post]) -> None:
        feed = self._feed or self._opened()
        offset, bytes_read, crc = feed.position
        raw: list[RawMessage] = []
        for post in posts:
            raw += [
                msgspec.structs.replace(message, offset=offset + number) for number, message in enumerate(post.messages)
            ]
            offset += len(post.messages)
            bytes_read += post.size
        end = FeedPosition(offset, bytes_read, crc)
        try:
            stored = self._pipeline.take_together([Part(self, feed, Batch(raw, feed.position, end))])
        except BaseException:
            # Whether it was committed may be unknown, and so where the feed stands: go on with a new one.
            self._leave_feed()
            raise
        self._feed = Feed(feed.feed_id, end)
        arrivals = {arrival.raw.offset: arrival for arrival in stored.read.well_formed}
        start = 0
        for post in posts:
            receipts = stored.receipts[start : start + len(post.messages)]
            start += len(post.messages)
            of_post = [arrivals.get(receipt.offset) for receipt in receipts]
            post.answer.set_result(Stored(stored.position, receipts, of_post))

    def _opened(self) -> Feed:
        self._finish_left()
        self._feed = self._register.open_feed(self.topic, self.partition, self._clock())
        return self._feed

    def _leave_feed(self) -> None:
        if self._feed is not None:
            self._left.append(self._feed.feed_id)
            self._feed = None

    def _finish_left(self) -> None:
        while self._left:
            self._register.finish_feed(self._left[-1], self._clock())
            self._left.pop()
