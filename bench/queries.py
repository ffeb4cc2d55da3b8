"""`python -m bench queries [--orders N] [--open N] [--on DATABASE]`: what the questions of a full store take.

The rows of order_states, its totals, reps and contacts are made up and written in bulk, without events: the questions
read nothing else. Each question is asked many times in turn with one indexed count in raw SQL; the plans go to a file.
"""

import json
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, insert, text

from bench.measuring import machine
from bench.stores import Database, stores_of
from infra.app.container import Waybill
from infra.queries.views import Asked
from infra.settings import Settings
from infra.sql_views.relations import relations
from infra.store.bulk import BulkInsert
from projections.contacts import Contact
from projections.order_states import ORDER_STATES, OrderState
from projections.reps import RepPeriod
from projections.table import Row
from projections.totals import sum_contributions
from projections.views.as_of import AsOf
from projections.views.catalogue import view_named
from projections.views.tables import contacts, order_states, rep_open_orders, rep_periods

REPS = 200
ROWS_AT_ONCE = 20_000
DAYS, DAYS_OF_CONTACTS, CONTACTS_A_REP_AND_DAY = 365, 60, 12
PAGE = 100
TIMES = 300
CURRENCY, CARRIERS = "EUR", (("Northline", "courier"), ("Ostwind", "courier"), ("Own van", "in_house"))
COUNT = f"SELECT count(*) FROM {order_states.name} WHERE valid_to IS NULL AND status = 'open' AND rep_id = 'rep-7'"
GOALS = {"page of overdue_deliveries": 10.0, "all of rep_workload": 50.0}
"""Milliseconds that 99 of 100 answers take at most."""


