"""Command for a booking: quote."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import Annotated

import typer

from domain.counted import counted
from domain.desk.carrier_quotes import MINIMUM, Quote
from infra.app.known_names import expect_account, expect_quoted
from infra.app.quote import QuoteAsked, quote
from infra.app.reactor_lag import REASONS
from infra.cli.answer_footer import answer_footer
from infra.cli.arguments import AsOfOption, FormatOption, KnownAtOption, open_waybill
from infra.cli.column_options import ColumnsOption, WideOption, read_choice
from infra.cli.output import Format, readable_instant, show_note, show_rows
from infra.cli.tables.importance import QUOTES
from infra.queries.views import Asked


class Mode(StrEnum):
    COURIER = "courier"
    IN_HOUSE = "in_house"
    PICKUP = "pickup"


def add_commands(app: typer.Typer) -> None:
    app.command(name="quote")(_quote)


def _quote(
    mode: Annotated[Mode, typer.Option("--mode", help="How the goods go: by courier, in house or picked up.")],
    account: Annotated[
        str | None, typer.Option("--account", help="Use this account's own shipments, if there are enough.")
    ] = None,
    carrier: Annotated[str | None, typer.Option("--carrier", help="Only this carrier.")] = None,
    service_level: Annotated[str | None, typer.Option("--service-level", help="Only this service level.")] = None,
    at_least: Annotated[
        int, typer.Option("--at-least", min=1, metavar="N", help="Leave out figures from fewer shipments.")
    ] = MINIMUM,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    columns: ColumnsOption = None,
    wide: WideOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show how late each carrier has been and what it has cost, from the shipments of this store."""
    choice = read_choice(columns, wide, Quote._fields)
    asked = QuoteAsked(mode.value, account, carrier, service_level, at_least)
    with open_waybill() as waybill:
        found, position, account_has_past = quote(waybill, asked, Asked(as_of, known_at))
        if account is not None and not account_has_past:
            expect_account(waybill, account)
        if not found:
            expect_quoted(waybill, carrier, service_level)
        at = as_of or waybill.clock()
        footer = answer_footer(waybill, position, reactors=() if known_at else tuple(REASONS))
    rows = [each._asdict() for each in found]
    show_rows(
        Quote._fields,
        rows,
        form,
        title=f"What to expect by {mode.value}",
        empty=footer.empty("nothing was booked this way"),
        importance=QUOTES,
        choice=choice,
    )
    if form is Format.TABLE:
        for sentence in in_words(found, account, at_least):
            show_note(form, sentence)
        if any(each.median_hours_late is not None and each.median_hours_late < 0 for each in found):
            show_note(form, "hours late below zero are hours early")
    if account is not None and not account_has_past:
        show_note(form, f"account {account} has no past of this kind: the figures are those of all accounts")
    known = f", as known at {readable_instant(known_at)}" if known_at else ""
    show_note(form, f"as of {readable_instant(at)}{known}; reflects position {position}")
    show_note(form, footer.line)


def in_words(quotes: Sequence[Quote], account: str | None, minimum: int) -> list[str]:
    """A sentence for each carrier: how late it is, and what it costs in each currency."""
    sentences = []
    for (carrier, _), group in groupby(quotes, key=lambda told: (told.carrier, told.mode)):
        same = list(group)
        parts = [_lateness(same[0], account, minimum), *(_cost(each, account, minimum) for each in same)]
        sentences.append(f"{carrier}: {'; '.join(parts)}.")
    return sentences


def _lateness(told: Quote, account: str | None, minimum: int) -> str:
    if told.median_hours_late is None or told.p90_hours_late is None:
        return f"too few to say how late: {_delivered(told.shipments)}, and {minimum} are needed"
    return (
        f"{told.on_time_percent} % on time over {_delivered(told.shipments)}{_whose(told.basis, account)}, "
        f"half of them {_by(told.median_hours_late)}, nine of ten {_by(told.p90_hours_late)}"
    )


def _cost(told: Quote, account: str | None, minimum: int) -> str:
    if told.currency is None:
        return "no cost is known"
    if told.median_cost is None:
        return f"too few to say what it costs in {told.currency}: {told.costs}, and {minimum} are needed"
    return (
        f"costs {told.median_cost} {told.currency} (the median of {told.costs}{_whose(told.cost_basis, account)}; "
        f"the mean is {told.mean_cost})"
    )


def _delivered(count: int) -> str:
    return counted(count, "delivered shipment")


def _whose(basis: str, account: str | None) -> str:
    """Whose past it is, where somebody asked for an account's."""
    if account is None:
        return ""
    return f" of {account}" if basis == "account" else " of all accounts"


def _by(hours_late: Decimal) -> str:
    if hours_late > 0:
        return f"no later than {hours_late} h after the promise"
    return f"at least {-hours_late} h before the promise" if hours_late < 0 else "by the promise"
