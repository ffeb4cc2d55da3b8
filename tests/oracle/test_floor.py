"""given a simulated sales floor, then the service agrees with a plain second reading of the design.

On every verdict and every row of every view, as of any instant and as known at any instant.
"""

from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import select

from infra.app.container import Waybill
from infra.settings import Settings
from infra.store.register.tables import malformed_messages, messages
from tests.oracle.floor import KEYS, TakenIn, assert_same
from tests.oracle.naive import Naive

INSTANTS = (
    "2025-04-15T12:00:18Z",
    "2025-05-13T09:30:00Z",
    "2025-05-31T16:00:00Z",  # where many promises end
    "2025-06-18T00:00:00.000001Z",
    "2025-06-30T18:00:00+02:00",
)
BOTH = (
    ("2025-05-20T12:00:00Z", "2025-05-20T12:00:00Z"),
    pytest.param("2025-05-20T12:00:00Z", "2025-05-24T12:00:00Z", marks=pytest.mark.slow),
    ("2025-06-25T12:00:00Z", "2025-06-23T08:00:00Z"),
)
VIEWS = tuple(KEYS)


@pytest.fixture(scope="module")
def naive(floor: TakenIn) -> Naive:
    return Naive(floor.lines)


@pytest.fixture(scope="module")
def wrong_naive(wrong_floor: TakenIn) -> Naive:
    return Naive(wrong_floor.lines)


@pytest.fixture(scope="module")
def dated_naive(dated_floor: TakenIn) -> Naive:
    return Naive(dated_floor.lines)


@pytest.fixture
def wrong_service(wrong_floor: TakenIn) -> Iterator[Waybill]:
    """The store of the wrong floor, opened without the command."""
    with Waybill(Settings(store=wrong_floor.waybill.setting("WAYBILL_STORE"))) as service:
        yield service


def test_the_floor_shows_all_that_is_compared_here(wrong_naive: Naive) -> None:
    """Otherwise equal answers would say little."""
    said = {message.type for message in wrong_naive.messages.values()}
    assert {
        "order.amended.v1",
        "expedite.granted.v1",
        "expedite.declined.v1",
        "customer.informed.v1",
        "shipment.rebooked.v1",
        "shipment.cancelled.v1",
        "delivery.attempted.v1",
        "message.voided.v1",
        "rep.changed.v1",
    } <= said
    assert {"applied", "duplicate", "held", "refused"} == set(wrong_naive.verdicts().values())
    assert wrong_naive.malformed
    for view in VIEWS:
        assert wrong_naive.ask(view, datetime.fromisoformat(INSTANTS[3])), view
    stages = {row["stage"] for row in wrong_naive.ask("overdue", datetime.fromisoformat(INSTANTS[4]))}
    assert stages == {"to_book", "booked", "in_transit", "partly_delivered"}


def test_on_an_honest_floor_only_what_was_taken_back_is_dead(floor: TakenIn, naive: Naive) -> None:
    taken_back = sum(message.type == "message.voided.v1" for message in naive.messages.values())
    others = {"duplicate": 0, "held": 0, "malformed": 0}
    assert floor.counts == {"applied": floor.counts["received"] - taken_back, "refused": taken_back, **others} | {
        "received": len(floor.lines)
    }
    assert floor.waybill.ask("status")["books"] == naive.books()


@pytest.mark.parametrize("as_of", INSTANTS)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_as_of_an_instant(floor: TakenIn, naive: Naive, view: str, as_of: str) -> None:
    assert_same(view, floor.ask(view, as_of), naive.ask(view, datetime.fromisoformat(as_of)))


def test_every_message_has_the_verdict_that_the_design_gives_it(wrong_service: Waybill, wrong_naive: Naive) -> None:
    with wrong_service.engine.connect() as connection:
        found = {
            (row.subject, row.source, row.message_id): row.verdict
            for row in connection.execute(
                select(messages.c.subject, messages.c.source, messages.c.message_id, messages.c.verdict)
            )
        }
    expected = wrong_naive.verdicts()
    assert found.keys() == expected.keys()
    differing = {key: (found[key], expected[key]) for key in found if found[key] != expected[key]}
    assert not differing


def test_every_message_that_does_not_fit_the_contract_is_a_letter(wrong_service: Waybill, wrong_naive: Naive) -> None:
    with wrong_service.engine.connect() as connection:
        found = set(connection.execute(select(malformed_messages.c.letter_id)).scalars())
    assert found == set(wrong_naive.malformed)


def test_the_books_of_a_wrong_floor(wrong_floor: TakenIn, wrong_naive: Naive) -> None:
    books = wrong_naive.books()
    assert wrong_floor.waybill.ask("status")["books"] == books
    assert books["received"] == books["applied"] + books["duplicate"] + books["held"] + books["dead"]


@pytest.mark.parametrize("as_of", INSTANTS)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_of_a_wrong_floor(wrong_floor: TakenIn, wrong_naive: Naive, view: str, as_of: str) -> None:
    assert_same(view, wrong_floor.ask(view, as_of), wrong_naive.ask(view, datetime.fromisoformat(as_of)))


@pytest.mark.parametrize(("as_of", "known_at"), BOTH)
@pytest.mark.parametrize("view", VIEWS)
def test_what_was_known_of_what_was_true(
    dated_floor: TakenIn, dated_naive: Naive, view: str, as_of: str, known_at: str
) -> None:
    expected = dated_naive.ask(view, datetime.fromisoformat(as_of), datetime.fromisoformat(known_at))

    assert_same(view, dated_floor.ask(view, as_of, known_at), expected)


@pytest.mark.usefixtures("library_of_floors")
@pytest.mark.parametrize("history", ["floor", "wrong_floor", "dated_floor"])
def test_nothing_that_is_kept_differs_from_what_the_events_say(request: pytest.FixtureRequest, history: str) -> None:
    request.getfixturevalue(history).waybill("verify").done()
