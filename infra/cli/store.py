"""Commands for whoever runs the service: verify, schema, settings."""

import sys
from typing import Annotated, Literal

import typer
from rich.progress import Progress

from consumers.contract import CATALOGUE, message_schema
from consumers.relay.asyncapi import whole_document
from infra.app.container import migrate_store
from infra.app.verify import Finding
from infra.cli.arguments import FormatOption, open_waybill, stopped_by_signals
from infra.cli.output import Format, console, errors, show_json, show_rows
from infra.settings import load_settings
from infra.store.schema_version import NEWEST
from infra.telemetry.logs import configure_logs


def add_commands(app: typer.Typer) -> None:
    app.command()(project)
    app.command()(migrate)
    app.command()(verify)
    app.command()(schema)
    app.command()(settings)


def project(
    once: Annotated[bool, typer.Option("--once", help="Stop when the views are up to date.")] = False,
) -> None:
    """Keep the views up to date as events come, until stopped (SIGTERM or Ctrl-C: the batch at hand is finished)."""
    stop = stopped_by_signals()
    with (
        open_waybill(stop=stop) as waybill,
        Progress(console=errors(), transient=True, disable=not sys.stderr.isatty()) as bar,
    ):
        task = bar.add_task("projecting", total=None)
        waybill.projector(stop).run(
            once=once,
            on_step=lambda step: bar.update(task, total=waybill.history.head(), completed=step.end),
        )


def migrate() -> None:
    """Bring the store up to the version of this waybill. Stop what writes to it first; reading goes on meanwhile."""
    settings = load_settings()
    configure_logs(settings)
    before = migrate_store(settings)
    said = f"the store is of version {NEWEST}"
    if before == NEWEST:
        console().print(f"{said} already; nothing to do")
    else:
        console().print(f"{said} now; it was {f'of version {before}' if before else 'empty'}")


def verify(form: FormatOption = Format.TABLE) -> None:
    """Derive everything again, verdicts, rows, totals and books, and compare it with what the store keeps."""
    with open_waybill() as waybill, Progress(console=errors(), transient=True, disable=not sys.stderr.isatty()) as bar:
        lag = max(projection["lag"] for projection in waybill.status()["projections"])
        if lag:
            errors().print(f"[red]the views are {lag} events behind[/red]; bring them up first: waybill project")
            raise typer.Exit(1)
        task = bar.add_task("settling every subject again", total=None)
        verified = waybill.verification.run(lambda: bar.update(task, advance=1))
    findings = [finding._asdict() for finding in verified.findings]
    if form is Format.JSON:
        show_json({"checked": verified.checked, "findings": findings})
    else:
        show_rows(list(Finding._fields), findings, form, title="Findings", empty="all is as it should be")
        if form is Format.TABLE:
            checked = ", ".join(f"{count:,} {what}" for what, count in verified.checked.items())
            console().print(f"[dim]checked {checked}[/dim]")
    if findings:
        raise typer.Exit(1)


def schema(
    message_type: Annotated[
        str | None, typer.Argument(metavar="TYPE", help="One message type, such as order.placed.v1.")
    ] = None,
    form: Annotated[Literal["json"], typer.Option("--format", help="json, which it is anyway.")] = "json",
) -> None:
    """The AsyncAPI 3 document of all that is taken and told, or one message's JSON Schema."""
    if message_type is None:
        show_json(whole_document())
        return
    if message_type not in CATALOGUE:
        raise typer.BadParameter(f"{message_type} is not taken; known are {', '.join(CATALOGUE)}", param_hint="TYPE")
    show_json(message_schema(message_type))


def settings(form: FormatOption = Format.TABLE) -> None:
    """Every setting, its value and what it means; secrets are masked."""
    show_rows(["setting", "value", "meaning"], load_settings().printable(), form)
