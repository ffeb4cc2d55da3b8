"""accounts: each account as registered and assigned, period by period."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, NamedTuple

from domain.account.decider import AccountSummary
from domain.account.kind import ACCOUNT
from projections.projection import Projection, Settled, periods
from projections.table import Key, Row, RowTable, row_maker


class AccountPeriod(NamedTuple):
    """One row for each period of an account between two changes, from its registration or first assignment on."""

    account_id: Annotated[str, Key("The account.")]
    valid_from: Annotated[datetime, Key("From when.")]
    valid_to: Annotated[datetime | None, "Until when; null while it lasts."]
    name: Annotated[str | None, "The account's name; null until it is registered."]
    segment: Annotated[str | None, "b2b or b2c; null until it is registered."]
    tier: Annotated[str | None, "The tier as registered; null for none."]
    rep_id: Annotated[str | None, "The rep of the account; null for none. Orders have a rep of their own."]
    time_zone: Annotated[str | None, "The account's time zone (IANA name); null for the business zone."]


account_periods = RowTable("account_periods", AccountPeriod)

_row = row_maker(AccountPeriod, AccountSummary, "valid_from", "valid_to")


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """The account's periods. Contacts change nothing of it."""
    return {
        account_periods.name: [
            _row(account, valid_from=valid_from, valid_to=valid_to)
            for account, valid_from, valid_to in periods((at, _known(account)) for at, _, account in settled.moments)
        ]
    }


def _known(account: AccountSummary) -> AccountSummary | None:
    """None while nothing is known but contacts."""
    return None if account.name is None and account.rep_id is None else account


ACCOUNTS = Projection(name="accounts", version=1, kind=ACCOUNT, tables=(account_periods,), shape=shape)
