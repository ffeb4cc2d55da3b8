"""What questions take: of a full store of made-up rows, beside one indexed count in raw SQL; and of the past.

Each question is asked many times in turn with the count, and the plans go to a file.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial

from sqlalchemy import Engine

from bench.durability import COMMITS_NOTHING
from bench.freshness import latencies
from bench.goals import ALL_OF_WORKLOAD, COUNT, P50, P99, PAGE_OF_OVERDUE, PAST_PAGE, goal_of
from bench.measuring import Clocks
from bench.report import Latencies, latency_row
from bench.stores import Database
from infra.app.container import Waybill
from infra.queries.views import Asked
from infra.settings import Settings
from infra.simulation import DEFAULT_UNTIL
from projections.views.as_of import AsOf
from projections.views.catalogue import view_named
from projections.views.tables import order_states

PAGE = 100
WARM_UPS = 3
PAST_DAYS = 30
COUNTED = f"SELECT count(*) FROM {order_states.name} WHERE valid_to IS NULL AND status = 'open' AND rep_id = 'rep-7'"
ANALYSTS = (
    f"SELECT * FROM waybill.overdue_deliveries ORDER BY promised_by, order_id LIMIT {PAGE}",
    "SELECT * FROM waybill.rep_workload",
)
PAST = (
    f"SELECT * FROM waybill.overdue_deliveries(now() - interval '{PAST_DAYS} days') ORDER BY promised_by LIMIT {PAGE}"
)
KNOWN_THEN = "overdue_deliveries --known-at, by settling"
KNOWN_NOW = "overdue_deliveries --as-of, the same rows"

Ask = Callable[[], object]


def questions(waybill: Waybill) -> Mapping[str, Ask]:
    """What is measured on the full store, by name, each a call that gets all rows of its answer."""
    overdue, workload = view_named("overdue"), view_named("workload")
    past = Asked(as_of=waybill.clock() - timedelta(days=PAST_DAYS))
    asked: dict[str, Ask] = {
        COUNT: partial(_raw, waybill.engine, COUNTED),
        PAGE_OF_OVERDUE: lambda: waybill.views.ask(overdue, Asked(), limit=PAGE).rows,
        ALL_OF_WORKLOAD: lambda: waybill.views.ask(workload, Asked()).rows,
        PAST_PAGE: lambda: waybill.views.ask(overdue, past, limit=PAGE).rows,
    }
    if waybill.engine.dialect.name == "postgresql":
        asked |= {f"analyst: {sql}": partial(_raw, waybill.engine, sql) for sql in ANALYSTS}
    return asked


def past_questions(waybill: Waybill) -> Mapping[str, Ask]:
    """Of a store with events: what was overdue some days before its end, as it is known today, and as it was then."""
    overdue, then = view_named("overdue"), DEFAULT_UNTIL - timedelta(days=PAST_DAYS)
    # The store's receipts are of today: everything is known by now, and every stream is settled for the answer.
    return {
        KNOWN_NOW: lambda: waybill.views.ask(overdue, Asked(as_of=then)).rows,
        KNOWN_THEN: lambda: waybill.views.ask(overdue, Asked(as_of=then, known_at=waybill.clock())).rows,
    }


def _raw(engine: Engine, sql: str) -> object:
    with engine.connect() as connection:
        return connection.exec_driver_sql(sql).all()


def asked_in_turn(asked: Mapping[str, Ask], times: int, server: int | None) -> dict[str, Latencies]:
    """Ask all of them so many times in turns; then each as often in a row, for its processor time."""
    spans: dict[str, list[float]] = {name: [] for name in asked}
    for turn in range(times + WARM_UPS):
        for name, ask in asked.items():
            began = time.perf_counter()
            ask()
            if turn >= WARM_UPS:
                spans[name].append(time.perf_counter() - began)
    found = {}
    for name, ask in asked.items():
        # A server's time is told to the hundredth of a second: of many answers, not of one.
        clocks = Clocks(() if server is None else (server,))
        for _ in range(times):
            ask()
        _, client, used = clocks.passed()
        of_server = None if used is None else 1000 * used / times
        found[name] = latencies(spans[name])._replace(client_ms=1000 * client / times, server_ms=of_server)
    return found


def rows_of(found: Mapping[str, Latencies], reference: str, database: Database) -> list[dict[str, object]]:
    """The figures beside those of the reference among them, which comes first and is its own."""
    rows = []
    for name, spans in found.items():
        p50, p99 = (goal_of(name, by, database) for by in (P50, P99))
        rows.append(latency_row(name, spans, reference, found[reference], p50, p99, COMMITS_NOTHING))
    return rows


def ask_often(store: str, name: str, times: int) -> Iterator[int]:
    """Ask one question so many times: for a profile."""
    with Waybill(Settings(store=store)) as waybill:
        ask = {**questions(waybill), **past_questions(waybill)}[name]
        ask()
        yield 0
        for _ in range(times):
            ask()
        yield times


def plans(waybill: Waybill) -> str:
    """How the database answers each question, and on PostgreSQL what it read for that."""
    engine, now = waybill.engine, AsOf.at(waybill.clock(), present=True)
    past = AsOf.at(waybill.clock() - timedelta(days=PAST_DAYS), present=False)
    overdue, workload = view_named("overdue"), view_named("workload")
    asked = {COUNT: COUNTED}
    for name, question in (
        (PAGE_OF_OVERDUE, overdue.question(now).limit(PAGE)),
        (ALL_OF_WORKLOAD, workload.question(now)),
        (PAST_PAGE, overdue.question(past).limit(PAGE)),
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
