"""given topics full of messages, some doubled, contradictory, voided and broken, in every codec, in transactions and
with oversized ones among them, and consumers that are killed, frozen, joined by others or at odds, when all is read,
then the store is as if one consumer had read it in peace.

The instants are drawn anew each time; WAYBILL_FAULT_SEED=… repeats those that a failure printed.
"""

import json
import signal
import time
from collections.abc import Callable, Iterator
from random import Random
from threading import Event
from typing import Any
from uuid import uuid4

import pytest

from consumers.contract import TOPICS
from tests.fault.floor_under_load import subjects_own
from tests.fault.kafka_aftermath import answers_of, assert_same_answers
from tests.fault.mixed_load import MixedSink
from tests.integration.broker import Topics
from tests.integration.command import KILLED, Command, Nursery, Running
from tests.integration.topics import consumed, ends, lines_of, made, stored_positions, until_read

pytestmark = [pytest.mark.fault, pytest.mark.kafka]

PARTITIONS = 3
RECORDS_A_BATCH = 20
STORES = ["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])]
SETTINGS = {"WAYBILL_BATCH_MESSAGES": "40", "WAYBILL_LOG_LEVEL": "warning"}


class Load:
    """Topics that were filled, and what one consumer made of them in peace."""

    def __init__(self, topics: Topics, answers: dict[str, Any]):
        self.topics, self.answers = topics, answers


@pytest.fixture(scope="module")
def load(kafka: str, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    topics = Topics(kafka, f"t{uuid4().hex[:12]}.")
    waybill = made(Command(nursery, tmp_path_factory.mktemp("peace"), **SETTINGS), topics, PARTITIONS)
    file = waybill.folder / "floor.jsonl"
    arguments = ("--orders", "50", "--seed", "3", "--wrong", "0.1", "--until", "2025-06-30T16:00:00Z")
    waybill("simulate", *arguments, "--out", file).done()
    sink, records = MixedSink(topics, Event()), [subjects_own(topics, line) for line in lines_of(file)]
    for n in range(0, len(records), RECORDS_A_BATCH):
        sink.send(records[n : n + RECORDS_A_BATCH])
    sink.close()
    consumed(waybill, topics)
    yield Load(topics, answers_of(f"sqlite:///{waybill.store}"))
    topics.delete()


@pytest.fixture(params=STORES)
def consuming(request: pytest.FixtureRequest, waybill: Command, load: Load) -> Command:
    """The command with an empty store and a group of its own, on the topics that are full."""
    store: Callable[[], str] = request.getfixturevalue(f"{request.param}_store")
    group = f"g{uuid4().hex[:12]}"
    return waybill.with_(**load.topics.env, **SETTINGS, WAYBILL_STORE=store(), WAYBILL_KAFKA_GROUP=group)


def store_of(consuming: Command) -> str:
    return consuming.setting("WAYBILL_STORE")


def read_so_far(consuming: Command) -> int:
    return sum(stored_positions(consuming).values())


def until(reached: Callable[[], bool], *consumers: Running) -> None:
    deadline = time.monotonic() + 90
    while not reached():
        assert time.monotonic() < deadline
        for consumer in consumers:
            assert consumer.is_alive(), consumer.said
        time.sleep(0.02)


def stop(*consumers: Running) -> list[str]:
    """SIGTERM each; what they said."""
    for consumer in consumers:
        consumer.terminate()
    return [consumer.wait().done().err for consumer in consumers]


@pytest.mark.slow
@pytest.mark.parametrize("kills", [pytest.param(6, id=f"6-run{n}") for n in range(6)])
def test_a_consumer_that_is_killed_again_and_again(consuming: Command, load: Load, draw: Random, kills: int) -> None:
    all_of_it = sum(ends(load.topics).values())
    for at in sorted(draw.randrange(all_of_it) for _ in range(kills)):
        consumer = consuming.start("consume")
        until(lambda at=at: read_so_far(consuming) >= at, consumer)  # type: ignore[misc]
        time.sleep(draw.uniform(0, 0.05))
        consumer.kill()
        assert consumer.wait().code == KILLED
    consumed(consuming, load.topics)

    assert_same_answers(store_of(consuming), load.answers)


def test_two_that_both_believe_to_own_every_partition(consuming: Command, load: Load) -> None:
    """Of different groups, so that nobody tells them of each other: the store alone keeps them apart."""
    one = consuming.start("consume")
    another = consuming.with_(WAYBILL_KAFKA_GROUP=f"g{uuid4().hex[:12]}").start("consume")
    until_read(consuming, load.topics, [one, another])
    said = stop(one, another)

    assert any("batch_dropped" in text for text in said), "they never met"
    assert_same_answers(store_of(consuming), load.answers)


@pytest.mark.parametrize(
    "consuming",
    [pytest.param("sqlite", marks=pytest.mark.slow), pytest.param("postgres", marks=pytest.mark.postgres)],
    indirect=True,
)
def test_one_consumer_then_three_then_two(consuming: Command, load: Load, draw: Random) -> None:
    all_of_it = sum(ends(load.topics).values())
    talkative = consuming.with_(WAYBILL_LOG_LEVEL="info")
    consumers = [talkative.start("consume")]
    until(lambda: read_so_far(consuming) >= draw.randrange(all_of_it // 3), *consumers)
    consumers += [talkative.start("consume"), talkative.start("consume")]
    until(lambda: all("partition_taken_over" in c.said for c in consumers), *consumers)
    leaving = consumers.pop(draw.randrange(3))
    stop(leaving)
    until_read(consuming, load.topics, consumers)
    for text in stop(*consumers):
        assert partitions_by_number(text), "equal partition numbers of all topics are one consumer's"

    assert_same_answers(store_of(consuming), load.answers)


def partitions_by_number(said: str) -> bool:
    """Whether a consumer that took over a partition took those of that number of all topics."""
    taken = [json.loads(line) for line in said.splitlines() if '"partition_taken_over"' in line]
    by_number: dict[int, set[str]] = {}
    for line in taken:
        by_number.setdefault(line["partition"], set()).add(line["topic"])
    return all(len(topics) == len(TOPICS) for topics in by_number.values())


@pytest.mark.slow
def test_one_that_was_frozen_past_its_session_and_wakes_up(consuming: Command, load: Load, draw: Random) -> None:
    """A zombie: it goes on with what it had fetched, while others have long read that."""
    all_of_it = sum(ends(load.topics).values())
    zombie = consuming.start("consume")
    until(lambda: read_so_far(consuming) >= draw.randrange(1, all_of_it // 2), zombie)
    zombie.signal(signal.SIGSTOP)
    other = consuming.start("consume")
    until_read(consuming, load.topics, [other])
    zombie.signal(signal.SIGCONT)
    time.sleep(draw.uniform(0, 3))
    until_read(consuming, load.topics, [zombie, other])
    stop(zombie, other)

    assert_same_answers(store_of(consuming), load.answers)
