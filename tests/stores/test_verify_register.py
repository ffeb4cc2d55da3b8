"""given a register in which somebody changed something by hand, then `verify` names it, on both stores."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from consumers.contract.fields import read_assignment
from infra.app.container import Waybill, open_backend
from infra.app.dead_letters.choose import letters_named
from infra.app.dead_letters.discard import discard, restore
from infra.app.dead_letters.edit import do_edit, plan_edit
from infra.app.migrate import migrate_store
from infra.app.verify import verify_store
from tests.integration.messages import booked, cancelled, confirmed, dispatched, placed
from tests.stores.conftest import StoreUrl
from tests.stores.earlier_stores import JUDGED_OTHERWISE, copied
from tests.stores.test_dead_letters import Floor, broken

MORNING, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"
OTHER = placed("SO-1", MORNING, "2025-03-11T16:00:00Z", id="other")


@pytest.fixture
def floor(new_store: StoreUrl) -> Iterator[Floor]:
    """Letters of each kind: discarded, restored, edited, and listed; of malformed, refused and held messages."""
    service = Floor(new_store())
    service.hears(
        placed("SO-1", MORNING, PROMISE),
        booked("SO-1", "2025-03-04T09:00:00Z", PROMISE),
        confirmed("SO-1", "2025-03-05T09:00:00Z"),
        cancelled("SO-1", "2025-03-12T09:00:00Z", id="refused"),
        OTHER,
        dispatched("SO-9", "2025-03-04T09:00:00Z", id="held"),
        *(broken(number) for number in range(1, 5)),
    )
    waybill = service.waybill
    malformed = service.letters(verdict="malformed")
    others = [one for one in waybill.dead_letters.dead(service.now) if one.id == "other"]
    discard(waybill, [*malformed[:2], others[0].letter_id], "ann", "a test")
    restore(waybill, malformed[:1], "bo")
    (edited,) = letters_named(waybill, malformed[2:3])
    do_edit(waybill, plan_edit(waybill, edited, [read_assignment(f"time={MORNING}")], None, "cy"), "cy", "no zone")
    # An edit of a letter that is discarded voids it.
    do_edit(waybill, plan_edit(waybill, others[0], [read_assignment("subject=SO-2")], None, "cy"), "cy", "wrong order")
    yield service
    waybill.close()


def checks(floor: Floor, statement: str) -> set[str]:
    """The checks that find something after a change by hand."""
    assert floor.books_balance()
    with floor.waybill.engine.begin() as connection:
        assert connection.execute(text(statement)).rowcount, "nothing was changed"
    return {finding.check for finding in verify_store(floor.waybill).findings}


LATER = "(SELECT max(received_at) FROM messages)"
ACT = "'discarded', 'ann', 'just so', " + LATER
CHANGED: dict[str, tuple[set[str], str]] = {
    "a refused letter that counts as voided": (
        {"verdict"},
        "UPDATE messages SET voided = (1 = 1) WHERE message_id = 'refused'",
    ),
    "a refused letter with a mark of nobody": (
        {"set aside"},
        f"UPDATE messages SET discarded_at = {LATER} WHERE message_id = 'refused'",
    ),
    "an applied message with a mark of nobody": (
        {"set aside"},
        f"UPDATE messages SET discarded_at = {LATER} WHERE type = 'order.placed.v1' AND subject = 'SO-1'",
    ),
    "a refused letter without its mark": (
        {"set aside"},
        "UPDATE messages SET discarded_at = NULL WHERE message_id = 'other'",
    ),
    "a malformed letter with a mark of nobody": (
        {"set aside"},
        f"UPDATE malformed_messages SET discarded_at = {LATER} WHERE discarded_at IS NULL",
    ),
    "a malformed letter without its mark": (
        {"set aside"},
        "UPDATE malformed_messages SET discarded_at = NULL WHERE discarded_at IS NOT NULL",
    ),
    "a row of no letter": ({"set aside"}, f"INSERT INTO letters_set_aside SELECT 'nobodys', {ACT}"),
    "a row of a letter that was restored": (
        {"set aside"},
        f"INSERT INTO letters_set_aside SELECT letter_id, {ACT} FROM malformed_messages WHERE discarded_at IS NULL",
    ),
    "a row that names another": (
        {"set aside"},
        "UPDATE letters_set_aside SET operator = 'bo' WHERE how = 'edited'",
    ),
    "rows that are gone": ({"set aside"}, "DELETE FROM letters_set_aside WHERE how = 'edited'"),
    "a type": ({"message"}, "UPDATE messages SET type = 'order.amended.v1' WHERE message_id = 'refused'"),
    "when a message was recorded": (
        {"message"},
        "UPDATE messages SET recorded_at = occurred_at WHERE message_id = 'refused'",
    ),
    "when a message happened": ({"message"}, "UPDATE messages SET occurred_at = recorded_at WHERE message_id = 'held'"),
    "an id of a letter": ({"message"}, "UPDATE messages SET letter_id = 'x' WHERE message_id = 'refused'"),
    "bytes that are gone": ({"bytes"}, "DELETE FROM raw_messages WHERE message_id = 'held'"),
    "bytes that are empty": ({"bytes"}, "UPDATE raw_messages SET body = '' WHERE message_id = 'refused'"),
    "a projection beyond the end": ({"position"}, "UPDATE projection_positions SET position = position + 10"),
    "a reactor beyond the end": (
        {"position"},
        "INSERT INTO reactor_positions (name, position) VALUES ('reactor.parcels', 1000)",
    ),
    "an outbox beyond the end": (
        {"position"},
        "INSERT INTO reactor_positions (name, position) VALUES ('relay.verdicts', 1000)",
    ),
}


@pytest.mark.parametrize("what", CHANGED)
def test_what_was_changed_by_hand_is_found(floor: Floor, what: str) -> None:
    expected, statement = CHANGED[what]
    assert checks(floor, statement) == expected


def test_letters_that_were_discarded_before_acts_were_kept_are_no_discrepancies(tmp_path: Path) -> None:
    settings = copied(JUDGED_OTHERWISE, f"sqlite:///{tmp_path}/waybill.db")
    discarded = "UPDATE {} SET discarded_at = received_at WHERE {}"
    backend = open_backend(settings)
    with backend.engine.begin() as connection:
        connection.execute(text(discarded.format("letters", "1 = 1")))
        connection.execute(text(discarded.format("messages", "verdict = 'refused'")))
    backend.close()

    migrate_store(settings)  # some of them fit the contract now, and some are applied

    with Waybill(settings) as waybill:
        waybill.project()
        assert verify_store(waybill).findings == []
