"""How soon a published message is in the views, stage by stage, beside how soon a bare consumer polls it."""

import json
import multiprocessing
import signal
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event as ProcessEvent
from pathlib import Path
from statistics import quantiles
from typing import Any, NamedTuple

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from sqlalchemy import select

from bench.broker import WAYBILL, Broker, Scene, until
from bench.children import child
from bench.processor import seconds_of
from bench.report import Latencies
from bench.sampling import Part
from domain.verdict import Verdict
from infra.app.container import Waybill
from infra.queries.books import kept
from infra.runtime.consumer import FETCH_BYTES, FETCH_WAIT_MS
from infra.settings import Settings
from infra.store.projected.serving import positions_seen
from infra.store.register.tables import messages
from projections.catalogue import PROJECTIONS

MESSAGES_A_SECOND = 1_000
WARM_SECONDS = 1
SECONDS_BETWEEN_LOOKS = 0.005
STRUCTURED = [("content-type", b"application/cloudevents+json")]


class Freshness(NamedTuple):
    """From the call that sends a message until a view reflects it, and the stages between, in milliseconds.

    `processor_us` is the processor time a message of each process that takes part, None where it is unknown; `parts`
    are its costliest parts, empty unless they were sampled.
    """

    messages: int
    messages_a_second: int
    visible: Latencies
    stages: Mapping[str, Latencies]
    processor_us: Mapping[str, float | None]
    parts: Mapping[str, Sequence[Part]]


def latencies(spans: Sequence[float]) -> Latencies:
    """Percentiles of these seconds, in milliseconds."""
    hundredths = quantiles([1_000 * span for span in spans], n=100, method="inclusive")
    return Latencies(len(spans), hundredths[49], hundredths[98])


def freshness(
    broker: Broker, store: str, seconds: int, server: int | None = None, *, sampling: bool = False
) -> Freshness:
    """Publish at an even pace, with a consumer and a projector as processes of their own."""
    scene = Scene(broker, store)
    context = multiprocessing.get_context("spawn")
    over = context.Event()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def by(command: str) -> Sequence[str]:
            return (sys.executable, "-m", "bench.sampled_command", str(folder / command)) if sampling else WAYBILL

        with scene.running("consume", "project", by=by) as processes:
            warm = [f"warm-{number}" for number in range(WARM_SECONDS * MESSAGES_A_SECOND)]
            warmed = publish(scene, warm, MESSAGES_A_SECOND)
            until(lambda: _visible(scene, warmed))
            with child("the watcher of positions", _watch, store, over) as watcher:
                assert watcher.answer() == "watching"
                if sampling:
                    for one in processes:
                        one.send_signal(signal.SIGUSR1)
                parties = dict(zip(("waybill consume", "waybill project"), (one.pid for one in processes), strict=True))
                parties |= {"broker": broker.process or 0, "PostgreSQL": server or 0}
                before = {party: seconds_of([pid]) for party, pid in parties.items() if pid}
                orders = [f"SO-{number}" for number in range(seconds * MESSAGES_A_SECOND)]
                sent = publish(scene, orders, MESSAGES_A_SECOND)
                until(lambda: _visible(scene, {**warmed, **sent}))
                after = {party: seconds_of([parties[party]]) for party in before}
                over.set()
                seen: list[tuple[int, float]] = watcher.answer()
        parts = {file.name: _parts(file, len(sent)) for file in sorted(folder.iterdir())}
    visible = dict(_became_visible(scene, seen, sent))
    assert visible.keys() == sent.keys()
    return Freshness(
        len(sent),
        round(len(sent) / (max(sent.values()) - min(sent.values()))),
        latencies([visible[order] - sent[order] for order in sent]),
        _stages(store, sent, visible),
        {party: _us_each(before[party], after[party], len(sent)) for party in before},
        parts,
    )


def _us_each(before: float | None, after: float | None, count: int) -> float | None:
    """Microseconds of processors for each of so many; None where they are unknown."""
    return None if before is None or after is None else round(1e6 * (after - before) / count, 1)


def publish(scene: Scene, orders: Sequence[str], a_second: float) -> Mapping[str, float]:
    """Place these orders at an even pace; when each was sent, in seconds since 1970."""
    producer = KafkaProducer(bootstrap_servers=scene.broker.address, acks="all", enable_idempotence=True, linger_ms=5)
    sent: dict[str, float] = {}
    begin = time.monotonic()
    for number, order in enumerate(orders):
        early = begin + number / a_second - time.monotonic()
        if early > 0:
            time.sleep(early)
        value = json.dumps(_placed(order, number)).encode()
        sent[order] = time.time()
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
    seen = [(0, time.time())]
    with Waybill(Settings(store=store)) as waybill, waybill.engine.connect() as connection:
        answer.send("watching")
        last_look = False
        while not last_look:
            last_look = over.is_set()
            position = min(positions_seen(connection, PROJECTIONS).values())
            connection.rollback()
            if position != seen[-1][0]:
                seen.append((position, time.time()))
            time.sleep(SECONDS_BETWEEN_LOOKS)
    answer.send(seen)


def _visible(scene: Scene, sent: Mapping[str, float]) -> bool:
    with Waybill(scene.settings) as waybill:
        return kept(waybill.engine)[Verdict.APPLIED] >= len(sent) and not waybill.lag()


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


def _stages(store: str, sent: Mapping[str, float], visible: Mapping[str, float]) -> Mapping[str, Latencies]:
    """Sent, in the broker's log, taken by a batch of the consumer, visible: all by the clock of this machine."""
    asked = select(messages.c.subject, messages.c.recorded_at, messages.c.received_at)
    with Waybill(Settings(store=store)) as waybill, waybill.engine.connect() as connection:
        rows = [row for row in connection.execute(asked) if row.subject in sent]
    return {
        "sent until in the broker's log": latencies([r.recorded_at.timestamp() - sent[r.subject] for r in rows]),
        "in the log until in a batch": latencies([(r.received_at - r.recorded_at).total_seconds() for r in rows]),
        "in a batch until visible": latencies([visible[r.subject] - r.received_at.timestamp() for r in rows]),
    }


def _parts(file: Path, count: int) -> Sequence[Part]:
    """What a sampled process wrote when it ended, a message."""
    return [
        Part(part, module, function, round(us / count, 2))
        for part, module, function, us in json.loads(file.read_text())
    ]


# -- the reference -------------------------------------------------------------------------------


def bare_freshness(broker: Broker, store: str, seconds: int) -> Latencies:
    """The same messages at the same pace, polled by a consumer that does nothing else."""
    scene = Scene(broker, store)
    orders = [f"SO-{number}" for number in range(seconds * MESSAGES_A_SECOND)]
    with child("the bare consumer", _poll, broker.address, scene.prefix + "orders", len(orders)) as consumer:
        assert consumer.answer() == "polling"
        sent = publish(scene, orders, MESSAGES_A_SECOND)
        polled: dict[str, float] = consumer.answer()
    return latencies([polled[order] - sent[order] for order in orders])


def _poll(address: str, topic: str, count: int, answer: Connection) -> None:
    consumer = KafkaConsumer(
        bootstrap_servers=address,
        enable_auto_commit=False,
        fetch_max_bytes=FETCH_BYTES,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        auto_offset_reset="earliest",
    )
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
    consumer.assign(partitions)
    consumer.poll(1_000)
    answer.send("polling")
    polled: dict[str, float] = {}
    while len(polled) < count:
        for records in consumer.poll(1_000).values():
            now = time.time()
            polled.update((record.key.decode(), now) for record in records)
    consumer.close()
    answer.send(polled)
