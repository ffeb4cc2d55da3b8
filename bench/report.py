"""Rows of figures, each beside its reference and its goal, as JSON and as tables."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from bench.goals import Goal
from bench.measuring import Measured
from bench.sampling import Part

Row = Mapping[str, Any]
UNKNOWN = "–"


class Latencies(NamedTuple):
    """How long answers took, in milliseconds; processor time in ms each, None where it is unknown."""

    times: int
    p50: float
    p99: float
    client_ms: float | None = None
    server_ms: float | None = None


def figures_of(name: str, runs: Sequence[Measured]) -> dict[str, Any]:
    """The medians of some runs: units a second, µs of processors a unit, and MB at most."""
    together = [run.processor_us for run in runs]
    servers = [1e6 * run.server_seconds / run.units for run in runs if run.server_seconds is not None]
    return {
        "what": name,
        "units": runs[0].units,
        "seconds": round(median(run.seconds for run in runs), 3),
        "per_second": round(median(run.per_second for run in runs)),
        "slowest": round(min(run.per_second for run in runs)),
        "fastest": round(max(run.per_second for run in runs)),
        "client_us": round(median(1e6 * run.client_seconds / run.units for run in runs), 2),
        "server_us": round(median(servers), 2) if servers else None,
        "processor_us": round(median(together), 2),
        "least_us": round(min(together), 2),
        "most_us": round(max(together), 2),
        "peak_megabytes": round(max(run.peak_megabytes for run in runs)),
    }


def speed_row(
    name: str,
    runs: Sequence[Measured],
    by: str,
    references: Sequence[Measured],
    goal: Goal | None,
    waits: tuple[str, str],
) -> dict[str, Any]:
    """What was measured beside a reference: medians over rounds of the ratio in each round.

    `times` is the ratio of units a second, `times_by_processor` that of units for each second of processors. A goal at
    most speaks of the time of a unit. `waits` says of both sides whether their commits wait for the disk.
    """
    pairs = list(zip(runs, references, strict=True))
    times = median(run.per_second / other.per_second for run, other in pairs)
    value = 1 / times if goal is not None and goal.at_most else times
    return {
        **figures_of(name, runs),
        "waits": waits[0],
        "reference": by,
        "reference_waits": waits[1],
        "reference_per_second": round(median(other.per_second for other in references)),
        "reference_us": round(median(other.processor_us for other in references), 2),
        "times": round(times, 3),
        "times_by_processor": round(median(other.processor_us / run.processor_us for run, other in pairs), 3),
        **judged(goal, value),
    }


def latency_row(
    name: str, spans: Latencies, by: str, reference: Latencies, p50: Goal | None, p99: Goal | None, waits: str
) -> dict[str, Any]:
    """How long something took, beside the same percentiles of a reference that commits nothing."""
    both = {"p50": (p50, spans.p50), "p99": (p99, spans.p99)}
    told = {name: judged(goal, value) for name, (goal, value) in both.items() if goal is not None}
    return {
        "what": name,
        "waits": waits,
        "times": spans.times,
        "p50_ms": round(spans.p50, 2),
        "p99_ms": round(spans.p99, 2),
        "client_ms": None if spans.client_ms is None else round(spans.client_ms, 3),
        "server_ms": None if spans.server_ms is None else round(spans.server_ms, 3),
        "reference": by,
        "reference_p50_ms": round(reference.p50, 2),
        "reference_p99_ms": round(reference.p99, 2),
        "goal": ", ".join(f"{name} {one['goal']}" for name, one in told.items()),
        "reached": ", ".join(f"{name} {one['reached']}" for name, one in told.items()),
    }


def judged(goal: Goal | None, value: float) -> dict[str, str]:
    """A goal in words and whether the value reaches it; empty words where there is no goal."""
    return {"goal": "", "reached": ""} if goal is None else {"goal": str(goal), "reached": goal.told(value)}


def is_missed(row: Row) -> bool:
    return "missed" in row["reached"]


SPEEDS: Mapping[str, str] = {
    "what": "what",
    "units": "units",
    "per_second": "a second",
    "spread": "slowest–fastest",
    "client_us": "client µs",
    "server_us": "server µs",
    "peak_megabytes": "MB",
    "waits": "waits for disk",
    "reference": "beside",
    "reference_waits": "waits for disk",
    "reference_per_second": "a second",
    "reference_us": "µs",
    "times": "×",
    "times_by_processor": "× by processor",
    "goal": "goal",
    "reached": "reached",
}
LATENCIES: Mapping[str, str] = {
    "what": "what",
    "waits": "waits for disk",
    "times": "times",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "client_ms": "client ms",
    "server_ms": "server ms",
    "reference": "beside",
    "reference_p50_ms": "p50 ms",
    "reference_p99_ms": "p99 ms",
    "goal": "goal",
    "reached": "reached",
}
_WORDS = ("what", "waits", "reference", "reference_waits", "goal", "reached")


def show(console: Console, title: str, headings: Mapping[str, str], rows: Sequence[Row]) -> None:
    """A table with these columns of the rows."""
    if not rows:
        return
    table = Table(title=title, title_justify="left")
    for key, heading in headings.items():
        table.add_column(heading, justify="left" if key in _WORDS else "right", overflow="fold")
    for row in rows:
        spread = f"{row['slowest']:,}–{row['fastest']:,}" if "slowest" in row else ""
        table.add_row(*(_cell({**row, "spread": spread}[key]) for key in headings))
    console.print(table)


def _cell(value: object) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def show_profile(console: Console, what: str, parts: Sequence[Part], unit: str = "µs a unit") -> None:
    """The costliest parts of what missed its goal."""
    table = Table(title=f"{what}: the costliest parts, {unit} of processors", title_justify="left")
    for heading in ("part", "module", "most of it in"):
        table.add_column(heading, overflow="fold")
    table.add_column("µs", justify="right")
    for part in parts:
        table.add_row(part.part, part.module, part.function, f"{part.us:,.2f}")
    console.print(table)
