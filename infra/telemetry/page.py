"""The tables of docs/events.md and docs/signals.md, written from the declarations."""

from infra.telemetry.events import EVENTS, FIELDS
from infra.telemetry.metrics import LABELS, METRICS, Metric

EVENTS_BEGIN = "<!-- log events: written by `python -m infra.telemetry` -->"
EVENTS_END = "<!-- end of log events -->"
METRICS_BEGIN = "<!-- metrics: written by `python -m infra.telemetry` -->"
METRICS_END = "<!-- end of metrics -->"


def tables_of_events() -> str:
    """Both tables in Markdown: the log events, and what their fields mean."""
    events = "".join(
        f"| `{event.name}` | {event.level} | {event.meaning} | {', '.join(f'`{name}`' for name in event.fields)} |\n"
        for event in sorted(EVENTS.values(), key=lambda event: event.name)
    )
    fields = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in sorted(FIELDS.items()))
    return (
        f"| event | level | when | fields |\n| --- | --- | --- | --- |\n{events}\n"
        f"| field | meaning |\n| --- | --- |\n{fields}"
    )


def tables_of_metrics() -> str:
    """The metrics of a process, those read from the store, and what their labels mean."""
    process = "".join(_row(metric) for metric in METRICS.values() if not metric.from_store)
    stored = "".join(_row(metric) for metric in METRICS.values() if metric.from_store)
    labels = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in sorted(LABELS.items()))
    head = "| metric | kind | meaning | labels |\n| --- | --- | --- | --- |\n"
    return (
        f"Of a process:\n\n{head}{process}\nRead from the store and from Kafka:\n\n{head}{stored}\n"
        f"| label | meaning |\n| --- | --- |\n{labels}"
    )


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{name}`" for name in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {metric.meaning} | {labels} |\n"


def with_events(page: str) -> str:
    """docs/events.md with its tables brought up to date. Raises ValueError if the page has no place for them."""
    return _between(page, EVENTS_BEGIN, tables_of_events(), EVENTS_END)


def with_metrics(page: str) -> str:
    """docs/signals.md with its tables brought up to date. Raises ValueError if the page has no place for them."""
    return _between(page, METRICS_BEGIN, tables_of_metrics(), METRICS_END)


def _between(page: str, begin: str, tables: str, end: str) -> str:
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"the page must have the lines {begin} and {end}")
    return f"{before}{begin}\n\n{tables}\n{end}{after}"
