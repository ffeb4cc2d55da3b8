"""Migrate: bring a store up to the newest version."""

from datetime import timedelta

from infra.app.container import open_backend, stored_rows
from infra.settings import Settings
from infra.sql_views.upkeep import define_relations
from infra.store.opening import opening_alone
from infra.store.retries import RetryPolicy
from infra.store.schema_version import raise_rules, refuse_newer, upgrade, version_of
from projections.catalogue import PROJECTIONS


def migrate_store(settings: Settings) -> str | None:
    """Bring the store's schema and rules up to this code's; returns the schema's version before, None if it was empty.

    Raises StoreVersionError when a newer waybill made it.
    """
    with opening_alone(settings.sqlite_path, settings.store):
        backend = open_backend(settings)
        try:
            before = version_of(backend.engine)
            refuse_newer(before)
            again = RetryPolicy(settings.retry_seconds)
            again(lambda: upgrade(backend.engine))
            again(lambda: raise_rules(backend.engine))
            hold = timedelta(hours=settings.hold_hours)
            stored_rows(backend, hold).create(PROJECTIONS)
            again(lambda: define_relations(backend, hold))
        finally:
            backend.close()
    return before
