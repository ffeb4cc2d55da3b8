"""What a desk looks at in the morning: its open work by what it needs and who holds it, from one snapshot."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from infra.queries.customers_to_tell import customers_within
from infra.queries.names import account_names
from infra.queries.views import Asked, Views
from projections.accounts import ACCOUNTS
from projections.expedites import EXPEDITES
from projections.follow_ups import FOLLOW_UPS
from projections.order_states import ORDER_STATES
from projections.reps import REPS
from projections.views.as_of import AsOf
from projections.views.at_risk_deliveries import at_risk_deliveries
from projections.views.desk_load import NEEDS, OVERDUE, RISKS, desk_load, follow_ups_by_facts
from projections.views.follow_ups import follow_ups as follow_ups_at
from projections.views.overdue_deliveries import overdue_deliveries
from projections.views.tables import rep_periods

WORST = 6
"""How many overdue orders, and how many at risk, are named."""


class RepLoad(NamedTuple):
    """The open work of a rep (None: of nobody). `needs` has a count for each of NEEDS; together they are the work."""

    rep_id: str | None
    name: str | None
    team: str | None
    needs: Mapping[str, int]
    due_in_24h: int
    follow_ups: int
    has_left: bool = False
    """Whether the rep was registered, and has left."""

    @property
    def open_orders(self) -> int:
        return sum(self.needs.values())

    @property
    def at_risk(self) -> int:
        return sum(self.needs[why] for why in RISKS)


@dataclass(frozen=True)
class Today:
    """The numbers of a desk at `instant` (UTC), and the position that they reflect.

    `reps`: those with open work or follow-ups owed, the most overdue and at risk first. `worst`: rows of
    overdue_deliveries, the longest overdue first; `nearest`: rows of at_risk_deliveries, the nearest promise first.
    """

    instant: datetime
    position: int
    reps: Sequence[RepLoad]
    follow_ups: Mapping[str, int]
    """How many customers are to be told, by what about (`delay`, `expedite`)."""
    to_tell: Sequence[Mapping[str, Any]]
    """Rows of follow_ups with what to say to whom (customers_to_tell), the longest owed first."""
    worst: Sequence[Mapping[str, Any]]
    nearest: Sequence[Mapping[str, Any]]
    names: Mapping[str, str]
    """Names of the reps and accounts of these rows, by id, where they are registered."""

    @property
    def needs(self) -> Mapping[str, int]:
        """How many open orders need what, by NEEDS."""
        return {need: sum(rep.needs[need] for rep in self.reps) for need in NEEDS}

    @property
    def overdue(self) -> int:
        return self.needs[OVERDUE]

    @property
    def at_risk(self) -> int:
        return sum(rep.at_risk for rep in self.reps)

    @property
    def due_in_24h(self) -> int:
        return sum(rep.due_in_24h for rep in self.reps)

    @property
    def open_orders(self) -> int:
        return sum(rep.open_orders for rep in self.reps)

    @property
    def owed(self) -> int:
        return sum(self.follow_ups.values())

    @property
    def unassigned(self) -> int:
        """Open orders that nobody holds."""
        return sum(rep.open_orders for rep in self.reps if rep.rep_id is None)

    @property
    def left(self) -> Sequence[RepLoad]:
        """The reps who have left and hold open orders."""
        return [rep for rep in self.reps if rep.has_left and rep.open_orders]


def today(views: Views, asked: Asked) -> Today:
    """The numbers by these clocks."""
    projections = (ORDER_STATES, FOLLOW_UPS, EXPEDITES, REPS, ACCOUNTS)
    with views.reading(asked, projections, counts_untaken=True) as reading:
        as_of = reading.as_of
        needs: dict[str | None, Counter[str]] = defaultdict(Counter)
        due: Counter[str | None] = Counter()
        owed_by_rep: Counter[str | None] = Counter()
        follow_ups: Counter[str] = Counter()
        for rep_id, need, orders, due_soon, untold in reading.rows(desk_load(as_of)):
            needs[rep_id][need] += orders
            due[rep_id] += due_soon
            owed_by_rep[rep_id] += untold
            follow_ups["delay"] += untold
        for rep_id, about, owed in reading.rows(follow_ups_by_facts(as_of)):
            owed_by_rep[rep_id] += owed
            follow_ups[about] += owed
        reps = {row.rep_id: row for row in reading.rows(_registered(as_of))}
        worst = reading.dicts(overdue_deliveries(as_of).limit(WORST))
        nearest = reading.dicts(at_risk_deliveries(as_of).limit(WORST))
        to_tell = customers_within(reading, reading.dicts(follow_ups_at(as_of).limit(WORST)))
        shown = [row["account_id"] for row in (*worst, *nearest, *to_tell) if row["account_id"] is not None]
        names = {**{rep_id: row.name for rep_id, row in reps.items()}, **account_names(reading, shown)}
    loads = [
        RepLoad(
            rep_id,
            None if (rep := reps.get(rep_id)) is None else rep.name,
            None if rep is None else rep.team,
            {need: needs[rep_id][need] for need in NEEDS},
            due[rep_id],
            owed_by_rep[rep_id],
            rep is not None and not rep.registered,
        )
        for rep_id in needs.keys() | {rep_id for rep_id, owed in owed_by_rep.items() if owed}
    ]
    loads.sort(key=lambda load: (-load.needs[OVERDUE], -load.at_risk, -load.open_orders, load.rep_id or ""))
    return Today(reading.instant, reading.position, loads, follow_ups, to_tell, worst, nearest, names)


def _registered(as_of: AsOf) -> Select[Any]:
    return select(rep_periods.c.rep_id, rep_periods.c.name, rep_periods.c.team, rep_periods.c.registered).where(
        as_of.holds(rep_periods)
    )
