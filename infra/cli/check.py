"""Command that validates messages offline: check."""

import os
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from consumers.check.checking import ERROR, WARNING, Checking, Finding, NotAMessage
from domain.counted import counted
from infra.app.check import checking
from infra.cli.files import STANDARD_STREAM, existing_file, open_lines, size_of
from infra.cli.github_annotations import WORKSPACE, annotation, in_workspace
from infra.cli.output import Format, errors, progress_bar, show_note, show_rows
from infra.settings import load_settings
from infra.telemetry.logs import configure_logs

USUAL_LIMIT = 100
SHOWN_IN_TABLE = ("level", "file", "line", "field", "problem")
IMPORTANCE = ("line", "problem", "file", "field", "level")


class CheckFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    GITHUB = "github"


def add_commands(app: typer.Typer) -> None:
    app.command()(check)


def check(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE|-...", help="JSON Lines of CloudEvents, plain or gzipped; - is standard input."),
    ],
    history: Annotated[
        bool, typer.Option("--history", help="Check recordedtime too, as `ingest --history` does.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="The maximum number of errors, and of warnings; all are counted.")
    ] = USUAL_LIMIT,
    form: Annotated[
        CheckFormat,
        typer.Option("--format", help="table for people; json or csv for programs; github for annotations."),
    ] = CheckFormat.TABLE,
) -> None:
    """Validate messages offline, as ingest would read them. Exits with 1 if any message does not fit the contract.

    It needs no store and no Kafka. Warnings name fields that Waybill ignores, and ids that are used twice.
    """
    settings = load_settings()
    configure_logs(settings)
    paths = [(file, existing_file(file)) for file in dict.fromkeys(files)]
    run = checking(settings, honour_recordedtime=history, most=limit)
    with progress_bar() as progress:
        for file, path in paths:
            task = progress.add_task("checking", total=size_of(path))
            source = open_lines(path, settings, lambda read, task=task: progress.update(task, completed=read))  # type: ignore[misc]
            run.check(_name_of(file), source)
    _show(run, form)
    if not run.fits:
        raise typer.Exit(1)


def _name_of(file: str) -> str:
    return "stdin" if file == STANDARD_STREAM else file


def _show(run: Checking, form: CheckFormat) -> None:
    findings: Sequence[Finding] = [*run.errors, *run.warnings]
    if form is CheckFormat.GITHUB:
        for finding in findings:
            typer.echo(annotation(finding._replace(file=in_workspace(finding.file, os.environ.get(WORKSPACE)))))
    else:
        columns = SHOWN_IN_TABLE if form is CheckFormat.TABLE else Finding._fields
        if findings or form is not CheckFormat.TABLE:
            rows = [finding._asdict() for finding in findings]
            show_rows(columns, rows, Format(form.value), importance=IMPORTANCE)
    notes = Format.TABLE if form is CheckFormat.TABLE else Format.JSON
    for level, shown in ((ERROR, run.errors), (WARNING, run.warnings)):
        if more := run.counts[level] - len(shown):
            show_note(
                notes, f"{counted(more, f'more {level}')} {'is' if more == 1 else 'are'} not listed; --limit lists more"
            )
    show_note(notes, _summary(run))
    if hint := _hint(run):
        errors().print(f"[yellow]{hint}[/yellow]")


def _hint(run: Checking) -> str:
    """How the file is probably meant, if none of its lines is a JSON object."""
    kinds = run.not_a_message
    if not run.messages or kinds.total() < run.messages:
        return ""
    if kinds[NotAMessage.UTF_16]:
        return "no line is a message: convert the file, for example with iconv -f UTF-16 -t UTF-8 FILE"
    if kinds[NotAMessage.LIST]:
        return "no line is a message: write each message of the list in one line (jq -c '.\\[]' FILE)"
    return "no line is a message: is each message in one line (jq -c . FILE)?"


def _summary(run: Checking) -> str:
    messages = counted(run.messages, "message")
    if run.malformed:
        return f"{run.malformed:,} of {messages} {'does' if run.malformed == 1 else 'do'} not fit the contract"
    if run.damaged:
        return f"{messages} fit the contract, as far as they could be read"
    return f"{messages} {'fits' if run.messages == 1 else 'fit'} the contract"
