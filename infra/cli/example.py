"""Command that writes example messages: example."""

import sys
from typing import Annotated

import typer

from infra.example import Part, messages


def add_commands(app: typer.Typer) -> None:
    app.command()(example)


def example(
    part: Annotated[
        Part,
        typer.Argument(
            metavar="[tour|later]",
            help="tour: seven messages, one of them malformed, one refused, one waiting. later: two that it waits for.",
        ),
    ] = Part.TOUR,
) -> None:
    """Print example messages as JSON Lines, to try ingest, check or publish with; docs/tour.md explains them."""
    sys.stdout.buffer.write(messages(part))
    sys.stdout.flush()
