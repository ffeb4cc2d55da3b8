"""`python -m bench [--quick] [--messages N] [--grow TIMES] [--on DATABASE]`: measure, print, write as JSON.

`python -m bench kafka [--quick] [--on DATABASE]` does the same with a broker, and `python -m bench http` over HTTP;
both add their figures to the JSON.
"""

import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bench import one, queries, throughput, workloads
from bench.http import figures as http_figures
from bench.kafka import figures as kafka_figures
from bench.measuring import Measured, Work, machine, measure
from bench.stores import Database, NewStore, postgres_stores, sqlite_stores
from bench.throughput import INGEST, PLAIN_LOOP, PROJECT, RAW_INSERT, REBUILD, REBUILD_IN_TWO, RUNNER
from infra.settings import Settings

SHORT_ORDER, LONG_ORDER, MORE_MESSAGES = 10, 10_000, 300


QuickOption = Annotated[bool, typer.Option("--quick", help="A smaller history, once.")]
OnOption = Annotated[list[Database] | None, typer.Option("--on", help="Which databases; both unless given.")]
OutOption = Annotated[Path, typer.Option("--json", help="Where the figures go as JSON.")]
OUT = Path(".local/bench.json")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command("queries")(queries.main)
app.command("one")(one.main)


@app.command()
def kafka(quick: QuickOption = False, on: OnOption = None, out: OutOption = OUT) -> None:
    """Freshness, throughput and takeover with a broker of our own (JDK 17 and Maven)."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    with tempfile.TemporaryDirectory(prefix="waybill-bench-", dir=".") as name, postgres_stores_if(on) as postgres:
        files = sqlite_stores(Path(name).resolve())
        stores = {
            database.value: postgres if database is Database.POSTGRESQL else files for database in on or list(Database)
        }
        found = kafka_figures(stores, quick, lambda what: console.print(f"[dim]{what}[/dim]"))
    for database in stores:
        _show_kafka(console, database, found[database])
    said = json.loads(out.read_text()) if out.exists() else {"machine": machine()}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({**said, "kafka": found}, indent=2))
    console.print(f"[dim]written to {out}[/dim]")


@app.command()
def http(quick: QuickOption = False, on: OnOption = None, out: OutOption = OUT) -> None:
    """Small posts a second to `waybill serve`, beside a bare FastAPI app that inserts one row a post."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    with tempfile.TemporaryDirectory(prefix="waybill-bench-", dir=".") as name, postgres_stores_if(on) as postgres:
        files = sqlite_stores(Path(name).resolve())
        stores = {
            database.value: postgres if database is Database.POSTGRESQL else files for database in on or list(Database)
        }
        found = http_figures(stores, quick, lambda what: console.print(f"[dim]{what}[/dim]"))
    for database, rows in found.items():
        _show_rows(console, f"{database}: small posts, each answered after its durable commit", rows)
    said = json.loads(out.read_text()) if out.exists() else {"machine": machine()}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({**said, "http": found}, indent=2))
    console.print(f"[dim]written to {out}[/dim]")


def _show_kafka(console: Console, database: str, found: dict[str, Any]) -> None:
    fresh = found["freshness_ms"]
    console.print(
        f"{database}, {fresh['messages_a_second']:,} messages/s, from sent to visible: p50 {fresh['p50']} ms, "
        f"p99 {fresh['p99']} ms, longest {fresh['longest']} ms; "
        f"a dead consumer's partitions are another's after {found['takeover_seconds']} s"
    )
    _show_rows(console, f"{database}: reading the same topics", found["throughput"])


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    quick: QuickOption = False,
    messages: Annotated[int | None, typer.Option("--messages", min=1_000, help="How many messages.")] = None,
    grow: Annotated[
        int, typer.Option("--grow", min=0, help="How many times as long a history, to see it grow; 0: not at all.")
    ] = 10,
    on: OnOption = None,
    out: OutOption = OUT,
) -> None:
    """Measure the service against its references, interleaved, and print the medians. Commits are durable."""
    if context.invoked_subcommand is not None:
        return
    amount = messages or (20_000 if quick else 100_000)
    rounds = 1 if quick else 3
    console = Console(width=None if sys.stdout.isatty() else 140)
    figures: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory(prefix="waybill-bench-", dir=".") as name, postgres_stores_if(on) as postgres:
        folder = Path(name)
        source = str(folder / "messages.jsonl")
        workloads.write_messages(amount, source)
        for database in on or list(Database):
            new_store = postgres if database is Database.POSTGRESQL else sqlite_stores(folder)
            run = _announcing(console)
            tell = lambda what: console.print(f"[dim]{what}[/dim]")  # noqa: E731
            taken = throughput.rounds(list(throughput.THINGS), database, new_store, source, rounds, tell)
            figures[database.value] = _rows(taken) + _long_order(folder, new_store, run)
            if grow and not quick:
                figures[database.value] += _growth(folder, new_store, amount, grow, taken, run)
            _show(console, database, figures[database.value])
    _write(out, amount, rounds, figures)
    console.print(f"[dim]written to {out}[/dim]")


