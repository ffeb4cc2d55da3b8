"""given thousands of dead letters on either store, then they are grouped, chosen, and one is read by its index."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.dead_letters.group import group_letters
from infra.app.dead_letters.show import find_letters, show_letter
from infra.app.doctor.looking import look_at_store
from infra.app.doctor.seen import Unread
from infra.app.verify import verify_store
from infra.queries.books import set_aside
from infra.queries.dead_letters import DeadLetterFilter
from infra.settings import Settings
from tests.integration.messages import Document, booked, cancelled, confirmed, placed, voided
from tests.stores.conftest import StoreUrl

MANY = 4_000
EARLY, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"
NOON = datetime(2025, 3, 12, 12, tzinfo=UTC)


class Floor:
    """A service with a clock of its own."""

    def __init__(self, url: str):
        self.now = NOON
        self.waybill = Waybill(Settings(store=url), lambda: self.now)

    def hears(self, *documents: Document | bytes, of: str = "upstream") -> None:
        lines = [said if isinstance(said, bytes) else json.dumps(said).encode() for said in documents]
        ingest = self.waybill.ingest()
        ingest.finish(ingest.read(JsonLines.of_one_batch(of, lines), resume=False).feed_id)

    def letters(self, *, every: bool = False, **wanted: str | datetime) -> list[str]:
        """The ids of the letters that are listed."""
        found = self.waybill.dead_letters.dead(self.now, discarded=every, wanted=DeadLetterFilter(**wanted))  # type: ignore[arg-type]
        return [letter.letter_id for letter in found]

    def set_aside(self) -> tuple[int, ...]:
        """How many are voided, discarded, superseded."""
        return tuple(set_aside(self.waybill.engine, self.now, self.waybill.hold))

    def books_balance(self) -> bool:
        """Whether books, verdicts and rows are as a fresh settling gives them."""
        self.waybill.project()
        return not verify_store(self.waybill).findings


@pytest.fixture
def floor(new_store: StoreUrl) -> Iterator[Floor]:
    service = Floor(new_store())
    yield service
    service.waybill.close()


def broken(number: int) -> Document:
    """An order without an instant: each has other values."""
    return {**placed(f"SO-{number}", EARLY, PROMISE), "time": f"2025-03-03T09:00:{number % 60:02}", "id": f"B-{number}"}


def test_four_thousand_letters_of_one_fault_are_one_group(floor: Floor) -> None:
    floor.hears(*(broken(number) for number in range(MANY)), cancelled("SO-X", EARLY), b"[]")

    letters = floor.waybill.dead_letters.dead(floor.now)
    groups = group_letters(letters, ("source", "type", "reason"))

    assert [(group.letters, group.values[1]) for group in groups] == [(MANY, "order.placed.v1"), (1, None)]
    assert groups[0].example in {letter.letter_id for letter in letters}


def test_one_letter_is_read_by_an_index_and_not_all(floor: Floor) -> None:
    order = placed("SO-1", EARLY, PROMISE)
    again = [{**order, "id": f"again-{number}", "data": {**order["data"], "rep_id": "rep-2"}} for number in range(300)]
    floor.hears(order, *again, *(broken(number) for number in range(300)))
    letters = floor.waybill.dead_letters.dead(floor.now)
    asked: list[tuple[str, Any]] = []

    @event.listens_for(floor.waybill.engine, "after_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    for letter in (letters[0], letters[-1]):
        assert find_letters(floor.waybill, letter.letter_id) == [letter]
    event.remove(floor.waybill.engine, "after_cursor_execute", note)
    with floor.waybill.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            for statement, parameters in asked:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
                assert not any(step[3].startswith("SCAN") for step in plan), plan


def test_letters_are_chosen_by_when_they_were_seen_their_verdict_and_their_topic(floor: Floor) -> None:
    floor.hears(broken(1), of="first")
    floor.now += timedelta(days=3)
    floor.hears(placed("SO-2", EARLY, PROMISE), placed("SO-2", EARLY, "2025-03-11T16:00:00Z", id="other"), of="second")

    assert len(floor.letters()) == 2
    assert floor.letters(topic="first") == floor.letters(verdict="malformed") == floor.letters(until=floor.now)
    assert floor.letters(topic="second") == floor.letters(since=floor.now) == floor.letters(verdict="refused")


def test_what_a_letter_would_be_judged_now_follows_what_came_since(floor: Floor) -> None:
    order, booking = placed("SO-1", EARLY, PROMISE), booked("SO-1", "2025-03-04T09:00:00Z", PROMISE)
    arrival, late = confirmed("SO-1", "2025-03-05T09:00:00Z"), cancelled("SO-1", "2025-03-06T09:00:00Z")
    floor.hears(order, booking, arrival, late)
    (letter,) = floor.waybill.dead_letters.dead(floor.now)
    assert show_letter(floor.waybill, letter).judged_now.verdict == "refused"

    floor.now += timedelta(days=1)
    floor.hears(voided(arrival, "2025-03-07T09:00:00Z"), of="later")

    shown = show_letter(floor.waybill, letter)
    assert shown.judged_now.verdict == "applied"
    # and its order is still told as it was known when the letter came
    assert shown.order is not None
    assert [entry.verdict for entry in shown.order.timeline] == ["applied", "applied", "applied", "refused"]


def test_a_malformed_message_is_superseded_while_the_right_one_is_applied(floor: Floor) -> None:
    right = placed("SO-7", EARLY, PROMISE, id="B-7")
    floor.hears(broken(7), broken(8))
    floor.now += timedelta(hours=1)
    floor.hears(right, {**right, "subject": "SO-8"}, of="right")
    assert len(floor.letters()) == 1
    assert floor.set_aside() == (0, 0, 1)
    seen = look_at_store(floor.waybill.settings, lambda: floor.now)
    assert not isinstance(seen, Unread) and seen.dead.open == 1
    letters = floor.waybill.dead_letters.dead(floor.now, discarded=True)
    assert {letter.subject: letter.discarded_at for letter in letters} == {"SO-7": floor.now, "SO-8": None}
    assert floor.waybill.dead_letters.set_aside(floor.now, as_of=NOON) == 0
    assert floor.books_balance()

    floor.hears(voided(right, "2025-03-07T09:00:00Z"), of="void")

    assert len(floor.letters()) == 2
    assert floor.books_balance()
