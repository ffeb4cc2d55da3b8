"""given dead letters and operators who act on them, then the books balance and everybody's acts are events."""

import json
import os
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from consumers.contract.fields import read_assignment
from domain.events import MessageVoided
from domain.operator.acts import DeadLetterEdited, OperatorAct
from infra.app.container import Waybill
from infra.app.dead_letters.choose import letters_named
from infra.app.dead_letters.discard import discard, restore
from infra.app.dead_letters.edit import CannotEditError, Edited, NeedsReplacementError, do_edit, plan_edit
from infra.app.dead_letters.redrive import redrive, would_redrive
from infra.app.dead_letters.show import find_letters, show_letter
from infra.app.verify import verify_store
from infra.queries.dead_letters import UntakenMessage
from infra.queries.letter_contents import LetterContents
from infra.queries.views import Asked
from infra.settings import Settings
from infra.store.register.tables import malformed_messages, messages
from projections.views.catalogue import VIEWS, View, view_named
from tests.integration.command import EXECUTABLE
from tests.integration.messages import Document, booked, cancelled, confirmed, dispatched, placed
from tests.stores.conftest import StoreUrl
from tests.stores.histories import UNTIL
from tests.stores.histories import floor as simulated
from tests.stores.test_dead_letters import EARLY, PROMISE, Floor, broken

ORDER = placed("SO-1", EARLY, PROMISE)
BOOKING = booked("SO-1", "2025-03-04T09:00:00Z", PROMISE)
ARRIVAL = confirmed("SO-1", "2025-03-05T09:00:00Z")
REFUSED = cancelled("SO-1", "2025-03-06T09:00:00Z", id="refused")


@pytest.fixture
def floor(new_store: StoreUrl) -> Iterator[Floor]:
    service = Floor(new_store())
    yield service
    service.waybill.close()


def dead(floor: Floor) -> list[UntakenMessage]:
    return floor.waybill.dead_letters.dead(floor.now)


def acts(floor: Floor, operator: str = "ann") -> list[OperatorAct]:
    return acts_of(floor.waybill, operator)


def acts_of(waybill: Waybill, operator: str) -> list[OperatorAct]:
    told = waybill.history.stream(f"operator-{operator}")
    return [act for _, act in told if isinstance(act, OperatorAct)]


def as_if_malformed(floor: Floor, *documents: Document) -> list[UntakenMessage]:
    """Letters that an earlier contract did not take and today's does: they came with another body, which is fixed."""
    floor.hears(*({**document, "specversion": "0.3"} for document in documents), of="earlier")
    with floor.waybill.engine.begin() as connection:
        for document in documents:
            claims = malformed_messages.c.claimed_id == document["id"]
            body = json.dumps(document).encode()
            connection.execute(update(malformed_messages).where(claims).values(body=body))
    return dead(floor)


# -- redrive -----------------------------------------------------------------------------------------------------


def test_a_malformed_message_that_fits_todays_contract_is_taken_and_what_waited_for_it_too(floor: Floor) -> None:
    floor.hears(BOOKING)
    letters = as_if_malformed(floor, ORDER)
    floor.now += timedelta(hours=1)

    tried = would_redrive(floor.waybill, letters, "ann")

    changed = {(one.id, one.before, one.after) for one in tried.changed}
    assert changed == {(ORDER["id"], "malformed", "applied"), (BOOKING["id"], "held", "applied")}
    assert dead(floor) == letters
    assert acts(floor) == []

    done = redrive(floor.waybill, letters, "ann", "the contract knows it now")

    assert set(done.changed) == set(tried.changed)
    assert dead(floor) == []
    assert floor.books_balance()
    (act,) = acts(floor)
    assert act.detail == {"letters": 1, "changed": 2}
    assert act.reason == "the contract knows it now"
    (told,) = floor.waybill.messages.find(ORDER["source"], ORDER["id"])
    assert told.recorded_at == floor.now - timedelta(hours=1)


