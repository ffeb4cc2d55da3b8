"""Where the store of an answer stands: its name, when it last received a message, and whether the views are behind."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from consumers.reactors.reactor import FEEDS
from infra.app.container import Waybill
from infra.settings import Settings
from infra.store.engine import read_in_snapshot
from infra.store.pauses import CONSUME, stored_pauses
from infra.store.projected.failures import stopped_versions
from infra.store.projected.serving import answering, positions_of
from infra.store.register.tables import feeds
from projections.catalogue import PROJECTIONS
from projections.order_states import ORDER_STATES
from projections.views.tables import table_of

MOST_COUNTED = 10_000
"""With more events that views or reactors are behind, their number is not counted: that would read them all."""
OUR_PROJECTIONS = frozenset(projection.name for projection in PROJECTIONS)


class StoreStanding(NamedTuple):
    """`store` is its short name, without secrets. `position` is that of its newest event, 0 if it has none.

    `received_at` (UTC) is when the last message from outside was stored, by the service's clock; None if that is not
    known. The newest event's recorded-at would not do: an imported history, a reactor's message and an operator's act
    each have another.
    `received` is whether a message was ever received. `behind` counts the events that the views do not reflect yet, at
    most MOST_COUNTED + 1. `stands_still` is whether a projection is paused or has failed, asked only if one is behind.
    `unread_since` (UTC) is since when the consumer is paused, so that messages may lie unread in Kafka; None otherwise.
    """

    store: str
    position: int
    received_at: datetime | None
    received: bool
    behind: int = 0
    stands_still: bool = False
    unread_since: datetime | None = None


def store_standing(waybill: Waybill, reflected: int | None = None) -> StoreStanding:
    """Where the store stands; `reflected` is the position of the answer (None: of no view, so all views count).

    Three small queries, and few more if the views are behind, however large the store is.
    """

    def read(connection: Connection) -> StoreStanding:
        history = waybill.history.within(connection)
        head = history.head()
        name = short_name(waybill.settings)
        paused = stored_pauses(connection)
        unread_since = paused[CONSUME].since if CONSUME in paused else None
        if not head:
            return StoreStanding(name, 0, None, received=_has_received(connection), unread_since=unread_since)
        reached = _reached(connection) if reflected is None else reflected
        behind = history.count_after(reached, at_most=MOST_COUNTED + 1) if reached < head else 0
        still = behind > 0 and _stands_still(connection, paused)
        return StoreStanding(name, head, _last_received(connection), True, behind, still, unread_since)

    return read_in_snapshot(waybill.engine, read)


def first_order_after(waybill: Waybill, instant: datetime) -> datetime | None:
    """When the store's first order begins, if that is after this instant; None if it is not, or there is no order.

    It reads the periods of orders until it finds one from before: all of them only if there is none.
    """
    table = table_of(ORDER_STATES.tables[0])
    with waybill.engine.connect() as connection:
        answer = answering(connection, (ORDER_STATES,))
        earlier = select(table.c.valid_from).where(table.c.valid_from <= instant).limit(1)
        if connection.execute(answer.over(earlier)).first() is not None:
            return None
        first: datetime | None = connection.execute(answer.over(select(func.min(table.c.valid_from)))).scalar_one()
        return first


def short_name(settings: Settings) -> str:
    """The file of the store, from the current folder if it is below that; or HOST:PORT/DATABASE."""
    if settings.sqlite_path is not None:
        path, here = Path(settings.sqlite_path), Path.cwd()
        return str(path.relative_to(here) if path.is_relative_to(here) else path)
    # Imported here: the driver takes a quarter of a second to import, and SQLite does not need it.
    from infra.store.postgres.connection_string import connection_parameters

    given = connection_parameters(settings.store)
    if "dbname" not in given:
        return f"service {given['service']}"
    port = f":{given['port']}" if "port" in given else ""
    return f"{given.get('host', 'localhost')}{port}/{given['dbname']}"


def _reached(connection: Connection) -> int:
    """The position that all views reflect, leaving out those that wait for a rebuild."""
    found = positions_of(connection)
    rows = (found.get((projection.name, projection.version)) for projection in PROJECTIONS)
    return min((row.position for row in rows if row is not None and row.filled), default=0)


def _has_received(connection: Connection) -> bool:
    return connection.execute(select(feeds.c.feed_id).where(feeds.c.next_offset > 0).limit(1)).first() is not None


def _last_received(connection: Connection) -> datetime | None:
    """When a feed from outside last moved; there is a row for each partition and each reading of a file."""
    moved = select(func.max(feeds.c.moved_at)).where(~feeds.c.topic.startswith(FEEDS, autoescape=True))
    received_at: datetime | None = connection.execute(moved).scalar_one()
    return received_at


def _stands_still(connection: Connection, paused: Collection[str]) -> bool:
    stopped = {name for name, _ in stopped_versions(connection)}
    return bool(OUR_PROJECTIONS & {*paused, *stopped})