def postgres_stores_if(on: list[Database] | None) -> AbstractContextManager[NewStore]:
    """No server is started for nothing."""
    return postgres_stores() if on is None or Database.POSTGRESQL in on else nullcontext(sqlite_stores(Path()))


def _write(out: Path, amount: int, rounds: int, figures: dict[str, list[dict[str, Any]]]) -> None:
    settings = Settings()
    packages = ("eventsourcing", "msgspec", "psycopg", "pydantic", "sqlalchemy")
    said = {
        "machine": machine(),
        "versions": {package: version(package) for package in packages},
        "messages": amount,
        "rounds": rounds,
        "batch_messages": settings.batch_messages,
        "batch_events": settings.batch_events,
        "figures": figures,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(said, indent=2))


Measuring = Callable[..., Measured]


def _announcing(console: Console) -> Measuring:
    def run(name: str, work: Work, *arguments: Any) -> Measured:
        with console.status(name):
            return measure(name, work, *arguments)

    return run


def _long_order(folder: Path, new_store: NewStore, run: Measuring) -> list[dict[str, Any]]:
    """One message more for an order with few events, and for one with many."""
    before, after = str(folder / "before.jsonl"), str(folder / "after.jsonl")
    measured = []
    for events in (SHORT_ORDER, LONG_ORDER):
        workloads.write_long_order(events, MORE_MESSAGES, before, after)
        name = f"one message more, order of {events:,} events"
        measured.append(run(name, workloads.one_more, before, after, new_store(f"order-{events}")))
    short, long = measured
    ratio = f"{short.per_second / long.per_second:.2f}× the time of the short order"
    return [_row(short.name, [short], ""), _row(long.name, [long], ratio)]


def _growth(
    folder: Path, new_store: NewStore, amount: int, times: int, taken: dict[str, list[Measured]], run: Measuring
) -> list[dict[str, Any]]:
    """A history so many times as long: time a message and memory should not grow."""
    source, store = str(folder / "grown.jsonl"), new_store("grown")
    workloads.write_long_history(amount, times, source)
    rows = []
    for name, work, arguments in (
        ("ingest", workloads.ingest, (source, store)),
        ("project", workloads.project, (store,)),
    ):
        grown = run(f"{name}, {times} times as long", work, *arguments)
        small = statistics.median(measured.seconds / measured.units for measured in taken[name])
        ratio = f"{grown.seconds / grown.units / small:.2f}× the time of {name} for each"
        rows.append(_row(grown.name, [grown], ratio))
    return rows


def _rows(taken: dict[str, list[Measured]]) -> list[dict[str, Any]]:
    speed = {name: statistics.median(m.per_second for m in runs) for name, runs in taken.items()}
    ratios = {
        INGEST: f"{speed[INGEST] / speed[PLAIN_LOOP]:.1f}× the plain loop, "
        f"{speed[INGEST] / speed[RAW_INSERT]:.2f}× the raw insert",
    }
    for name in (PROJECT, REBUILD, REBUILD_IN_TWO):
        if name in speed and RUNNER in speed:
            ratios[name] = f"{speed[name] / speed[RUNNER]:.1f}× the ProjectionRunner"
    return [_row(name, runs, ratios.get(name, "")) for name, runs in taken.items()]


def _row(name: str, runs: list[Measured], ratio: str) -> dict[str, Any]:
    return {
        "what": name,
        "units": runs[0].units,
        "per_second": round(statistics.median(m.per_second for m in runs)),
        "seconds": round(statistics.median(m.seconds for m in runs), 2),
        "processor_seconds": round(statistics.median(m.processor_seconds for m in runs), 2),
        "peak_megabytes": round(max(m.peak_megabytes for m in runs)),
        "ratio": ratio,
    }


def _show(console: Console, database: Database, rows: list[dict[str, Any]]) -> None:
    _show_rows(console, f"{database.value}: medians of interleaved runs, durable commits", rows)


def _show_rows(console: Console, title: str, rows: list[dict[str, Any]]) -> None:
    table = Table(title=title)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="left" if name in ("what", "ratio") else "right")
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()))
    console.print(table)


if __name__ == "__main__":
    app()
