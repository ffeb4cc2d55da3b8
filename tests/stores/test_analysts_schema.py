"""What analysts query on PostgreSQL: the schema `waybill`, which explains itself, and a role that sees nothing else."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from consumers.sources.json_lines import JsonLines
from infra.app.analysts import grant_analyst, revoke_analyst
from infra.app.container import Waybill
from infra.app.migrate import migrate_store
from infra.app.verify import verify_store
from infra.queries.views import Asked
from infra.settings import Settings
from infra.simulation import DEFAULT_UNTIL, simulate
from infra.sql_views import postgres
from infra.sql_views.relations import NotAllowedError, Relation, relations
from projections.views.catalogue import VIEWS, view_named
from projections.views.tables import order_states, rep_open_orders
from tests.integration.command import Command
from tests.integration.messages import booked
from tests.stores.conftest import StoreUrl
from tests.stores.histories import SCANS_OF_NO_SHIPMENT, STANDING_ORDERS

pytestmark = pytest.mark.postgres

HOLD = timedelta(hours=72)
DRIVER = "postgresql+psycopg"
T = datetime(2026, 6, 15, 12, tzinfo=UTC)
FLOOR = b"\n".join([*simulate(120, 5, DEFAULT_UNTIL), *SCANS_OF_NO_SHIPMENT, *STANDING_ORDERS])
WRONG_FLOOR = b"\n".join(simulate(60, 5, DEFAULT_UNTIL, wrong=0.2))

Role = Callable[[str], str]


@pytest.fixture
def role(postgres_server: str) -> Iterator[Role]:
    """Roles that can log in, dropped at the end with all that they were given."""
    made: list[str] = []

    def make(name: str) -> str:
        role = f"{name}_{uuid4().hex[:8]}"
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {role} LOGIN")
        made.append(role)
        return role

    yield make
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP ROLE {name}")


def as_role(url: str, role: str) -> str:
    """The same database, as this role."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}@{parts.hostname}:{parts.port}"))


@pytest.fixture
def store(role: Role, postgres_store: StoreUrl) -> StoreUrl:
    """New stores. (Named here, so that their databases are dropped before the roles that may use them.)"""
    return postgres_store


def filled(url: str, floor: bytes = FLOOR) -> Waybill:
    waybill = Waybill(Settings(store=url))
    waybill.ingest().read(JsonLines.of_bytes("floor", floor))
    waybill.project()
    return waybill


def queried(url: str, sql: str, *parameters: Any) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        return connection.execute(sql, parameters).fetchall()


def test_every_view_is_a_relation_and_a_function_that_say_what_the_command_says(store: StoreUrl, role: Role) -> None:
    # given a floor, and a role that was let in
    with filled(store()) as waybill:
        url = as_role(waybill.settings.store, role("analyst"))
        assert grant_analyst(waybill, urlsplit(url).username or "") == []
        for view in VIEWS:
            # when it asks the function as of an instant, then it gets the same rows, typed alike
            said = waybill.views.ask(view, Asked(T))
            assert len(said.rows) > 1, view.command
            found = queried(url, f"SELECT * FROM waybill.{view.relation}('{T.isoformat()}')")
            assert sorted(map(repr, found)) == sorted(map(repr, map(dict, said.rows))), view.command
            # and the relation has the same columns, and the same rows as of now
            with psycopg.connect(url, row_factory=dict_row) as connection:
                connection.execute("SET TIME ZONE 'UTC'")
                (now,) = connection.execute("SELECT now() AS now").fetchall()
                found = connection.execute(f"SELECT * FROM waybill.{view.relation}").fetchall()
            with Waybill(waybill.settings, clock=lambda now=now: now["now"]) as present:  # type: ignore[misc]
                said = present.views.ask(view, Asked())
            assert sorted(map(repr, found)) == sorted(map(repr, map(dict, said.rows))), view.command


