"""Commands that bring messages in: ingest, simulate, void."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO
from uuid import uuid4

import msgspec
import structlog
import typer
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from consumers.contract import Malformed, read_message, to_cloud_event
from consumers.ingest.pipeline import Ingest, Ingested
from consumers.sources.json_lines import JsonLines
from consumers.sources.reading_lock import reading_lock
from consumers.sources.source import Source
from domain.record import MessageVoided
from domain.verdict import Verdict
from infra.app.container import Waybill
from infra.cli.arguments import FormatOption, open_waybill, read_instant
from infra.cli.output import Format, console, errors, say_aside, show_json, show_rows
from infra.simulation import DEFAULT_UNTIL, simulate

STANDARD_INPUT = "-"
VOID_SOURCE = "waybill/operator"
FIRST_YEAR, LAST_YEAR = 1900, 9000

log = structlog.get_logger(__name__)


def add_commands(app: typer.Typer) -> None:
    app.command()(ingest)
    app.command(name="simulate")(simulate_floor)
    app.command()(void)


def ingest(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="JSON Lines of CloudEvents, plain or gzipped; - is standard input.")
    ],
    history: Annotated[
        bool, typer.Option("--history", help="Import a history: honour each message's recordedtime.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if any message of the file is dead at the end.")
    ] = False,
    no_project: Annotated[
        bool, typer.Option("--no-project", help="Store alone; leave the views to a later run.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Take messages in and bring the views up to date. Run again after a crash, it goes on where it stopped."""
    path = None if file == STANDARD_INPUT else existing_file(file)
    with open_waybill(waits=True) as waybill, progress_bar() as progress:
        size = path.stat().st_size if path is not None and path.is_file() else None
        task = progress.add_task("taking messages in", total=size)
        source = _source(path, waybill, lambda read: progress.update(task, completed=read))
        with taken_in(waybill, waybill.ingest(honour_recordedtime=history), source) as ingested:
            feed_id = ingested.feed_id
            if not no_project:
                _project(waybill, progress)
            log.info("ingest_finished", topic=source.topic, position=ingested.position)
            dead = waybill.again(lambda: waybill.register.dead_in_feed(feed_id, waybill.clock() - waybill.hold))
            tally = waybill.again(lambda: waybill.register.tally(feed_id))
            progress.stop()
            show_tally(tally, form)
            if tally[Verdict.MALFORMED] and tally[Verdict.MALFORMED] == sum(tally.values()):
                errors().print("[yellow]not one line could be read as a message; is it the right file?[/yellow]")
            if ingested.position:
                say_aside(form, f"the newest event is at position {ingested.position}")
            if strict and dead:
                errors().print(
                    f"[red]{dead} messages of this file are dead[/red]; see: waybill dead-letters list --all"
                )
            sys.stdout.flush()
    if strict and dead:
        raise typer.Exit(1)


@contextmanager
def taken_in(waybill: Waybill, pipeline: Ingest, source: Source) -> Iterator[Ingested]:
    """Read a source to its end and yield where that ended; the feed is finished when the caller is done.

    Finishing comes last: until then the same command, run again, goes on instead of counting the file twice. Of two
    processes that read one file at a time, only the first may go on in a reading that was broken off.
    """
    with reading_lock(waybill.settings.store, source.topic) as alone:
        ingested = pipeline.read(source, resume=alone)
        yield ingested
        pipeline.finish(ingested.feed_id)


def show_tally(tally: Mapping[Verdict, int], form: Format) -> None:
    """The five verdicts' counts."""
    counts = {"received": sum(tally.values()), **{verdict.value: tally[verdict] for verdict in Verdict}}
    if form is Format.JSON:
        show_json(counts)
    elif form is Format.CSV:
        show_rows(list(counts), [counts], form)
    else:
        show_rows(["verdict", "messages"], [{"verdict": k, "messages": v} for k, v in counts.items()], form)
        if counts["refused"] or counts["malformed"]:
            console().print("[dim]what was not taken, and why: waybill dead-letters list[/dim]")
        if counts["held"]:
            console().print("[dim]what waits, and for what: waybill held list[/dim]")


