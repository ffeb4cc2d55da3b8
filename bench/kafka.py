"""`python -m bench kafka`: how soon a published message is in the views, and how many a consumer takes in a second."""

import json
import multiprocessing
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event as ProcessEvent
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple
from uuid import uuid4

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from bench.measuring import Measured, measure
from bench.stores import NewStore
from bench.workloads import write_messages
from consumers.contract.topics import read_topics
from infra.app.container import Waybill
from infra.app.status import read_status
from infra.runtime.consumer import FETCH_BYTES
from infra.runtime.garbage_collection import collect_rarely
from infra.settings import Settings
from infra.store.projected.serving import positions_seen
from infra.telemetry.logs import configure_logs
from projections.catalogue import PROJECTIONS

SCRIPT = Path(__file__).parents[1] / "infra/local/kafka.sh"
WAYBILL = Path(sys.executable).parent / "waybill"
PARTITIONS = 6
MESSAGES_A_SECOND = 1_000
SECONDS_BETWEEN_LOOKS = 0.005
PATIENCE_SECONDS = 120
STRUCTURED = [("content-type", b"application/cloudevents+json")]


class Freshness(NamedTuple):
    """From the call that sends a message until a view reflects it, in milliseconds."""

    messages: int
    messages_a_second: int
    p50: float
    p99: float
    longest: float


@contextmanager
def broker() -> Iterator[str]:
    """A broker of our own, which is gone at the end. Raises RuntimeError when none can be started."""
    with tempfile.TemporaryDirectory(prefix="waybill-bench-kafka-") as folder:
        env = {**os.environ, "WAYBILL_LOCAL_KAFKA_FOLDER": folder, "WAYBILL_LOCAL_KAFKA_PORT": str(_free_port())}
        said = Path(folder) / "said"
        # Not to a pipe: the broker would inherit it, and who reads it to its end would wait for the broker's.
        with said.open("w") as out:
            started = subprocess.run([SCRIPT, "up"], env=env, stdout=out, stderr=subprocess.STDOUT, check=False)
        if started.returncode:
            raise RuntimeError(said.read_text().strip())
        try:
            yield said.read_text().split()[-1]
        finally:
            subprocess.run([SCRIPT, "down"], env=env, check=False)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class Scene:
    """Topics of our own on a broker, and a store."""

    def __init__(self, url: str, store: str):
        self.prefix = f"b{uuid4().hex[:8]}."
        self.env = {
            **os.environ,
            "WAYBILL_STORE": store,
            "WAYBILL_KAFKA": url,
            "WAYBILL_TOPIC_PREFIX": self.prefix,
            "WAYBILL_LOG_FORMAT": "json",
            "WAYBILL_LOG_LEVEL": "error",
        }
        self.store, self.url = store, url
        subprocess.run(
            [WAYBILL, "topics", "create", "--partitions", str(PARTITIONS)],
            env=self.env,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    @property
    def settings(self) -> Settings:
        return Settings(store=self.store, kafka=self.url, topic_prefix=self.prefix)

    @contextmanager
    def running(self, *commands: str) -> Iterator[list[subprocess.Popen[bytes]]]:
        """The long-running parts as processes, stopped as an operator would."""
        processes = [subprocess.Popen([WAYBILL, command], env=self.env) for command in commands]
        try:
            yield processes
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()


# -- freshness -----------------------------------------------------------------------------------


def freshness(url: str, store: str, seconds: int) -> Freshness:
    """Publish at an even pace, with a consumer and a projector as processes of their own."""
    scene = Scene(url, store)
    context = multiprocessing.get_context("spawn")
    over, (ours, theirs) = context.Event(), context.Pipe()
    with scene.running("consume", "project"):
        _until(lambda: _visible(scene, _publish(scene, ["warm"], 100.0)))
        watcher = context.Process(target=_watch, args=(store, over, theirs))
        watcher.start()
        assert ours.recv() == "watching"
        sent = _publish(scene, [f"SO-{number}" for number in range(seconds * MESSAGES_A_SECOND)], MESSAGES_A_SECOND)
        took = max(sent.values()) - min(sent.values())
        _until(lambda: _visible(scene, sent))
        over.set()
        seen: list[tuple[int, float]] = ours.recv()
        watcher.join()
    latencies = sorted(1_000 * (visible - sent[order]) for order, visible in _became_visible(scene, seen, sent))
    assert len(latencies) == len(sent)
    percentiles = statistics.quantiles(latencies, n=100)
    return Freshness(len(sent), round(len(sent) / took), percentiles[49], percentiles[98], latencies[-1])


def _publish(scene: Scene, orders: Sequence[str], a_second: float) -> Mapping[str, float]:
    """Place these orders at an even pace; when each was sent."""
    producer = KafkaProducer(bootstrap_servers=scene.url, acks="all", enable_idempotence=True, linger_ms=5)
    sent: dict[str, float] = {}
    begin = time.monotonic()
    for number, order in enumerate(orders):
        early = begin + number / a_second - time.monotonic()
        if early > 0:
            time.sleep(early)
        value = json.dumps(_placed(order, number)).encode()
        sent[order] = time.monotonic()
        producer.send(scene.prefix + "orders", value, key=order.encode(), headers=STRUCTURED)
    producer.close()
    return sent


def _placed(order: str, number: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "specversion": "1.0",
        "id": f"placed {order}",
        "source": "bench",
        "type": "order.placed.v1",
        "subject": order,
        "time": now.isoformat(),
        "data": {
            "account_id": f"account-{number % 500}",
            "rep_id": f"rep-{number % 40}",
            "segment": "b2b",
            "channel": "online",
            "currency": "EUR",
            "lines": [{"line": 1, "sku": "GEAR", "quantity": 2, "unit_price": "14.00"}],
            "promised_by": (now + timedelta(days=3)).isoformat(),
        },
    }


def _watch(store: str, over: ProcessEvent, answer: Connection) -> None:
    """Note when the views reflect which position, until it is over."""
    seen = [(0, time.monotonic())]
    with Waybill(Settings(store=store)) as waybill, waybill.engine.connect() as connection:
        answer.send("watching")
        last_look = False
        while not last_look:
            last_look = over.is_set()
            position = min(positions_seen(connection, PROJECTIONS).values())
            connection.rollback()
            if position != seen[-1][0]:
                seen.append((position, time.monotonic()))
            time.sleep(SECONDS_BETWEEN_LOOKS)
    answer.send(seen)


def _visible(scene: Scene, sent: Mapping[str, float]) -> bool:
    with Waybill(scene.settings) as waybill:
        return read_status(waybill).books.applied >= len(sent) and not waybill.lag()


def _became_visible(
    scene: Scene, seen: Sequence[tuple[int, float]], sent: Mapping[str, float]
) -> Iterator[tuple[str, float]]:
    positions = [position for position, _ in seen]
    with Waybill(scene.settings) as waybill:
        reached = 0
        while events := waybill.history.after(reached, 10_000):
            reached = events[-1].position
            for event in events:
                order = event.event.originator_id.removeprefix("order-")
                if order in sent:
                    yield order, seen[bisect_left(positions, event.position)][1]


# -- throughput ----------------------------------------------------------------------------------


def filled(url: str, store: str, messages: int) -> tuple[Scene, int]:
    """Topics with so many messages of a sales floor, and how many they are."""
    scene = Scene(url, store)
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        written = write_messages(messages, file.name)
        subprocess.run([WAYBILL, "publish", file.name], env=scene.env, stdout=subprocess.DEVNULL, check=True)
    return scene, written


def bare_poll_loop(url: str, prefix: str, messages: int) -> int:
    """What kafka-python gives to somebody who does nothing with it."""
    consumer = KafkaConsumer(
        bootstrap_servers=url, enable_auto_commit=False, fetch_max_bytes=FETCH_BYTES, max_poll_records=2_000
    )
    partitions = [
        TopicPartition(topic, number)
        for topic in read_topics(prefix)
        for number in consumer.partitions_for_topic(topic) or ()
    ]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    count = 0
    while count < messages:
        count += sum(len(records) for records in consumer.poll(1_000).values())
    consumer.close()
    return count


def consume(url: str, prefix: str, store: str, messages: int) -> int:
    """`waybill consume` from the first message to the last: fetch, decode, validate, decide, store. Durable commits."""
    collect_rarely()
    stop = Event()
    settings = Settings(store=store, kafka=url, topic_prefix=prefix, log_level="error")
    configure_logs(settings)
    with Waybill(settings) as waybill:

        def stop_at_the_end() -> None:
            while read_status(waybill).books.received < messages:
                time.sleep(0.05)
            stop.set()

        Thread(target=stop_at_the_end).start()
        waybill.consumer(stop).run()
        return int(read_status(waybill).books.received)


# -- takeover ------------------------------------------------------------------------------------


def takeover(url: str, store: str) -> float:
    """Seconds from the kill -9 of one of two consumers until the other has its partitions."""
    scene = Scene(url, store)
    env = {**scene.env, "WAYBILL_LOG_LEVEL": "info"}
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder) / name for name in ("one", "two")]
        processes = []
        for log in logs:
            with log.open("w") as said:
                processes.append(subprocess.Popen([WAYBILL, "consume"], env=env, stderr=said))
            _until(lambda log=log: "partition_taken_over" in log.read_text())  # type: ignore[misc]
        time.sleep(2)  # the first one has given some away, and taken its own up again
        before = logs[0].read_text().count("partition_taken_over")
        processes[1].send_signal(signal.SIGKILL)
        killed = time.monotonic()
        _until(lambda: logs[0].read_text().count("partition_taken_over") >= before + PARTITIONS * len(read_topics("")))
        took = time.monotonic() - killed
        processes[0].terminate()
        for process in processes:
            process.wait()
    return took


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise RuntimeError("what was waited for did not come")
        time.sleep(0.02)


