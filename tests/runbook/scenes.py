"""What the incidents share: a small sales floor that comes by Kafka, and the same floor without an incident."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any

from consumers.publish.topic_choice import TopicChoice
from infra.simulation import simulate
from tests.fault.kafka_aftermath import answers_of
from tests.integration.broker import Topics
from tests.integration.command import Command, Running
from tests.integration.topics import ends

ORDERS, SEED, UNTIL = "20", "7", "2025-06-30T16:00:00Z"
PATIENCE_SECONDS = 60
OF_THE_WAY_THERE = ("messages", "letters", "books")
"""What differs if messages were sent twice, or skipped and sent again."""


def floor(waybill: Command, *shares: float) -> list[list[bytes]]:
    """The messages of a small sales floor in the order in which they arrive, in one part more than there are shares."""
    file = waybill.folder / "floor.jsonl"
    waybill("simulate", "--orders", ORDERS, "--seed", SEED, "--until", UNTIL, "--out", file).done()
    lines = file.read_bytes().splitlines()
    cuts = [0, *(int(len(lines) * share) for share in shares), len(lines)]
    return [lines[start:end] for start, end in pairwise(cuts)]


def simulated(orders: int) -> list[bytes]:
    """The messages of a sales floor with so many orders, in the order in which they arrive, without a command."""
    return list(simulate(orders, int(SEED), datetime.fromisoformat(UNTIL), 0.0))


def publish(waybill: Command, lines: Sequence[bytes], name: str = "part.jsonl") -> None:
    waybill("publish", waybill.file(name, *lines), "--as-they-are").done()


def errors_of(running: Running) -> str:
    """The errors of its log, as `grep` shows them."""
    return "".join(f"{line}\n" for line in running.said.splitlines() if '"level": "error"' in line)


def of_topic(topic: str, lines: Sequence[bytes]) -> list[bytes]:
    """Those of these lines that `publish` sends to this topic, if it is given these lines alone."""
    choice = TopicChoice()
    documents = [json.loads(line) for line in lines]
    topics = [choice.topic_for(document["type"], document["subject"]) for document in documents]
    return [line for line, chosen in zip(lines, topics, strict=True) if chosen == topic]


def store_of(waybill: Command) -> str:
    return waybill.setting("WAYBILL_STORE", f"sqlite:///{waybill.store}")


def until(reached: Callable[[], bool], *running: Running) -> None:
    """Wait for something that these processes bring about."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        assert time.monotonic() < deadline, [one.said for one in running]
        for one in running:
            assert one.is_alive(), one.said
        time.sleep(0.05)


def until_read(topics: Topics, consumer: Running, since: int = 0) -> None:
    """Wait until the consumer has read every partition to its end, by what it has said since it had said so much."""
    wanted = {place: end for place, end in ends(topics).items() if end}
    until(lambda: all(_read(consumer, since).get(place, 0) >= end for place, end in wanted.items()), consumer)


def _read(consumer: Running, since: int) -> dict[tuple[str, int], int]:
    lines = [json.loads(line) for line in consumer.said[since:].splitlines() if line.endswith("}")]
    return {(line["topic"], line["partition"]): line["next_offset"] for line in lines if "next_offset" in line}


@contextmanager
def running(waybill: Command, *parts: str) -> Iterator[list[Running]]:
    """Long-running parts, such as consume, stopped in the end as an operator would."""
    started = [waybill.start(part) for part in parts]
    try:
        yield started
    finally:
        for one in started:
            one.terminate()
        ended = [one.wait() for one in started]
    for ran in ended:
        ran.done()


def until_shown(consumer: Running, projector: Running) -> None:
    """Wait until the views show all that was read, by what both say."""
    until(lambda: _newest("batch_stored", consumer) <= _newest("batch_projected", projector), consumer, projector)


def _newest(event: str, told_by: Running) -> int:
    lines = [json.loads(line) for line in told_by.said.splitlines() if f'"{event}"' in line]
    return int(lines[-1]["position"]) if lines else 0


def says(*words: str, running: Running) -> Callable[[], bool]:
    """Whether its log has a line with all these words."""
    return lambda: any(all(word in line for word in words) for line in running.said.splitlines())


def views(waybill: Command) -> dict[str, Any]:
    """Every view at two instants. `waybill verify` finds nothing."""
    return {name: rows for name, rows in answers_of(store_of(waybill)).items() if name not in OF_THE_WAY_THERE}


def assert_as_without(waybill: Command, undisturbed: Command, lines: Sequence[bytes]) -> None:
    """The views are as if the incident had never been: as those of a store that was given these lines in peace."""
    undisturbed.ingest(*lines)
    found, expected = views(waybill), views(undisturbed)
    for name, rows in expected.items():
        assert found[name] == rows, name