def test_a_refused_message_is_judged_by_todays_rules(floor: Floor) -> None:
    floor.hears(ORDER, BOOKING)
    with floor.waybill.engine.begin() as connection:
        of_booking = messages.c.message_id == BOOKING["id"]
        connection.execute(
            update(messages).where(of_booking).values(verdict="refused", reason="of old", letter_id="ab12")
        )
    (letter,) = dead(floor)
    report = redrive(floor.waybill, [letter], "ann")
    assert [(one.before, one.after) for one in report.changed] == [("refused", "applied")]
    assert dead(floor) == []


def test_a_redrive_of_what_follows_todays_rules_changes_nothing(floor: Floor) -> None:
    floor.hears(ORDER, BOOKING, ARRIVAL, REFUSED, broken(3), broken(4), b"[]")
    letters = dead(floor)
    assert redrive(floor.waybill, letters, "ann").changed == would_redrive(floor.waybill, letters, "ann").changed == []
    assert dead(floor) == letters
    assert floor.books_balance()


def test_one_poison_order_among_a_thousand_hurts_no_other_and_is_mended_as_if_it_had_never_been(
    sqlite_store: StoreUrl,
) -> None:
    lines = [json.loads(line) for line in simulated(1_000, wrong=0)]
    delivered = Counter(line["subject"] for line in lines if line["type"] == "delivery.confirmed.v1")
    subject = next(line["subject"] for line in lines if delivered[line["subject"]] and line["subject"][-2:] == "50")
    # its placing and all but its deliveries are broken, so those wait for it

    def is_poison(line: Document) -> bool:
        return bool(line["subject"] == subject and line["type"] != "delivery.confirmed.v1")

    def poisoned(line: Document) -> Document:
        return {**line, "time": line["time"].rstrip("Z")} if is_poison(line) else line

    right, hurt = Floor(sqlite_store()), Floor(sqlite_store())
    right.now = hurt.now = UNTIL
    with right.waybill, hurt.waybill:
        right.hears(*lines)
        hurt.hears(*map(poisoned, lines))
        right.waybill.project()
        hurt.waybill.project()
        # given one order whose messages are malformed: the others are as they would have been
        expected = everything(right.waybill)
        assert [row for row in expected["orders"] if subject not in row] == rows_of(hurt.waybill, view_named("orders"))
        assert {letter.subject for letter in dead(hurt)} == {subject}
        assert {message.subject for message in hurt.waybill.dead_letters.held(hurt.now)} >= {subject}
        # when each is edited to what it should have said
        broken_ones = dead(hurt)
        assert len(broken_ones) > 3
        for letter in broken_ones:
            body = json.loads(LetterContents(hurt.waybill.backend).of(letter).body)  # type: ignore[union-attr]
            right_time = read_assignment(f"time={body['time']}Z")
            do_edit(hurt.waybill, plan_edit(hurt.waybill, letter, [right_time], None, "ann"), "ann", "no zone")
        # then nothing is dead, and the views are those of a history in which it had been right
        assert dead(hurt) == []
        assert everything(hurt.waybill) == expected
        assert hurt.books_balance()
        voided = right.set_aside()[0]
        assert hurt.set_aside() == (voided, 0, len(broken_ones))


def everything(waybill: Waybill) -> dict[str, Sequence[str]]:
    """All rows of all views."""
    return {view.relation: rows_of(waybill, view) for view in VIEWS}


def rows_of(waybill: Waybill, view: View) -> list[str]:
    """The rows of a view as text, sorted."""
    return sorted(repr(sorted(row.items())) for row in waybill.views.ask(view, Asked()).rows)


# -- discard and restore -----------------------------------------------------------------------------------------