# -- all of it -----------------------------------------------------------------------------------


def figures(stores: Mapping[str, NewStore], quick: bool, tell: Callable[[str], None]) -> dict[str, Any]:
    """Measure it all on each database. Raises RuntimeError when there is no broker."""
    seconds, amount = (10, 20_000) if quick else (60, 100_000)
    found: dict[str, Any] = {"kafka-python": version("kafka-python"), "partitions": PARTITIONS, "goal_p99_ms": 250}
    with broker() as url:
        for database, new_store in stores.items():
            tell(f"freshness on {database}")
            fresh = freshness(url, new_store("freshness"), seconds)
            tell(f"throughput on {database}")
            scene, written = filled(url, new_store("consume"), amount)
            bare = measure("bare poll loop", bare_poll_loop, url, scene.prefix, written)
            taken = measure("consume", consume, url, scene.prefix, scene.store, written)
            tell(f"takeover on {database}")
            found[database] = {
                "freshness_ms": {name: round(value) for name, value in fresh._asdict().items()},
                "throughput": [_throughput(bare, bare), _throughput(taken, bare)],
                "takeover_seconds": round(takeover(url, new_store("takeover")), 1),
            }
    return found


def _throughput(measured: Measured, bare: Measured) -> dict[str, Any]:
    return {
        "what": measured.name,
        "messages": measured.units,
        "per_second": round(measured.per_second),
        "processor_seconds": round(measured.processor_seconds, 2),
        "peak_megabytes": round(measured.peak_megabytes),
        "of_bare": round(measured.per_second / bare.per_second, 2),
    }
