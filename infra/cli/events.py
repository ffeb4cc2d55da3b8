"""Command about stored events: events."""

import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any

import msgspec
import typer

from consumers.contract import to_cloud_event
from domain.counted import counted
from domain.derived import is_derived
from domain.fact import Fact
from domain.streams import split_stream_name
from infra.app.follow import follow_events
from infra.app.known_names import expect_source, expect_stream
from infra.cli import completion
from infra.cli.answer_footer import answer_footer
from infra.cli.arguments import LimitOption, open_waybill
from infra.cli.column_options import ColumnsOption, WideOption, read_choice
from infra.cli.message_options import (
    CorrelationOption,
    ReceivedSinceOption,
    ReceivedUntilOption,
    SinceOption,
    UntilOption,
    WhereOption,
    expect_span,
    read_conditions,
    topics_named,
)
from infra.cli.output import Format, cell_writer, console, show_note, show_rows
from infra.cli.pager import was_left
from infra.cli.signals import stopped_by_signals
from infra.cli.tables.columns import ColumnChoice
from infra.cli.tables.importance import EVENTS
from infra.printable import escape_json
from infra.queries.events import EventFilter, Events
from infra.serialization import json_text, json_value
from infra.store.events.history import PositionedEvent

ROWS_IN_A_TABLE = 1_000
"""A longer table is printed in parts, so that memory stays flat."""
COLUMNS = ("position", "stream", "version", "event", "occurred_at", "recorded_at", "source", "message_id", "data")