def test_a_discarded_letter_stays_in_the_books_leaves_the_lists_and_can_be_restored(floor: Floor) -> None:
    floor.hears(ORDER, BOOKING, ARRIVAL, REFUSED, broken(3), broken(4))
    listed = floor.letters()
    floor.now += timedelta(hours=1)

    report = discard(floor.waybill, listed[:2], "ann", "of a test")

    assert (report.changed, report.unchanged) == (listed[:2], 0)
    assert floor.letters() == listed[2:]
    assert floor.letters(every=True) == listed
    assert floor.set_aside() == (0, 2, 0)
    assert floor.books_balance()
    shown = show_letter(floor.waybill, find_letters(floor.waybill, listed[0])[0])
    assert shown.set_aside == ("discarded", floor.now, "ann", "of a test")
    assert [act.detail for act in acts(floor)] == [{"letter_id": letter} for letter in listed[:2]]
    # known before, nothing was discarded
    assert floor.waybill.dead_letters.set_aside(floor.now, known_at=floor.now - timedelta(minutes=1)) == 0

    # when it is done again, nothing is done; what was done can be undone
    assert discard(floor.waybill, listed[:2], "bob", "again") == ([], 2)
    assert acts(floor, "bob") == []
    assert restore(floor.waybill, listed, "bob") == (listed[:2], 1)
    assert floor.letters() == listed
    assert floor.set_aside() == (0, 0, 0)
    assert [type(act).__name__ for act in acts(floor, "bob")] == ["DeadLetterRestored"] * 2


def test_a_discarded_malformed_message_is_no_untaken_message_of_its_order(floor: Floor) -> None:
    floor.hears(ORDER, {**BOOKING, "data": {}})
    before = floor.waybill.orders.order("SO-1", floor.now)
    discard(floor.waybill, floor.letters(), "ann", "of a test")
    after = floor.waybill.orders.order("SO-1", floor.now)
    assert before is not None and after is not None
    assert (len(before.untaken), len(after.untaken)) == (1, 0)


def test_what_waits_is_no_dead_letter_to_discard_until_it_waited_too_long(floor: Floor) -> None:
    floor.hears(dispatched("SO-9", EARLY))
    (waiting,) = floor.waybill.dead_letters.held(floor.now)
    assert discard(floor.waybill, [waiting.letter_id], "ann", "why") == ([], 1)
    floor.now += timedelta(days=4)
    assert discard(floor.waybill, [waiting.letter_id], "ann", "why") == ([waiting.letter_id], 0)


# -- edit --------------------------------------------------------------------------------------------------------


def edit(floor: Floor, letter: UntakenMessage, *assignments: str, file: bytes | None = None) -> Edited:
    plan = plan_edit(floor.waybill, letter, [read_assignment(one) for one in assignments], file, "ann")
    return do_edit(floor.waybill, plan, "ann", "a zone was missing")


def test_an_edited_malformed_message_is_taken_under_its_own_id_and_the_original_is_set_aside(floor: Floor) -> None:
    floor.hears(broken(3))
    (letter,) = dead(floor)
    floor.now += timedelta(hours=1)

    done = edit(floor, letter, "time=2025-03-03T09:00:00Z", "data.lines[0].quantity=2")

    assert (done.verdict, done.id, done.subject) == ("applied", "B-3", "SO-3")
    assert dead(floor) == []
    assert floor.set_aside() == (0, 0, 1)
    assert floor.books_balance()
    (act,) = acts(floor)
    assert isinstance(act, DeadLetterEdited)
    assert act.reason == "a zone was missing"
    assert act.changes == (
        'time: "2025-03-03T09:00:03" → "2025-03-03T09:00:00Z"',
        "data.lines[0].quantity: 1 → 2",
    )
    (kept,) = find_letters(floor.waybill, letter.letter_id)
    shown = show_letter(floor.waybill, kept)
    assert b"2025-03-03T09:00:03" in shown.content.body
    assert shown.set_aside == ("edited", floor.now, "ann", "a zone was missing")
    order = floor.waybill.orders.order("SO-3", floor.now)
    assert order is not None and order.untaken == []


def test_an_edited_refused_message_has_a_new_id_and_a_cause_and_the_original_is_voided(floor: Floor) -> None:
    floor.hears(ORDER, BOOKING, ARRIVAL, REFUSED)
    (letter,) = dead(floor)

    done = edit(floor, letter, "time=2025-03-04T12:00:00Z")

    assert done.source == "waybill/operator/ann"
    copy = next(event for _, event in floor.waybill.history.stream("order-SO-1") if event.key == (done.source, done.id))
    assert getattr(copy, "causation_id", None) == "refused"
    (void,) = (event for _, event in floor.waybill.history.stream("order-SO-1") if isinstance(event, MessageVoided))
    (act,) = (event for _, event in floor.waybill.history.stream("operator-ann"))
    assert (void.names[1], void.correlation_id) == ("refused", act.message_id)
    assert done.verdict == "applied"
    assert floor.set_aside()[0] == 1
    assert letter.letter_id not in floor.letters()
    assert floor.books_balance()


