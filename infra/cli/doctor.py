"""`waybill doctor`: what is wrong, since when, and what to type."""

import typer

from infra.app.container import system_clock
from infra.app.doctor.doctor import examine
from infra.app.doctor.finding import Finding
from infra.cli.arguments import FormatOption
from infra.cli.output import AsRecords, Format, show_json, show_rows
from infra.cli.settings import warn_of_unknown_variables
from infra.settings import load_settings
from infra.telemetry.logs import configure_logs


def add_commands(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(form: FormatOption = Format.TABLE) -> None:
    """Look at everything, and say what is wrong, since when, and what to type.

    It changes nothing, and gives up after some seconds on a store or a broker that does not answer. Exits with 1 if
    something is wrong; a warning can wait until the morning, and does not change the exit code.
    """
    settings = load_settings()
    warn_of_unknown_variables()
    configure_logs(settings)
    found = examine(settings, system_clock)
    rows = [finding._asdict() for finding in found.findings]
    if form is Format.JSON:
        show_json({"ok": found.is_well, "findings": rows, "checks": found.checks})
    else:
        checked = f"{len(found.checks)} checks: {', '.join(found.checks)}"
        show_rows(
            Finding._fields,
            rows,
            form,
            title="Findings",
            footer=checked,
            empty="nothing is wrong",
            records=AsRecords.IF_NOT_WHOLE,
        )
    if not found.is_well:
        raise typer.Exit(1)
