"""given a store that is written to, when somebody asks what was known, then the answer is that of one position."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.queries.trend import instants_between, trend
from infra.queries.views import Asked
from infra.settings import Settings
from projections.views.catalogue import view_named
from projections.views.trend import Counted
from tests.integration.messages import Document, booked, confirmed, message, placed, voided
from tests.stores.conftest import StoreUrl

NOW = datetime(2026, 3, 20, tzinfo=UTC)
KNOWN = Asked(None, NOW)
Answers = Callable[[Waybill], tuple[int, Any]]


def order(number: int) -> Document:
    return placed(f"SO-{number}", "2026-03-02T08:00:00Z", "2026-03-04T16:00:00Z", rep_id="rep-1")


def booking(number: int) -> Document:
    return booked(f"SO-{number}", "2026-03-02T09:00:00Z", "2026-03-04T12:00:00Z", tracking_number=f"1Z{number}")


def scan(number: int, type_: str = "parcel.attempted") -> Document:
    return message(type_, f"1Z{number}", "2026-03-03T12:00:00Z", {}, id=f"{type_} {number}")


def standing(number: int) -> Document:
    data = {"account_id": "ACME", "rep_id": "rep-1", "segment": "b2b", "currency": "USD", "lead_days": 0}
    data |= {"lines": order(1)["data"]["lines"], "every": {"days": 1}, "first_on": "2026-03-17"}
    return message("standing_order.established", f"{number}", "2026-03-17T00:00:00Z", data)


def broken(number: int) -> Document:
    return {**confirmed(f"SO-{number}", "2026-03-03T15:00:00Z", id=f"confirmed {number}"), "data": {}}


FIRST = [order(1), booking(1), scan(2), broken(1), voided(order(3), "2026-03-03T08:00:00Z"), standing(1)]
MEANWHILE = [
    *(order(2), booking(2), scan(1), order(3), standing(2)),
    confirmed("SO-1", "2026-03-03T15:00:00Z", id="confirmed 1"),
    *(scan(1, "parcel.delivered"), scan(2, "parcel.delivered"), order(4), booking(4), broken(2), standing(3)),
    *(each for number in range(5, 15) for each in (order(number), booking(number), scan(number))),
]


class Desk:
    """A service that heard these messages, one by one."""

    def __init__(self, url: str, documents: Sequence[Document]):
        self.waybill = Waybill(Settings(store=url), lambda: NOW)
        self.heads: list[int] = []
        for document in documents:
            self.hears(document)

    def hears(self, document: Document) -> None:
        line = json.dumps(document).encode()
        self.waybill.ingest().read(JsonLines.of_bytes(f"message {len(self.heads)}", line))
        self.heads.append(self.waybill.history.head())


@contextmanager
def written_to_meanwhile(asked: Waybill, writer: Desk) -> Iterator[None]:
    """The writer stores another message before each statement that the asked service sends."""
    coming = iter(MEANWHILE)

    def write(*_: Any) -> None:
        if (document := next(coming, None)) is not None:
            writer.hears(document)

    event.listen(asked.engine, "before_cursor_execute", write)
    try:
        yield
    finally:
        event.remove(asked.engine, "before_cursor_execute", write)


def rows_of(verb: str) -> Answers:
    def ask(waybill: Waybill) -> tuple[int, Any]:
        answer = waybill.views.ask(view_named(verb), KNOWN)
        return answer.position, answer.rows

    return ask


def overdue_day_by_day(waybill: Waybill) -> tuple[int, Any]:
    instants = instants_between(datetime(2026, 3, 1, tzinfo=UTC), NOW, timedelta(days=1))
    found = trend(waybill.views, Counted.OVERDUE, instants, known_at=NOW)
    return found.position, found.rows


def export(waybill: Waybill) -> tuple[int, Any]:
    with waybill.exports.reading(waybill.exports.relations, KNOWN) as reader:
        answers = {one.relation: reader.answer(one, None) for one in waybill.exports.relations}
        return reader.position, {name: [*answer.batches()] for name, answer in answers.items()}


def order_of(number: int) -> Answers:
    def ask(waybill: Waybill) -> tuple[int, Any]:
        told = waybill.orders.order(f"SO-{number}", NOW, None, NOW)
        assert told is not None
        return told.position, told.document()

    return ask


QUESTIONS = {
    **{verb: rows_of(verb) for verb in ("overdue", "orders")},
    "trend": overdue_day_by_day,
    "export": export,
    **{f"order {number}": order_of(number) for number in (1, 3)},
}


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_an_answer_is_that_of_the_position_it_names_whatever_is_stored_meanwhile(
    new_store: StoreUrl, ask: Answers
) -> None:
    url = new_store()
    writer, asked = Desk(url, FIRST), Waybill(Settings(store=url), lambda: NOW)
    with writer.waybill, asked:
        with written_to_meanwhile(asked, writer):
            position, answer = ask(asked)
        assert len(writer.heads) > len(FIRST) + 2

        heard = [*FIRST, *MEANWHILE][: writer.heads.index(position) + 1]
        alone = Desk(new_store(), heard)
        with alone.waybill:
            assert (position, answer) == ask(alone.waybill)
