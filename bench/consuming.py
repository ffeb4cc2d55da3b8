"""How fast a consumer takes a backlog from Kafka, beside the bare poll; and how soon another one takes over."""

import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

from kafka import KafkaConsumer, TopicPartition

from bench.broker import PARTITIONS, WAYBILL, Broker, Scene, until
from bench.workloads import write_messages
from consumers.contract.topics import read_topics
from infra.app.container import Waybill
from infra.app.status import read_status
from infra.runtime.consumer import FETCH_BYTES
from infra.runtime.garbage_collection import collect_rarely
from infra.settings import Settings
from infra.telemetry.logs import configure_logs

SECONDS_BETWEEN_LOOKS = 0.05


def filled(broker: Broker, store: str, messages: int) -> tuple[Scene, int]:
    """Topics with so many messages of a sales floor, and how many they are."""
    scene = Scene(broker, store)
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        written = write_messages(messages, file.name)
        scene.run("publish", file.name)
    return scene, written


def bare_poll(address: str, prefix: str, messages: int) -> Iterator[int]:
    """What kafka-python gives to somebody who does nothing with it."""
    consumer = KafkaConsumer(
        bootstrap_servers=address, enable_auto_commit=False, fetch_max_bytes=FETCH_BYTES, max_poll_records=2_000
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


def consume(address: str, prefix: str, store: str, messages: int) -> Iterator[int]:
    """`waybill consume` from the first message to the last: fetch, decode, validate, decide, store. Durable commits.

    The store is created before it counts; joining the group counts.
    """
    collect_rarely()
    stop = Event()
    settings = Settings(store=store, kafka=address, topic_prefix=prefix, log_level="error")
    configure_logs(settings)
    with Waybill(settings) as waybill:

        def stop_at_the_end() -> None:
            while read_status(waybill).books.received < messages:
                time.sleep(SECONDS_BETWEEN_LOOKS)
            stop.set()

        yield 0
        Thread(target=stop_at_the_end).start()
        waybill.consumer(stop).run()
        yield int(read_status(waybill).books.received)


def takeover(broker: Broker, store: str) -> float:
    """Seconds from the kill -9 of one of two consumers until the other has its partitions."""
    scene = Scene(broker, store)
    env = {**scene.env, "WAYBILL_LOG_LEVEL": "info"}
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder) / name for name in ("one", "two")]
        processes = []
        for log in logs:
            with log.open("w") as said:
                processes.append(subprocess.Popen([*WAYBILL, "consume"], env=env, stderr=said))
            until(lambda log=log: "partition_taken_over" in log.read_text())  # type: ignore[misc]
        time.sleep(2)  # the first one has given some away, and taken its own up again
        before = logs[0].read_text().count("partition_taken_over")
        processes[1].send_signal(signal.SIGKILL)
        killed = time.monotonic()
        until(lambda: logs[0].read_text().count("partition_taken_over") >= before + PARTITIONS * len(read_topics("")))
        took = time.monotonic() - killed
        processes[0].terminate()
        for process in processes:
            process.wait()
    return took
