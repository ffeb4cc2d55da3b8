"""given an operator at a terminal, then keys are created, listed and revoked, and each is shown once."""

import time

import httpx

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
    waybill("keys", "create", "--role", "read", "--source", "/erp").exited(2, "add --role publish")
    pasted = "wbk_aaaaaaaaaaaa_" + "0" * 64
    assert "0000" not in waybill("keys", "revoke", pasted, "--reason", "x").exited(2, "no key has this id").err


def test_beyond_loopback_serve_needs_keys_and_says_how(waybill: Command) -> None:
    waybill("serve", "--address", "0.0.0.0:0").exited(1, "no key exists", "waybill keys create --role read")


def test_a_server_asks_for_a_key_and_notes_its_use(waybill: Command) -> None:
    (created,) = waybill.ask("keys", "create", "--role", "read")
    server = waybill.start("serve", "--address", "127.0.0.1:0")
    try:
        while "Serving at" not in server.said:
            assert server.is_alive(), server.said
            time.sleep(0.05)
        url = server.said.partition("Serving at ")[2].split()[0]
        assert httpx.get(url).status_code == 401
        wrong = created["key"][:-64] + "0" * 64
        assert httpx.get(url, headers={"Authorization": f"Bearer {wrong}"}).status_code == 401
        assert httpx.get(url, headers={"Authorization": f"Bearer {created['key']}"}).status_code == 200
        (listed,) = waybill.ask("keys", "list")
        assert listed["last_used"] is not None
    finally:
        server.terminate()
        said = server.wait().done().err
    assert "key_refused" in said and created["key"][-64:] not in said and wrong not in said