@pytest.mark.parametrize("relation", ["overdue_deliveries", "at_risk_deliveries"])
def test_a_role_that_sees_no_message_sees_how_many_were_not_taken(store: StoreUrl, role: Role, relation: str) -> None:
    # given a floor with wrong messages, which the role itself may not read
    with filled(store(), WRONG_FLOOR) as waybill:
        url = as_role(waybill.settings.store, role("analyst"))
        grant_analyst(waybill, urlsplit(url).username or "")
        counted = 0
        for days in range(0, 30, 3):
            as_of = T - timedelta(days=days)
            # when it asks as of an instant, then it has the command's rows in the command's order, counts included
            said = [dict(row) for row in waybill.views.ask(view_named(relation), Asked(as_of)).rows]
            counted += sum(row["untaken_messages"] for row in said)
            sql = f"SELECT * FROM waybill.{relation}('{as_of.isoformat()}') ORDER BY promised_by, order_id"
            assert queried(url, sql) == said
        assert counted > 0


@pytest.mark.parametrize(
    ("relation", "key"),
    [("orders", "order_id"), ("order_lines", "order_id, line"), ("shipments", "order_id, shipment_id")],
)
def test_the_things_themselves_are_had_as_of_any_instant(store: StoreUrl, role: Role, relation: str, key: str) -> None:
    with filled(store()) as waybill:
        url = as_role(waybill.settings.store, role("analyst"))
        grant_analyst(waybill, urlsplit(url).username or "")
        earlier = T - timedelta(days=20)
        asked = [waybill.views.ask(view_named(relation), Asked(as_of)).rows for as_of in (earlier, T)]
    # then there are fewer of them earlier, each once, in the order of their keys, as the command has them
    assert 0 < len(asked[0]) < len(asked[1])
    for as_of, said in zip((earlier, T), asked, strict=True):
        found = queried(url, f"SELECT * FROM waybill.{relation}('{as_of.isoformat()}') ORDER BY {key}")
        assert found == [dict(row) for row in said]
        assert len({tuple(row[name] for name in key.split(", ")) for row in found}) == len(found)


def test_the_relations_of_orders_lines_and_shipments_agree(store: StoreUrl, role: Role) -> None:
    with filled(store()) as waybill:
        url = as_role(waybill.settings.store, role("analyst"))
        grant_analyst(waybill, urlsplit(url).username or "")
    at = f"('{T.isoformat()}')"
    # given what an order says of its lines and shipments, then so many rows are there, and they add up to what it says
    differing = f"""
        SELECT o.order_id FROM waybill.orders{at} AS o
        WHERE o.lines <> (SELECT count(*) FROM waybill.order_lines{at} AS l WHERE l.order_id = o.order_id)
           OR o.shipments <> (SELECT count(*) FROM waybill.shipments{at} AS s WHERE s.order_id = o.order_id)
           OR o.status = 'open' AND o.open_value <> (
                SELECT round(sum(greatest(quantity - delivered, 0) * unit_price) FILTER (WHERE kind = 'goods'), 2)
                FROM waybill.order_lines{at} AS l WHERE l.order_id = o.order_id)
    """
    assert queried(url, differing) == []
    # and the overdue ones are the open orders that are not on time
    late = f"SELECT order_id FROM waybill.orders{at} WHERE status = 'open' AND NOT on_time ORDER BY order_id"
    overdue = f"SELECT order_id FROM waybill.overdue_deliveries{at} ORDER BY order_id"
    assert queried(url, late) == queried(url, overdue) != []


def test_dead_letters_are_a_relation_and_a_function_too(store: StoreUrl, role: Role) -> None:
    # given a floor with wrong messages
    with filled(store(), WRONG_FLOOR) as waybill:
        url = as_role(waybill.settings.store, role("analyst"))
        grant_analyst(waybill, urlsplit(url).username or "")
        now = waybill.clock()
        first_seen = min(letter.seen_at for letter in waybill.dead_letters.dead(now, discarded=True))
        for clock in (None, first_seen, first_seen - timedelta(microseconds=1), now + timedelta(hours=80)):
            # when they are asked for, then they are those of the command, the ones that were set aside included
            said = waybill.dead_letters.dead(now, clock, discarded=True)
            sql = "waybill.dead_letters" if clock is None else f"waybill.dead_letters('{clock.isoformat()}')"
            listed = [letter._asdict() for letter in said]
            assert sorted(map(repr, queried(url, f"SELECT * FROM {sql}"))) == sorted(map(repr, listed)), sql
            assert bool(said) == (clock is None or clock >= first_seen)