class EventFormat(StrEnum):
    """How events are printed; `cloudevents` is one message a line, as `waybill ingest` and `correct` read it."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    CLOUDEVENTS = "cloudevents"


def add_commands(app: typer.Typer) -> None:
    app.command()(events)


def events(
    stream: Annotated[
        str | None,
        typer.Option("--stream", help="Only this stream, such as order-SO-10248.", autocompletion=completion.streams),
    ] = None,
    event_type: Annotated[
        str | None,
        typer.Option(
            "--type",
            help="Only events of this type, such as OrderPlaced or order.placed.v1.",
            autocompletion=completion.event_types,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", help="Only events of messages of this source.", autocompletion=completion.sources),
    ] = None,
    message_id: Annotated[
        str | None, typer.Option("--message-id", metavar="ID", help="Only events of messages with this id.")
    ] = None,
    correlation_id: CorrelationOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    received_since: ReceivedSinceOption = None,
    received_until: ReceivedUntilOption = None,
    where: WhereOption = None,
    after: Annotated[
        int | None, typer.Option("--after", min=0, metavar="P", help="Only events after this position of the store.")
    ] = None,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            help="Print new events until Ctrl-C or SIGTERM; with --after or a span, the past first.",
        ),
    ] = False,
    limit: LimitOption = None,
    columns: ColumnsOption = None,
    wide: WideOption = False,
    form: Annotated[
        EventFormat,
        typer.Option("--format", help="cloudevents: the messages themselves, one a line; json, csv: for programs."),
    ] = EventFormat.TABLE,
) -> None:
    """List stored events in the order of the store.

    A span is from its first instant up to, but not including, its last. An event without a time of its own (a changed
    verdict, an act of an operator) is listed by when it was recorded.
    """
    choice = _read_choice(columns, wide, form, follow=follow)
    expect_span(since, until)
    expect_span(received_since, received_until, "--received-")
    wanted = EventFilter(
        stream=stream,
        topics=topics_named(event_type),
        source=source,
        message_id=message_id,
        correlation_id=correlation_id,
        since=since,
        until=until,
        received_since=received_since,
        received_until=received_until,
        where=read_conditions(where),
    )
    if follow:
        spans = (since, until, received_since, received_until)
        if after is None and any(instant is not None for instant in spans):
            after = 0
        stop = stopped_by_signals()
        with open_waybill(stop=stop) as waybill:
            _print_lines(follow_events(waybill, after, wanted, stop), limit, form, choice.names or COLUMNS, flush=True)
        return
    with open_waybill() as waybill:
        if stream is not None:
            expect_stream(waybill, stream)
        if source is not None:
            expect_source(waybill, source)
        found = Events(waybill.backend).after(after or 0, wanted, waybill.history.head())
        if form is EventFormat.JSON:
            _print_json(_selected(map(_row, islice(found, limit)), choice.names or COLUMNS))
        elif form is EventFormat.TABLE:
            _print_tables(map(_row, islice(found, limit)), choice)
        else:
            _print_lines(found, limit, form, choice.names or COLUMNS)
        show_note(Format.TABLE if form is EventFormat.TABLE else Format.JSON, answer_footer(waybill).line)


def _read_choice(columns: str | None, wide: bool, form: EventFormat, *, follow: bool) -> ColumnChoice:
    """The choice of columns. Raises BadParameter where the lines have none to choose from."""
    has_columns = form in (EventFormat.JSON, EventFormat.CSV) or (form is EventFormat.TABLE and not follow)
    if columns is not None and not has_columns:
        raise typer.BadParameter("these lines have no columns: leave it out", param_hint="--columns")
    return read_choice(columns, wide, COLUMNS)


def _selected(rows: Iterable[dict[str, Any]], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    return ({name: row[name] for name in names} for row in rows)


def _print_json(rows: Iterable[dict[str, Any]]) -> None:
    """A JSON array, row by row."""
    begun = False
    for row in rows:
        sys.stdout.write((",\n" if begun else "[\n") + json_text(row))
        begun = True
    sys.stdout.write("\n]\n" if begun else "[]\n")


def _print_tables(rows: Iterator[dict[str, Any]], choice: ColumnChoice) -> None:
    count = 0
    while not was_left() and (some := list(islice(rows, ROWS_IN_A_TABLE))):
        count += len(some)
        show_rows(COLUMNS, some, Format.TABLE, importance=EVENTS, choice=choice)
    show_note(Format.TABLE, counted(count, "event") if count else "no such events")


def _print_lines(
    found: Iterator[PositionedEvent],
    limit: int | None,
    form: EventFormat,
    names: Sequence[str],
    *,
    flush: bool = False,
) -> None:
    """One event a line, as they come; the limit counts printed lines."""
    if limit is None:
        limit = sys.maxsize
    printed = left_out = 0
    print_line = _line_printer(form, names)
    for event in found:
        if print_line(event):
            printed += 1
        else:
            left_out += 1
        if flush:
            sys.stdout.flush()
        if printed == limit:
            break
    if left_out:
        what = "events that no upstream sent (changed verdicts, operators' acts, derived messages)"
        show_note(Format.JSON, f"{left_out} {what} are left out; --format json has them")


def _line_printer(form: EventFormat, names: Sequence[str]) -> Callable[[PositionedEvent], bool]:
    """Prints an event as a line; returns whether it has one in this format."""
    if form is EventFormat.CLOUDEVENTS:
        return _print_message
    if form is EventFormat.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        cell = cell_writer()

        def write(event: PositionedEvent) -> bool:
            row = _row(event)
            writer.writerow(cell(row[name]) for name in names)
            return True

        return write
    if form is EventFormat.JSON:

        def print_json(event: PositionedEvent) -> bool:
            row = _row(event)
            sys.stdout.write(json_text({name: row[name] for name in names}) + "\n")
            return True

        return print_json
    return _print_row


def _print_message(stored: PositionedEvent) -> bool:
    event = stored.event
    if not isinstance(event, Fact) or is_derived(event):
        return False
    document = to_cloud_event(event, split_stream_name(event.originator_id)[1])
    sys.stdout.write(escape_json(msgspec.json.encode(document).decode()) + "\n")
    return True


def _print_row(event: PositionedEvent) -> bool:
    row = json_value(_row(event))
    console().print(
        f"{row['position']:>8}  {row['recorded_at']}  {row['stream']}  {row['event']}  {json_text(row['data'])}",
        markup=False,
        soft_wrap=True,
    )
    return True


def _row(stored: PositionedEvent) -> dict[str, Any]:
    event = stored.event
    common = {"originator_id", "originator_version", "recorded_at", "occurred_at", "source", "message_id"}
    data = {
        name: value
        for name in event.__struct_fields__
        if name not in common and (value := getattr(event, name)) is not None and value is not msgspec.UNSET
    }
    return {
        "position": stored.position,
        "stream": event.originator_id,
        "version": event.originator_version,
        "event": type(event).__name__,
        "occurred_at": getattr(event, "occurred_at", None),
        "recorded_at": event.recorded_at,
        "source": event.source,
        "message_id": event.message_id,
        "data": msgspec.to_builtins(data),
    }
