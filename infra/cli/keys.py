"""Commands for the keys of the HTTP API: keys create, list, revoke."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic_core import PydanticCustomError

from consumers.contract.values import check_id
from infra.app.keys import (
    KeyRow,
    UnknownKeyIdError,
    WrongKeyError,
    create_key,
    listed_keys,
    revoke_key,
    row_of,
)
from infra.cli.arguments import (
    FormatOption,
    OperatorOption,
    open_waybill,
    read_age,
    read_instant,
    read_operator,
    why_option,
)
from infra.cli.output import Format, show_note, show_rows, show_warning
from infra.cli.tables.importance import KEYS
from infra.store.keys import Role
from infra.store.opening import Access
from infra.store.operator_log import Who
from infra.web.security.state_folder import StateFolder, StateFolderError

_OPTIONS = {"roles": "--role", "source": "--source", "expires_at": "--expires"}
_FIXES = {"source": "; add --role publish, or leave it out"}
keys = typer.Typer(help="Keys for the HTTP API and its pages.", no_args_is_help=True)


def add_commands(app: typer.Typer) -> None:
    app.add_typer(keys, name="keys")


def read_source(text: str) -> str:
    try:
        return check_id(text)
    except PydanticCustomError as e:
        raise typer.BadParameter(f"{e.message()}: give a CloudEvents source, such as /erp/eu") from None


def read_expiry(text: str | datetime) -> datetime:
    """An instant, or an age such as 90d, which means so long from now."""
    if isinstance(text, datetime):
        return text
    if text[:1].isdigit() and text[-1:] in "mhdw":
        try:
            return datetime.now(UTC) + read_age(text)
        except OverflowError:
            raise typer.BadParameter(f"{text} from now is after the year 9999") from None
    return read_instant(text)


@keys.command("create")
def create(
    operator: OperatorOption,
    roles: Annotated[
        list[Role],
        typer.Option(
            "--role",
            help="What it allows; repeat it for several. publish: post messages and ask for their verdicts; read: ask "
            "everything; operate: redrive, discard, pause and rebuild, and read.",
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option("--source", parser=read_source, metavar="S", help="It may publish messages of this source only."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", parser=read_operator, metavar="NAME", help="Whose it is.", show_default="the operator's name"
        ),
    ] = None,
    expires: Annotated[
        datetime | None,
        typer.Option("--expires", parser=read_expiry, metavar="T", help="When it ends: an instant, or 90d from now."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, if you want to record it.")] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Create a key and print it. It is shown this once: the store keeps a hash.

    Once a key was created, every route of `waybill serve` needs one.
    """
    with open_waybill(access=Access.ACTING) as waybill:
        try:
            key, stored = create_key(
                waybill, frozenset(roles), name or operator, Who(operator, reason), source, expires
            )
        except WrongKeyError as e:
            raise typer.BadParameter(f"{_OPTIONS[e.field]}: {e}{_FIXES.get(e.field, '')}") from e
        row = row_of(stored, waybill.clock(), None)._asdict()
    show_rows(("key", *KeyRow._fields), [{"key": key.text, **row}], form)
    show_note(form, "keep the key now, it is not shown again; a program sends it as: Authorization: Bearer KEY")


@keys.command("list")
def list_keys(form: FormatOption = Format.TABLE) -> None:
    """Every key, also those revoked or expired. `last_used` is what servers on this machine saw, to about a minute."""
    with open_waybill() as waybill:
        try:
            last_used = StateFolder.of(waybill.settings).last_used()
        except StateFolderError as e:
            show_warning(f"when keys were last used is not known: {e}")
            last_used = {}
        found = listed_keys(waybill, last_used)
    show_rows(
        KeyRow._fields,
        [row._asdict() for row in found],
        form,
        importance=KEYS,
        empty="no key was ever created; create one with: waybill keys create --role read",
    )


@keys.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, as waybill keys list shows it.")],
    operator: OperatorOption,
    reason: Annotated[str, why_option("Why; waybill keys list shows it.")],
    form: FormatOption = Format.TABLE,
) -> None:
    """Revoke a key permanently. Running servers refuse it within a second, and its sessions too."""
    with open_waybill(access=Access.ACTING) as waybill:
        try:
            revoked, is_new = revoke_key(waybill, key_id, Who(operator, reason))
        except UnknownKeyIdError as e:
            raise typer.BadParameter(str(e), param_hint="ID") from e
        row = row_of(revoked, waybill.clock(), None)._asdict()
    columns = [name for name in KeyRow._fields if name != "last_used"]
    show_rows(columns, [row], form, importance=KEYS)
    if not is_new:
        show_warning("it was revoked before; that revocation and its reason stay")
