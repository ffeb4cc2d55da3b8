"""`python -m bench`: measure the service beside its references, print tables and write JSON.

`one` measures one thing by itself, `growth` histories of up to five million messages, `writers` several at once,
`group` consumers of one group,
`scale` archives on Spark.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bench import group as groups
from bench import growth as growths
from bench import http, one
from bench import scale as scales
from bench import writers as several
from bench.broker import Broker, lent_broker
from bench.disk import disk_of, folder_of_server, told
from bench.hosts import Host, bridge, can_be_made, hosts
from bench.measuring import machine
from bench.processor import postmaster_of
from bench.report import LATENCIES, SPEEDS, UNKNOWN, Row, show, show_profile
from bench.sections import FULL, NOT_QUICK, QUICK, WITH_A_BROKER, Bench, Found, Scale, Section, run
from bench.stores import Database, postgres_stores, stores_of
from bench.throughput import source_of
from infra.settings import Settings

OUT, GROWTH_OUT = Path(".local/bench.json"), Path(".local/bench-growth.json")
SCALE_OUT, SCALE_FOLDER = Path(".local/bench-scale.json"), Path(".local/bench-scale")
PACKAGES = ("eventsourcing", "kafka-python", "msgspec", "psycopg", "pydantic", "sqlalchemy")
ROOT = Path(__file__).parents[1]
WIDTH = 220
"""Of tables that go to a file."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command("one")(one.main)

OnOption = Annotated[list[Database] | None, typer.Option("--on", help="Which databases; both unless given.")]
OutOption = Annotated[Path, typer.Option("--json", help="Where the figures go as JSON.")]