def test_relations_and_columns_explain_themselves(store: StoreUrl) -> None:
    with filled(store()) as waybill:
        columns = queried(
            waybill.settings.store,
            "SELECT relname, obj_description(c.oid, 'pg_class') AS about, col_description(c.oid, attnum) AS said "
            "FROM pg_class AS c JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 "
            "WHERE relnamespace = 'waybill'::regnamespace",
        )
    assert {row["relname"] for row in columns} == {relation.name for relation in relations(HOLD)}
    assert [row for row in columns if not row["about"] or not row["said"]] == []


def test_a_filter_on_a_function_uses_the_index_of_the_table(store: StoreUrl, role: Role) -> None:
    with filled(store()) as waybill:
        url = as_role(waybill.settings.store, role("analyst"))
        grant_analyst(waybill, urlsplit(url).username or "")
        # What autovacuum does by itself in time: without it the planner takes every partial index for a tiny one.
        with waybill.engine.begin() as connection:
            connection.execute(text("ANALYZE"))
        plan = queried(url, f"EXPLAIN SELECT * FROM waybill.overdue_deliveries('{T}') WHERE order_id = 'SO-1'")
    assert f"Index Scan using {order_states}_pkey" in str(plan)


WRITES = (
    "UPDATE waybill.order_states SET rep_id = 'me'",
    "DELETE FROM waybill.order_states",
    "INSERT INTO waybill.rep_periods (rep_id) VALUES ('me')",
    "CREATE TABLE waybill.mine (a int)",
    "CREATE TABLE public.mine (a int)",
    "CREATE TEMPORARY TABLE mine (a int)",
    "CREATE SCHEMA mine",
    "DROP VIEW waybill.order_states",
    f"TRUNCATE public.{order_states}",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT pg_advisory_lock(hashtext('waybill'), hashtext('projector'))",
    "SELECT pg_logical_emit_message(false, 'mine', repeat('x', 1000))",
    "SELECT * FROM waybill.order_states FOR UPDATE",
    "LOCK TABLE waybill.order_states IN EXCLUSIVE MODE",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_switch_wal()",
    "SELECT pg_stat_reset()",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
)
HIDDEN = (
    "waybill_events",
    "messages",
    "malformed_messages",
    "raw_messages",
    "feeds",
    order_states.name,
    rep_open_orders.name,
)


def test_a_reader_reads_the_relations_and_nothing_else_and_writes_nothing(store: StoreUrl, role: Role) -> None:
    with filled(store()) as waybill:
        url = as_role(waybill.settings.store, role("analyst"))
        grant_analyst(waybill, urlsplit(url).username or "")
        for statement in (*WRITES, *(f"SELECT * FROM public.{table}" for table in HIDDEN)):
            with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        # and it is let out again
        revoke_analyst(waybill, urlsplit(url).username or "")
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM waybill.follow_ups")


def test_an_error_in_a_filter_shows_no_hidden_row(store: StoreUrl, role: Role) -> None:
    # given a store in which a message is held, not for long, and none was refused
    held = json.dumps(booked("SO-9", "2025-03-03T10:00:00Z", "2025-03-05T12:00:00Z")).encode()
    with filled(store(), held) as waybill:
        url = as_role(waybill.settings.store, role("analyst"))
        grant_analyst(waybill, urlsplit(url).username or "")
        now = waybill.clock()
        assert waybill.dead_letters.dead(now, discarded=True) == []
        assert len(waybill.dead_letters.held(now)) == 1
        for rows in ("waybill.dead_letters", f"waybill.dead_letters('{now.isoformat()}')"):
            for column in ("subject", "source", "id", "topic"):
                # when a reader's filter fails on whatever it meets, and no index comes before it, then it meets nothing
                with psycopg.connect(url) as connection:
                    connection.execute("SET enable_indexscan = off; SET enable_bitmapscan = off")
                    found = connection.execute(f"SELECT * FROM {rows} WHERE CAST({column} AS integer) = 0").fetchall()
                assert found == []