class Floor:
    """A year of orders up to now, `still_open` of which are open; a few of these are overdue or at risk."""

    def __init__(self, orders: int, still_open: int, now: datetime):
        self._orders, self._open, self._now = orders, still_open, now
        self._draw = Random(1)

    def states(self) -> Iterator[list[OrderState]]:
        """The periods of all orders: placed, booked, on their way, delivered."""
        rows: list[OrderState] = []
        for number in range(self._orders):
            rows += self._order(number)
            if len(rows) >= ROWS_AT_ONCE:
                yield rows
                rows = []
        yield rows

    def _order(self, number: int) -> list[OrderState]:
        draw = self._draw
        is_open = number % (self._orders // self._open) == 0
        rep = f"rep-{draw.randrange(REPS)}"
        age = timedelta(days=draw.uniform(0, 14) if is_open else draw.uniform(15, DAYS))
        placed = (self._now - age).replace(microsecond=0)
        promised = placed + timedelta(days=draw.uniform(5, 15))
        carrier, mode = draw.choice(CARRIERS)
        estimate = promised + timedelta(days=draw.gauss(-1, 0.6))
        value = Decimal(draw.randrange(1_000, 900_000)).scaleb(-2)
        steps = [("to_book", timedelta(0)), ("booked", timedelta(hours=20)), ("in_transit", timedelta(days=3))]
        reached = draw.randrange(1, 4) if is_open else 3
        begun = [(stage, placed + after) for stage, after in steps[:reached]]
        delivered = max(estimate, begun[-1][1] + timedelta(hours=2))
        ends: list[datetime | None] = [*(at for _, at in begun[1:]), None if is_open else delivered]
        rows: list[OrderState] = []
        for (stage, since), until in zip(begun, ends, strict=True):
            shipped = stage != "to_book"
            rows.append(
                OrderState(
                    order_id=f"SO-{number:07}",
                    valid_from=since,
                    valid_to=until,
                    status="open",
                    rep_id=rep,
                    placed_rep_id=rep,
                    account_id=f"AC-{draw.randrange(50_000)}",
                    segment="b2b" if number % 3 else "b2c",
                    channel="visit",
                    reference=None,
                    placed_at=placed,
                    promised_by=promised,
                    original_promised_by=promised,
                    stage=stage,
                    carrier=carrier if shipped else None,
                    mode=mode if shipped else None,
                    estimated_delivery=estimate if shipped else None,
                    latest_estimate=estimate if shipped else None,
                    left_to_book=not shipped,
                    expedite="none",
                    expedites_open=0,
                    follow_ups_owed=int(number % 50 == 0),
                    delay_owed_since=promised if number % 50 else None,
                    delivery_attempts=0,
                    order_value=value,
                    open_value=value,
                    currency=CURRENCY,
                    lines=3,
                    shipments=int(shipped),
                    closed_at=None,
                    completed_at=None,
                    delivered_rep_id=None,
                    last_delivered_at=None,
                    short=None,
                    cancel_reason=None,
                )
            )
        if not is_open:
            closed = rows[-1]._replace(valid_from=delivered, valid_to=None, status="delivered", stage=None)
            closed = closed._replace(carrier=None, mode=None, estimated_delivery=None, latest_estimate=None)
            closed = closed._replace(open_value=Decimal(0), follow_ups_owed=0, delay_owed_since=None, short=False)
            rows.append(closed._replace(closed_at=delivered, completed_at=delivered, last_delivered_at=delivered))
        return rows

    def reps(self) -> list[RepPeriod]:
        begun = self._now - timedelta(days=2 * DAYS)
        return [
            RepPeriod(
                rep_id=f"rep-{rep}",
                valid_from=begun,
                valid_to=None,
                name=f"Rep {rep}",
                level="senior",
                team=f"team-{rep % 12}",
                mentor_id=None,
                registered=True,
            )
            for rep in range(REPS)
        ]

    def contacts(self) -> Iterator[list[Contact]]:
        for day in range(DAYS_OF_CONTACTS):
            rows: list[Contact] = []
            for number in range(REPS * CONTACTS_A_REP_AND_DAY):
                at = self._now - timedelta(days=day + self._draw.random())
                rep, account = number % REPS, self._draw.randrange(50_000)
                rows.append(
                    Contact(
                        account_id=f"AC-{account}",
                        source="/crm",
                        message_id=f"{day}-{number}",
                        rep_id=f"rep-{rep}",
                        contacted_at=at,
                        direction="inbound",
                        about="order",
                    )
                )
            yield rows


def fill(waybill: Waybill, floor: Floor) -> int:
    """Write the floor's rows; returns how many there are of order_states."""
    engine, written = waybill.engine, 0
    load: dict[Row, Counter[str]] = defaultdict(Counter)
    put_states, put_contacts, put_reps = (BulkInsert(table, engine) for table in (order_states, contacts, rep_periods))
    with engine.begin() as connection:
        put_reps(connection, floor.reps())
    for rows in floor.states():
        with engine.begin() as connection:
            put_states(connection, rows)
        written += len(rows)
        (totals,) = ORDER_STATES.totals
        lasting = [row for row in rows if row.valid_to is None]
        for key, added in sum_contributions(totals, (), lasting).items():
            load[key].update(dict(zip(totals.measures, added, strict=True)))
    with engine.begin() as connection:
        for talks in floor.contacts():
            put_contacts(connection, talks)
        connection.execute(insert(rep_open_orders), [{"rep_id": rep, **sums} for (rep,), sums in sorted(load.items())])
    # What autovacuum does by itself in time: the planner knows the tables, and an index alone can answer.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE"))
    return written


def questions(waybill: Waybill) -> Mapping[str, Callable[[], object]]:
    """What is measured, by name, each a call that gets all rows of its answer."""
    overdue, workload = view_named("overdue"), view_named("workload")
    asked: dict[str, Callable[[], object]] = {
        "indexed count in raw SQL": lambda: _raw(waybill.engine, COUNT),
        "page of overdue_deliveries": lambda: waybill.views.ask(overdue, Asked(), limit=PAGE).rows,
        "all of rep_workload": lambda: waybill.views.ask(workload, Asked()).rows,
    }
    if waybill.engine.dialect.name == "postgresql":
        asked |= {f"analyst: {sql}": partial(_raw, waybill.engine, sql) for sql in ANALYSTS}
    return asked


ANALYSTS = (
    f"SELECT * FROM waybill.overdue_deliveries ORDER BY promised_by, order_id LIMIT {PAGE}",
    "SELECT * FROM waybill.rep_workload",
)
SHOWN = ("own_processor_ms", "least_ms", "p50_ms", "p99_ms")
PAST = f"SELECT * FROM waybill.overdue_deliveries(now() - interval '30 days') ORDER BY promised_by LIMIT {PAGE}"


def _raw(engine: Engine, sql: str) -> object:
    with engine.connect() as connection:
        return connection.exec_driver_sql(sql).all()


def measured(asked: Mapping[str, Callable[[], object]], times: int) -> list[dict[str, Any]]:
    """Ask all of them in turn, so many times: milliseconds on the clock, at the least, of 50 and of 99 in a hundred.

    The least says what the work takes, the 99th also what else the machine was doing. The processor's time is that of
    this process: on SQLite all of it, on PostgreSQL without the server's.
    """
    taken: dict[str, list[float]] = {name: [] for name in asked}
    processor = dict.fromkeys(asked, 0.0)
    for turn in range(times + 10):
        for name, ask in asked.items():
            began, processor_began = time.perf_counter(), time.process_time()
            ask()
            if turn >= 10:  # the first few warm the caches
                taken[name].append((time.perf_counter() - began) * 1000)
                processor[name] += (time.process_time() - processor_began) * 1000 / times
    rows = []
    for name, spans in taken.items():
        hundredths = statistics.quantiles(spans, n=100, method="inclusive")
        told = {"least_ms": min(spans), "p50_ms": hundredths[49], "p99_ms": hundredths[98]}
        goal = GOALS.get(name)
        rows.append({"question": name, "own_processor_ms": processor[name], **told, "goal_p99_ms": goal})
    return rows


def plans(waybill: Waybill) -> str:
    """How the database answers each question, and on PostgreSQL what it read for that."""
    engine, now = waybill.engine, AsOf.at(waybill.clock(), present=True)
    asked = {"indexed count in raw SQL": COUNT}
    for name, question in (
        ("page of overdue_deliveries", view_named("overdue").question(now).limit(PAGE)),
        ("all of rep_workload", view_named("workload").question(now)),
    ):
        asked[name] = str(question.compile(engine, compile_kwargs={"literal_binds": True}))
    explain = "EXPLAIN QUERY PLAN"
    if engine.dialect.name == "postgresql":
        explain = "EXPLAIN (ANALYZE, BUFFERS)"
        asked |= {f"analyst: {sql}": sql for sql in (*ANALYSTS, PAST)}
    told = []
    with engine.connect() as connection:
        for name, sql in asked.items():
            plan = connection.exec_driver_sql(f"{explain} {sql}").all()
            told.append(f"== {name} ==\n\n" + "\n".join(str(row[-1]) for row in plan))
    return "\n\n".join(told) + "\n"


def main(
    orders: Annotated[int, typer.Option("--orders", min=1_000, help="How many orders.")] = 1_000_000,
    still_open: Annotated[int, typer.Option("--open", min=100, help="How many of them are open.")] = 100_000,
    times: Annotated[int, typer.Option("--times", min=10, help="How often each question is asked.")] = TIMES,
    on: Annotated[list[Database] | None, typer.Option("--on", help="Which databases; both unless given.")] = None,
    out: Annotated[Path, typer.Option("--json", help="Where the figures go.")] = Path(".local/bench-queries.json"),
) -> None:
    """Fill a store, query it, and print p50 and p99; plans go to .local/bench-queries-DATABASE.txt."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    said: dict[str, Any] = {"machine": machine(), "orders": orders, "open": still_open, "times": times}
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="waybill-bench-", dir=".") as name:
        for database in on or list(Database):
            with stores_of(database, Path(name)) as new_store:
                said[database.value] = _one(new_store("queries"), orders, still_open, times, console, out, database)
    out.write_text(json.dumps(said, indent=2))
    console.print(f"[dim]written to {out}, the plans beside it[/dim]")


def _one(
    store: str, orders: int, still_open: int, times: int, console: Console, out: Path, database: Database
) -> list[dict[str, Any]]:
    with Waybill(Settings(store=store)) as waybill:
        waybill.backend.define(relations(waybill.hold))
        with console.status(f"{database}: filling"):
            began = time.perf_counter()
            rows = fill(waybill, Floor(orders, still_open, datetime.now(UTC)))
            filled = time.perf_counter() - began
        figures = measured(questions(waybill), times)
        out.with_name(f"{out.stem}-{database}.txt").write_text(plans(waybill))
    table = Table(title=f"{database}: {orders:,} orders, {still_open:,} open; {rows:,} periods, made in {filled:.0f} s")
    for heading in ("question", "own processor ms", "least ms", "p50 ms", "p99 ms", "goal p99 ms"):
        table.add_column(heading, justify="left" if heading == "question" else "right", overflow="fold")
    for row in figures:
        goal = "" if row["goal_p99_ms"] is None else f"{row['goal_p99_ms']:g}"
        table.add_row(row["question"], *(f"{row[name]:.2f}" for name in SHOWN), goal)
    console.print(table)
    return figures