def _sections(text: str) -> list[Section]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = [section.value for section in Section]
    if unknown := [name for name in names if name not in known]:
        raise typer.BadParameter(f"{', '.join(unknown)} is none of: {', '.join(known)}")
    return [Section(name) for name in names]


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    only: Annotated[
        str | None,
        typer.Option(
            "--only",
            help=f"Which sections, separated by commas: {', '.join(Section)}. "
            f"All unless given; with --quick all but {', '.join(NOT_QUICK)}.",
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="On a smaller scale, one round.")] = False,
    messages: Annotated[int | None, typer.Option("--messages", min=100, help="How many messages.")] = None,
    rounds: Annotated[int | None, typer.Option("--rounds", min=1, help="How often each thing is measured.")] = None,
    grow: Annotated[int | None, typer.Option("--grow", min=1, help="How many times as long a history.")] = None,
    orders: Annotated[
        int | None, typer.Option("--orders", min=1_000, help="Orders of the store that is asked; a tenth is open.")
    ] = None,
    profiles: Annotated[
        bool | None,
        typer.Option(
            "--profiles/--no-profiles", help="Show where the time goes of what misses its goal; not with --quick."
        ),
    ] = None,
    on: OnOption = None,
    out: OutOption = OUT,
) -> None:
    """Measure beside references in interleaved rounds, and print medians. Each row says what waits for the disk."""
    if context.invoked_subcommand is not None:
        return
    left_out = NOT_QUICK if quick else ()
    sections = [one for one in Section if one not in left_out] if only is None else _sections(only)
    given = {"messages": messages, "rounds": rounds, "times_grown": grow, "orders": orders}
    scale = (QUICK if quick else FULL)._replace(**{name: value for name, value in given.items() if value is not None})
    scale = scale._replace(still_open=scale.orders // 10)
    console, found = console_for_tables(), {}
    disks: dict[str, Any] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waybill-bench-", dir="."))).resolve()
        broker = stack.enter_context(_broker()) if set(sections) & set(WITH_A_BROKER) else None
        source = source_of(scale.messages, folder)
        for database in on or list(Database):
            with stores_of(database, folder) as new_store:
                first = new_store("server")
                server = postmaster_of(first)
                disks[database.value] = disk_of(folder if server is None else folder_of_server(first))
                bench = Bench(database, new_store, folder, source, scale, _telling(console, database), broker, server)
                bench.profiles = not quick if profiles is None else profiles
                found[database] = run(bench, sections)
            print_found(console, database, found[database], told(disks[database.value]))
            write_json(out, figures_as_json(scale, disks, found))
    for database, figures in found.items():
        spent = ", ".join(f"{name} {seconds:.0f}" for name, seconds in figures.seconds.items())
        console.print(f"[dim]{database}: seconds by section: {spent}[/dim]")
    console.print(f"[dim]{origin_as_text()}; written to {out}[/dim]")


@app.command()
def growth(
    sizes: Annotated[str, typer.Option("--sizes", help="How many messages, separated by commas, the least first.")] = (
        ",".join(map(str, growths.SIZES))
    ),
    on: OnOption = None,
    anew: Annotated[bool, typer.Option("--anew", help="Measure sizes again that were measured before.")] = False,
    out: OutOption = GROWTH_OUT,
) -> None:
    """Time, processor time and memory of histories of several sizes; continues with the sizes that are missing."""
    console, wanted = console_for_tables(), [int(size) for size in sizes.split(",")]
    if anew:
        out.unlink(missing_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waybill-bench-", dir="."))).resolve()
        stores = {database: stack.enter_context(stores_of(database, folder)) for database in on or list(Database)}
        found = growths.grow(stores, wanted, lambda what: console.print(f"[dim]{what}[/dim]"), out)
    for name, rows in found.items():
        show(console, f"{name}: growth", growths.GROWN, rows)
    console.print(f"[dim]{origin_as_text()}; figures are kept in {out}; --anew measures them again[/dim]")


@app.command()
def writers(
    messages: Annotated[int, typer.Option("--messages", min=100, help="How many messages each writer has.")] = 30_000,
    most: Annotated[int, typer.Option("--most", min=2, max=16, help="The most writers.")] = several.MOST_WRITERS,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often.")] = 3,
    out: OutOption = Path(".local/bench-writers.json"),
) -> None:
    """Several processes ingest distinct files into one PostgreSQL store at once, beside one."""
    console = console_for_tables()
    with tempfile.TemporaryDirectory(prefix="waybill-bench-", dir=".") as name, postgres_stores() as new_store:
        tell = _telling(console, Database.POSTGRESQL)
        rows = several.compare(new_store, Path(name), messages, most, rounds, tell)
    show(console, "postgresql: writers of distinct files in one store", several.WRITTEN, rows)
    console.print(f"[dim]{origin_as_text()}; written to {out}[/dim]")
    write_json(out, {"messages": messages, "rounds": rounds, "writers": rows})


@app.command()
def group(
    messages: Annotated[int, typer.Option("--messages", min=100, help="How many messages the topics have.")] = 60_000,
    members: Annotated[str, typer.Option("--members", help="How many consumers, separated by commas.")] = (
        ",".join(map(str, groups.MEMBERS))
    ),
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often.")] = 3,
    on_hosts: Annotated[
        bool | None,
        typer.Option("--hosts/--no-hosts", help="Each consumer in a network namespace of its own; where root may."),
    ] = None,
    out: OutOption = Path(".local/bench-group.json"),
) -> None:
    """Consumers of one group take a backlog into one PostgreSQL store, beside one consumer."""
    console, wanted = console_for_tables(), [int(one) for one in members.split(",")]
    on_hosts = can_be_made() if on_hosts is None else on_hosts
    with ExitStack() as stack:
        address = stack.enter_context(bridge()) if on_hosts else None
        places = stack.enter_context(hosts(max(wanted))) if on_hosts else [Host()] * max(wanted)
        broker = stack.enter_context(lent_broker(address))
        new_store = stack.enter_context(postgres_stores(address))
        tell = _telling(console, Database.POSTGRESQL)
        rows = groups.compare(new_store, broker, places, messages, wanted, rounds, tell)
    where = "each on a host of its own" if on_hosts else "all on one host"
    show(console, f"postgresql: consumers of one group, {where}", groups.TAKEN, rows)
    console.print(f"[dim]{origin_as_text()}; written to {out}[/dim]")
    write_json(out, {"messages": messages, "rounds": rounds, "hosts": on_hosts, "group": rows})


@app.command("scale")
def spark_scale(
    sizes: Annotated[str, typer.Option("--sizes", help="How many events, separated by commas, the least first.")] = (
        ",".join(map(str, scales.SIZES))
    ),
    processors: Annotated[int | None, typer.Option("--processors", min=1, help="How many tasks run at once.")] = None,
    master: Annotated[
        str | None, typer.Option("--master", help="Spark's, with so many processors; local[N] unless given.")
    ] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Measure sizes again that were measured before.")] = False,
    out: OutOption = SCALE_OUT,
) -> None:
    """An archive's rows made on Spark beside the bare fold of its events; continues with the sizes that are missing."""
    console, wanted = console_for_tables(), [int(size) for size in sizes.split(",")]
    used = processors or len(os.sched_getaffinity(0))
    if anew:
        out.unlink(missing_ok=True)
    rows = scales.compare(
        SCALE_FOLDER.resolve(),
        wanted,
        master or f"local[{used}]",
        used,
        lambda what: console.print(f"[dim]{what}[/dim]"),
        out,
    )
    show(console, "an archive's rows on Spark", scales.SCALED, rows)
    console.print(f"[dim]{origin_as_text()}; figures are kept in {out}; --anew measures them again[/dim]")


@contextmanager
def _broker() -> Iterator[Broker]:
    """A broker of our own; a line and exit code 1 where none can be started."""
    with ExitStack() as stack:
        try:
            broker = stack.enter_context(lent_broker())
        except RuntimeError as e:
            print(f"{e}\nWithout a broker, leave out {', '.join(WITH_A_BROKER)}: --only …", file=sys.stderr)
            raise typer.Exit(1) from e
        yield broker


def console_for_tables() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDTH)


def _telling(console: Console, database: Database) -> Any:
    return lambda what: console.print(f"[dim]{database}: {what}[/dim]")


def print_found(console: Console, database: str, found: Found, disk: str) -> None:
    """All rows of one database beside their references, then where the time goes of what missed its goal."""
    title = f"{database}: medians of interleaved rounds on {disk}"
    show(console, title, SPEEDS, found.speeds)
    show(console, f"{database}: how long answers take", LATENCIES, found.latencies)
    if found.freshness:
        each = found.freshness["processor_us_a_message"]
        used = ", ".join(f"{party} {UNKNOWN if us is None else f'{us:,} µs'}" for party, us in each.items())
        pace = found.freshness["messages_a_second"]
        console.print(f"freshness at {pace:,} messages/s; processor time a message: {used}")
    if found.takeover_seconds is not None:
        console.print(f"a killed consumer's partitions are another's after {found.takeover_seconds} s")
    show(console, f"{database}: growth", growths.GROWN, found.growth)
    show(console, f"{database}: small posts, each answered after its durable commit", http.POSTS, found.posts)
    for row in goals_told([*found.speeds, *found.latencies, *found.growth]):
        console.print(row)
    for what, parts in found.profiles.items():
        show_profile(console, what, parts)


def goals_told(rows: list[Row]) -> list[str]:
    """A line for each row with a goal."""
    return [f"{row['what']}, beside {row['reference']}: {row['goal']}: {row['reached']}" for row in rows if row["goal"]]


def figures_as_json(scale: Scale, disks: dict[str, Any], found: Mapping[Database, Found]) -> dict[str, Any]:
    """The figures of all databases, with what was measured and on which disks."""
    figures = {database.value: asdict(told_of) for database, told_of in found.items()}
    for figure in figures.values():
        figure["profiles"] = {what: [part._asdict() for part in parts] for what, parts in figure["profiles"].items()}
    return {"scale": scale._asdict(), "disks": disks, "figures": figures}


def origin() -> dict[str, str | None]:
    """Date (UTC), commit (None: not a checkout; `-dirty`: with changes) and command: what a block of figures needs."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": described.stdout.strip() or None,
        "command": shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
    }


def origin_as_text() -> str:
    said = origin()
    return f"{said['date']}, commit {said['commit'] or 'unknown'}, {said['command']}"


def write_json(out: Path, said: dict[str, Any]) -> None:
    """With where the figures come from, the machine, the versions and the batch sizes."""
    settings = Settings()
    whole = {
        **origin(),
        "machine": machine(),
        "versions": {package: version(package) for package in PACKAGES},
        "batch_messages": settings.batch_messages,
        "batch_events": settings.batch_events,
        **said,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(whole, indent=2))


if __name__ == "__main__":
    app()
