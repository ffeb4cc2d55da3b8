"""given real histories published in any order, over all topics and partitions, then `waybill consume` ends in the
answers that their rows give, on each database; and so does an empty store that reads the same topics again.
"""

from pathlib import Path
from random import Random

import pytest

from tests.fault.kafka_aftermath import answers_of, assert_same_answers
from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.topics import consumed, lags, lines_of, made, send, shuffled
from tests.oracle.conftest import DATA
from tests.oracle.floor import assert_same
from tests.oracle.straight import Straight, read_instant
from tests.stores.conftest import StoreUrl

pytestmark = pytest.mark.kafka

VIEWS = ("overdue", "at-risk", "late", "workload")


# The quick one reads a history's beginning into PostgreSQL first, and then again into a file.
@pytest.fixture(
    params=[pytest.param("sqlite", marks=pytest.mark.slow), pytest.param("postgres", marks=pytest.mark.postgres)]
)
def consuming(request: pytest.FixtureRequest, waybill: Command, topics: Topics) -> Command:
    """The command with an empty store and topics of its own."""
    store: StoreUrl = request.getfixturevalue(f"{request.param}_store")
    return made(waybill.with_(WAYBILL_STORE=store(), WAYBILL_LOG_LEVEL="warning"), topics)


def real(name: str) -> Path:
    file = DATA / f"{name}.jsonl.gz"
    if not file.is_file():
        pytest.skip(f"there is no {name}.jsonl.gz in {DATA}; WAYBILL_DATA may name the folder")
    return file


@pytest.mark.parametrize(
    ("history", "count", "instants"),
    [
        ("northwind", 900, ("1997-01-15T09:00:18Z", "1998-06-01T00:00:00Z")),
        pytest.param("northwind", 2_569, ("1997-01-15T09:00:18Z", "1998-06-01T00:00:00Z"), marks=pytest.mark.slow),
        pytest.param("scms", 21_120, ("2009-04-07T12:00:00Z", "2014-02-20T00:00:00Z"), marks=pytest.mark.slow),
    ],
)
def test_a_history_in_any_order_over_all_partitions_gives_the_answers_of_its_rows(
    consuming: Command, other: Command, topics: Topics, history: str, count: int, instants: tuple[str, ...]
) -> None:
    lines = lines_of(real(history))[:count]
    send(topics, shuffled(lines, Random(7)))

    consumed(consuming, topics)

    told = consuming.ask("status")
    assert told["books"] == {"received": count, "applied": count, "duplicate": 0, "held": 0, "dead": 0}
    assert lags(told) == {0}
    straight = Straight(lines)
    for as_of in instants:
        for view in VIEWS:
            assert_same(view, consuming.ask(view, "--as-of", as_of), straight.ask(view, read_instant(as_of)))

    # Polls of another size are another interleaving.
    again = other.with_(**topics.env, WAYBILL_KAFKA_GROUP="again", WAYBILL_BATCH_MESSAGES="333")
    consumed(again, topics)
    assert_same_answers(f"sqlite:///{again.store}", answers_of(consuming.setting("WAYBILL_STORE")))
