"""One account: as registered, what it orders, what is open and late of it, what it is owed to be told.

From one snapshot.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from infra.queries.customers_to_tell import customers_within
from infra.queries.listed import NAMED, Listed, Rows, listed
from infra.queries.names import Names, names_within
from infra.queries.views import Asked, Reading, Views
from infra.store.business_months import expect_business_months
from projections.accounts import ACCOUNTS
from projections.expedites import EXPEDITES
from projections.follow_ups import FOLLOW_UPS
from projections.order_states import ORDER_STATES
from projections.reps import REPS
from projections.standing_orders import STANDING_ORDERS
from projections.standing_placements import STANDING_PLACEMENTS
from projections.views.account_book import account_book
from projections.views.as_of import AsOf
from projections.views.at_risk_deliveries import at_risk_deliveries
from projections.views.expedites import expedites
from projections.views.follow_ups import follow_ups
from projections.views.open_orders import state
from projections.views.orders import orders
from projections.views.overdue_deliveries import overdue_deliveries
from projections.views.standing_orders import standing_orders
from projections.views.tables import account_periods, order_states, standing_order_periods

LOOKED_UP = 2_000


class RegisteredAccount(NamedTuple):
    """An account as registered and assigned by T; `name` is None while it is assigned alone."""

    name: str | None
    segment: str | None
    tier: str | None
    rep_id: str | None
    time_zone: str | None


@dataclass(frozen=True)
class AccountDesk:
    """An account at `instant` (UTC), and the position that it reflects.

    `account` is None when nothing registered or assigned it by T. Rows are the first NAMED of their views.
    """

    account_id: str
    instant: datetime
    position: int
    account: RegisteredAccount | None
    book: Rows
    """Rows of account_book, one for each currency."""
    overdue: Listed
    at_risk: Listed
    open_orders: Listed
    """Rows of `orders`, the nearest promise first."""
    recent: Rows
    """Rows of `orders`, the latest placed first."""
    standing: Rows
    """Rows of standing_orders, with `every`, `rep_id`, `until` and `stopped`."""
    undecided: Listed
    follow_ups: Listed
    to_tell: Rows
    """The rows of `follow_ups` with what to say (customers_to_tell)."""
    names: Names

    @property
    def known(self) -> bool:
        """Whether anything at all is known of the account by these clocks."""
        return self.account is not None or bool(self.recent or self.standing)


def account_desk(views: Views, asked: Asked, account_id: str) -> AccountDesk:
    """The account by these clocks."""
    projections = (
        *(ORDER_STATES, ACCOUNTS, STANDING_ORDERS, STANDING_PLACEMENTS),
        *(EXPEDITES, FOLLOW_UPS, REPS),
    )
    with views.reading(asked, projections, counts_untaken=True) as reading:
        if asked.known_at is None:
            expect_business_months(reading.connection, reading.as_of.zone)
        as_of, ids = reading.as_of, _order_ids(reading, account_id)
        # No index has the account, so its orders are found once and then looked up.
        theirs = state.account_id == account_id if ids is None else state.order_id.in_(ids)
        open_orders = orders(as_of).where(theirs, state.status == "open").order_by(None)
        recent = orders(as_of).where(theirs).order_by(None).order_by(state.placed_at.desc(), state.order_id)
        asks = expedites(as_of)
        owed = listed(reading, _owed(as_of, account_id, ids))
        undecided = asks.where(theirs, asks.selected_columns["decision"].is_(None), state.status == "open")
        return AccountDesk(
            account_id,
            reading.instant,
            reading.position,
            _registered(reading, account_id),
            reading.dicts(account_book(as_of, account_id, ids)),
            listed(reading, overdue_deliveries(as_of).where(theirs)),
            listed(reading, at_risk_deliveries(as_of).where(theirs)),
            listed(reading, open_orders.order_by(state.promised_by, state.order_id)),
            reading.dicts(recent.limit(NAMED)),
            reading.dicts(_standing(as_of, account_id)),
            listed(reading, undecided),
            owed,
            customers_within(reading, owed.rows),
            names_within(reading, [account_id]),
        )


def _registered(reading: Reading, account_id: str) -> RegisteredAccount | None:
    account = account_periods.c
    found = reading.rows(
        select(account.name, account.segment, account.tier, account.rep_id, account.time_zone).where(
            account.account_id == account_id, reading.as_of.holds(account_periods)
        )
    )
    return RegisteredAccount(*found[0]) if found else None


def _order_ids(reading: Reading, account_id: str) -> Sequence[str] | None:
    """The account's orders; None if they are too many to be looked up one by one."""
    found = select(state.order_id).where(reading.as_of.holds(order_states), state.account_id == account_id)
    ids = [row.order_id for row in reading.rows(found.limit(LOOKED_UP + 1))]
    return ids if len(ids) <= LOOKED_UP else None


def _owed(as_of: AsOf, account_id: str, ids: Sequence[str] | None) -> Select[Any]:
    owed = follow_ups(as_of)
    theirs = select(state.order_id).where(as_of.holds(order_states), state.account_id == account_id)
    return owed.where(owed.selected_columns["order_id"].in_(theirs if ids is None else ids))


def _standing(as_of: AsOf, account_id: str) -> Select[Any]:
    shown, terms = standing_orders(as_of).order_by(None).subquery("shown"), standing_order_periods.c
    return (
        select(*shown.c, terms.every, terms.rep_id, terms.until, terms.stopped)
        .join_from(standing_order_periods, shown, shown.c.standing_order_id == terms.standing_order_id)
        .where(as_of.holds(standing_order_periods), terms.account_id == account_id)
        .order_by(terms.stopped, shown.c.next_due.is_(None), shown.c.next_due, shown.c.standing_order_id)
    )
