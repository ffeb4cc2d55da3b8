"""The names of reps and accounts, for pages that show their ids."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select

from infra.queries.views import Asked, Reading, Views
from infra.store.projected.serving import NotFilledError
from projections.accounts import ACCOUNTS
from projections.reps import REPS
from projections.views.tables import account_periods, rep_periods

MOST_REPS = 500
"""A list of more reps helps nobody to choose."""


class NamedRep(NamedTuple):
    """A rep, as at the instant asked for; `registered` is false of one who has left."""

    rep_id: str
    name: str
    registered: bool


class Names(NamedTuple):
    """Names by id, of those who have one."""

    reps: Mapping[str, str]
    accounts: Mapping[str, str]
    registered: Sequence[NamedRep]
    """The reps to choose from, by name: at most MOST_REPS."""
    left: Sequence[NamedRep] = ()
    """Those who have left, by name: at most MOST_REPS. They may still hold work."""

    def has_left(self, rep_id: str | None) -> bool:
        return any(one.rep_id == rep_id for one in self.left)


NO_NAMES = Names({}, {}, ())


def names(views: Views, asked: Asked, accounts: Iterable[str]) -> Names:
    """The names of all reps and of these accounts at `as_of`, by today's knowledge; none in a store not filled."""
    try:
        with views.reading(Asked(asked.as_of), (REPS, ACCOUNTS)) as reading:
            return names_within(reading, accounts)
    except NotFilledError:
        return NO_NAMES


def names_within(reading: Reading, accounts: Iterable[str]) -> Names:
    """The same from a snapshot of which REPS and ACCOUNTS are a part."""
    rep = rep_periods.c
    reps = [
        NamedRep(*row)
        for row in reading.rows(
            select(rep.rep_id, rep.name, rep.registered).where(reading.as_of.holds(rep_periods)).order_by(rep.rep_id)
        )
    ]
    by_name = sorted(reps, key=lambda one: (one.name, one.rep_id))
    return Names(
        {one.rep_id: one.name for one in reps},
        account_names(reading, accounts),
        [one for one in by_name if one.registered][:MOST_REPS],
        [one for one in by_name if not one.registered][:MOST_REPS],
    )


def account_names(reading: Reading, accounts: Iterable[str]) -> Mapping[str, str]:
    """The names of these accounts, by id, of those who have one; from a snapshot of which ACCOUNTS is a part."""
    ids, account = sorted(set(accounts)), account_periods.c
    named = select(account.account_id, account.name).where(
        account.account_id.in_(ids), account.name.is_not(None), reading.as_of.holds(account_periods)
    )
    return {row.account_id: row.name for row in reading.rows(named)} if ids else {}
