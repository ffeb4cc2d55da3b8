"""given topics with doubled, contradictory, voided, early and malformed messages, when two stores are made from them,
each by another clock and in another interleaving, then they agree once the clock is past all times: on what was true,
and on what was known when, because the broker's clock said when each message was recorded.
"""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import select

from infra.app.container import Waybill
from infra.app.status import begun_partitions
from infra.queries.views import Asked
from infra.settings import Settings
from infra.simulation import DEFAULT_UNTIL, simulate
from infra.store.register.tables import malformed_messages
from projections.views.catalogue import VIEWS
from tests.fault.aftermath import without_receipt
from tests.fault.floor_under_load import subjects_own
from tests.fault.kafka_aftermath import answers_of, assert_same_answers
from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.messages import booked, placed
from tests.integration.test_poison import KINDS
from tests.integration.topics import PATIENCE_SECONDS, STRUCTURED, Sent, ends, made, send

pytestmark = pytest.mark.kafka

BEHIND, AHEAD = timedelta(days=-2), timedelta(days=1)


def test_another_clock_and_another_interleaving_give_the_same_answers(
    waybill: Command, topics: Topics, tmp_path: Path
) -> None:
    made(waybill, topics)
    now = datetime.now(UTC)
    ordered = [
        Sent(record.topic.removeprefix(topics.prefix), record.value, record.key, record.headers)
        for record in (subjects_own(topics, line) for line in simulate(60, 5, DEFAULT_UNTIL, 0.15))
    ]
    today = placed("SO-today", now.isoformat(), (now + timedelta(days=9)).isoformat())
    early = booked("SO-today", (now + timedelta(hours=5)).isoformat(), (now + timedelta(days=2)).isoformat())
    ordered += [Sent("orders", json.dumps(one).encode(), b"SO-today", STRUCTURED) for one in (today, early)]
    chance = Random(17)
    malformed = [kind(chance)._replace(topic="people") for kind in KINDS.values() for _ in range(5)]
    half = len(ordered) // 2
    send(topics, [*ordered[:half], *malformed])
    known_at = datetime.now(UTC)
    time.sleep(0.01)
    send(topics, ordered[half:])
    # when one store is made by a clock that is behind, and the other by one that is ahead
    one, other = (f"sqlite:///{tmp_path / name}.db" for name in ("one", "other"))
    read_all(one, topics, BEHIND, batch_messages=7)
    assert held_by_the_clock(one) > 0, "the clock had a say on receipt"
    read_all(other, topics, AHEAD, batch_messages=333)
    assert held_by_the_clock(other) == 0
    # then they agree as soon as the first one's clock has come there
    with Waybill(settings_of(one, topics), lambda: datetime.now(UTC) + AHEAD) as service:
        service.ingest().wake()
    answers = answers_of(other)
    assert answers["letters"].total() >= len(malformed)
    assert_same_answers(one, answers)
    assert (known := known_then(other, known_at)) == known_then(one, known_at)
    assert len(known["malformed"]) >= len(malformed)
    assert 0 < len(known["orders"]) < len(known_then(other, datetime.now(UTC))["orders"]), "the instant matters"


def settings_of(store: str, topics: Topics, batch_messages: int = 100) -> Settings:
    group = Path(store).stem
    return Settings(
        store=store,
        kafka=topics.url,
        topic_prefix=topics.prefix,
        kafka_group=group,
        batch_messages=batch_messages,
    )


def read_all(store: str, topics: Topics, shift: timedelta, batch_messages: int) -> None:
    """Consume to the end of every partition, by a clock that is shifted."""
    wanted = {place: end for place, end in ends(topics).items() if end}
    stop = Event()
    with Waybill(settings_of(store, topics, batch_messages), lambda: datetime.now(UTC) + shift) as service:
        consumer = Thread(target=service.consumer(stop).run)
        consumer.start()
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while any(
                place not in (stands := begun_partitions(service)) or stands[place].next_offset < end
                for place, end in wanted.items()
            ):
                assert consumer.is_alive() and time.monotonic() < deadline
                time.sleep(0.1)
        finally:
            stop.set()
            consumer.join()


def known_then(store: str, known_at: datetime) -> dict[str, Any]:
    """The rows of every view as known at this instant, and the malformed messages seen by then."""
    c = malformed_messages.c
    seen = select(c.letter_id, c.received_at).where(c.received_at <= known_at).order_by(c.letter_id)
    with Waybill(Settings(store=store)) as service, service.engine.connect() as connection:
        letters = {"malformed": connection.execute(seen).all()}
        return letters | {
            view.command: without_receipt(service.views.ask(view, Asked(DEFAULT_UNTIL, known_at)).rows)
            for view in VIEWS
        }


def held_by_the_clock(store: str) -> int:
    with Waybill(Settings(store=store)) as service, service.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM clock_holds").scalar_one())
