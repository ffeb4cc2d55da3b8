"""The demonstration."""

import typer


def add_commands(app: typer.Typer) -> None:
    app.command()(demo)


def demo() -> None:
    """Simulate a sales floor, take it in, and show what can be asked."""
