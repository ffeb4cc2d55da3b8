"""Commands about SQL access: analysts."""

from typing import Annotated

import typer
from rich.markup import escape

from infra.app.analysts import grant_analyst, revoke_analyst
from infra.cli.arguments import open_waybill
from infra.cli.output import console, show_warning
from infra.store.opening import Access

analysts = typer.Typer(no_args_is_help=True, help="Who may query the relations in PostgreSQL with SQL.")

RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", help="A role of the database, such as analyst.")]


def add_commands(app: typer.Typer) -> None:
    app.add_typer(analysts, name="analysts")


@analysts.command()
def grant(
    role: RoleArgument,
    exchange_rates: Annotated[
        bool, typer.Option("--exchange-rates", help="Also let it fill in waybill.exchange_rates.")
    ] = False,
) -> None:
    """Let a role read the schema waybill, and nothing else. The role must exist; see docs/analysts.md."""
    with open_waybill(access=Access.ACTING) as waybill:
        excess = grant_analyst(waybill, role, fills_rates=exchange_rates)
    console().print(f"{escape(role)} can read the relations of the schema waybill and call its functions")
    if exchange_rates:
        console().print(f"{escape(role)} can also insert, update and delete rows of waybill.exchange_rates")
    for privilege in excess:
        show_warning(f"but {privilege}")


@analysts.command()
def revoke(role: RoleArgument) -> None:
    """Revoke what `grant` granted."""
    with open_waybill(access=Access.ACTING) as waybill:
        revoke_analyst(waybill, role)
    console().print(f"{escape(role)} can no longer read the schema waybill")
