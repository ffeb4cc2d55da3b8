"""Several processes take messages into one store at a time; the views end as though one had done it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import pytest

from tests.fault.kafka_aftermath import answers_of
from tests.integration.command import Command
from tests.integration.messages import attempted, booked, cancelled, confirmed, dispatched, placed, voided
from tests.stores.conftest import StoreUrl
from tests.stores.histories import floor

# All these numbers of writers are tried by `make test-all` and `make test-faults`.
WRITERS = [3, *(pytest.param(writers, marks=[pytest.mark.slow, pytest.mark.fault]) for writers in (2, 5, 8))]

SMALL_BATCHES = {"WAYBILL_BATCH_MESSAGES": "20", "WAYBILL_BATCH_EVENTS": "100", "WAYBILL_LOG_LEVEL": "error"}


@pytest.fixture
def service(waybill: Command, new_store: StoreUrl) -> Command:
    return waybill.with_(WAYBILL_STORE=new_store(), **SMALL_BATCHES)


class Told(NamedTuple):
    """What a store says, when everything that is kept is what the events lead to."""

    books: dict[str, int]
    views: dict[str, list[dict[str, Any]]]


def told_by(service: Command) -> Told:
    answers = answers_of(service.setting("WAYBILL_STORE"))
    return Told(answers["books"], {name: rows for name, rows in answers.items() if " as of " in name})


def alone(waybill: Command, lines: Sequence[bytes]) -> Told:
    """What is said when one process takes all of it in."""
    one = waybill.with_(WAYBILL_STORE=f"sqlite:///{waybill.folder}/alone.db", **SMALL_BATCHES)
    one("ingest", one.file("alone.jsonl", *lines)).done()
    return told_by(one)


def together(service: Command, *shares: Sequence[bytes]) -> None:
    """Each share is taken in by a process of its own, all of them at the same time."""
    files = [service.file(f"share-{number}.jsonl", *share) for number, share in enumerate(shares)]
    running = [service.start("ingest", file) for file in files]
    for process in running:
        process.wait().done()


@pytest.mark.parametrize("writers", WRITERS)
def test_disjoint_shares_of_a_history(waybill: Command, service: Command, writers: int) -> None:
    """Each cuts through every order."""
    lines = floor(60, wrong=0)
    together(service, *(lines[share::writers] for share in range(writers)))
    assert told_by(service) == alone(waybill, lines)


@pytest.mark.parametrize("writers", WRITERS)
def test_shares_that_overlap(waybill: Command, service: Command, writers: int) -> None:
    """Every message is in two of them, and each of them is in an order of its own."""
    lines = floor(60, wrong=0)
    shares = [[*lines[share::writers], *lines[(share + 1) % writers :: writers]] for share in range(writers)]
    together(service, *(Random(number).sample(share, len(share)) for number, share in enumerate(shares)))
    books, views = alone(waybill, lines)
    twice = {"received": 2 * len(lines), "duplicate": books["duplicate"] + len(lines)}
    assert told_by(service) == (books | twice, views)


# -- one order among writers ---------------------------------------------------------------------

MORNING = datetime(2025, 3, 3, 9, tzinfo=UTC)


def minute(number: int) -> str:
    return (MORNING + timedelta(minutes=number)).isoformat()


def line(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize("writers", WRITERS)
def test_writers_that_race_for_one_order(waybill: Command, service: Command, writers: int) -> None:
    # given an order of which much is told, all of it to every writer, to each in another order
    told = [placed("SO-1", minute(0), minute(600)), booked("SO-1", minute(1), minute(900))]
    told += [dispatched("SO-1", minute(2)), *(attempted("SO-1", minute(3 + number)) for number in range(120))]
    told += [voided(told[10], minute(500)), confirmed("SO-1", minute(700))]
    lines = [line(document) for document in told]
    # when they write at the same time
    together(service, *(Random(number).sample(lines, len(lines)) for number in range(writers)))
    # then each message took effect once, whoever brought it
    books, views = alone(waybill, lines)
    assert books == {"received": len(lines), "applied": len(lines) - 1, "duplicate": 0, "held": 0, "dead": 1}
    again = {"received": writers * len(lines), "duplicate": (writers - 1) * len(lines)}
    assert told_by(service) == (books | again, views)
    versions = [event["version"] for event in service.ask("events", "--stream", "order-SO-1")]
    assert versions == list(range(1, len(versions) + 1))


def test_one_poison_order_among_a_thousand(waybill: Command, service: Command) -> None:
    # given an order of which nothing good is told
    poison = [
        line(placed("SO-13", minute(5), minute(60))),
        line(placed("SO-13", minute(6), minute(90), id="again")),
        line(placed("SO-13", "2025-03-03 09:00", minute(60), id="naive")),
        *(line(confirmed("SO-13", minute(number), f"S{number}")) for number in range(10)),
        line(cancelled("SO-13", minute(7))),
        *(line(booked("SO-13", minute(8 + number), minute(60), f"T{number}")) for number in range(10)),
        line(voided(placed("SO-13", minute(5), minute(60)), minute(9))),
        *(b'{"subject":"SO-13","type":"order.placed.v1",' + b"\xff" * number for number in range(10)),
    ]
    healthy = [line(placed(f"SO-{number}", minute(number % 50), minute(600))) for number in range(1000) if number != 13]
    mixed = Random(13).sample([*healthy, *poison], len(healthy) + len(poison))
    # when it comes in among the others
    together(service, mixed)
    # then it holds up none of them
    books, views = told_by(service)
    assert books["received"] == len(mixed)
    assert books["dead"] + books["held"] >= len(poison) - 3
    assert without("SO-13", views) == without("SO-13", alone(waybill, healthy).views)


def without(order_id: str, views: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Views of orders without one of them."""
    return {name: [row for row in rows if row.get("order_id") != order_id] for name, rows in views.items()}