def test_an_edit_that_does_not_fit_changes_nothing(floor: Floor) -> None:
    floor.hears(broken(3))
    (letter,) = dead(floor)
    for assignment, saying in (
        ("time=noon", "time: must"),
        ("data.lines[3].quantity=1", "there is no 3 in the message"),
        ("id=B-3", "nothing would change"),
    ):
        with pytest.raises(ValueError, match=saying):
            edit(floor, letter, assignment)
    with pytest.raises(ValueError, match="the corrected message must be JSON"):
        edit(floor, letter, file=b"{")
    assert dead(floor) == [letter]
    assert acts(floor) == []


def test_bytes_that_are_no_json_are_replaced_whole_and_an_id_that_was_taken_is_not_taken_again(floor: Floor) -> None:
    floor.hears(b"no JSON", b"nor this")
    first, second = dead(floor)
    with pytest.raises(NeedsReplacementError, match="all of it has to be given"):
        edit(floor, first, "id=1")
    assert edit(floor, first, file=json.dumps(ORDER).encode()).verdict == "applied"
    with pytest.raises(CannotEditError, match="taken before"):
        edit(floor, second, file=json.dumps({**ORDER, "time": "2025-03-03T10:00:00Z"}).encode())
    assert dead(floor) == [second]
    assert floor.books_balance()


def test_letters_are_named_by_the_beginnings_of_their_ids(floor: Floor) -> None:
    floor.hears(broken(3), b"[]")
    found = dead(floor)
    assert letters_named(floor.waybill, [letter.letter_id[:9] for letter in found]) == found
    for wrong in ("nothing", ""):
        with pytest.raises(ValueError, match="dead letters begin with"):
            letters_named(floor.waybill, [wrong])


def test_many_letters_are_discarded_and_redriven_in_batches(sqlite_store: StoreUrl) -> None:
    floor = Floor(sqlite_store())
    with floor.waybill:
        letters: list[Any] = as_if_malformed(floor, *({**broken(n), "time": EARLY} for n in range(1_000)))
        half = [letter.letter_id for letter in letters[500:]]
        assert len(discard(floor.waybill, half, "ann", "many").changed) == 500
        assert len(redrive(floor.waybill, letters[:500], "ann").changed) == 500
        assert dead(floor) == []
        assert floor.set_aside() == (0, 500, 0)
        assert floor.books_balance()


@pytest.mark.fault
def test_a_redrive_that_is_killed_at_any_moment_is_finished_by_the_next(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'store.db'}"
    floor = Floor(store)
    with floor.waybill:
        as_if_malformed(floor, *({**broken(n), "time": EARLY} for n in range(1_500)))
    environment = {**os.environ, "WAYBILL_STORE": store}
    command = [str(EXECUTABLE), "dead-letters", "redrive", "--do", "--operator", "ann"]
    left = 1_500
    for _ in range(2):
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            # killed once some of it, and not all of it, is done
            while process.poll() is None and malformed_left(store) >= left:
                time.sleep(0.01)
            process.kill()
        left = malformed_left(store)
    with Waybill(Settings(store=store), lambda: floor.now) as waybill:
        redrive(waybill, waybill.dead_letters.dead(floor.now), "bob")
        assert waybill.dead_letters.dead(floor.now, discarded=True) == []
        assert not verify_store(waybill).findings
        told = [act.detail for act in acts_of(waybill, "ann") + acts_of(waybill, "bob")]
        # each batch and its act were stored together, or neither
        assert sum(act["changed"] for act in told) == sum(act["letters"] for act in told) == 1_500


def malformed_left(store: str) -> int:
    with sqlite3.connect(store.removeprefix("sqlite:///")) as connection:
        return int(connection.execute("SELECT count(*) FROM malformed_messages").fetchone()[0])
