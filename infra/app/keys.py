"""Keys of the HTTP API: an operator creates and revokes them. Each is shown once and stored hashed."""

from collections.abc import Mapping, Set
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import insert, update

from domain.operator.acts import ApiKeyCreated, ApiKeyRevoked
from infra.app.api_key import ApiKey, hash_of, key_of, new_key
from infra.app.container import Waybill
from infra.store.keys import Role, StoredKey, api_keys, roles_text, stored_keys
from infra.store.operator_log import Acting, Who


class UnknownKeyIdError(ValueError):
    """No key has this id."""


class NeedsKeysError(Exception):
    """The server would be reachable from other machines, and no key exists; the message names the command."""


class WrongKeyError(ValueError):
    """A key with these properties makes no sense; `field` is the wrong one, and the message names the fix."""

    def __init__(self, field: str, problem: str):
        super().__init__(problem)
        self.field = field


class KeyRow(NamedTuple):
    """A key as it is listed. `state` is `active`, `expired` or `revoked`; instants are in UTC.

    `last_used` is when a server on this machine last saw it, to about a minute; None: never, or not on this machine.
    """

    id: str
    name: str
    roles: str
    source: str | None
    state: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    revoked_reason: str | None


def create_key(
    waybill: Waybill,
    roles: Set[Role],
    name: str,
    who: Who,
    source: str | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, StoredKey]:
    """A new key, and what is stored of it. Raises WrongKeyError."""
    if not roles:
        raise WrongKeyError("roles", "a key needs at least one of publish, read, operate")
    if source is not None and Role.PUBLISH not in roles:
        raise WrongKeyError("source", "only a key with the role publish can be limited to a source")
    key = new_key()

    def work(acting: Acting) -> StoredKey:
        if expires_at is not None and expires_at <= acting.now:
            raise WrongKeyError("expires_at", "this instant has passed; give a later one")
        made = StoredKey(
            key.key_id, hash_of(key.secret), name, frozenset(roles), source, acting.now, who.operator, expires_at
        )
        acting.connection.execute(insert(api_keys).values(made._asdict() | {"roles": roles_text(roles)}))
        acting.log(
            ApiKeyCreated,
            key_id=key.key_id,
            name=name,
            roles=tuple(roles_text(roles).split()),
            key_source=source,
            expires_at=expires_at,
        )
        return made

    return key, waybill.operator_log.act(who, work)


def revoke_key(waybill: Waybill, key_id: str, who: Who) -> tuple[StoredKey, bool]:
    """Revoke a key for good; returns it, and whether it worked until now. An earlier revocation stays as it is.

    `key_id` may also be the whole key. Raises UnknownKeyIdError.
    """
    whole = key_of(key_id)
    wanted = whole.key_id if whole is not None else key_id

    def work(acting: Acting) -> tuple[StoredKey, bool]:
        known = stored_keys(acting.connection).get(wanted)
        if known is None:
            raise UnknownKeyIdError("no key has this id; waybill keys list has the ids")
        if known.revoked_at is not None:
            return known, False
        revoked = known._replace(revoked_at=acting.now, revoked_by=who.operator, revoked_reason=who.reason)
        changed = {name: getattr(revoked, name) for name in ("revoked_at", "revoked_by", "revoked_reason")}
        acting.connection.execute(update(api_keys).where(api_keys.c.key_id == wanted).values(changed))
        acting.log(ApiKeyRevoked, key_id=wanted, name=known.name)
        return revoked, True

    return waybill.operator_log.act(who, work)


def listed_keys(waybill: Waybill, last_used: Mapping[str, datetime]) -> list[KeyRow]:
    """Every key that was ever created, the oldest first."""
    now = waybill.clock()
    with waybill.engine.connect() as connection:
        found = stored_keys(connection)
    return [row_of(key, now, last_used.get(key.key_id)) for key in found.values()]


def row_of(key: StoredKey, now: datetime, last_used: datetime | None) -> KeyRow:
    """A stored key as it is listed at `now`."""
    state = "active" if key.works_at(now) else "expired" if key.revoked_at is None else "revoked"
    return KeyRow(
        key.key_id,
        key.name,
        roles_text(key.roles),
        key.source,
        state,
        key.created_at,
        key.created_by,
        key.expires_at,
        last_used,
        key.revoked_at,
        key.revoked_by,
        key.revoked_reason,
    )
