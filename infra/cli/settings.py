"""Command about the settings: settings."""

import typer

from infra.cli.arguments import FormatOption
from infra.cli.output import AsRecords, Format, show_rows
from infra.settings import load_settings


def add_commands(app: typer.Typer) -> None:
    app.command()(settings)


def settings(form: FormatOption = Format.TABLE) -> None:
    """Show every setting, its value and its meaning; secrets are masked."""
    show_rows(
        ["setting", "value", "meaning"],
        load_settings().printable(),
        form,
        records=AsRecords.IF_NOT_WHOLE,
        lines_of_text=None,
    )
