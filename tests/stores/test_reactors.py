"""Reactors on each database: two that both believe they lead, what they read, and how they divide their work."""

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import event, select, update

from consumers.ingest.register import FiledFacts
from consumers.reactors.reactor import DerivedMessage, Reaction
from consumers.sources.json_lines import JsonLines
from domain.account.events import AccountRegistered, CustomerContacted
from domain.account.kind import ACCOUNT
from domain.checkpoint import CheckpointMovedError
from domain.derived import PARCELS
from domain.events import VerdictChanged
from domain.fact import Fact
from domain.rep.kind import REP
from domain.rules_version import RULES_VERSION
from domain.settling import settle
from infra.app.container import Waybill
from infra.app.migrate import migrate_store
from infra.app.react_dry_run import dry_run
from infra.app.status import read_status
from infra.app.verify import verify_store
from infra.queries.views import Asked
from infra.runtime import reactions
from infra.runtime.reactions import Reactions
from infra.settings import Settings
from infra.store.engine import LOCKED
from infra.store.reactions.reading import ReactionReading
from infra.store.reactions.tables import reaction_references, reaction_wakes
from infra.store.reactions.transaction import StoredReactions
from infra.store.register.tables import messages, raw_messages, store_rules
from infra.store.register.transaction import StoredRegisterTransaction
from infra.store.retries import RetryPolicy
from projections.views.catalogue import view_named
from tests.integration.messages import Document, booked, message, placed, voided
from tests.stores.conftest import StoreUrl
from tests.stores.derived_messages import check_that_each_stands_once

DAY = "2026-03-0{}T09:00:00Z"


@pytest.fixture
def service(new_store: StoreUrl) -> Iterator[Waybill]:
    with Waybill(Settings(store=new_store(), batch_events=7)) as waybill:
        yield waybill


def take_in(waybill: Waybill, *sent: Document, name: str = "messages") -> None:
    lines = b"\n".join(json.dumps(one).encode() for one in sent)
    waybill.ingest().read(JsonLines.of_bytes(name, lines))


def scan(number: str, said: str = "delivered", day: int = 5) -> Document:
    return message(f"parcel.{said}", number, DAY.format(day), {}, source="/northline")


def orders(count: int, number: str | None = None) -> list[Document]:
    """Orders with a shipment each, with a number of its own or all with the same one."""
    return [
        sent
        for order in (f"SO-{one}" for one in range(count))
        for sent in (
            placed(order, DAY.format(2), DAY.format(9)),
            booked(order, DAY.format(3), DAY.format(8), tracking_number=number or f"1Z-{order}"),
        )
    ]