def test_a_relation_without_a_barrier_hides_nothing(store: StoreUrl) -> None:
    with filled(store()) as waybill:
        reads = queried(
            waybill.settings.store,
            "SELECT DISTINCT v.relname AS relation, t.relname AS table, "
            "coalesce(v.reloptions @> ARRAY['security_barrier=true'], false) AS barrier "
            "FROM pg_class AS v JOIN pg_rewrite ON ev_class = v.oid "
            "JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = pg_rewrite.oid "
            "JOIN pg_class AS t ON t.oid = d.refobjid AND t.relkind = 'r' "
            "WHERE v.relnamespace = 'waybill'::regnamespace AND v.relkind = 'v'",
        )
    # given the tables that a relation shows as they are
    whole = {relation.name for relation in relations(HOLD) if relation.table is not None}
    shown = {row["table"] for row in reads if row["relation"] in whole}
    # then whatever reads another table is a barrier, and these are no more than have to be
    hiding = {row["relation"] for row in reads if row["table"] not in shown}
    assert {row["relation"] for row in reads if row["barrier"]} == hiding
    assert "dead_letters" in hiding
    assert "overdue_deliveries" not in hiding


def test_the_quick_questions_of_the_present_use_the_indexes_of_open_orders(store: StoreUrl, role: Role) -> None:
    with filled(store()) as waybill:
        url = as_role(waybill.settings.store, role("analyst"))
        grant_analyst(waybill, urlsplit(url).username or "")
        for asked, condition in (
            ("waybill.overdue_deliveries ORDER BY promised_by, order_id LIMIT 100", "order_states_due"),
            ("waybill.overdue_deliveries WHERE order_id = 'SO-1'", "order_id = 'SO-1'"),
            (f"waybill.overdue_deliveries('{T}') WHERE order_id = 'SO-1'", "order_id = 'SO-1'"),
            (f"waybill.order_states WHERE order_id = 'SO-1' AND valid_from <= '{T}'", "order_id = 'SO-1'"),
            ("waybill.rep_workload", "order_states_load"),
        ):
            with psycopg.connect(url, row_factory=dict_row) as connection:
                connection.execute("SET enable_seqscan = off")
                connection.execute("SET enable_sort = off")
                plan = str(connection.execute(f"EXPLAIN SELECT * FROM {asked}").fetchall())
            assert "Index" in plan, asked
            assert condition in plan, f"{asked}: {plan}"


def test_a_role_that_can_write_is_refused(store: StoreUrl) -> None:
    with filled(store()) as waybill:
        with pytest.raises(NotAllowedError, match="can write to the store"):
            grant_analyst(waybill, "postgres")
        with pytest.raises(NotAllowedError, match=r"there is no role nobody_ever.*CREATE ROLE nobody_ever"):
            grant_analyst(waybill, "nobody_ever")


def test_excess_privileges_of_a_role_are_reported(store: StoreUrl, role: Role) -> None:
    with filled(store()) as waybill:
        reader = role("analyst")
        with psycopg.connect(waybill.settings.store) as connection:
            connection.execute(
                f"GRANT SELECT ON public.messages TO {reader}; GRANT CREATE ON SCHEMA public TO {reader}"
            )
        tables, schemas = grant_analyst(waybill, reader)
    assert "can use the table public.messages: REVOKE ALL ON public.messages FROM" in tables
    assert "can make tables in the schema public: REVOKE CREATE ON SCHEMA public FROM" in schemas


def test_a_service_whose_role_is_named_as_the_schema_keeps_to_its_tables(empty_database: StoreUrl) -> None:
    # given a role whose own schema, which PostgreSQL looks into first, is that of the analysts
    url = empty_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DO $$ BEGIN CREATE ROLE waybill LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        connection.execute(f"ALTER DATABASE {urlsplit(url).path[1:]} OWNER TO waybill")
    own = as_role(url, "waybill")
    # when it fills a store, twice opened
    with filled(own) as waybill:
        head = waybill.project()
    with Waybill(Settings(store=own)) as waybill:
        # then its tables are where they were
        assert waybill.project() == head
        assert list(verify_store(waybill).findings) == []


