"""Commands that read or write a file of messages: ingest, publish, simulate."""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.markup import escape
from rich.progress import Progress, TaskID

from consumers.publish.publishing import FAILURES_LISTED, listed
from consumers.sources.json_lines import JsonLines
from domain.counted import counted
from infra.app.ingest import ingest_source
from infra.app.publish import PublishReport, publish_source
from infra.cli.answer_footer import not_stated_text
from infra.cli.arguments import FormatOption, open_waybill, read_instant
from infra.cli.output import (
    Format,
    dead_letters_command,
    errors,
    progress_bar,
    show_counts,
    show_error,
    show_json,
    show_no_longer_applied,
    show_note,
    show_rows,
)
from infra.printable import printable_line
from infra.settings import Settings, load_settings
from infra.simulation import DEFAULT_UNTIL, simulate
from infra.store.opening import Access
from infra.telemetry.logs import configure_logs
from projections.runner import Step

STANDARD_STREAM = "-"
FAILURES_SHOWN = 20
FIRST_YEAR, LAST_YEAR = 1900, 9000

FileArgument = Annotated[
    str, typer.Argument(metavar="FILE|-", help="JSON Lines of CloudEvents, plain or gzipped; - means standard input.")
]


def add_commands(app: typer.Typer) -> None:
    app.command()(ingest)
    app.command()(publish)
    app.command(name="simulate")(simulate_floor)


