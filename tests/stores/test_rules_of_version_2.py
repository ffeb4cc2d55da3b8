"""given a store that rules of version 1 judged, when it is migrated, then rules of version 2 say what happened."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select, text, update

from consumers.ingest.redrive import redrive_malformed, redrive_streams
from consumers.ingest.register import Changes
from consumers.sources.json_lines import JsonLines
from domain.events import VerdictChanged
from domain.rules_version import RULES_VERSION
from infra.app.container import Waybill, open_backend, reading_rules
from infra.app.migrate import BECAUSE, migrate_store
from infra.settings import Settings
from infra.store.opening import Access, StoreVersionError
from infra.store.register.rules_migration import StoredResettling
from infra.store.register.tables import malformed_messages, messages, notices, snapshots, store_rules
from tests.stores.conftest import StoreUrl, new_databases
from tests.stores.earlier_stores import JUDGED_OTHERWISE, copied, verdicts
from tests.stores.histories import floor, take_in

NOW = datetime(2026, 4, 1, tzinfo=UTC)


class Judged(NamedTuple):
    """A message, and its verdicts by the rules of version 1 and of version 2."""

    message_id: str
    before: str
    after: str


JUDGED = {
    "goods beyond what was ordered are taken": Judged("OVER-confirmed", "refused", "applied"),
    "what is said twice under new ids is taken once": Judged("TWICE-attempted-2", "applied", "duplicate"),
    "a cancellation closes the rest of a partly delivered order": Judged("CUT-SHORT-cancelled", "refused", "applied"),
    "a cancelled shipment that arrives all the same counts": Judged("FOUND-confirmed", "refused", "applied"),
    "a line of which something was delivered keeps its sku": Judged("OTHER-SKU-amended", "applied", "refused"),
    "a second confirmation meets a person's eye": Judged("SCANNED-TWICE-confirmed-2", "duplicate", "refused"),
    "goods to be replaced are booked again": Judged("RETURNED-booked-2", "refused", "applied"),
    "what waited for a malformed booking is taken with it": Judged("NO-ESTIMATE-dispatched", "held", "applied"),
    "a void finds what was malformed": Judged("VOIDED-void", "held", "applied"),
    "the end of a long history is judged anew": Judged("LONG-confirmed", "refused", "applied"),
    "a booking without an estimate fits the contract": Judged("NO-ESTIMATE-booked-1", "malformed", "applied"),
    "the customer may come for the goods": Judged("PICKUP-booked-1", "malformed", "applied"),
    "a discount is a charge on a line known by text": Judged("DISCOUNT-placed", "malformed", "applied"),
    "an order may be nobody's": Judged("NOBODYS-placed", "malformed", "applied"),
    "noise in a decimal is rounded": Judged("NOISE-placed", "malformed", "applied"),
    "goods come back": Judged("RETURNED-back", "malformed", "applied"),
    "a rep leaves": Judged("HR-2", "malformed", "applied"),
    "what is ahead of the clock waits for it": Judged("AHEAD-informed", "malformed", "held"),
    "what was voided while it was malformed is refused": Judged("VOIDED-booked-1", "malformed", "refused"),
}
SETTLED = [name for name, judged in JUDGED.items() if judged.before != "malformed"]


@pytest.fixture
def postgres_store(empty_database: StoreUrl) -> StoreUrl:
    """Databases without a store: these specifications make the store themselves."""
    return empty_database


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The store after its migration, for all specifications that only look at it."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('migrated') / 'waybill.db'}"
        else:
            server = request.getfixturevalue("postgres_server")
            url = stack.enter_context(new_databases(server, empty=True))()
        settings = copied(JUDGED_OTHERWISE, url)
        migrate_store(settings)
        yield settings


@pytest.fixture
def earlier(new_store: StoreUrl) -> Settings:
    return copied(JUDGED_OTHERWISE, new_store())


def changes_of(waybill: Waybill, message_id: str) -> Sequence[VerdictChanged]:
    with waybill.engine.connect() as connection:
        stream = connection.execute(select(messages.c.stream).where(messages.c.message_id == message_id)).scalar_one()
    events = [positioned.event for positioned in waybill.history.stream(stream)]
    return [e for e in events if isinstance(e, VerdictChanged) and e.message_id == message_id]


def told(waybill: Waybill, message_id: str) -> list[Any]:
    with waybill.engine.connect() as connection:
        asked = select(notices).where(notices.c.message_id == message_id).order_by(notices.c.notice_id)
        return list(connection.execute(asked))


@pytest.mark.parametrize("name", JUDGED)
def test_by_the_rules_of_today(migrated: Settings, name: str) -> None:
    message_id, before, after = JUDGED[name]
    with Waybill(migrated) as waybill:
        with waybill.engine.connect() as connection:
            found = connection.execute(select(messages).where(messages.c.message_id == message_id)).one()
        assert found.verdict == after
        # The register says why as a fresh ingest does; the relay hears that it is by other rules, or by what came.
        assert not found.reason.startswith(BECAUSE)
        *_, last = told(waybill, message_id)
        assert last.before == before
        assert last.verdict == after


@pytest.mark.parametrize("name", SETTLED)
def test_a_change_of_verdict_is_written_into_the_stream(migrated: Settings, name: str) -> None:
    message_id, before, after = JUDGED[name]
    with Waybill(migrated) as waybill:
        (changed,) = [c for c in changes_of(waybill, message_id) if c.verdict.value == after]
        assert changed.verdict_before.value == before


def test_its_reason_is_the_rules_version_and_then_the_reason_of_the_verdict(migrated: Settings) -> None:
    with Waybill(migrated) as waybill:
        (over,) = changes_of(waybill, "OVER-confirmed")
        (sku,) = changes_of(waybill, "OTHER-SKU-amended")
        assert over.reason == f"rules of version {RULES_VERSION}"
        assert sku.reason == f"{over.reason}: line 1 would name sku CH-2, but 4 of CH-1 were delivered"
        assert told(waybill, "OTHER-SKU-amended")[-1].reason == sku.reason


def test_a_malformed_message_that_fits_is_recorded_when_it_was_received(migrated: Settings) -> None:
    with Waybill(migrated) as waybill, waybill.engine.connect() as connection:
        found = {row.message_id: row for row in connection.execute(select(messages))}
        as_it_came, fitting = found["NO-ESTIMATE-placed"], found["NO-ESTIMATE-booked-1"]
        assert fitting.received_at == fitting.recorded_at == as_it_came.received_at
        assert fitting.feed_id == as_it_came.feed_id
        assert fitting.offset == as_it_came.offset + 1
        # and the same bytes that came again are repeats of it
        assert found["CAME-TWICE-booked-1"].repeats == 1


def test_what_was_corrected_under_its_own_id_is_a_repeat_of_the_correction(migrated: Settings) -> None:
    with Waybill(migrated) as waybill, waybill.engine.connect() as connection:
        asked = select(messages).where(messages.c.message_id == "CORRECTED-booked-1")
        found = connection.execute(asked).one()
        assert (found.verdict, found.repeats, found.differing) == ("applied", 1, 1)


def test_what_stays_malformed_says_why_as_the_contract_is_today(migrated: Settings) -> None:
    with Waybill(migrated) as waybill, waybill.engine.connect() as connection:
        reasons = connection.execute(select(malformed_messages.c.reason)).scalars().all()
        assert len(reasons) == 2
        assert any("order.reinstated.v1" in reason for reason in reasons)  # a type that no earlier contract had


def test_a_discarded_one_stays_discarded(earlier: Settings) -> None:
    backend = open_backend(earlier)
    with backend.engine.begin() as connection:
        now = int(NOW.timestamp() * 1_000_000) if connection.dialect.name == "sqlite" else NOW
        connection.execute(text("UPDATE letters SET discarded_at = :now"), {"now": now})
    backend.close()
    migrate_store(earlier)
    with Waybill(earlier) as waybill, waybill.engine.connect() as connection:
        found = {row.message_id: row for row in connection.execute(select(messages))}
        assert found["VOIDED-booked-1"].discarded_at == NOW
        # and what was not discarded is not
        assert found["CORRECTED-booked-1"].discarded_at is None


def test_a_long_stream_has_a_snapshot_of_todays_rules(earlier: Settings) -> None:
    migrate_store(earlier)
    with Waybill(earlier) as waybill, waybill.engine.connect() as connection:
        (snapshot,) = connection.execute(select(snapshots).where(snapshots.c.stream == "order-LONG")).all()
        assert snapshot.version == len(waybill.history.stream("order-LONG"))


# -- while it is under way --------------------------------------------------------------------


class Interrupted(Exception):
    pass


@pytest.fixture
def interrupted(earlier: Settings) -> Settings:
    """A store of which the migration was broken off before its first batch."""

    def broken_off() -> datetime:
        raise Interrupted

    with pytest.raises(Interrupted):
        migrate_store(earlier, clock=broken_off)
    return earlier


def test_nothing_else_writes_until_it_is_done(interrupted: Settings) -> None:
    with pytest.raises(StoreVersionError, match="run it again if it was interrupted"):
        Waybill(interrupted)
    # but questions are answered
    with Waybill(interrupted, access=Access.READING) as waybill:
        assert verdicts(waybill)["messages"]
    # and the rest is done by running it again
    assert migrate_store(interrupted).changed
    Waybill(interrupted).close()


def test_a_process_that_runs_already_writes_no_verdict_by_older_rules(new_store: StoreUrl) -> None:
    with Waybill(Settings(store=new_store())) as running:
        take_in(running, floor(2), "before")
        # given another process that begins to migrate the store to newer rules
        with running.engine.begin() as connection:
            connection.execute(update(store_rules).values(version=RULES_VERSION + 1, resettled_to=""))
        head = running.history.head()
        # then what this one reads is not stored
        with pytest.raises(StoreVersionError, match="must not write"):
            running.ingest().read(JsonLines.of_bytes("after", floor(4)[-1]))
        assert running.history.head() == head


def test_a_dry_run_says_what_would_change_and_changes_nothing(interrupted: Settings) -> None:
    with Waybill(interrupted, access=Access.READING) as waybill:
        before = verdicts(waybill)
    backend = open_backend(interrupted)
    store = StoredResettling(backend)
    with store.transaction() as transaction:
        settled = redrive_streams(transaction, Changes(NOW, ()), transaction.next_streams("", 1_000), BECAUSE)
        kept = transaction.kept_malformed(list(store.malformed_in_order()))
        rules, skew = reading_rules(interrupted), interrupted.clock_skew
        read = redrive_malformed(transaction, Changes(NOW, ()), kept, rules, skew, BECAUSE)
    backend.close()
    would = {one.key.message_id: one.after.verdict.value for one in [*settled, *read] if one.key is not None}
    # What waits for a malformed message changes as soon as that one is stored.
    waits = ("NO-ESTIMATE-dispatched", "VOIDED-void", "RETURNED-booked-2")
    for message_id, _, after in JUDGED.values():
        assert message_id in waits or would[message_id] == after
    with Waybill(interrupted, access=Access.READING) as waybill:
        assert verdicts(waybill) == before