def changed(**replaced: Relation) -> list[Relation]:
    return [replaced.get(relation.name, relation) for relation in relations(HOLD)]


def test_relations_are_recreated_when_they_change_and_readers_keep_access(store: StoreUrl, role: Role) -> None:
    # given a store with a reader, made by a version whose late_deliveries had fewer columns in another order
    late = next(relation for relation in relations(HOLD) if relation.name == "late_deliveries")
    shorter = Relation(
        late.name,
        late.description,
        {name: late.column_docs[name] for name in ("rep_id", "order_id")},
        lambda as_of: late.question(as_of).with_only_columns(
            *(late.question(as_of).selected_columns[name] for name in ("rep_id", "order_id"))
        ),
        projections=late.projections,
    )
    with filled(store()) as waybill:
        url = as_role(waybill.settings.store, role("analyst"))
        reader = urlsplit(url).username or ""
        grant_analyst(waybill, reader)
        assert postgres.define(waybill.engine, changed(late_deliveries=shorter))
        assert list(queried(url, "SELECT * FROM waybill.late_deliveries")[0]) == ["rep_id", "order_id"]
        # when this version is put in use
        assert migrate_store(waybill.settings).version_before is not None
        # then the columns are as they should be, the reader reads them, and nothing is left to do
        assert list(queried(url, "SELECT * FROM waybill.late_deliveries")[0]) == list(late.column_docs)
        assert queried(url, f"SELECT * FROM waybill.late_deliveries('{T.isoformat()}')")
        assert postgres.define(waybill.engine, relations(HOLD)) is False


def test_a_reader_in_the_way_is_not_waited_for_for_long_and_what_was_there_stays(store: StoreUrl) -> None:
    with filled(store()) as waybill:
        follow_ups = next(relation for relation in relations(HOLD) if relation.name == "follow_ups")
        another = replace(follow_ups, description="Said otherwise.")
        with psycopg.connect(waybill.settings.store) as reader:
            # given somebody who reads for long
            reader.execute("SELECT * FROM waybill.follow_ups")
            # when a relation is to be made anew, then that is given up, whole
            with pytest.raises(DBAPIError) as told:
                postgres.define(waybill.engine, changed(follow_ups=another))
            assert isinstance(told.value.orig, psycopg.errors.LockNotAvailable)
            reader.execute("SELECT * FROM waybill.follow_ups")
        assert postgres.define(waybill.engine, changed(follow_ups=another))


def test_a_role_that_does_not_own_the_relations_leaves_them_as_they_are(store: StoreUrl, role: Role) -> None:
    with filled(store()) as waybill:
        with psycopg.connect(waybill.settings.store) as connection:
            connection.execute("COMMENT ON SCHEMA waybill IS 'of an earlier version'")
        another = create_engine(make_url(as_role(waybill.settings.store, role("service"))).set(drivername=DRIVER))
        with pytest.raises(NotAllowedError, match="run waybill migrate as postgres"):
            postgres.define(another, relations(HOLD))
        another.dispose()


def test_the_command_lets_a_role_in_and_out(waybill: Command, store: StoreUrl, role: Role) -> None:
    url, reader = store(), role("analyst")
    command = waybill.with_(WAYBILL_STORE=url)
    # given a store in which nothing happened yet, when a role is let in, then it reads what there is
    assert reader in command("analysts", "grant", reader).done().text
    assert queried(as_role(url, reader), "SELECT * FROM waybill.order_states") == []
    # and once it is let out, it does not
    command("analysts", "revoke", reader).done()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        queried(as_role(url, reader), "SELECT * FROM waybill.order_states")
    # who is not there is not let in, and a file lets nobody in
    command("analysts", "grant", "nobody_ever").exited(1, "there is no role nobody_ever", "CREATE ROLE nobody_ever")
    waybill("analysts", "grant", reader).exited(1, "the store is a file")
