"""Command about the settings: settings."""

import os
from difflib import get_close_matches

import typer

from infra.cli.arguments import FormatOption
from infra.cli.output import AsRecords, Format, show_rows, show_warning
from infra.settings import Settings, load_settings, unknown_variables


def add_commands(app: typer.Typer) -> None:
    app.command()(settings)


def warn_of_unknown_variables() -> None:
    """Name on standard error each variable that begins like a setting and is none."""
    known = [f"WAYBILL_{name.upper()}" for name in Settings.model_fields]
    for name in unknown_variables(os.environ):
        near = get_close_matches(name, known, n=1)
        meant = f"; did you mean {near[0]}?" if near else "; waybill settings lists them"
        show_warning(f"{name} is not a setting{meant}")


def settings(form: FormatOption = Format.TABLE) -> None:
    """Show every setting, its value and its meaning; secrets are masked."""
    warn_of_unknown_variables()
    show_rows(
        ["setting", "value", "meaning"],
        load_settings().printable(),
        form,
        records=AsRecords.IF_NOT_WHOLE,
        lines_of_text=None,
    )
