"""Migrate: bring a store up to the newest version."""

from datetime import timedelta

from infra.app.container import open_backend
from infra.settings import Settings
from infra.sql_views.relations import relations
from infra.store.opening import opening_alone
from infra.store.projected.rows import ProjectedRows
from infra.store.retries import RetryPolicy
from infra.store.schema_version import refuse_newer, upgrade, version_of
from projections.catalogue import PROJECTIONS


def migrate_store(settings: Settings) -> str | None:
    """Bring the store up to the newest version; returns the one that it had, None if it was empty."""
    with opening_alone(settings.sqlite_path, settings.store):
        backend = open_backend(settings)
        try:
            before = version_of(backend.engine)
            refuse_newer(before)
            again = RetryPolicy(settings.retry_seconds)
            again(lambda: upgrade(backend.engine))
            ProjectedRows(backend.engine).create(PROJECTIONS)
            again(lambda: backend.define(relations(timedelta(hours=settings.hold_hours))))
        finally:
            backend.close()
    return before
