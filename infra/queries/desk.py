"""Who works for whom: the reps, the open orders and the accounts that they hold now.

The views say which subjects to look at. Who holds one is settled from its own stream, so an answer never names a holder
that later messages replaced, however far behind the views are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, select

from domain.account.events import AccountAssigned, AccountRegistered
from domain.account.kind import ACCOUNT
from domain.events import MessageVoided
from domain.fact import Fact, FactKey
from domain.kind import Kind
from domain.order.events import OrderPlaced, OrderReassigned
from domain.order.kind import ORDER
from domain.streams import settle_stream, stream_name
from infra.store.engine import snapshot
from infra.store.events.history import History
from infra.store.projected.serving import answering
from projections.accounts import ACCOUNTS
from projections.order_states import ORDER_STATES
from projections.projection import Projection
from projections.reps import REPS
from projections.standing_orders import STANDING_ORDERS
from projections.views.as_of import AsOf
from projections.views.at_risk_deliveries import is_at_risk
from projections.views.follow_ups import follow_up_owed
from projections.views.open_orders import is_open, is_overdue
from projections.views.tables import account_periods, order_states, rep_periods, standing_order_periods

SUBJECTS_AT_ONCE = 500

_SAYS_WHO_HOLDS = (OrderPlaced, OrderReassigned, AccountRegistered, AccountAssigned)


class Rep(NamedTuple):
    """A rep who was registered at some time; `registered` is false once the rep has left."""

    rep_id: str
    name: str
    level: str
    team: str | None
    registered: bool


class Held(NamedTuple):
    """A subject (an account, or an open order) and the rep who holds it now; None: nobody.

    `said` names every message about who holds it, and every void. `latest` is the latest instant (UTC) at which one of
    them took effect; None: never. `summary` is its present state.
    """

    subject: str
    rep_id: str | None
    said: tuple[FactKey, ...]
    latest: datetime | None
    summary: Any


class OpenOrderRow(NamedTuple):
    """An open order as the views have it: who holds it, and what makes it work."""

    order_id: str
    rep_id: str | None
    account_id: str | None
    overdue: bool
    expedites_open: int
    at_risk: bool
    follow_up_owed: bool
    account_rep_id: str | None


class OpenOrders(NamedTuple):
    """Open orders, and the position that they reflect."""

    orders: Sequence[OpenOrderRow]
    position: int


class Desk:
    """Reads the projections' present rows, and the streams that they name."""

    def __init__(self, engine: Engine, history: History):
        self._engine = engine
        self._history = history

    def reps(self) -> Mapping[str, Rep]:
        """Every rep ever registered, by id."""
        known = rep_periods.c
        question = select(known.rep_id, known.name, known.level, known.team, known.registered).where(
            known.valid_to.is_(None)
        )
        with snapshot(self._engine) as connection:
            stored = answering(connection, (REPS,)).over(question.order_by(known.rep_id))
            rows = connection.execute(stored).all()
        return {row.rep_id: Rep._make(row) for row in rows}

    def open_orders_of_rep(self, rep_id: str) -> list[Held]:
        """The open orders that a rep holds, by order id."""
        orders = self._orders(self._open_ids(order_states.c.rep_id == rep_id))
        return [order for order in orders if order.rep_id == rep_id]

    def open_orders_of_account(self, account_id: str) -> list[Held]:
        """The open orders of an account, whoever holds them, by order id."""
        return list(self._orders(self._open_ids(order_states.c.account_id == account_id)))

    def orders(self, ids: Iterable[str]) -> list[Held]:
        """Those of the orders that are open now."""
        return list(self._orders(ids))

    def open_orders(self, now: datetime, *, unheld: bool) -> OpenOrders:
        """Every open order with what makes it work at `now` (UTC), by id; with `unheld`, those of nobody too."""
        state, as_of = order_states.c, AsOf.at(now, present=True)
        question = select(
            state.order_id,
            state.rep_id,
            state.account_id,
            is_overdue(as_of).label("overdue"),
            state.expedites_open,
            is_at_risk(as_of).label("at_risk"),
            follow_up_owed(as_of).label("follow_up_owed"),
            account_periods.c.rep_id,
        )
        question = question.select_from(
            order_states.outerjoin(
                account_periods,
                (account_periods.c.account_id == state.account_id) & account_periods.c.valid_to.is_(None),
            )
        ).where(is_open(as_of), *([] if unheld else [state.rep_id.is_not(None)]))
        with snapshot(self._engine) as connection:
            answers = answering(connection, (ORDER_STATES, ACCOUNTS))
            rows = connection.execute(answers.over(question.order_by(state.order_id))).all()
        return OpenOrders([OpenOrderRow._make(row) for row in rows], answers.position)

    def account(self, account_id: str) -> Held | None:
        """An account of which some message speaks; None if there is none."""
        return next(self._held(ACCOUNT, [account_id]), None)

    def accounts_of_rep(self, rep_id: str) -> list[Held]:
        """The accounts of a rep, by account id."""
        ids = self._ids(account_periods.c.account_id, ACCOUNTS, account_periods.c.rep_id == rep_id)
        return [account for account in self._held(ACCOUNT, ids) if account.rep_id == rep_id]

    def standing_orders_of_rep(self, rep_id: str) -> Sequence[str]:
        """The standing orders that name a rep and were not stopped, by id."""
        return self._standing(standing_order_periods.c.rep_id == rep_id)

    def standing_orders_of_account(self, account_id: str, *, unless: str) -> Sequence[str]:
        """The account's standing orders that name another rep than this one and were not stopped, by id."""
        named = standing_order_periods.c
        return self._standing((named.account_id == account_id) & (named.rep_id != unless))

    def account_ids(self) -> Sequence[str]:
        """Every account that was registered or assigned, by id."""
        return self._ids(account_periods.c.account_id, ACCOUNTS)

    def _ids(self, column: ColumnElement[str], projection: Projection, *which: ColumnElement[bool]) -> Sequence[str]:
        """The ids of a projection's present rows, in order."""
        present = column.table.c.valid_to.is_(None)
        question = select(column).where(present, *which).order_by(column)
        with snapshot(self._engine) as connection:
            stored = answering(connection, (projection,)).over(question)
            return connection.execute(stored).scalars().all()

    def _standing(self, which: ColumnElement[bool]) -> Sequence[str]:
        named = standing_order_periods.c
        return self._ids(named.standing_order_id, STANDING_ORDERS, named.stopped.is_(False), which)

    def _open_ids(self, which: ColumnElement[bool]) -> Sequence[str]:
        return self._ids(order_states.c.order_id, ORDER_STATES, order_states.c.status == "open", which)

    def _orders(self, ids: Iterable[str]) -> Iterator[Held]:
        return (order for order in self._held(ORDER, ids) if order.summary.status == "open")

    def _held(self, kind: Kind, subjects: Iterable[str]) -> Iterator[Held]:
        head, left = self._history.head(), iter(subjects)
        while some := list(islice(left, SUBJECTS_AT_ONCE)):
            facts = self._history.facts_up_to([stream_name(kind, subject) for subject in some], head)
            for subject in some:
                held = _settled(subject, stream_name(kind, subject), facts[stream_name(kind, subject)])
                if held is not None:
                    yield held


def _settled(subject: str, stream: str, facts: list[Fact]) -> Held | None:
    moments = settle_stream(stream, facts).moments
    if not moments or moments[-1].summary is None:
        return None
    summary = moments[-1].summary
    said = sorted(fact.key for fact in facts if isinstance(fact, (*_SAYS_WHO_HOLDS, MessageVoided)))
    instants = [moment.at for moment in moments if isinstance(moment.fact, _SAYS_WHO_HOLDS)]
    return Held(subject, summary.rep_id, tuple(said), max(instants, default=None), summary)
