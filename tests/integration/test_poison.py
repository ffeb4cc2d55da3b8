"""given thousands of values that are no messages, among some that are, then each is a dead letter, kept whole.

The quick run has a thousand of them, of each kind about eighty; ten thousand are slow.
"""

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from consumers.contract import TOPICS
from consumers.sources.source import KEPT_BYTES
from infra.app.container import Waybill
from infra.settings import Settings
from infra.store.register.tables import feeds, malformed_messages
from tests.fault.conftest import postgres_server, postgres_store, sqlite_store
from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.messages import placed
from tests.integration.topics import STRUCTURED, Place, Sent, consumed, lags, made, send

__all__ = ["postgres_server", "postgres_store", "sqlite_store"]  # fixtures

pytestmark = pytest.mark.kafka

FEW, MANY = 1_000, 10_000
LARGEST = 1_048_576
PARTITIONS = 3

Kind = Callable[[Random], Sent]


class OddName(str):
    """A header's name that is sent as these bytes, which are no UTF-8."""

    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe name"


def good(number: int) -> dict[str, Any]:
    return placed(f"SO-{number}", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")


def attributes(*, without: str = "", instead: Mapping[str, bytes] | None = None) -> list[tuple[str, bytes]]:
    """The headers of a message in binary mode, with one left out or some changed."""
    said = {f"ce_{name}": str(value).encode() for name, value in good(1).items() if name not in ("data", without)}
    return list({**said, **(instead or {})}.items())


DATA = json.dumps(good(1)["data"]).encode()


def cut_short(chance: Random) -> Sent:
    whole = json.dumps(good(1)).encode()
    return Sent("", whole[: chance.randrange(1, len(whole) - 1)], headers=STRUCTURED)


# Null says as much as leaving an optional field out.
OPTIONAL = ("account_id", "rep_id")


def wrong_field(chance: Random) -> Sent:
    message = good(1)
    field = chance.choice(list(message["data"]))
    wrong = [{}, [], 1e400, "", True] + [None] * (field not in OPTIONAL)
    message["data"][field] = chance.choice(wrong)
    return Sent("", json.dumps(message).encode(), b"SO-1", STRUCTURED)


KINDS: dict[str, Kind] = {
    "random bytes": lambda chance: Sent("", b"\xff" + chance.randbytes(chance.randrange(200))),
    "a tombstone": lambda chance: Sent("", None, chance.randbytes(4)),
    "an empty value": lambda chance: Sent("", b"", b"SO-1", STRUCTURED),
    "JSON null": lambda chance: Sent("", b"null", headers=STRUCTURED),
    "cut short": cut_short,
    "a wrong field": wrong_field,
    "another subject's key": lambda chance: Sent("", b"{}", chance.randbytes(8), STRUCTURED),
    "a content type of another format": lambda chance: Sent(
        "", json.dumps(good(1)).encode(), headers=[("content-type", b"application/cloudevents+" + chance.randbytes(3))]
    ),
    "binary mode without an attribute": lambda chance: Sent(
        "", DATA, headers=attributes(without=chance.choice(["id", "source", "type", "time", "subject", "specversion"]))
    ),
    "binary mode with a broken attribute": lambda chance: Sent(
        "",
        DATA,
        headers=attributes(instead={chance.choice(["ce_time", "ce_type", "ce_id"]): b"\xff" + chance.randbytes(5)}),
    ),
    "binary mode with broken data": lambda chance: Sent("", chance.randbytes(9) + b"\xff", headers=attributes()),
    "a header whose name is no UTF-8": lambda chance: Sent("", b"<x/>", headers=[(OddName("n"), chance.randbytes(6))]),
}


def poison(chance: Random, count: int) -> list[Sent]:
    kinds, oversized = list(KINDS.values()), count // 500
    records = [kinds[n % len(kinds)](chance) for n in range(count - oversized)]
    records += [Sent("", chance.randbytes(4) * (LARGEST // 4) + b"x") for _ in range(oversized)]
    return records


@pytest.mark.parametrize(
    ("store", "count"),
    [
        ("sqlite", FEW),
        pytest.param("sqlite", MANY, marks=pytest.mark.slow),
        pytest.param("postgres", MANY, marks=[pytest.mark.postgres, pytest.mark.slow]),
    ],
)
def test_each_malformed_value_is_a_letter(
    waybill: Command, topics: Topics, request: pytest.FixtureRequest, store: str, count: int
) -> None:
    good_ones = count // 10
    url = request.getfixturevalue(f"{store}_store")()
    consuming = made(waybill.with_(WAYBILL_STORE=url, WAYBILL_LOG_LEVEL="error"), topics, PARTITIONS)
    chance = Random(11)
    messages = [Sent("", json.dumps(good(number)).encode(), headers=STRUCTURED) for number in range(good_ones)]
    records = [(record, True) for record in poison(chance, count)] + [(record, False) for record in messages]
    chance.shuffle(records)
    places = send(
        topics,
        [r._replace(topic=chance.choice(TOPICS), partition=chance.randrange(PARTITIONS)) for r, _ in records],
    )

    ran = consumed(consuming, topics)

    assert "Traceback" not in ran.err
    told = consuming.ask("status")
    assert told["books"] == {
        "received": count + good_ones,
        "applied": good_ones,
        "duplicate": 0,
        "held": 0,
        "dead": count,
    }
    assert lags(told) == {0}
    sent = {place: whole(record) for place, (record, is_poison) in zip(places, records, strict=True) if is_poison}
    kept = kept_letters(url)
    assert kept.keys() == sent.keys()
    assert [place for place in sent if kept[place] != sent[place]] == []
    consuming("verify").done()


Whole = tuple[bytes, list[tuple[str, bytes]]]


def whole(record: Sent) -> Whole:
    """A record's bytes and headers, of a large one the beginning; a name that is no UTF-8 is kept written out."""
    headers = [(name.encode().decode("utf-8", errors="backslashreplace"), value) for name, value in record.headers]
    value = record.value or b""
    return value[:KEPT_BYTES] if len(value) > LARGEST else value, headers


def kept_letters(url: str) -> dict[Place, Whole]:
    place = (feeds.c.topic, feeds.c.partition, malformed_messages.c.offset)
    question = select(*place, malformed_messages.c.body, malformed_messages.c.headers).join_from(
        malformed_messages, feeds, malformed_messages.c.feed_id == feeds.c.feed_id
    )
    with Waybill(Settings(store=url)) as service, service.engine.connect() as connection:
        return {
            Place(*row[:3]): (bytes(row[3]), [(name, bytes.fromhex(value)) for name, value in json.loads(row[4])])
            for row in connection.execute(question)
        }
