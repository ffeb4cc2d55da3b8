"""What the shell offers after TAB besides commands and options: names of the contract, and of the store's rows.

A shell cannot show an error while somebody types, so a store that cannot be read offers nothing. Names are read from an
SQLite store only, and never written: a PostgreSQL server may take seconds to answer.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import islice

from consumers.contract.topics import read_topics
from domain.fact import EVENT_CLASSES, FACT_CLASSES
from domain.order.kind import ORDER
from domain.streams import stream_name
from infra.app.container import Waybill
from infra.app.pause import PARTS
from infra.queries.exported import exported_relations
from infra.settings import WrongSettingsError, load_settings
from infra.store.opening import Access, NoStoreError, StoreChangedError, StoreVersionError
from infra.store.projected.serving import NotFilledError
from infra.store.retries import store_failures
from infra.store.sqlite.file_ownership import NotAStoreError
from projections.catalogue import PROJECTIONS
from projections.views.as_of import UTC_ZONE
from projections.views.catalogue import ALL_ORDER_STATES, VIEWS

OFFERED = 50
"""How many names of the store are offered at most: a longer list helps nobody."""
_OFFERS_NOTHING: tuple[type[Exception], ...] = (
    NoStoreError,
    NotAStoreError,
    NotFilledError,
    OSError,
    StoreChangedError,
    StoreVersionError,
    WrongSettingsError,
)


def views(incomplete: str) -> list[str]:
    """Views by their commands or relations, and all periods of all orders."""
    named = [*(view.command for view in VIEWS), *(view.relation for view in VIEWS), ALL_ORDER_STATES.relation]
    return _beginning(incomplete, named)


def relations(incomplete: str) -> list[str]:
    """What can be exported: every relation, and views by their commands."""
    exported = exported_relations(timedelta(0), UTC_ZONE)
    return _beginning(incomplete, [*(one.relation for one in exported), *(view.command for view in VIEWS)])


def projections(incomplete: str) -> list[str]:
    """What can be rebuilt and compared: views and projections."""
    return _beginning(incomplete, [*(view.command for view in VIEWS), *(each.name for each in PROJECTIONS)])


def parts(incomplete: str) -> list[str]:
    """What can be paused."""
    return _beginning(incomplete, PARTS)


def message_types(incomplete: str) -> list[str]:
    return _beginning(incomplete, FACT_CLASSES)


def event_types(incomplete: str) -> list[str]:
    return _beginning(incomplete, [*(each.__name__ for each in EVENT_CLASSES.values()), *FACT_CLASSES])


def topics(incomplete: str) -> list[str]:
    return _beginning(incomplete, read_topics(""))


def orders(incomplete: str) -> list[str]:
    """Orders of the store, a few look-ups into an index."""
    return _of_store(incomplete, lambda waybill: _streams(waybill, stream_name(ORDER, ""), incomplete))


def streams(incomplete: str) -> list[str]:
    """Streams of the store."""
    return _of_store(incomplete, lambda waybill: _streams(waybill, "", incomplete))


def sources(incomplete: str) -> list[str]:
    """Sources of messages, each one look-up into an index."""
    return _of_store(incomplete, lambda waybill: islice(waybill.messages.sources(incomplete), OFFERED))


def reps(incomplete: str) -> list[str]:
    """Reps who were ever registered."""
    return _of_store(incomplete, lambda waybill: waybill.desk.reps())


def _streams(waybill: Waybill, prefix: str, incomplete: str) -> Iterable[str]:
    # The name itself, if it is one, is not after itself.
    known = waybill.history.existing([prefix + incomplete])
    beside = waybill.history.streams_beside(prefix + incomplete, OFFERED)
    return [stream.removeprefix(prefix) for stream in (*known, *beside) if stream.startswith(prefix)]


def _of_store(incomplete: str, read: Callable[[Waybill], Iterable[str]]) -> list[str]:
    try:
        settings = load_settings()
        if settings.sqlite_path is None:
            return []
        with Waybill(settings, access=Access.READING) as waybill:
            return _beginning(incomplete, read(waybill))[:OFFERED]
    except _offers_nothing():
        return []  # the command itself says why, once it is run


def _offers_nothing() -> tuple[type[Exception], ...]:
    return (*_OFFERS_NOTHING, *store_failures())


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]
