"""A made-up sales floor with very many orders: rows written in bulk, without events, for what only reads rows."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from sqlalchemy import insert, text

from infra.app.container import Waybill
from infra.store.bulk import BulkInsert
from projections.contacts import Contact
from projections.order_states import ORDER_STATES, OrderState
from projections.reps import RepPeriod
from projections.table import Row
from projections.totals import sum_contributions
from projections.views.tables import contacts, order_states, rep_open_orders, rep_periods

REPS = 200
ROWS_AT_ONCE = 20_000
DAYS, DAYS_OF_CONTACTS, CONTACTS_A_REP_AND_DAY = 365, 60, 12
CURRENCY, CARRIERS = "EUR", (("Northline", "courier"), ("Ostwind", "courier"), ("Own van", "in_house"))


class Floor:
    """A year of orders up to now, `still_open` of which are open; a few of these are overdue or at risk."""

    def __init__(self, orders: int, still_open: int, now: datetime):
        self._orders, self._open, self._now = orders, still_open, now
        self._draw = Random(1)

    def states(self) -> Iterator[list[OrderState]]:
        """The periods of all orders: placed, booked, on their way, delivered."""
        rows: list[OrderState] = []
        for number in range(self._orders):
            rows += self._order(number)
            if len(rows) >= ROWS_AT_ONCE:
                yield rows
                rows = []
        yield rows

    def _order(self, number: int) -> list[OrderState]:
        draw = self._draw
        is_open = number % (self._orders // self._open) == 0
        rep = f"rep-{draw.randrange(REPS)}"
        age = timedelta(days=draw.uniform(0, 14) if is_open else draw.uniform(15, DAYS))
        placed = (self._now - age).replace(microsecond=0)
        promised = placed + timedelta(days=draw.uniform(5, 15))
        carrier, mode = draw.choice(CARRIERS)
        estimate = promised + timedelta(days=draw.gauss(-1, 0.6))
        value = Decimal(draw.randrange(1_000, 900_000)).scaleb(-2)
        steps = [("to_book", timedelta(0)), ("booked", timedelta(hours=20)), ("in_transit", timedelta(days=3))]
        reached = draw.randrange(1, 4) if is_open else 3
        begun = [(stage, placed + after) for stage, after in steps[:reached]]
        delivered = max(estimate, begun[-1][1] + timedelta(hours=2))
        ends: list[datetime | None] = [*(at for _, at in begun[1:]), None if is_open else delivered]
        rows: list[OrderState] = []
        for (stage, since), until in zip(begun, ends, strict=True):
            shipped = stage != "to_book"
            rows.append(
                OrderState(
                    order_id=f"SO-{number:07}",
                    valid_from=since,
                    valid_to=until,
                    status="open",
                    rep_id=rep,
                    placed_rep_id=rep,
                    account_id=f"AC-{draw.randrange(50_000)}",
                    segment="b2b" if number % 3 else "b2c",
                    channel="visit",
                    reference=None,
                    placed_at=placed,
                    promised_by=promised,
                    original_promised_by=promised,
                    stage=stage,
                    carrier=carrier if shipped else None,
                    mode=mode if shipped else None,
                    estimated_delivery=estimate if shipped else None,
                    latest_estimate=estimate if shipped else None,
                    left_to_book=not shipped,
                    expedite="none",
                    expedites_open=0,
                    follow_ups_owed=int(number % 50 == 0),
                    delay_owed_since=promised if number % 50 else None,
                    delivery_attempts=0,
                    order_value=value,
                    open_value=value,
                    currency=CURRENCY,
                    lines=3,
                    shipments=int(shipped),
                    closed_at=None,
                    completed_at=None,
                    delivered_rep_id=None,
                    last_delivered_at=None,
                    short=None,
                    cancel_reason=None,
                )
            )
        if not is_open:
            closed = rows[-1]._replace(valid_from=delivered, valid_to=None, status="delivered", stage=None)
            closed = closed._replace(carrier=None, mode=None, estimated_delivery=None, latest_estimate=None)
            closed = closed._replace(open_value=Decimal(0), follow_ups_owed=0, delay_owed_since=None, short=False)
            rows.append(closed._replace(closed_at=delivered, completed_at=delivered, last_delivered_at=delivered))
        return rows

    def reps(self) -> list[RepPeriod]:
        begun = self._now - timedelta(days=2 * DAYS)
        return [
            RepPeriod(
                rep_id=f"rep-{rep}",
                valid_from=begun,
                valid_to=None,
                name=f"Rep {rep}",
                level="senior",
                team=f"team-{rep % 12}",
                mentor_id=None,
                registered=True,
            )
            for rep in range(REPS)
        ]

    def contacts(self) -> Iterator[list[Contact]]:
        for day in range(DAYS_OF_CONTACTS):
            rows: list[Contact] = []
            for number in range(REPS * CONTACTS_A_REP_AND_DAY):
                at = self._now - timedelta(days=day + self._draw.random())
                rep, account = number % REPS, self._draw.randrange(50_000)
                rows.append(
                    Contact(
                        account_id=f"AC-{account}",
                        source="/crm",
                        message_id=f"{day}-{number}",
                        rep_id=f"rep-{rep}",
                        contacted_at=at,
                        direction="inbound",
                        about="order",
                    )
                )
            yield rows


def fill(waybill: Waybill, floor: Floor) -> int:
    """Write the floor's rows; returns how many there are of order_states."""
    engine, written = waybill.engine, 0
    load: dict[Row, Counter[str]] = defaultdict(Counter)
    put_states, put_contacts, put_reps = (BulkInsert(table, engine) for table in (order_states, contacts, rep_periods))
    with engine.begin() as connection:
        put_reps(connection, floor.reps())
    for rows in floor.states():
        with engine.begin() as connection:
            put_states(connection, rows)
        written += len(rows)
        (totals,) = ORDER_STATES.totals
        lasting = [row for row in rows if row.valid_to is None]
        for key, added in sum_contributions(totals, (), lasting).items():
            load[key].update(dict(zip(totals.measures, added, strict=True)))
    with engine.begin() as connection:
        for talks in floor.contacts():
            put_contacts(connection, talks)
        connection.execute(insert(rep_open_orders), [{"rep_id": rep, **sums} for (rep,), sums in sorted(load.items())])
    # What autovacuum does by itself in time: the planner knows the tables, and an index alone can answer.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE"))
    return written
