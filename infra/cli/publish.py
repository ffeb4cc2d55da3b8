"""Commands that send to Kafka: publish, relay."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from consumers.contract import TOPICS
from consumers.publish.publishing import FAILURES_LISTED, Account, listed
from consumers.sinks.sink import NotReachedError
from consumers.sources.json_lines import JsonLines, UnreadableSourceError
from infra.app.container import kafka_sink, publishing
from infra.cli.arguments import FormatOption
from infra.cli.messages import STANDARD_INPUT, existing_file, progress_bar
from infra.cli.output import Format, errors, show_json, show_rows
from infra.settings import load_settings
from infra.telemetry.logs import configure_logs

FAILURES_SHOWN = 20


def add_commands(app: typer.Typer) -> None:
    app.command()(publish)


def publish(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="JSON Lines of CloudEvents, plain or gzipped; - is standard input.")
    ],
    as_they_are: Annotated[
        bool,
        typer.Option("--as-they-are", help="Publish every line, even one that Waybill will take for malformed."),
    ] = False,
    give_up_after: Annotated[
        float, typer.Option("--give-up-after", min=1, metavar="SECONDS", help="How long to try to reach Kafka.")
    ] = 60.0,
    form: FormatOption = Format.TABLE,
) -> None:
    """Publish messages to Kafka, and tell which were acknowledged. Exits with 1 if any line was not.

    Publishing a file again is harmless: Waybill takes each message once.
    """
    path = None if file == STANDARD_INPUT else existing_file(file)
    settings = load_settings()
    configure_logs(settings)
    sink = kafka_sink(settings, patience=give_up_after)
    run = publishing(settings, sink, as_they_are=as_they_are)
    gave_up: NotReachedError | UnreadableSourceError | None = None
    with progress_bar() as progress:
        size = path.stat().st_size if path is not None and path.is_file() else None
        task = progress.add_task("publishing", total=size)
        try:
            sink.find(settings.topic_prefix + topic for topic in TOPICS)
            run.publish(_lines(path, settings.batch_messages, lambda read: progress.update(task, completed=read)))
        except (NotReachedError, UnreadableSourceError) as e:
            gave_up = e
        finally:
            sink.close()
    _show_account(run.account, form, gave_up)
    if gave_up is not None or run.account.failed:
        raise typer.Exit(1)


def _lines(path: Path | None, batch_lines: int, progress: Any) -> JsonLines:
    if path is None:
        return JsonLines.of_standard_input(sys.stdin.buffer, batch_lines=batch_lines)
    # A pipe does not know how far it was read.
    bar = progress if path.is_file() else None
    return JsonLines(str(path), lambda: path.open("rb"), batch_lines=batch_lines, progress=bar)


def _show_account(account: Account, form: Format, gave_up: Exception | None) -> None:
    totals = {
        "read": account.read,
        "acknowledged": account.acknowledged.total(),
        "malformed": account.malformed,
        "not_acknowledged": account.not_acknowledged,
    }
    if form is Format.JSON:
        topics = dict(sorted(account.acknowledged.items()))
        show_json({**totals, "complete": gave_up is None, "topics": topics, "failures": listed(account.failures)})
    elif form is Format.CSV:
        show_rows(list(totals), [totals], form)
    else:
        rows = [{"topic": topic, "acknowledged": count} for topic, count in sorted(account.acknowledged.items())]
        footer = f"{totals['acknowledged']:,} of {account.read:,} messages acknowledged"
        show_rows(["topic", "acknowledged"], rows, form, footer=footer, empty="nothing was published")
    if form is not Format.JSON:
        for failure in account.failures[:FAILURES_SHOWN]:
            errors().print(f"[red]line {failure.line}[/red] {failure.problem}: {escape(failure.reason)}")
        unsaid = account.failed - min(len(account.failures), FAILURES_SHOWN)
        if unsaid:
            errors().print(f"and {unsaid:,} more; --format json lists the first {FAILURES_LISTED:,}")
        if account.malformed:
            errors().print("[dim]malformed lines were left out; --as-they-are publishes them all the same[/dim]")
    if gave_up is not None:
        errors().print(f"[red]waybill:[/red] {escape(str(gave_up))}")
        errors().print(f"what comes after the first {account.read:,} messages was not published")
