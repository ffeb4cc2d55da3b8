"""`python -m bench one THING --on DATABASE --messages N --rounds R`: one thing by itself, for trying out a change.

To compare two versions of the code, run this in both checkouts in turn and compare processor time, µs a unit of client
and server together: time on the clock also says what else the machine was doing.
"""

import json
import tempfile
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from bench.measuring import Measured
from bench.stores import Database, stores_of
from bench.throughput import THINGS, rounds, source_of

Name = StrEnum("Name", {name: name.replace(", ", "-").replace(" ", "-") for name in THINGS})  # type: ignore[misc]


def main(
    things: Annotated[list[Name], typer.Argument(help="What to measure; several take turns.")],
    on: Annotated[Database, typer.Option("--on", help="Which database.")] = Database.SQLITE,
    messages: Annotated[int, typer.Option("--messages", min=100, help="How many messages.")] = 30_000,
    times: Annotated[int, typer.Option("--rounds", min=1, help="How often.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure one thing, or several in turns: its speed, and its processor time of client and server in µs a unit."""
    names = [name for name in THINGS if name in {thing.name for thing in things}]
    with tempfile.TemporaryDirectory(prefix="waybill-bench-", dir=".") as folder, stores_of(on, Path(folder)) as stores:
        source = source_of(messages, Path(folder))
        taken = rounds(names, on, stores, source, times, lambda name: None)
    rows = [row(name, runs) for name, runs in taken.items() if runs]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for told in rows:
        server = "" if not told["server_us"] else f" + server {told['server_us']:.1f}"
        print(
            f"{told['what']}: {told['units']:,} in {told['seconds']:.2f} s ({told['per_second']:,}/s); "
            f"client {told['client_us']:.1f}{server} = {told['processor_us']:.1f} µs each "
            f"({told['least_us']:.1f} to {told['most_us']:.1f}); {told['peak_megabytes']} MB"
        )


def row(name: str, runs: list[Measured]) -> dict[str, Any]:
    """The medians of some runs: units a second, µs of processors a unit, and MB at most."""
    together = [run.processor_us for run in runs]
    servers = [1e6 * run.server_seconds / run.units for run in runs if run.server_seconds is not None]
    return {
        "what": name,
        "units": runs[0].units,
        "seconds": round(median(run.seconds for run in runs), 3),
        "per_second": round(median(run.per_second for run in runs)),
        "client_us": round(median(1e6 * run.client_seconds / run.units for run in runs), 2),
        "server_us": round(median(servers), 2) if servers else None,
        "processor_us": round(median(together), 2),
        "least_us": round(min(together), 2),
        "most_us": round(max(together), 2),
        "peak_megabytes": round(max(run.peak_megabytes for run in runs)),
    }
