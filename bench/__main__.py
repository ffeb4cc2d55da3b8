"""`python -m bench [--quick] [--messages N] [--json FILE]`: measure, print a table, write it as JSON."""

import json
import statistics
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bench import workloads
from bench.measuring import Measured, machine, measure
from infra.settings import Settings

PLAIN_LOOP_MESSAGES = 3_000


def main(
    quick: Annotated[bool, typer.Option("--quick", help="A smaller history, once.")] = False,
    messages: Annotated[int | None, typer.Option("--messages", min=1_000, help="How many messages.")] = None,
    out: Annotated[Path, typer.Option("--json", help="Where the figures go as JSON.")] = Path(".local/bench.json"),
) -> None:
    """Measure the service on SQLite against its references, interleaved, and tell the medians."""
    amount = messages or (20_000 if quick else 100_000)
    rounds = 1 if quick else 3
    taken: dict[str, list[Measured]] = {}
    console = Console()
    with tempfile.TemporaryDirectory(prefix="waybill-bench-", dir=".") as name:
        folder = Path(name)
        source = str(folder / "messages.jsonl")
        workloads.write_messages(amount, source)
        for turn in range(rounds):
            for measured in _one_round(folder, source, turn, _announcing(console)):
                taken.setdefault(measured.name, []).append(measured)
        growth = [] if quick else _growth(folder, amount, taken, _announcing(console))
    rows = _rows(taken) + growth
    _show(console, rows)
    out.parent.mkdir(parents=True, exist_ok=True)
    settings = Settings()
    packages = ("eventsourcing", "pydantic", "msgspec", "sqlalchemy")
    out.write_text(
        json.dumps(
            {
                "machine": machine(),
                "versions": {package: version(package) for package in packages},
                "messages": amount,
                "rounds": rounds,
                "batch_messages": settings.batch_messages,
                "batch_events": settings.batch_events,
                "figures": rows,
            },
            indent=2,
        )
    )
    console.print(f"[dim]written to {out}[/dim]")


Measuring = Callable[..., Measured]


def _announcing(console: Console) -> Measuring:
    def run(name: str, work: Callable[..., int], *arguments: Any) -> Measured:
        with console.status(name):
            return measure(name, work, *arguments)

    return run


def _one_round(folder: Path, source: str, turn: int, run: Measuring) -> list[Measured]:
    store = str(folder / f"store-{turn}.db")
    batch = Settings().batch_messages
    return [
        run(
            "plain loop of the library",
            workloads.plain_loop,
            source,
            str(folder / f"plain-{turn}.db"),
            PLAIN_LOOP_MESSAGES,
        ),
        run("ingest", workloads.ingest, source, store),
        run("project", workloads.project, store),
        run("raw bulk insert", workloads.raw_insert, store, str(folder / f"raw-{turn}.db"), batch),
    ]


def _growth(folder: Path, amount: int, taken: dict[str, list[Measured]], run: Measuring) -> list[dict[str, Any]]:
    """The same again with three times as many messages: time a message and memory should not grow."""
    source, store = str(folder / "grown.jsonl"), str(folder / "grown.db")
    workloads.write_messages(3 * amount, source)
    rows = []
    for name, work, arguments in (
        ("ingest", workloads.ingest, (source, store)),
        ("project", workloads.project, (store,)),
    ):
        grown = run(f"{name}, three times as much", work, *arguments)
        small = statistics.median(measured.per_second for measured in taken[name])
        rows.append(_row(grown.name, [grown], f"{grown.per_second / small:.2f}× the speed of {name}"))
    return rows


def _rows(taken: dict[str, list[Measured]]) -> list[dict[str, Any]]:
    speed = {name: statistics.median(m.per_second for m in runs) for name, runs in taken.items()}
    both = 1 / (1 / speed["ingest"] + 1 / speed["project"])
    ratios = {
        "ingest": f"{speed['ingest'] / speed['plain loop of the library']:.1f}× the plain loop, "
        f"{speed['ingest'] / speed['raw bulk insert']:.2f}× the raw insert",
        "project": f"ingest and project together: {both:,.0f}/s",
    }
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


def _show(console: Console, rows: list[dict[str, Any]]) -> None:
    table = Table(title="Medians of interleaved runs; SQLite, durable commits")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="left" if name in ("what", "ratio") else "right")
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()))
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
