"""How fast a consumer takes a backlog from Kafka, beside the bare poll; and how soon another one takes over."""

import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event

from kafka import KafkaConsumer, TopicPartition

from bench.broker import PARTITIONS, Broker, Scene, until
from bench.children import PATIENCE_SECONDS
from bench.workloads import write_messages
from consumers.contract.topics import read_topics
from infra.app.container import Waybill
from infra.queries.books import kept
from infra.runtime.consumer import FETCH_BYTES, PARTITION_BYTES, POLL_RECORDS
from infra.runtime.garbage_collection import collect_rarely
from infra.settings import Settings
from infra.telemetry.logs import configure_logs

TAKEN_OVER = "partition_taken_over"


def filled(broker: Broker, store: str, messages: int) -> tuple[Scene, int]:
    """Topics with so many messages of a sales floor, and how many they are."""
    scene = Scene(broker, store)
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        written = write_messages(messages, file.name)
        scene.run("publish", file.name)
    return scene, written


def bare_poll(address: str, prefix: str, messages: int) -> Iterator[int]:
    """What kafka-python gives to somebody who does nothing with it, fetching and polling as much as the service."""
    consumer = KafkaConsumer(
        bootstrap_servers=address,
        enable_auto_commit=False,
        fetch_max_bytes=FETCH_BYTES,
        max_partition_fetch_bytes=PARTITION_BYTES,
        max_poll_records=POLL_RECORDS,
    )
    partitions = [
        TopicPartition(topic, number)
        for topic in read_topics(prefix)
        for number in consumer.partitions_for_topic(topic) or ()
    ]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    yield 0
    count = 0
    while count < messages:
        count += sum(len(records) for records in consumer.poll(1_000).values())
    yield count
    consumer.close()


class AllReceived(Event):
    """Stops a consumer once the store has received so many messages: it looks after each step of the consumer.

    A look is one query of the feeds, and counts. Raises RuntimeError when nothing is received for PATIENCE_SECONDS.
    """

    def __init__(self, waybill: Waybill, messages: int):
        super().__init__()
        self._waybill, self._messages = waybill, messages
        self._received, self._moved_at = 0, time.monotonic()

    def is_set(self) -> bool:
        received, now = sum(kept(self._waybill.engine).values()), time.monotonic()
        if received > self._received:
            self._received, self._moved_at = received, now
        elif now > self._moved_at + PATIENCE_SECONDS:
            raise RuntimeError(f"only {received} of {self._messages} messages were received")
        return received >= self._messages


def consume(address: str, prefix: str, store: str, messages: int) -> Iterator[int]:
    """`waybill consume` from the first message to the last: fetch, decode, validate, decide, store. Durable commits.

    The store is created before it counts; joining the group counts.
    """
    collect_rarely()
    settings = Settings(store=store, kafka=address, topic_prefix=prefix, log_level="error")
    configure_logs(settings)
    with Waybill(settings) as waybill:
        yield 0
        waybill.consumer(AllReceived(waybill, messages)).run()
        yield sum(kept(waybill.engine).values())


def takeover(broker: Broker, store: str) -> float:
    """Seconds from the kill -9 of one of two consumers until the other has its partitions."""
    scene = Scene(broker, store)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        logs = [Path(folder) / name for name in ("one", "two")]
        for log in logs:
            (last,) = stack.enter_context(scene.running("consume", log=log))
            until(lambda log=log: TAKEN_OVER in log.read_text())  # type: ignore[misc]
        time.sleep(2)  # the first one has given some away, and taken its own up again
        before = logs[0].read_text().count(TAKEN_OVER)
        last.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        until(lambda: logs[0].read_text().count(TAKEN_OVER) >= before + PARTITIONS * len(read_topics("")))
        return time.monotonic() - killed
