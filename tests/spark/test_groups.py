"""given groups of rows, as executors get them, then each stream is answered alone, and one that fails is named."""

import pickle
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow

from domain.fact import Fact
from infra.settled_then.question import SettledQuestion
from infra.settled_then.recorded import RecordedThen
from infra.spark.executors.answers import AnsweredPage, Narrowed, StandingQuestion, answers_fold
from infra.spark.executors.groups import COLUMNS, Role, groups_in, micros_of
from infra.spark.executors.references import pairs_fold, placings_fold
from infra.store.events.codec import encode_event
from projections.order_states import ORDER_STATES, order_states
from tests.unit.domain.facts import MIDNIGHT, booked, cancelled, established, parcel_delivered, placed

GroupRow = tuple[str, int, str, int, str, bytes]
LATER = MIDNIGHT + timedelta(days=60)
KNOWN = SettledQuestion(
    (ORDER_STATES.name,), None, LATER, timedelta(hours=1), "UTC", LATER, 100, True, True, frozenset()
)
OPEN_NOW = Narrowed(frozenset((order_states.name,)), None, open_orders=True, contacts_after=None)
ALL_NOW = OPEN_NOW._replace(open_orders=False)


def own(stream: str, *facts: Fact) -> list[GroupRow]:
    return [
        (stream, Role.OWN, stream, version, fact.TOPIC, encode_event(fact)) for version, fact in enumerate(facts, 1)
    ]


def other(stream: str, of: str, *facts: Fact) -> list[GroupRow]:
    return [(stream, Role.OTHER, of, version, topic, state) for _, _, _, version, topic, state in own(of, *facts)]


def batches(rows: Sequence[GroupRow], size: int = 2) -> Iterator[Any]:
    for start in range(0, len(rows), size):
        columns = [pyarrow.array(values) for values in zip(*rows[start : start + size], strict=True)]
        yield pyarrow.record_batch(columns, names=list(COLUMNS))


def answered(
    rows: Sequence[GroupRow],
    question: SettledQuestion | StandingQuestion = KNOWN,
    narrowed: Narrowed = ALL_NOW,
) -> AnsweredPage:
    (page,) = answers_fold(question, narrowed, batches(rows))
    found: AnsweredPage = pickle.loads(page.column("page")[0].as_py())
    return found


def statuses(page: AnsweredPage) -> dict[str, str]:
    ((_, rows),) = page.settled.rows
    return {row.order_id: row.status for row in rows.get(order_states.name, ())}  # type: ignore[attr-defined]


def test_a_group_may_span_batches() -> None:
    rows = [*own("order-1", placed(8), booked(9), cancelled(10)), *own("order-2", placed(8))]
    assert [(group.stream, len(group.own)) for group in groups_in(batches(rows, 1))] == [("order-1", 3), ("order-2", 1)]


def test_a_scan_of_another_stream_is_said_to_the_order() -> None:
    scan = parcel_delivered(12)
    rows = [*own("order-1", placed(8), booked(9, tracking="TN")), *other("order-1", "parcel-TN", scan)]
    page = answered(rows)
    assert statuses(page) == {"1": "delivered"}
    assert [one.order_id for one in page.settled.matched] == ["1"]


def test_an_order_that_was_placed_and_never_stored_is_a_group_of_its_placing() -> None:
    terms = own("standing-order-7", established(8))
    recorded = RecordedThen(LATER, timedelta(hours=1))
    (placings,) = placings_fold(recorded, LATER, "UTC", batches(terms))
    rows = list(zip(*(placings.column(name).to_pylist() for name in COLUMNS), strict=True))
    assert rows and {row[2] for row in rows} == {"standing-order-7"}
    page = answered(rows[:1])
    assert list(statuses(page)) == [rows[0][0].removeprefix("order-")]


def test_bookings_refer_to_the_streams_of_their_numbers() -> None:
    rows = own("order-1", placed(8), booked(9, tracking="TN"))
    (pairs,) = pairs_fold("parcels", batches(rows))
    assert pairs.to_pylist() == [{"of": "parcel-TN", "stream": "order-1"}]


def test_a_stream_that_cannot_be_read_is_named_and_the_others_are_answered() -> None:
    damaged: GroupRow = ("order-2", Role.OWN, "order-2", 1, "order.placed", b"{")
    for question in (KNOWN, StandingQuestion((ORDER_STATES.name,))):
        page = answered([*own("order-1", placed(8)), damaged, *own("order-3", placed(8))], question)
        assert statuses(page) == {"1": "open", "3": "open"}
        assert [failed.stream for failed in page.failed] == ["order-2"]
        assert "event 1 of stream order-2 (order.placed) cannot be read" in page.failed[0].reason


def test_an_order_whose_parcel_cannot_be_read_is_named_with_the_parcel() -> None:
    damaged: GroupRow = ("order-1", Role.OTHER, "parcel-TN", 1, "parcel.delivered", b"{")
    page = answered([*own("order-1", placed(8), booked(9, tracking="TN")), damaged])
    assert [failed.stream for failed in page.failed] == ["order-1"]
    assert "parcel-TN" in page.failed[0].reason


def test_a_standing_order_that_cannot_be_read_is_named() -> None:
    damaged: GroupRow = ("standing-order-7", Role.OWN, "standing-order-7", 1, "standing_order.established", b"{")
    (placings,) = placings_fold(RecordedThen(LATER, timedelta(hours=1)), LATER, "UTC", batches([damaged]))
    rows = list(zip(*(placings.column(name).to_pylist() for name in COLUMNS), strict=True))
    page = answered([*own("order-1", placed(8)), *rows])
    assert statuses(page) == {"1": "open"}
    assert [failed.stream for failed in page.failed] == ["standing-order-7"]


def test_a_malformed_claim_stays_until_the_message_that_it_claims_is_applied() -> None:
    fact = placed(8)
    claims: list[GroupRow] = [
        ("order-1", Role.CLAIM, fact.source, micros_of(MIDNIGHT), fact.message_id, b""),
        ("order-1", Role.CLAIM, fact.source, micros_of(MIDNIGHT), "another", b""),
        ("order-2", Role.CLAIM, fact.source, micros_of(MIDNIGHT), fact.message_id, b""),
    ]
    page = answered([*own("order-1", fact), *claims])
    assert page.claims == [("1", MIDNIGHT), ("2", MIDNIGHT)]


def test_rows_that_no_view_reads_are_not_returned() -> None:
    rows = [*own("order-1", placed(8)), *own("order-2", placed(8), cancelled(9))]
    assert statuses(answered(rows, narrowed=OPEN_NOW)) == {"1": "open"}
    at_half_past = MIDNIGHT.replace(tzinfo=UTC) + timedelta(hours=8.5)
    standing = StandingQuestion((ORDER_STATES.name,))
    assert statuses(answered(rows, standing, ALL_NOW._replace(at=at_half_past))) == {"1": "open", "2": "open"}
    assert statuses(answered(rows, standing, ALL_NOW._replace(at=datetime(2020, 1, 1, tzinfo=UTC)))) == {}
