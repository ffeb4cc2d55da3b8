"""A store that keeps beliefs: as known at an instant in SQL, turned on and off, kept up by whoever projects."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import select

from consumers.sources.json_lines import JsonLines
from domain.standing_order.ids import order_id_of
from infra.app.analysts import grant_analyst
from infra.app.bitemporal import drop_beliefs
from infra.app.container import Waybill
from infra.app.diff import diff_projections
from infra.app.rebuild.drop_old import drop_old
from infra.app.rebuild.rebuild import Rebuild
from infra.app.rebuild.rebuild_key import rebuild_key
from infra.app.status import projection_statuses
from infra.app.verify import verify_store
from infra.queries import views
from infra.queries.views import Asked
from infra.settings import Settings
from infra.store.operator_log import Who
from infra.store.projected.serving import NotFilledError, tables_in_use
from infra.store.projected.unreadable import UnreadableRowError
from projections.catalogue import BITEMPORAL
from projections.order_beliefs import ORDER_BELIEFS, order_beliefs
from projections.views.beliefs import can_be_believed
from projections.views.catalogue import VIEWS, view_named
from tests.integration.messages import booked, confirmed, dispatched, message, placed
from tests.stores.conftest import StoreUrl
from tests.stores.documents import take_in
from tests.stores.test_analysts_schema import Role, as_role, queried, role

__all__ = ["role"]

ANN = Who("ann", "to look back")
PROMISE = "2025-03-10T16:00:00Z"
START = datetime(2025, 3, 3, 9, tzinfo=UTC)
DELIVERED, HEARD = datetime(2025, 3, 9, 9, tzinfo=UTC), datetime(2025, 3, 14, 9, tzinfo=UTC)
BELIEVED = [view for view in VIEWS if can_be_believed(view)]
CLOCKS = [
    (datetime(2025, 3, 12, tzinfo=UTC), datetime(2025, 3, 12, tzinfo=UTC)),
    (datetime(2025, 3, 12, tzinfo=UTC), datetime(2025, 3, 15, tzinfo=UTC)),
    (datetime(2025, 3, 12, tzinfo=UTC), HEARD),
    (datetime(2025, 3, 12, tzinfo=UTC), HEARD - timedelta(microseconds=1)),
    (datetime(2025, 3, 5, tzinfo=UTC), datetime(2025, 3, 20, tzinfo=UTC)),
]
EVERY_WEEK = (
    "2025-03-03T10:00:00Z",
    {
        "account_id": "ACME",
        "rep_id": "rep-1",
        "segment": "b2b",
        "currency": "USD",
        "lines": [{"line": 1, "quantity": 1, "unit_price": "10.00"}],
        "every": {"days": 7},
        "first_on": "2025-03-10",
        "lead_days": 1,
    },
)


class Desk:
    """A store with a clock that is told what time it is."""

    def __init__(self, url: str, **settings: Any):
        self.now = START
        self.waybill = Waybill(Settings(store=url, **settings), clock=lambda: self.now)

    def hear(self, now: datetime, *messages: Any) -> None:
        self.now = now
        take_in(self.waybill, *messages)
        self.waybill.project()

    def week(self) -> None:
        """One order is delivered in time, but that is heard late; of another, a confirmation waits and is broken."""
        for order in ("SO-1", "SO-2"):
            self.hear(START, placed(order, "2025-03-03T09:00:00Z", PROMISE, id=f"O-{order}"))
        self.hear(START, booked("SO-1", "2025-03-03T09:00:00Z", PROMISE, id="B-1", shipment="S1"))
        self.hear(datetime(2025, 3, 11, 9, tzinfo=UTC), confirmed("SO-2", "2025-03-11T08:00:00Z", id="C-2"))
        broken = {**dispatched("SO-2", "2025-03-11T08:00:00Z", id="D-2"), "data": {}}
        self.hear(datetime(2025, 3, 11, 10, tzinfo=UTC), broken)
        self.hear(HEARD, confirmed("SO-1", "2025-03-09T09:00:00Z", id="C-1", shipment="S1"))
        self.now = datetime(2025, 3, 20, 12, tzinfo=UTC)

    def keep_beliefs(self) -> None:
        Rebuild(self.waybill, ANN).run(BITEMPORAL)
        self.waybill.project()

    def overdue(self, as_of: datetime, known_at: datetime) -> list[tuple[str, int]]:
        rows = self.waybill.views.ask(view_named("overdue"), Asked(as_of, known_at)).rows
        return [(row["order_id"], row["untaken_messages"]) for row in rows]

    def believed(self, view: Any, as_of: datetime, known_at: datetime) -> list[dict[str, Any]]:
        """The answer of stored beliefs; it fails if anything is settled for it."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(views, "scratch_of", lambda *_, **__: pytest.fail("beliefs did not answer"))
            return [dict(row) for row in self.waybill.views.ask(view, Asked(as_of, known_at)).rows]

    def settled(self, view: Any, as_of: datetime, known_at: datetime) -> list[dict[str, Any]]:
        """The answer of settling the facts again."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(views, "answering_beliefs", lambda *_: None)
            return [dict(row) for row in self.waybill.views.ask(view, Asked(as_of, known_at)).rows]

    def beliefs(self) -> int:
        """How many rows there are."""
        with self.waybill.engine.connect() as connection:
            return len(connection.execute(select(tables_in_use(connection, ORDER_BELIEFS)[order_beliefs])).all())

    @property
    def states(self) -> dict[str, str]:
        return {one.name: one.state for one in projection_statuses(self.waybill)}


@pytest.fixture
def desk(new_store: StoreUrl) -> Iterator[Desk]:
    found = Desk(new_store())
    with found.waybill:
        yield found


@pytest.fixture
def on_postgresql(role: Role, postgres_store: StoreUrl) -> Iterator[tuple[Desk, str]]:
    """A desk, and its database as an analyst."""
    desk = Desk(postgres_store())
    with desk.waybill:
        url = as_role(desk.waybill.settings.store, role("analyst"))
        grant_analyst(desk.waybill, urlsplit(url).username or "")
        yield desk, url


def test_a_late_message_changes_what_was_known_from_when_it_was_recorded(desk: Desk) -> None:
    desk.week()
    desk.keep_beliefs()

    day = datetime(2025, 3, 12, tzinfo=UTC)
    assert desk.overdue(day, day) == [("SO-1", 0), ("SO-2", 2)]
    assert desk.overdue(day, HEARD - timedelta(microseconds=1)) == [("SO-1", 0), ("SO-2", 2)]
    assert desk.overdue(day, HEARD) == [("SO-2", 2)]
    assert verify_store(desk.waybill).findings == []


def test_stored_beliefs_answer_what_settling_answers(desk: Desk) -> None:
    desk.keep_beliefs()
    desk.week()  # and a projector keeps them up to date

    for view in BELIEVED:
        for clocks in CLOCKS:
            assert desk.believed(view, *clocks) == desk.settled(view, *clocks), (view, clocks)
    assert {found.differs for found in diff_projections(desk.waybill, BITEMPORAL)} == {False}


def test_after_further_rebuilds_the_beliefs_in_use_answer(desk: Desk) -> None:
    desk.week()
    for _ in range(3):  # the first build, and two beside it
        desk.keep_beliefs()
    desk.hear(desk.now, placed("SO-3", "2025-03-04T09:00:00Z", PROMISE, id="O-SO-3"))

    now = (desk.now, desk.now)
    assert [row["order_id"] for row in desk.believed(view_named("orders"), *now)] == ["SO-1", "SO-2", "SO-3"]
    for view in BELIEVED:
        assert desk.believed(view, *now) == desk.settled(view, *now), view

    drop_old(desk.waybill, BITEMPORAL, ANN)
    desk.waybill.project()
    for view in BELIEVED:
        assert desk.believed(view, *now) == desk.settled(view, *now), view


def test_an_order_may_be_spoken_of_before_its_standing_order_is_known(desk: Desk) -> None:
    desk.keep_beliefs()
    order_id = order_id_of("S-1", date(2025, 3, 17))
    another_day = {"promised_by": "2025-03-18T16:00:00Z", "reason": "a holiday"}
    desk.hear(START, message("order.rescheduled", order_id, "2025-03-03T09:00:00Z", another_day))
    desk.hear(START + timedelta(hours=1), message("standing_order.established", "S-1", *EVERY_WEEK))
    assert verify_store(desk.waybill).findings == []

    desk.now = datetime(2025, 3, 20, tzinfo=UTC)
    desk.waybill.react(Event(), once=True)
    desk.waybill.project()

    assert verify_store(desk.waybill).findings == []
    later = (desk.now, desk.now)
    assert desk.believed(view_named("orders"), *later) == desk.settled(view_named("orders"), *later)


def test_an_unreadable_belief_is_named_with_the_command_that_mends_it(sqlite_store: StoreUrl) -> None:
    with (desk := Desk(sqlite_store())).waybill:
        desk.week()
        desk.keep_beliefs()
        with desk.waybill.engine.begin() as connection:
            table = tables_in_use(connection, ORDER_BELIEFS)[order_beliefs]
            damaged = f"UPDATE {table.name} SET promised_by = 'soon' WHERE order_id = 'SO-1'"
            connection.exec_driver_sql(damaged)

        with pytest.raises(UnreadableRowError, match=r"SO-1.*promised_by is 'soon'.*rebuild order_beliefs --key SO-1"):
            desk.believed(view_named("orders"), *CLOCKS[0])
        rebuild_key(desk.waybill, BITEMPORAL, "SO-1", ANN)
        desk.waybill.project()
        assert desk.believed(view_named("orders"), *CLOCKS[0]) == desk.settled(view_named("orders"), *CLOCKS[0])


def test_beliefs_that_are_behind_do_not_answer(desk: Desk) -> None:
    desk.keep_beliefs()
    desk.week()
    desk.now = datetime(2025, 3, 21, tzinfo=UTC)
    late = json.dumps(confirmed("SO-1", "2025-03-08T09:00:00Z", id="C-3", shipment="S1")).encode()
    desk.waybill.ingest().read(JsonLines.of_one_batch("late", [late]))
    while desk.waybill.runner.step():
        pass  # the views are up to date, the beliefs are not

    with_the_newest = desk.settled(view_named("orders"), *CLOCKS[0])
    assert list(desk.waybill.views.ask(view_named("orders"), Asked(*CLOCKS[0])).rows) == with_the_newest
    assert desk.waybill.views.ask(view_named("orders"), Asked(*CLOCKS[0])).position == desk.waybill.history.head()


def test_a_step_of_the_views_is_not_the_last_one_while_beliefs_are_behind(desk: Desk) -> None:
    desk.keep_beliefs()
    desk.week()
    late = json.dumps(confirmed("SO-1", "2025-03-08T09:00:00Z", id="C-3", shipment="S1")).encode()
    desk.waybill.ingest().read(JsonLines.of_one_batch("late", [late]))
    runners, head = desk.waybill.runners, desk.waybill.history.head()

    while not runners.reached(head):
        assert runners.step() is not None
        assert runners.reached(head) or runners.has_more()


def test_a_store_keeps_beliefs_only_from_when_it_is_told_to_and_until_it_is_told_not_to(desk: Desk) -> None:
    desk.week()
    assert "order_beliefs" not in desk.states

    desk.keep_beliefs()
    assert desk.states["order_beliefs"] == "live"
    assert desk.beliefs() == 4

    assert [one.projection for one in drop_beliefs(desk.waybill, ANN)] == ["order_beliefs"]
    assert "order_beliefs" not in desk.states
    with pytest.raises(NotFilledError, match="rebuild --bitemporal"):
        diff_projections(desk.waybill, BITEMPORAL)
    assert drop_beliefs(desk.waybill, ANN) == []
    assert verify_store(desk.waybill).findings == []

    desk.keep_beliefs()
    assert desk.overdue(*CLOCKS[0]) == [("SO-1", 0), ("SO-2", 2)]


def test_the_setting_is_for_new_stores(new_store: StoreUrl) -> None:
    new, old = new_store(), new_store()
    with (first := Desk(old)).waybill:
        first.week()
    for url, kept in ((new, True), (old, False)):
        with (desk := Desk(url, bitemporal=True)).waybill:
            assert ("order_beliefs" in desk.states) is kept
    # and once a store keeps them, every process keeps them up, whatever its settings are
    with (desk := Desk(new)).waybill:
        desk.week()
        assert desk.states["order_beliefs"] == "live"
        assert desk.overdue(*CLOCKS[0]) == [("SO-1", 0), ("SO-2", 2)]


# -- SQL on PostgreSQL ---------------------------------------------------------------------------


@pytest.mark.postgres
def test_functions_of_two_instants_say_what_the_command_says(on_postgresql: tuple[Desk, str]) -> None:
    desk, url = on_postgresql
    desk.week()
    desk.keep_beliefs()

    for view in BELIEVED:
        for as_of, known_at in CLOCKS:
            found = queried(url, f"SELECT * FROM waybill.{view.relation}(%s, %s)", as_of, known_at)
            said = desk.settled(view, as_of, known_at)
            assert sorted(map(repr, found)) == sorted(map(repr, said)), (view.relation, as_of, known_at)


@pytest.mark.postgres
def test_an_instant_that_is_null_is_an_error_and_not_an_empty_answer(on_postgresql: tuple[Desk, str]) -> None:
    desk, url = on_postgresql
    desk.keep_beliefs()  # of no orders
    for arguments, name in (("NULL", "as_of"), ("NULL, now()", "as_of"), ("now(), NULL", "known_at")):
        with pytest.raises(psycopg.errors.NullValueNotAllowed, match=f"{name} is null"):
            queried(url, f"SELECT * FROM waybill.overdue_deliveries({arguments})")
    desk.week()
    days = "FROM (VALUES (now()), (NULL)) AS days (day), LATERAL waybill.overdue_deliveries(day)"
    with pytest.raises(psycopg.errors.NullValueNotAllowed, match="as_of is null"):
        queried(url, f"SELECT * {days}")


@pytest.mark.postgres
def test_without_beliefs_the_functions_name_the_command_that_fills_them(on_postgresql: tuple[Desk, str]) -> None:
    desk, url = on_postgresql
    desk.week()
    asked = "SELECT * FROM waybill.overdue_deliveries(now(), now())"

    with pytest.raises(psycopg.errors.FeatureNotSupported, match=r"(?s)does not keep.*waybill rebuild --bitemporal"):
        queried(url, asked)
    desk.keep_beliefs()
    assert [row["order_id"] for row in queried(url, asked)] == ["SO-2"]
    drop_beliefs(desk.waybill, ANN)
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="does not keep"):
        queried(url, asked)


@pytest.mark.postgres
def test_the_relations_of_beliefs_explain_themselves_and_follow_a_rebuild(on_postgresql: tuple[Desk, str]) -> None:
    desk, url = on_postgresql
    desk.week()
    desk.keep_beliefs()
    before = queried(url, "SELECT * FROM waybill.order_beliefs ORDER BY order_id, known_from, valid_from")

    Rebuild(desk.waybill, ANN).run(BITEMPORAL)

    assert queried(url, "SELECT * FROM waybill.order_beliefs ORDER BY order_id, known_from, valid_from") == before
    silent = queried(
        url,
        "SELECT relname, attname FROM pg_class AS c JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 WHERE "
        "relnamespace = 'waybill'::regnamespace AND coalesce(col_description(c.oid, attnum), '') = ''",
    )
    assert silent == []
