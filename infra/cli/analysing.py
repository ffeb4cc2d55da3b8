"""Commands for analysts, and for whoever lets them in."""

from typing import Annotated

import typer
from rich.markup import escape

from infra.cli.arguments import open_waybill
from infra.cli.output import console, errors

analysts = typer.Typer(no_args_is_help=True, help="Who may query the relations in PostgreSQL with SQL of their own.")

RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", help="A role of the database, such as analyst.")]


def add_commands(app: typer.Typer) -> None:
    app.add_typer(analysts, name="analysts")


@analysts.command()
def grant(role: RoleArgument) -> None:
    """Let a role read the schema waybill, and nothing else. The role must exist; see docs/analysts.md."""
    with open_waybill() as waybill:
        excess = waybill.let_in(role)
    console().print(f"{escape(role)} reads the relations of the schema waybill and calls its functions")
    for said in excess:
        errors().print(f"[yellow]waybill:[/yellow] but {escape(said)}")


@analysts.command()
def revoke(role: RoleArgument) -> None:
    """Take that back."""
    with open_waybill() as waybill:
        waybill.let_out(role)
    console().print(f"{escape(role)} does not read the schema waybill any more")
