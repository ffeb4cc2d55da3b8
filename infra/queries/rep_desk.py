"""A rep's desk at a glance: open orders by what they need, follow-ups, expedites, contacts. From one snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, select

from infra.queries.customers_to_tell import customers_within
from infra.queries.listed import NAMED, Listed, Rows, listed
from infra.queries.names import Names, names_within
from infra.queries.views import Asked, Reading, Views
from projections.accounts import ACCOUNTS
from projections.contacts import CONTACTS
from projections.expedites import EXPEDITES
from projections.follow_ups import FOLLOW_UPS
from projections.order_states import ORDER_STATES
from projections.reps import REPS
from projections.views.as_of import AsOf
from projections.views.at_risk_deliveries import at_risk_deliveries, is_at_risk
from projections.views.expedites import expedites
from projections.views.follow_ups import follow_ups
from projections.views.open_orders import is_open, is_overdue, state
from projections.views.overdue_deliveries import overdue_deliveries
from projections.views.tables import contacts, rep_periods


class RegisteredRep(NamedTuple):
    """A rep as registered by T; `registered` is false of one who has left."""

    name: str
    level: str
    team: str | None
    mentor_id: str | None
    registered: bool


class Load(NamedTuple):
    """How many open orders of the rep are what. One order may be counted several times, but each once in `stages`."""

    open_orders: int
    overdue: int
    at_risk: int
    due_in_24h: int
    stages: Mapping[str, int]
    """By stage: to_book, booked, in_transit, partly_delivered."""


@dataclass(frozen=True)
class RepDesk:
    """What a rep has to do at `instant` (UTC), and the position that it reflects.

    `rep` is None when no rep of this id was registered by T. Rows are the first NAMED of their views, in their order;
    `due_soon` are rows of `orders` that are due in 24 hours and neither overdue nor at risk.
    """

    rep_id: str
    instant: datetime
    position: int
    rep: RegisteredRep | None
    load: Load
    overdue: Rows
    at_risk: Rows
    due_soon: Rows
    follow_ups: Listed
    to_tell: Rows
    """The rows of `follow_ups` with what to say to whom (customers_to_tell)."""
    undecided: Listed
    """Expedite requests on open orders that nobody has decided yet."""
    contacts: Listed
    """Contacts with customers in the seven days up to T, the latest first."""
    names: Names

    @property
    def known(self) -> bool:
        """Whether anything at all is known of the rep by these clocks."""
        return self.rep is not None or bool(self.load.open_orders or self.follow_ups.total or self.contacts.total)


def rep_desk(views: Views, asked: Asked, rep_id: str) -> RepDesk:
    """The desk of a rep by these clocks."""
    projections = (ORDER_STATES, FOLLOW_UPS, EXPEDITES, REPS, CONTACTS, ACCOUNTS)
    with views.reading(asked, projections, counts_untaken=True) as reading:
        as_of, mine = reading.as_of, state.rep_id == rep_id
        overdue = reading.dicts(overdue_deliveries(as_of).where(mine).limit(NAMED))
        at_risk = reading.dicts(at_risk_deliveries(as_of).where(mine).limit(NAMED))
        due_soon = reading.dicts(_due_soon(as_of, mine))
        owed = follow_ups(as_of)
        owed = owed.where(owed.selected_columns["rep_id"] == rep_id)
        undecided = listed(reading, _undecided(as_of, mine))
        talks = contacts.c
        talked = select(talks.account_id, talks.contacted_at, talks.direction, talks.about).where(
            talks.rep_id == rep_id, talks.contacted_at > as_of.week_earlier, talks.contacted_at <= as_of.instant
        )
        talked = talked.order_by(talks.contacted_at.desc(), talks.account_id, talks.source, talks.message_id)
        spoken = listed(reading, talked)
        owed_rows = listed(reading, owed)
        to_tell = customers_within(reading, owed_rows.rows)
        named = [*to_tell, *overdue, *at_risk, *due_soon, *undecided.rows, *spoken.rows]
        return RepDesk(
            rep_id,
            reading.instant,
            reading.position,
            _registered(reading, rep_id),
            _load(reading, mine),
            overdue,
            at_risk,
            due_soon,
            owed_rows,
            to_tell,
            undecided,
            spoken,
            names_within(reading, [row["account_id"] for row in named if row["account_id"] is not None]),
        )


def _due_soon(as_of: AsOf, mine: ColumnElement[bool]) -> Select[Any]:
    columns = ("order_id", "account_id", "promised_by", "stage", "carrier", "estimated_delivery", "expedite")
    due = (state.promised_by >= as_of.instant) & (state.promised_by <= as_of.day_later)
    return (
        select(*(state[name] for name in columns))
        .where(is_open(as_of), mine, due, ~func.coalesce(is_at_risk(as_of), False))
        .order_by(state.promised_by, state.order_id)
        .limit(NAMED)
    )


def _undecided(as_of: AsOf, mine: ColumnElement[bool]) -> Select[Any]:
    asked = expedites(as_of)
    return asked.where(mine, asked.selected_columns["decision"].is_(None), state.status == "open")


def _registered(reading: Reading, rep_id: str) -> RegisteredRep | None:
    rep = rep_periods.c
    found = reading.rows(
        select(rep.name, rep.level, rep.team, rep.mentor_id, rep.registered).where(
            rep.rep_id == rep_id, reading.as_of.holds(rep_periods)
        )
    )
    return RegisteredRep(*found[0]) if found else None


def _load(reading: Reading, mine: ColumnElement[bool]) -> Load:
    as_of = reading.as_of
    due = (state.promised_by >= as_of.instant) & (state.promised_by <= as_of.day_later)
    counts = [func.count().filter(condition) for condition in (is_overdue(as_of), is_at_risk(as_of), due)]
    rows = reading.rows(select(state.stage, func.count(), *counts).where(is_open(as_of), mine).group_by(state.stage))
    open_orders, overdue, at_risk, due_soon = (sum(row[place] for row in rows) for place in (1, 2, 3, 4))
    return Load(open_orders, overdue, at_risk, due_soon, {row[0]: row[1] for row in rows})
