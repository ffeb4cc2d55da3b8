"""The version of the rules by which a store's verdicts are written: who may write, and how far a migration came.

Which version this code judges by: domain/rules_version.py. Every transaction that writes verdicts asks `expect_rules`.
"""

from typing import NamedTuple

from sqlalchemy import Connection, Engine, select, update

from domain.rules_version import RULES_VERSION
from infra.store.opening import StoreVersionError
from infra.store.register.tables import store_rules
from infra.store.restoring import RESTORING, StoreRestoringError


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
    if resettled_to == RESTORING:
        raise StoreRestoringError
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
