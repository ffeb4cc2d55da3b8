"""given keys of the HTTP API, then the store has their hashes alone, and says who created and revoked them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from domain.operator.acts import ApiKeyCreated, ApiKeyRevoked
from infra.app.api_key import key_of, proves
from infra.app.container import Waybill
from infra.app.keys import UnknownKeyIdError, WrongKeyError, create_key, listed_keys, revoke_key
from infra.settings import Settings
from infra.store.keys import Role, stored_keys
from infra.store.operator_log import Who
from tests.stores.conftest import StoreUrl

NOW = datetime(2025, 3, 7, 12, tzinfo=UTC)
ANN = Who("ann", "the ERP moves")


@pytest.fixture
def waybill(new_store: StoreUrl) -> Iterator[Waybill]:
    with Waybill(Settings(store=new_store()), clock=lambda: NOW) as waybill:
        yield waybill


def test_a_key_is_stored_hashed_and_its_creation_is_an_act_that_does_not_have_it(waybill: Waybill) -> None:
    key, stored = create_key(waybill, {Role.PUBLISH, Role.READ}, "erp", ANN, "/erp/eu", NOW + timedelta(days=90))

    assert key_of(key.text) == key
    with waybill.engine.connect() as connection:
        assert stored_keys(connection) == {key.key_id: stored}
        everything = [
            str(connection.execute(text("SELECT * FROM api_keys")).all()),
            str(connection.execute(text(f"SELECT state FROM {waybill.backend.events_table}")).all()),
        ]
    assert not any(key.secret in one for one in everything)
    assert proves(key.secret, stored.secret_hash)
    assert not proves("0" * 64, stored.secret_hash) and not proves(key.secret, None)
    (act,) = [positioned.event for positioned in waybill.history.stream("operator-ann")]
    assert isinstance(act, ApiKeyCreated)
    assert (act.key_id, act.name, act.roles, act.key_source, act.reason) == (
        key.key_id,
        "erp",
        ("publish", "read"),
        "/erp/eu",
        "the ERP moves",
    )
    assert act.expires_at == NOW + timedelta(days=90)


def test_a_revoked_key_is_kept_and_the_first_revocation_stays(waybill: Waybill) -> None:
    key, _ = create_key(waybill, {Role.OPERATE}, "bo", ANN)

    revoked, is_new = revoke_key(waybill, key.key_id, Who("cy", "bo left"))
    assert is_new and not revoked.works_at(NOW)
    # the whole key names it, too
    assert revoke_key(waybill, key.text, Who("di", "again")) == (revoked, False)

    (row,) = listed_keys(waybill, {key.key_id: NOW})
    assert (row.state, row.revoked_by, row.revoked_reason, row.last_used) == ("revoked", "cy", "bo left", NOW)
    assert [type(one.event) for one in waybill.history.stream("operator-cy")] == [ApiKeyRevoked]
    assert not list(waybill.history.stream("operator-di"))


def test_a_key_ends_at_the_instant_at_which_it_expires(waybill: Waybill) -> None:
    _, stored = create_key(waybill, {Role.READ}, "bo", ANN, expires_at=NOW + timedelta(seconds=1))
    assert stored.works_at(NOW) and not stored.works_at(NOW + timedelta(seconds=1))


def test_a_key_that_makes_no_sense_is_not_created(waybill: Waybill) -> None:
    with pytest.raises(WrongKeyError, match="a key needs at least one") as roles:
        create_key(waybill, set(), "bo", ANN)
    with pytest.raises(WrongKeyError, match="with the role publish can be limited") as source:
        create_key(waybill, {Role.READ}, "bo", ANN, "/erp/eu")
    with pytest.raises(WrongKeyError, match="this instant has passed") as expires:
        create_key(waybill, {Role.READ}, "bo", ANN, expires_at=NOW)
    assert [error.value.field for error in (roles, source, expires)] == ["roles", "source", "expires_at"]
    with pytest.raises(UnknownKeyIdError):
        revoke_key(waybill, "aaaaaaaaaaaa", ANN)
    assert listed_keys(waybill, {}) == [] and waybill.history.head() == 0
