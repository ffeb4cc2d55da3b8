"""The version of the store's schema: checked on opening, and raised by `waybill migrate`.

This covers all tables except the library's table of events and the projections' tables, which belong to projection
versions. Each version of the schema is a step under infra/store/migrations/versions.
"""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from infra.store.engine import LOCKED
from infra.store.newest_version import NEWEST, VERSION_TABLE
from infra.store.opening import NoStoreError, StoreVersionError
from infra.store.restoring import RESTORING, StoreRestoringError
from infra.store.sqlite.file_ownership import APPLICATION_ID
from infra.store.stored_rules_version import begin_resettling, end_resettling

STEP_LOCK_TIMEOUT_SECONDS = 3
"""Readers queue behind a step that waits for a lock. So a step gives up soon and is retried."""
_FIRST_TABLE = "feeds"


def version_of(engine: Engine) -> str | None:
    """The store's version; None if it is empty.

    Raises StoreVersionError for a store without a version, and StoreRestoringError in the middle of a restore.
    """
    with engine.connect() as connection:
        found = stored_version(connection)
        if found == RESTORING:
            raise StoreRestoringError
        if found is None and inspect(connection).has_table(_FIRST_TABLE):
            raise StoreVersionError(
                "the store was made before stores had versions; ingest its messages into a new one (WAYBILL_STORE)"
            )
    return found


def stored_version(connection: Connection) -> str | None:
    """The version that is stored, or the mark of a restore; None if there is none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()
    return None if found is None else str(found)


def expect_newest(engine: Engine) -> None:
    """Create an empty store's tables; raise StoreVersionError if the store is older or newer than this code."""
    found = version_of(engine)
    if found is None:
        upgrade(engine)
        with engine.execution_options(**{LOCKED: True}).begin() as connection:
            begin_resettling(connection)
            end_resettling(connection)  # it has no messages
    else:
        _refuse_other(found)


def expect_readable(engine: Engine, store: str) -> None:
    """Raise StoreVersionError for an older or newer store, and NoStoreError for an empty one. Writes nothing."""
    found = version_of(engine)
    if found is None:
        raise NoStoreError(store)
    _refuse_other(found)


def _refuse_other(found: str) -> None:
    if found < NEWEST:
        raise StoreVersionError(
            f"the store has version {found}, and this waybill needs {NEWEST}: stop all writers, "
            "then run waybill migrate"
        )
    refuse_newer(found)


def refuse_newer(found: str | None) -> None:
    if found is not None and found > NEWEST:
        raise StoreVersionError(
            f"the store has version {found}, which a newer waybill created; this one knows versions up to {NEWEST}. "
            "Install the newer one, or set another store (WAYBILL_STORE)"
        )


def upgrade(engine: Engine, to: str = "head", then: Callable[[Connection], None] = lambda connection: None) -> None:
    """Run all steps up to a version, and `then`, in one transaction; no step runs twice.

    Raises OperationalError on PostgreSQL, with nothing done, if a table is in use for more than some seconds.
    """
    # Imported here: only new and older stores need it.
    from alembic.command import upgrade as take_steps
    from alembic.config import Config

    steps = Config()
    folder = str(Path(__file__).with_name("migrations"))
    steps.set_main_option("script_location", folder.replace("%", "%%"))  # a percent sign would be interpolated
    steps.set_main_option("path_separator", "os")
    with engine.execution_options(**{LOCKED: True}).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = '{STEP_LOCK_TIMEOUT_SECONDS}s'"))
        else:
            # Mark a store of a version without an application id.
            connection.execute(text(f"PRAGMA application_id = {APPLICATION_ID}"))
        steps.attributes["connection"] = connection
        take_steps(steps, to)
        then(connection)
