"""`python -m bench one THING --on DATABASE --messages N --rounds R`: one thing by itself, for trying out a change.

To compare two versions of the code, run this in both checkouts in turn and compare processor time, µs a unit of client
and server together: time on the clock also says what else the machine was doing.
"""

import json
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.report import figures_of, show_profile
from bench.stores import Database, stores_of
from bench.throughput import THINGS, Rounds, source_of

Name = StrEnum("Name", {name: name.replace(", ", "-").replace(" ", "-") for name in THINGS})  # type: ignore[misc]


def main(
    things: Annotated[list[Name], typer.Argument(help="What to measure; several take turns.")],
    on: Annotated[Database, typer.Option("--on", help="Which database.")] = Database.SQLITE,
    messages: Annotated[int, typer.Option("--messages", min=100, help="How many messages.")] = 30_000,
    times: Annotated[int, typer.Option("--rounds", min=1, help="How often.")] = 1,
    profiled: Annotated[bool, typer.Option("--profile", help="Show where the time goes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure one thing, or several in turns: its speed, and its processor time of client and server in µs a unit."""
    names = [name for name in THINGS if name in {thing.name for thing in things}]
    with tempfile.TemporaryDirectory(prefix="waybill-bench-", dir=".") as folder, stores_of(on, Path(folder)) as stores:
        source = source_of(messages, Path(folder))
        rounds = Rounds(on, stores, source, lambda name: None)
        taken = rounds.run(names, times)
        profiles = {name: rounds.profile(name) for name in taken} if profiled else {}
    rows = [figures_of(name, runs) for name, runs in taken.items() if runs]
    if as_json:
        print(json.dumps([{**told, "parts": profiles.get(told["what"], [])} for told in rows], indent=2))
        return
    for told in rows:
        server = "" if not told["server_us"] else f" + server {told['server_us']:.1f}"
        print(
            f"{told['what']}: {told['units']:,} in {told['seconds']:.2f} s ({told['per_second']:,}/s); "
            f"client {told['client_us']:.1f}{server} = {told['processor_us']:.1f} µs each "
            f"({told['least_us']:.1f} to {told['most_us']:.1f}); {told['peak_megabytes']} MB"
        )

    for name, parts in profiles.items():
        show_profile(Console(width=None if sys.stdout.isatty() else 140), name, parts)
