"""Command that follows one message through the service: trace."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import typer

from consumers.ingest.group_commit import HTTP
from domain.counted import counted
from infra.app.trace import Trace, TracedEvent, trace
from infra.cli import FAILED
from infra.cli.answer_footer import answer_footer
from infra.cli.arguments import FormatOption, open_waybill
from infra.cli.messages import IdArgument, SourceArgument, where_else
from infra.cli.output import Format, console, readable_instant, show_error, show_json, show_note, show_rows
from infra.row_changes import change_as_json, sample_rows
from infra.serialization import json_text, json_value

LONGEST_BODY = 2_000
"""How much of a message's body the table shows; JSON has all of it."""


class Step(NamedTuple):
    """One step of a message's way; `position` is that of an event of the store."""

    step: str
    at: datetime | None
    position: int | None
    what: str


def add_commands(app: typer.Typer) -> None:
    app.command("trace")(trace_message)


def trace_message(
    source: SourceArgument,
    message_id: IdArgument,
    subject: Annotated[
        str | None,
        typer.Option("--subject", help="Only the message about this subject, if an id was used for several."),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Follow a message: the bytes that came in, its events and verdicts, what followed from it, the rows that differ
    because of it, and the records for other systems.
    """
    with open_waybill() as waybill:
        found = trace(waybill, source, message_id, subject)
        hint = "" if found else where_else(waybill, source, message_id)
        footer = answer_footer(waybill)
    if not found:
        show_error(f"message not found{hint}")
        show_note(Format.JSON, footer.line)
        raise typer.Exit(FAILED)
    if form is Format.JSON:
        show_json([_as_json(each) for each in found])
    elif form is Format.CSV:
        show_rows(Step._fields, [step._asdict() for each in found for step in _steps(each)], form)
    for each in found if form is Format.TABLE else ():
        what = f"{each.type or 'of no type that could be read'}{f' about {each.subject}' if each.subject else ''}"
        title = f"Message {each.id} of {each.source}: {what}"
        show_rows(Step._fields, [step._asdict() for step in _steps(each)], form, title=title, lines_of_text=None)
        console().print(
            "\n[dim]As received[/dim]" if each.received.as_received else "\n[dim]Restated from its event[/dim]"
        )
        _show_body(each.received.body)
    show_note(form, footer.line)


def _show_body(body: str) -> None:
    shown = body[:LONGEST_BODY]
    console().print(shown, soft_wrap=True, markup=False)
    if len(body) > LONGEST_BODY:
        console().print(f"[dim]… {len(body) - LONGEST_BODY} more characters; --format json has them[/dim]")


def _as_json(found: Trace) -> dict[str, Any]:
    rows = [
        {**each._asdict(), "samples": [change_as_json(change, "without", "with") for change in each.samples]}
        for each in found.rows
    ]
    views = [
        {**each._asdict(), "samples": [change_as_json(change, "without", "with") for change in each.samples]}
        for each in found.views
    ]
    return {**found._asdict(), "rows": rows, "views": views}


def _steps(found: Trace) -> Iterator[Step]:
    """The message's way in plain words, in reading order."""
    received = found.received
    came = f"came in from {received.topic}, partition {received.partition}, offset {received.offset}"
    if received.topic.startswith("file:") or received.topic == "stdin":
        came = f"came in from {received.topic}, line {received.offset + 1}"
    elif received.topic == HTTP:
        came = f"came in over {received.topic}, message {received.offset + 1} of its process"
    yield Step("received", received.received_at, None, came)
    if received.repeats:
        other = received.repeats_with_other_content
        content = f", {counted(other, 'time')} with other content" if other else ""
        yield Step("received", None, None, f"came again {counted(received.repeats, 'time')}{content}")
    if received.ignored:
        yield Step("received", None, None, f"fields that its type does not know: {', '.join(received.ignored)}")
    for event in found.events:
        yield Step("event", event.recorded_at, event.position, _said(event))
    effect = f"; took effect at {readable_instant(found.took_effect_at)}" if found.took_effect_at else ""
    yield Step("verdict", None, None, f"{found.verdict} now{_because(found.reason)}{effect}")
    if found.what_changed:
        yield Step("changed", None, None, found.what_changed)
    for consequence in found.followed:
        what = f"{consequence.event} of {consequence.stream}, message {consequence.id} of {consequence.source}"
        yield Step("followed", consequence.recorded_at, consequence.position, f"{what}: {consequence.how}")
    for view in found.views:
        for change in view.samples:
            for row in sample_rows("name", view.view, change, "without", "with"):
                yield Step("view", None, None, _row(row))
    for table in found.rows:
        for change in table.samples:
            for row in sample_rows("name", table.table, change, "without", "with"):
                yield Step("row", None, None, _row(row))
        total = table.added + table.gone + table.changed
        if total > len(table.samples):
            yield Step("row", None, None, f"{table.table}: differs because of it in {total} of its rows")
    if not found.rows:
        yield Step("row", None, None, "no row differs because of it")
    for record in found.records:
        key = "" if record.key is None else f", key {record.key}"
        what = f"{record.type} to {record.topic}{key}, id {record.id}"
        yield Step("record", None, None, f"{what}: {record.sent}")
    if not found.records:
        yield Step("record", None, None, "no record for other systems")


def _said(event: TracedEvent) -> str:
    verdict = f": {event.verdict}" if event.verdict else ""
    because = f", because of {event.because}" if event.because else ""
    return f"{event.event}, version {event.version} of {event.stream}{verdict}{because}{_because(event.reason)}"


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


def _row(row: dict[str, Any]) -> str:
    key = f"{row['name']} {row['key']}"
    if row["change"] == "added":
        return f"{key}: there because of it"
    if row["change"] == "gone":
        return f"{key}: not there because of it"
    before, after = (json_text(json_value(row[name])) for name in ("without", "with"))
    return f"{key}: {row['column']} is {after}; without it, {before}"
