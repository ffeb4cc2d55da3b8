"""Command about stored events: events."""

import difflib
import sys
import time
from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer

from domain.fact import EVENT_CLASSES, Fact, StreamEvent
from infra.app.container import Waybill
from infra.cli.arguments import FormatOption, LimitOption, open_waybill, read_instant
from infra.cli.output import Format, console, show_rows
from infra.printable import escape_json
from infra.serialization import json_value
from infra.store.events.history import PositionedEvent

EVENTS_AT_ONCE = 1_000
SECONDS_BETWEEN_LOOKS = 0.5
COLUMNS = ("position", "stream", "version", "event", "occurred_at", "recorded_at", "source", "message_id", "data")


def add_commands(app: typer.Typer) -> None:
    app.command()(events)


def events(
    stream: Annotated[str | None, typer.Option("--stream", help="Only this stream, such as order-SO-10248.")] = None,
    event_type: Annotated[
        str | None, typer.Option("--type", help="Only events of this type, such as OrderPlaced or order.placed.v1.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--since", parser=read_instant, metavar="T", help="Only events recorded at T or later."),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Keep printing new events as they are stored.")] = False,
    limit: LimitOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """List stored events in the order of the store."""
    with open_waybill() as waybill:
        wanted = _Wanted(event_type, since)
        if follow:
            _follow(waybill, stream, wanted, limit, form)
            return
        found: list[dict[str, Any]] = []
        for event in _stored(waybill, stream, 0):
            if wanted(event):
                found.append(_row(event))
            if limit is not None and len(found) == limit:
                break
        show_rows(COLUMNS, found, form, footer=f"{len(found)} events", empty="no such events")


class _Wanted:
    def __init__(self, event_type: str | None, since: datetime | None):
        known = {name for event_class in EVENT_CLASSES.values() for name in _names_of(event_class)}
        if event_type is not None and event_type not in known:
            nearest = difflib.get_close_matches(event_type, known, n=1)
            raise typer.BadParameter(
                f"there is no event type {event_type}" + (f"; did you mean {nearest[0]}?" if nearest else "")
            )
        self._type = event_type
        self._since = since

    def __call__(self, event: PositionedEvent) -> bool:
        if self._since is not None and event.event.recorded_at < self._since:
            return False
        return self._type is None or self._type in _names_of(type(event.event))


def _names_of(event_class: type[StreamEvent]) -> tuple[str, ...]:
    """The class's name, its stored topic and, for a fact, its message type."""
    names = (event_class.__name__, event_class.TOPIC)
    return (*names, event_class.TYPE) if issubclass(event_class, Fact) else names


def _stored(waybill: Waybill, stream: str | None, position: int) -> Any:
    if stream is not None:
        yield from (event for event in waybill.history.stream(stream) if event.position > position)
        return
    while batch := waybill.history.after(position, EVENTS_AT_ONCE):
        yield from batch
        position = batch[-1].position


def _follow(waybill: Waybill, stream: str | None, wanted: _Wanted, limit: int | None, form: Format) -> None:
    position = shown = 0
    while True:
        for event in _stored(waybill, stream, position):
            position = event.position
            if wanted(event):
                _print_line(event, form)
                shown += 1
            if shown == limit:
                return
        sys.stdout.flush()
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _print_line(event: PositionedEvent, form: Format) -> None:
    row = json_value(_row(event))
    if form is Format.JSON:
        sys.stdout.write(escape_json(msgspec.json.encode(row).decode()) + "\n")
    else:
        console().print(
            f"{row['position']:>8}  {row['recorded_at']}  {row['stream']}  {row['event']}  "
            f"{escape_json(msgspec.json.encode(row['data']).decode())}",
            markup=False,
            soft_wrap=True,
        )


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
