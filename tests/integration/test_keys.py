"""given an operator at a terminal, then keys are created, listed and revoked, and each is shown once."""

from tests.integration.command import Command


def test_a_key_is_shown_once_and_listed_without_its_secret(waybill: Command) -> None:
    options = ("--role", "publish", "--role", "read", "--source", "/desk/ann", "--name", "ann", "--expires", "90d")
    (created,) = waybill.ask("keys", "create", *options, "--operator", "bo")
    key, key_id = created["key"], created["id"]
    assert key.startswith(f"wbk_{key_id}_")
    assert (created["name"], created["roles"], created["source"]) == ("ann", "publish read", "/desk/ann")

    (listed,) = waybill.ask("keys", "list")
    assert (listed["id"], listed["state"], listed["created_by"], listed["last_used"]) == (key_id, "active", "bo", None)
    assert key.rpartition("_")[2] not in str(listed)
    assert key.rpartition("_")[2] not in waybill("events", "--stream", "operator-bo", "--format", "json").text

    (revoked,) = waybill.ask("keys", "revoke", key_id, "--reason", "ann left", "--operator", "bo")
    assert (revoked["state"], revoked["revoked_by"], revoked["revoked_reason"]) == ("revoked", "bo", "ann left")
    assert "revoked before" in waybill("keys", "revoke", key_id, "--reason", "again").done().err


def test_wrong_options_name_the_fix_and_never_quote_a_key(waybill: Command) -> None:
    waybill("keys", "create").exited(2, "--role")
    waybill("keys", "create", "--role", "all").exited(2, "--role", "publish")
    waybill("keys", "create", "--role", "read", "--source", "/erp").exited(2, "add --role publish")
    waybill("keys", "revoke", "aaaaaaaaaaaa").exited(2, "--reason")
    pasted = "wbk_aaaaaaaaaaaa_" + "0" * 64
    assert "0000" not in waybill("keys", "revoke", pasted, "--reason", "x").exited(2, "no key has this id").err