def ingest(
    file: FileArgument,
    history: Annotated[
        bool, typer.Option("--history", help="Import a history: use each message's recordedtime.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if any message of the file is dead at the end.")
    ] = False,
    no_project: Annotated[
        bool, typer.Option("--no-project", help="Only store the messages; a later run updates the views.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Ingest messages and update the views. After a crash, run it again to continue where it stopped."""
    path = existing_file(file)
    with open_waybill(waits=True, access=Access.ACTING) as waybill, progress_bar() as progress:
        task = progress.add_task("ingesting", total=size_of(path))
        source = open_lines(path, waybill.settings, lambda read: progress.update(task, completed=read))
        with ingest_source(
            waybill,
            source,
            honour_recordedtime=history,
            project=not no_project,
            on_step=_projecting(progress, lambda: waybill.retry(waybill.history.head)),
        ) as report:
            progress.stop()
            show_counts(report.counts, report.untaken, form)
            if report.counts.malformed and report.counts.malformed == report.counts.received:
                errors().print("[yellow]no line is a valid message; is it the right file?[/yellow]")
            if report.position:
                show_note(form, f"the newest event is at position {report.position}")
            for ignored in report.ignored[:FAILURES_SHOWN]:
                times = counted(ignored.messages, "message")
                show_note(form, f"ignored {ignored.field} in {times} of {ignored.type}")
            show_no_longer_applied(report.no_longer_applied)
            if report.not_stated is not None:
                show_note(form, not_stated_text(report.not_stated))
            dead = report.untaken
            if strict and dead.dead:
                are = "is" if dead.dead == 1 else "are"
                errors().print(
                    f"[red]{counted(dead.dead, 'message')} of this file {are} dead[/red]; "
                    f"see: {dead_letters_command(dead, every=True)}"
                )
            sys.stdout.flush()
    if strict and dead.dead:
        raise typer.Exit(1)


def publish(
    file: FileArgument,
    as_they_are: Annotated[bool, typer.Option("--as-they-are", help="Publish malformed lines too.")] = False,
    give_up_after: Annotated[
        float, typer.Option("--give-up-after", min=1, metavar="SECONDS", help="How long to try to reach Kafka.")
    ] = 60.0,
    form: FormatOption = Format.TABLE,
) -> None:
    """Publish messages to Kafka and report which were acknowledged. Exits with 1 if any line was not.

    Publishing a file again is harmless: Waybill takes each message once.
    """
    path = existing_file(file)
    settings = load_settings()
    configure_logs(settings)
    with progress_bar() as progress:
        task = progress.add_task("publishing", total=size_of(path))
        report = publish_source(
            settings,
            lambda: open_lines(path, settings, lambda read: progress.update(task, completed=read)),
            patience=give_up_after,
            as_they_are=as_they_are,
        )
    _show_published(report, form)
    if not report.is_complete:
        raise typer.Exit(1)


def simulate_floor(
    orders: Annotated[int, typer.Option("--orders", min=1, help="The number of orders.")] = 1_000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same bytes.")] = 1,
    until: Annotated[
        datetime,
        typer.Option(
            "--until", parser=read_instant, metavar="T", help="When the history ends; some work is still open then."
        ),
    ] = DEFAULT_UNTIL,
    wrong: Annotated[
        float,
        typer.Option(
            "--wrong", min=0.0, max=0.99, help="The share of doubled, contradictory, voided and broken messages."
        ),
    ] = 0.0,
    history: Annotated[
        bool, typer.Option("--history", help="With recordedtime: when each message came, for waybill ingest --history.")
    ] = False,
    out: Annotated[str, typer.Option("--out", metavar="FILE|-", help="Where to write; - means standard output.")] = "-",
) -> None:
    """Write the messages of a simulated sales team as JSON Lines, in the order of arrival.

    Next: waybill ingest FILE (with --history, if it was simulated with it), then waybill react --once, which states
    what follows from parcels' scans and standing orders.
    """
    if not FIRST_YEAR <= until.year <= LAST_YEAR:
        raise typer.BadParameter(f"the history must end in the years {FIRST_YEAR} to {LAST_YEAR}", param_hint="--until")
    lines = simulate(orders, seed, until.astimezone(UTC), wrong, history=history)
    if out == STANDARD_STREAM:
        _write(sys.stdout.buffer, lines)
        return
    with Path(out).open("wb") as stream:
        written = _write(stream, lines)
    errors().print(f"[dim]{counted(written, 'message')} of {counted(orders, 'order')} in {escape(out)}[/dim]")


def existing_file(file: str) -> Path | None:
    """The path of an existing file; None for standard input."""
    if file == STANDARD_STREAM:
        return None
    path = Path(file)
    if path.is_dir():
        raise typer.BadParameter(f"{file} is a folder; name a file of JSON Lines", param_hint="FILE")
    if not path.exists():
        raise typer.BadParameter(f"there is no file {file}", param_hint="FILE")
    return path


def size_of(path: Path | None) -> int | None:
    """In bytes; None if unknown."""
    return path.stat().st_size if path is not None and path.is_file() else None


def open_lines(path: Path | None, settings: Settings, progress: Callable[[int], None]) -> JsonLines:
    """The lines of a file, a pipe or standard input (None), which are read in batches."""
    lines, size = settings.batch_messages, settings.max_message_bytes
    if path is None:
        if sys.stdin is None:
            raise typer.BadParameter("standard input is closed", param_hint="FILE")
        return JsonLines.of_standard_input(sys.stdin.buffer, batch_lines=lines, max_bytes=size)
    if not path.is_file():
        # A pipe can be read only once, from its beginning, and has no position.
        return JsonLines(f"pipe:{path}", lambda: path.open("rb"), batch_lines=lines, max_bytes=size)
    return JsonLines.of_file(path, batch_lines=lines, max_bytes=size, progress=progress)


def _projecting(progress: Progress, head: Callable[[], int]) -> Callable[[Step], None] | None:
    """Shows the progress of the projections; None without a terminal."""
    if progress.disable:
        return None
    tasks: list[TaskID] = []

    def show(step: Step) -> None:
        if not tasks:
            tasks.append(progress.add_task("projecting", total=head()))
        progress.update(tasks[0], completed=step.end)

    return show


def _show_published(report: PublishReport, form: Format) -> None:
    account = report.account
    totals = {
        "read": account.read,
        "acknowledged": account.acknowledged.total(),
        "malformed": account.malformed,
        "not_acknowledged": account.not_acknowledged,
    }
    if form is Format.JSON:
        topics = dict(sorted(account.acknowledged.items()))
        complete = report.gave_up is None
        show_json({**totals, "complete": complete, "topics": topics, "failures": listed(account.failures)})
    elif form is Format.CSV:
        show_rows(list(totals), [totals], form)
    else:
        rows = [{"topic": topic, "acknowledged": count} for topic, count in sorted(account.acknowledged.items())]
        # What was not read is not counted: Kafka was away from the beginning.
        footer = f"{totals['acknowledged']:,} of {account.read:,} messages acknowledged" if account.read else ""
        show_rows(["topic", "acknowledged"], rows, form, footer=footer, empty="nothing was published")
    if form is not Format.JSON:
        for failure in account.failures[:FAILURES_SHOWN]:
            reason = escape(printable_line(failure.reason))
            errors().print(f"[red]line {failure.line}[/red] {failure.problem}: {reason}")
        unlisted = account.failed - min(len(account.failures), FAILURES_SHOWN)
        if unlisted:
            errors().print(f"and {unlisted:,} more; --format json lists the first {FAILURES_LISTED:,}")
        if account.malformed:
            errors().print("[dim]malformed lines were skipped; --as-they-are publishes them too[/dim]")
    if report.gave_up is not None:
        show_error(report.gave_up)
        if account.read:
            errors().print(f"messages after the first {account.read:,} were not published")


def _write(stream: BinaryIO, lines: Iterator[bytes]) -> int:
    written = 0
    for line in lines:
        stream.write(line + b"\n")
        written += 1
    stream.flush()
    return written
