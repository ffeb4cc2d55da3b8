"""given messages that keep coming, in every codec, in transactions and some too large, and faults at random instants,
of consumers, projectors and relays, of the broker and of the database, when it is over, then the store is as if one
consumer had read the same topics in peace, and whoever followed the relay knows all of it.

The faults and their instants are drawn anew each time; WAYBILL_FAULT_SEED=… repeats those that a failure printed.
"""

from pathlib import Path
from random import Random

import pytest

from infra.simulation import DEFAULT_UNTIL, simulate
from tests.fault.floor_under_load import Floor, Load
from tests.fault.kafka_aftermath import answers_of, assert_same_answers
from tests.fault.postgres_server import crashing_server
from tests.integration.broker import Broker, Topics
from tests.integration.command import Command
from tests.integration.topics import consumed, made
from tests.integration.what_was_told import check_that_nothing_is_lost

pytestmark = [pytest.mark.fault, pytest.mark.kafka, pytest.mark.timeout(1_800)]

PARTITIONS = 3
MESSAGES_A_FAULT = 150
FEWER_MESSAGES_A_FAULT = 60
"""In the quick run: each way of sending a batch comes between two faults."""
SETTINGS = {"WAYBILL_BATCH_MESSAGES": "40", "WAYBILL_BATCH_EVENTS": "200", "WAYBILL_LOG_LEVEL": "warning"}

OF_ANY_STORE = (
    "kill_consumer",
    "kill_broker",
    "freeze_consumer",
    "have_three",
    "kill_projector",
    "kill_relay",
    "have_one",
)
OF_POSTGRESQL = ("crash_postgres", *OF_ANY_STORE, "have_two", "kill_consumer", "restart_postgres", "restart_broker")


def drawn(kinds: tuple[str, ...], count: int, draw: Random) -> list[str]:
    """So many faults, each kind about as often."""
    faults = [kinds[number % len(kinds)] for number in range(count)]
    draw.shuffle(faults)
    return faults


def stand_through(faults: list[str], floor: Floor, load: Load, draw: Random) -> None:
    for fault in faults:
        load.more()
        floor.strike(fault, after=draw.uniform(0, 1))


def lines(faults: int, messages_a_fault: int = MESSAGES_A_FAULT) -> list[bytes]:
    return list(simulate(faults * messages_a_fault // 7 + 1, 3, DEFAULT_UNTIL, 0.1))


@pytest.mark.slow
@pytest.mark.parametrize("count", [7, 40])
def test_a_store_in_a_file_survives_all_faults(
    waybill: Command, other: Command, own_broker: Broker, draw: Random, count: int
) -> None:
    topics = Topics(own_broker.url, "")
    consuming = made(waybill.with_(**SETTINGS), topics, PARTITIONS)
    with Load(topics, lines(count), MESSAGES_A_FAULT) as load, Floor(consuming, own_broker, None, draw) as floor:
        stand_through(drawn(OF_ANY_STORE, count, draw), floor, load, draw)
        load.finish()
        floor.come_to_rest(topics)
    check_that_nothing_is_lost(f"sqlite:///{consuming.store}", topics)
    as_in_peace(f"sqlite:///{consuming.store}", other, topics)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("count", "messages"),
    [(4, FEWER_MESSAGES_A_FAULT), pytest.param(60, MESSAGES_A_FAULT, marks=pytest.mark.slow)],
)
def test_a_store_in_postgresql_survives_all_faults(
    waybill: Command, other: Command, own_broker: Broker, draw: Random, count: int, messages: int
) -> None:
    topics, sent = Topics(own_broker.url, ""), lines(count, messages)
    with crashing_server() as server:
        store = server.new_database()
        consuming = made(waybill.with_(**SETTINGS, WAYBILL_STORE=store), topics, PARTITIONS)
        with Load(topics, sent, messages) as load, Floor(consuming, own_broker, server, draw) as floor:
            stand_through(drawn(OF_POSTGRESQL, count, draw), floor, load, draw)
            load.finish()
            floor.come_to_rest(topics)
        check_that_nothing_is_lost(store, topics)
        as_in_peace(store, other, topics)


def as_in_peace(store: str, other: Command, topics: Topics) -> None:
    peaceful = other.with_(**topics.env, WAYBILL_KAFKA_GROUP="peace", WAYBILL_LOG_LEVEL="error")
    consumed(peaceful, topics)
    assert_same_answers(store, answers_of(f"sqlite:///{Path(peaceful.store)}"))
