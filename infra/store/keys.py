"""The keys of the HTTP API as the store has them: hashed, and never deleted, so that one revoked is told from none."""

from collections.abc import Mapping, Set
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Column, Connection, Table, Text, select

from infra.store.register.tables import register_metadata
from projections.views.columns import Instant

api_keys = Table(
    "api_keys",
    register_metadata,
    Column("key_id", Text, primary_key=True),
    Column("secret_hash", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("source", Text),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
    Column("revoked_by", Text),
    Column("revoked_reason", Text),
)


class Role(StrEnum):
    """What a key allows."""

    PUBLISH = "publish"
    """Publish messages, and ask for their verdicts."""
    READ = "read"
    """Ask everything: views, orders, messages, status, metrics, and the pages."""
    OPERATE = "operate"
    """What an engineer on call does: redrive and discard dead letters, pause, rebuild. Includes `read`."""


class StoredKey(NamedTuple):
    """A key as it is stored. `secret_hash` is the SHA-256 of its secret, in hexadecimal; instants are in UTC.

    `source` is the only CloudEvents source of which it may publish messages; None: of any.
    """

    key_id: str
    secret_hash: str
    name: str
    roles: Set[Role]
    source: str | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    revoked_reason: str | None = None

    def works_at(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def stored_keys(connection: Connection) -> Mapping[str, StoredKey]:
    """Every key that was ever created, by id, the oldest first, as the connection's transaction sees them."""
    rows = connection.execute(
        select(*(api_keys.c[name] for name in StoredKey._fields)).order_by(api_keys.c.created_at, api_keys.c.key_id)
    )
    return {row.key_id: StoredKey(*row)._replace(roles=roles_of(row.roles)) for row in rows}


def roles_text(roles: Set[Role]) -> str:
    """Roles as they are stored and shown, such as "publish read"."""
    return " ".join(role.value for role in Role if role in roles)


def roles_of(text: str) -> Set[Role]:
    """The roles in such a text. A role of a later version allows nothing here."""
    return frozenset(role for role in Role if role.value in text.split())