def test_of_two_reactors_that_both_believe_they_lead_each_message_is_stored_once(service: Waybill) -> None:
    # given
    take_in(
        service, *orders(40), *(scan(f"1Z-SO-{one}", said) for one in range(40) for said in ("dispatched", "delivered"))
    )
    lost: list[CheckpointMovedError] = []

    def believes(waybill: Waybill) -> None:
        work = waybill.reactions(Event())
        work.begin()
        while True:
            try:
                if not work.step():
                    return
            except CheckpointMovedError as e:
                lost.append(e)

    # when
    with Waybill(service.settings) as other:
        threads = [Thread(target=believes, args=(waybill,)) for waybill in (service, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    # then
    assert check_that_each_stands_once(service) == 80
    assert read_status(service).books.applied == 40 * 2 + 80 * 2


def test_a_reactor_that_falls_behind_another_writes_nothing(service: Waybill) -> None:
    take_in(service, *orders(1), scan("1Z-SO-0"))
    slow, fast = service.reactions(Event()), service.reactions(Event())
    slow.begin()
    reading = slow._look  # what the slow one read before the fast one reacted

    def read_and_lose(*arguments: Any) -> Any:
        found = reading(*arguments)
        while fast.step():
            pass
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slow, "_look", read_and_lose)
        with pytest.raises(CheckpointMovedError):
            slow.step()
    assert check_that_each_stands_once(service) == 1


def test_orders_whose_numbers_no_carrier_speaks_of_are_not_loaded(
    service: Waybill, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given many orders that name numbers
    take_in(service, *orders(60))
    loaded: list[str] = []
    read = StoredRegisterTransaction.facts_of

    def facts_of(self: StoredRegisterTransaction, streams: Sequence[str]) -> FiledFacts:
        loaded.extend(streams)
        return read(self, streams)

    monkeypatch.setattr(StoredRegisterTransaction, "facts_of", facts_of)
    # when
    service.react(Event(), once=True)
    # then none was loaded, and nothing locked the events
    assert loaded == []
    # and when a carrier speaks of one number, one order and one parcel are
    take_in(service, scan("1Z-SO-7"), name="scan")
    loaded.clear()
    service.react(Event(), once=True)
    assert set(loaded) == {"order-SO-7", "parcel-1Z-SO-7"}


def test_every_question_of_a_reactor_uses_an_index(service: Waybill) -> None:
    take_in(service, *orders(300))
    service.react(Event(), once=True)
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith("SELECT"):
            asked.append((statement, parameters))

    take_in(service, *orders(2), scan("1Z-SO-7"), name="more")
    event.listen(service.engine, "before_cursor_execute", note)
    service.react(Event(), once=True)
    event.remove(service.engine, "before_cursor_execute", note)

    about_reactors = [(sql, p) for sql, p in asked if "reaction_" in sql or "derived_messages" in sql]
    assert len({sql for sql, _ in about_reactors}) >= 4
    with service.engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if not sqlite:
            connection.exec_driver_sql("SET enable_seqscan = off")
        for sql, parameters in about_reactors:
            explained = connection.exec_driver_sql(("EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN ") + sql, parameters)
            plan = " | ".join(str(row) for row in explained)
            assert not any(
                f"{scanned}{table}" in plan
                for scanned in ("SCAN ", "Seq Scan on ")
                for table in ("reaction_", "derived_", "stored_events", "waybill_events", "r ", "d ", "e ")
            ), plan
            if "json_each" in plan:
                assert plan.index("json_each") < plan.index("SEARCH"), f"it begins with all rows: {plan}"


def test_a_number_that_many_orders_share_is_reacted_to_some_orders_at_a_time(
    service: Waybill, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr(reactions, "KEYS_AT_ONCE", 5)
    take_in(service, *orders(23, "TRUCK"))
    service.react(Event(), once=True)
    take_in(service, scan("TRUCK"), name="scan")
    work = service.reactions(Event())
    # when
    steps = 0
    while work.step():
        steps += 1
    # then
    assert steps >= 5
    assert check_that_each_stands_once(service) == 23
    with service.engine.connect() as connection:
        assert connection.execute(select(reaction_wakes)).all() == []


def test_what_a_booking_names_is_remembered_once(service: Waybill) -> None:
    take_in(service, *orders(3, "TRUCK"), *orders(3, "TRUCK"))
    service.react(Event(), once=True)
    with service.engine.connect() as connection:
        rows = connection.execute(select(reaction_references.c.reference, reaction_references.c.key)).all()
    assert sorted(map(tuple, rows)) == [("parcel-TRUCK", f"SO-{order}") for order in range(3)]


def test_a_refused_message_is_withdrawn_whole_and_may_be_refused_again(service: Waybill) -> None:
    # given an order that was told of two deliveries, of which the second is refused
    sent = orders(1)
    take_in(service, *sent, scan("1Z-SO-0", day=5), scan("1Z-SO-0", day=6))
    service.react(Event(), once=True)
    refused = letters_of_parcels(service)
    assert [verdict for _, verdict in refused] == ["refused"]
    # when the booking is voided
    void = voided(sent[1], DAY.format(7))
    take_in(service, void, name="void")
    service.react(Event(), once=True)
    # then nothing of it is left
    assert letters_of_parcels(service) == []
    with service.engine.connect() as connection:
        for table in (messages, raw_messages):
            assert connection.execute(select(table).where(table.c.source == PARCELS)).all() == []
    # and when the void is voided, it is refused again
    take_in(service, voided(void, DAY.format(8)), name="void of the void")
    service.react(Event(), once=True)
    assert letters_of_parcels(service) == refused
    assert check_that_each_stands_once(service) == 2


def test_what_a_withdrawn_message_made_impossible_is_possible_again(service: Waybill) -> None:
    # given a number typed in after the delivery, so that the rebooking is refused
    order, booking = orders(1, "WRONG")
    number = {"shipment_id": "S1", "tracking_number": "1Z"}
    rebooking = message("shipment.rebooked", "SO-0", DAY.format(7), number)
    take_in(service, order, booking, rebooking, delivery := scan("1Z"))
    service.react(Event(), once=True)
    service.project()
    assert verdict_of(service, rebooking) == "refused"
    # when the delivery turns out to be wrong
    take_in(service, message("message.voided", "1Z", DAY.format(8), naming(delivery)), name="void")
    service.react(Event(), once=True)
    service.project()
    assert verify_store(service).findings == []
    # then the rebooking applies, and says so
    assert verdict_of(service, rebooking) == "applied"
    changes = [one for _, one in service.history.after(0, 1_000) if isinstance(one, VerdictChanged)]
    assert [(one.message_id, one.verdict) for one in changes if one.source == rebooking["source"]] == [
        (rebooking["id"], "refused"),
        (rebooking["id"], "applied"),
    ]
    # and the next message is judged by that
    take_in(service, message("shipment.dispatched", "SO-0", DAY.format(8), {"shipment_id": "S1"}), name="dispatch")
    service.project()
    assert verify_store(service).findings == []


def test_followers_hear_when_a_derived_message_is_withdrawn_and_when_it_stands_again(service: Waybill) -> None:
    # given
    sent = orders(1)
    void = voided(sent[1], DAY.format(7))
    effects = service.outboxes()[0]
    for number, part in enumerate(([*sent, scan("1Z-SO-0")], [void], [voided(void, DAY.format(8))])):
        take_in(service, *part, name=str(number))
        service.react(Event(), once=True)
    # when
    heard = [json.loads(record.value) for record in effects.after(0).records]
    # then
    told = [one for one in heard if one["messagesource"] == PARCELS]
    assert [(one["type"], one["revision"]) for one in told] == [
        ("delivery.confirmed.v1", 1),
        ("waybill.fact.reverted.v1", 2),
        ("delivery.confirmed.v1", 3),
    ]
    # and a message that was withdrawn while it was in effect has no verdict
    take_in(
        service, message("message.voided", "1Z-SO-0", DAY.format(8), naming(scan("1Z-SO-0"))), name="void of the scan"
    )
    service.react(Event(), once=True)
    last = [json.loads(record.value) for record in effects.after(0).records][-1]
    assert (last["type"], last["revision"], last["data"]["verdict"]) == ("waybill.fact.reverted.v1", 4, None)
    assert last["data"]["reason"] == "withdrawn: its reason is gone"


def test_what_stands_today_is_not_what_followed_when_its_reason_was_voided(service: Waybill) -> None:
    # given a booking that was voided for two days, as far as anyone knew
    sent = orders(1)
    void = voided(sent[1], DAY.format(6))
    known = [*sent, scan("1Z-SO-0", day=5), void, voided(void, DAY.format(8))]
    lines = b"\n".join(json.dumps({**one, "recordedtime": one["time"]}).encode() for one in known)
    service.ingest(honour_recordedtime=True).read(JsonLines.of_bytes("history", lines))
    service.react(Event(), once=True)
    service.project()

    def status(known_at: datetime | None) -> str:
        (order,) = service.views.ask(view_named("orders"), Asked(None, known_at)).rows
        told = service.orders.order("SO-0", service.clock(), None, known_at)
        assert told is not None
        assert (told.summary and told.summary.status) == order["status"]
        assert told.untaken == [], "no message waits for a shipment that was not known then"
        return str(order["status"])

    # then
    assert status(None) == "delivered"
    assert status(datetime(2026, 3, 5, 12, tzinfo=UTC)) == "delivered"
    assert status(datetime(2026, 3, 7, 12, tzinfo=UTC)) == "open"
    assert status(datetime(2026, 3, 8, 12, tzinfo=UTC)) == "delivered"


def verdict_of(waybill: Waybill, sent: Document) -> str:
    (report,) = waybill.messages.find(sent["source"], sent["id"])
    return report.verdict


def naming(wrong: Document) -> Document:
    return {"source": wrong["source"], "id": wrong["id"], "reason": "the wrong door"}


def letters_of_parcels(waybill: Waybill) -> list[tuple[str, str]]:
    letters = waybill.dead_letters.dead(waybill.clock())
    return [(letter.letter_id, letter.verdict) for letter in letters if letter.source == PARCELS]


def test_other_rules_let_the_reactors_react_to_everything_again(new_store: StoreUrl) -> None:
    settings = Settings(store=new_store())
    with Waybill(settings) as waybill:
        take_in(waybill, *orders(3), scan("1Z-SO-0"))
        waybill.react(Event(), once=True)
        # given a store whose verdicts follow earlier rules
        with waybill.engine.execution_options(**{LOCKED: True}).begin() as connection:
            connection.execute(update(store_rules).values(version=RULES_VERSION - 1))
    # when
    migrate_store(settings)
    # then
    with Waybill(settings) as waybill:
        (parcels,) = [one for one in read_status(waybill).reactors if one.name == "reactor.parcels"]
        assert parcels.position == 0
        assert dry_run(waybill) == []
        waybill.react(Event(), once=True)
        assert check_that_each_stands_once(waybill) == 1


# -- a reactor that wakes by the clock -------------------------------------------------------------


class Greeting:
    """Greets each account on the day after it was registered, and welcomes it once and for good."""

    name = "greetings"
    source = "urn:waybill:reactor:greetings"
    kind = ACCOUNT
    referred_kind = REP
    naming: tuple[type[Fact], ...] = (AccountRegistered,)
    needs_referred = False
    heeds: Set[str] | None = None
    remembers = False

    def references(self, fact: Any) -> list[str]:
        return [fact.rep_id] if fact.rep_id else []

    def react(
        self,
        key: str,
        facts: Sequence[Fact],
        referred: Mapping[str, Sequence[Fact]],
        now: datetime,
        stated: Mapping[str, datetime | None],
    ) -> Reaction:
        applied = [moment.fact for moment in settle(ACCOUNT.decider, key, facts).moments]
        registered = [fact for fact in applied if isinstance(fact, AccountRegistered)]
        if not registered:
            return Reaction()
        due = registered[0].occurred_at + timedelta(days=1)
        welcome = self._said(key, registered[0], "welcome")
        if now < due:
            return Reaction((), [welcome], due)
        return Reaction([self._said(key, registered[-1], "greeting", len(referred))], [welcome])

    def _said(self, key: str, because: Fact, what: str, reps: int = 0) -> DerivedMessage:
        fact = CustomerContacted(
            occurred_at=because.occurred_at,
            recorded_at=because.recorded_at,
            source=self.source,
            message_id=what,
            direction="outbound",
            about="promotion",
            rep_id="ann",
            note=f"{what} of {reps}",
        )
        return DerivedMessage(key, fact)


def test_a_reactor_wakes_when_the_clock_has_come_and_what_lasts_is_never_withdrawn(new_store: StoreUrl) -> None:
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    with Waybill(Settings(store=new_store()), lambda: now) as waybill:
        backend = waybill.backend
        reading, store = ReactionReading(backend), StoredReactions(backend)
        work = Reactions([Greeting()], waybill.engine, reading, store, lambda: now, 100, RetryPolicy(0))

        def react() -> list[str]:
            work.begin()
            while work.step():
                pass
            told = [f for _, facts in waybill.history.streams() for f in facts if isinstance(f, CustomerContacted)]
            return sorted(str(fact.note) for fact in told)

        data = {"name": "ACME", "segment": "b2b", "rep_id": "ann"}
        take_in(waybill, message("account.registered", "ACME", "2026-03-02T09:00:00Z", data))
        assert react() == ["welcome of 0"]
        # when the clock comes, by itself
        now = datetime(2026, 3, 3, 9, tzinfo=UTC)
        assert react() == ["greeting of 0", "welcome of 0"]
        # and when what it refers to appears, the same message says something else
        rep = message("rep.registered", "ann", "2026-03-03T09:00:00Z", {"name": "Ann", "level": "senior"})
        take_in(waybill, rep, name="rep")
        assert react() == ["greeting of 1", "welcome of 0"]
        # and when the reason is gone, what lasts stays
        wrong = {
            "source": "/order-entry",
            "id": "ACME.account.registered.2026-03-02T09:00:00Z",
            "reason": "no such firm",
        }
        take_in(waybill, message("message.voided", "ACME", "2026-03-03T09:00:00Z", wrong), name="void")
        now = datetime(2026, 3, 1, tzinfo=UTC)  # a clock that jumped back
        assert react() == ["welcome of 0"]
