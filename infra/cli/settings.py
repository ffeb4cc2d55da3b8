"""Command about the settings: settings."""

import typer

from infra.cli.arguments import FormatOption
from infra.cli.output import Format, show_rows
from infra.settings import load_settings


def add_commands(app: typer.Typer) -> None:
    app.command()(settings)


def settings(form: FormatOption = Format.TABLE) -> None:
    """Every setting, its value and what it means; secrets are masked."""
    show_rows(["setting", "value", "meaning"], load_settings().printable(), form)
