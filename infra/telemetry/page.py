"""The tables of log events in docs/events.md, written from the declarations."""

from infra.telemetry.events import EVENTS, FIELDS

BEGIN = "<!-- log events: written by `python -m infra.telemetry` -->"
END = "<!-- end of log events -->"


def tables() -> str:
    """Both tables in Markdown: the events, and what their fields mean."""
    events = "".join(
        f"| `{event.name}` | {event.level} | {event.meaning} | {', '.join(f'`{name}`' for name in event.fields)} |\n"
        for event in sorted(EVENTS.values(), key=lambda event: event.name)
    )
    fields = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in sorted(FIELDS.items()))
    return (
        f"| event | level | when | fields |\n| --- | --- | --- | --- |\n{events}\n"
        f"| field | meaning |\n| --- | --- |\n{fields}"
    )


def with_tables(page: str) -> str:
    """The page with its tables brought up to date. Raises ValueError where the page has no place for them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/events.md must have the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"