def simulate_floor(
    orders: Annotated[int, typer.Option("--orders", min=1, help="How many orders.")] = 1_000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same bytes.")] = 1,
    until: Annotated[
        datetime,
        typer.Option("--until", parser=read_instant, metavar="T", help="When the history ends, with work still open."),
    ] = DEFAULT_UNTIL,
    wrong: Annotated[
        float,
        typer.Option(
            "--wrong", min=0.0, max=0.99, help="The share of doubled, contradictory, voided and broken messages."
        ),
    ] = 0.0,
    out: Annotated[str, typer.Option("--out", metavar="FILE|-", help="Where to; - is standard output.")] = "-",
) -> None:
    """Write a believable sales floor as JSON Lines, in the order in which a service would hear of it."""
    if not FIRST_YEAR <= until.year <= LAST_YEAR:
        raise typer.BadParameter(f"the history must end in the years {FIRST_YEAR} to {LAST_YEAR}", param_hint="--until")
    lines = simulate(orders, seed, until.astimezone(UTC), wrong)
    if out == STANDARD_INPUT:
        _write(sys.stdout.buffer, lines)
        return
    with Path(out).open("wb") as stream:
        written = _write(stream, lines)
    errors().print(f"[dim]{written:,} messages of {orders:,} orders in {escape(out)}[/dim]")


def void(
    source: Annotated[str, typer.Argument(help="The source of the message that was wrong.")],
    message_id: Annotated[str, typer.Argument(metavar="ID", help="Its id.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it was wrong.")],
    subject: Annotated[
        str | None, typer.Option("--subject", help="Its subject, where one id stands for several.")
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Void a message: from now on it is passed over as though it had never been. Publish a right one after."""
    with open_waybill() as waybill:
        subjects = [subject] if subject is not None else waybill.messages.subjects_of(source, message_id)
        if not subjects:
            raise typer.BadParameter(
                f"no message {message_id} of {source} is known; name its --subject to void it ahead"
            )
        if len(subjects) > 1:
            raise typer.BadParameter(f"{source} used {message_id} for {', '.join(subjects)}; name one with --subject")
        now = waybill.clock()
        fact = MessageVoided(
            occurred_at=now,
            recorded_at=now,
            source=VOID_SOURCE,
            message_id=str(uuid4()),
            voided_source=source,
            voided_id=message_id,
            reason=reason,
        )
        body = msgspec.json.encode(to_cloud_event(fact, subjects[0])) + b"\n"
        fits = read_message(body, now, waybill.reading_rules())
        if isinstance(fits, Malformed):
            raise typer.BadParameter(fits.reason.replace("data.", ""))
        with taken_in(waybill, waybill.ingest(), JsonLines.of_bytes(VOID_SOURCE, body)):
            waybill.project()
        told = [*waybill.messages.find(source, message_id), *waybill.messages.find(VOID_SOURCE, fact.message_id)]
        rows = [row for row in told if row["subject"] == subjects[0]]
        show_rows(["source", "id", "subject", "type", "verdict", "reason"], rows, form)


def existing_file(file: str) -> Path:
    path = Path(file)
    if path.is_dir():
        raise typer.BadParameter(f"{file} is a folder; name a file of JSON Lines", param_hint="FILE")
    if not path.exists():
        raise typer.BadParameter(f"there is no file {file}", param_hint="FILE")
    return path


def _source(path: Path | None, waybill: Waybill, progress: Callable[[int], None]) -> JsonLines:
    batch_lines = waybill.settings.batch_messages
    if path is not None and not path.is_file():
        # A pipe: it can be read once, from its beginning.
        return JsonLines(f"pipe:{path}", lambda: path.open("rb"), batch_lines=batch_lines)
    if path is None:
        if sys.stdin is None:
            raise typer.BadParameter("standard input is closed", param_hint="FILE")
        return JsonLines.of_standard_input(sys.stdin.buffer, batch_lines=batch_lines)
    return JsonLines.of_file(path, batch_lines=batch_lines, progress=progress)


def _project(waybill: Waybill, progress: Progress) -> None:
    task = progress.add_task("projecting", total=None)
    head = waybill.again(waybill.history.head)
    waybill.project(lambda step: progress.update(task, total=head, completed=step.end))


def _write(stream: BinaryIO, lines: Iterator[bytes]) -> int:
    written = 0
    for line in lines:
        stream.write(line + b"\n")
        written += 1
    stream.flush()
    return written


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on a terminal, nothing elsewhere."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors(),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as progress:
        yield progress
