"""The versions of the store's schema and rules: checked on opening, and raised by `waybill migrate`.

This covers all tables except the library's table of events and the projections' tables, which belong to projection
versions. Each version of the schema is a step under infra/store/migrations/versions.
"""

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Engine, inspect, select, text, update

from domain.rules_version import RULES_VERSION
from infra.store.engine import LOCKED
from infra.store.opening import NoStoreError
from infra.store.register.tables import store_rules
from infra.store.sqlite.ours import APPLICATION_ID

NEWEST = "0009"
VERSION_TABLE = "store_version"
STEP_LOCK_TIMEOUT_SECONDS = 3
"""Readers queue behind a step that waits for a lock. So a step gives up soon and is retried."""
_FIRST_TABLE = "feeds"


class StoreVersionError(Exception):
    """The store has another version than this code; the message says what to do."""


def version_of(engine: Engine) -> str | None:
    """The store's version; None if it is empty. Raises StoreVersionError for a store without a version."""
    with engine.connect() as connection:
        tables = inspect(connection)
        if tables.has_table(VERSION_TABLE):
            found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()
            if found is not None:
                return str(found)
        if tables.has_table(_FIRST_TABLE):
            raise StoreVersionError(
                "the store was made before stores had versions; ingest its messages into a new one (WAYBILL_STORE)"
            )
    return None


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


class StoredRules(NamedTuple):
    """The version of the rules that a store's verdicts follow.

    `resettled_to` is None if all verdicts follow this version. Else it is the last stream, in the order of names, that
    `waybill migrate` has settled again.
    """

    version: int
    resettled_to: str | None


def rules_of(engine: Engine) -> int:
    """The version of the rules that the store's verdicts follow."""
    with engine.connect() as connection:
        return rules_seen(connection).version


def rules_seen(connection: Connection) -> StoredRules:
    """The store's rules, as seen by the connection's transaction."""
    return StoredRules(*connection.execute(select(store_rules.c.version, store_rules.c.resettled_to)).one())


def expect_rules(connection: Connection) -> None:
    """Raise StoreVersionError unless this code may write verdicts: they must all follow the same rules."""
    found, resettled_to = rules_seen(connection)
    if found > RULES_VERSION:
        raise StoreVersionError(
            f"the store's messages are judged by rules of version {found}, and this waybill knows version "
            f"{RULES_VERSION}: it can answer questions, and must not write. Install the newer one"
        )
    if found < RULES_VERSION:
        raise StoreVersionError(
            f"the store's messages are judged by rules of version {found}, and this waybill judges by version "
            f"{RULES_VERSION}: stop what writes to it, then run waybill migrate"
        )
    if resettled_to is not None:
        raise StoreVersionError(
            f"the store's messages are being judged again by rules of version {found}, and nothing else may write to "
            "it until that is done: wait for waybill migrate, or run it again if it was interrupted"
        )


def begin_resettling(connection: Connection) -> None:
    """Record that this code's rules apply from now on, and that no verdict follows them yet. Newer rules stay.

    Writers with earlier rules are refused from now on. An interrupted migration continues where it was.
    """
    older = store_rules.c.version < RULES_VERSION
    connection.execute(update(store_rules).where(older).values(version=RULES_VERSION, resettled_to=""))


def move_resettling(connection: Connection, to: str) -> None:
    """Record the last stream, in the order of names, that was settled again."""
    connection.execute(update(store_rules).values(resettled_to=to))


def end_resettling(connection: Connection) -> None:
    """Record that all verdicts follow this code's rules. Newer rules stay as they are."""
    ours = store_rules.c.version == RULES_VERSION
    connection.execute(update(store_rules).where(ours).values(resettled_to=None))


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


def upgrade(engine: Engine, to: str = "head") -> None:
    """Run all steps up to a version in one transaction; no step runs twice.

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
