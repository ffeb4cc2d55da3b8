"""Command about the contract: schema."""

from difflib import get_close_matches
from typing import Annotated, Literal

import typer

from consumers.contract import CATALOGUE, asyncapi_document, message_schema
from consumers.relay.asyncapi import whole_document
from infra.cli import completion
from infra.cli.output import show_json


def add_commands(app: typer.Typer) -> None:
    app.command()(schema)


def schema(
    message_type: Annotated[
        str | None,
        typer.Argument(
            metavar="TYPE", help="One message type, such as order.placed.v1.", autocompletion=completion.message_types
        ),
    ] = None,
    incoming: Annotated[
        bool, typer.Option("--incoming", help="Only what upstream systems publish, without what the relay publishes.")
    ] = False,
    form: Annotated[Literal["json"], typer.Option("--format", help="json, the only format.")] = "json",
) -> None:
    """Print the AsyncAPI 3 document of all messages that Waybill reads and publishes, or one message's JSON Schema."""
    if message_type is None:
        show_json(asyncapi_document() if incoming else whole_document())
        return
    if message_type not in CATALOGUE:
        near = get_close_matches(message_type, CATALOGUE, n=1)
        known = f"did you mean {near[0]}?" if near else f"known types: {', '.join(CATALOGUE)}"
        raise typer.BadParameter(f"{message_type} is not in the contract; {known}", param_hint="TYPE")
    show_json(message_schema(message_type))
