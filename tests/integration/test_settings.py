"""given settings in the environment, then those that fit are heeded and those that do not are named."""

import json

import pytest

from tests.integration.command import Command
from tests.integration.messages import placed

ORDER = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")

WRONG = {
    "WAYBILL_STORE": ["", "waybill.db", "mysql://127.0.0.1/waybill", "sqlite:///", "postgresql://127.0.0.1"],
    "WAYBILL_MAX_MESSAGE_BYTES": ["", "ten", "0", "-1", "1.5"],
    "WAYBILL_CLOCK_SKEW": ["", "soon", "-3600", "P9999999D"],
    "WAYBILL_HOLD_HOURS": ["", "never", "-1", "1e3", "99999999999"],
    "WAYBILL_TIME_ZONE": ["", "Nowhere", "../../etc/passwd", "+01:00"],
    "WAYBILL_STANDING_CATCH_UP": ["", "a week", "-P1D", "P9999D", "P1X"],
    "WAYBILL_BATCH_MESSAGES": ["", "0", "-5", "many", "100001"],
    "WAYBILL_BATCH_EVENTS": ["0", "many"],
    "WAYBILL_LOG_FORMAT": ["xml", ""],
    "WAYBILL_LOG_LEVEL": ["loud", ""],
}


@pytest.mark.parametrize("variable", WRONG)
def test_a_setting_that_does_not_fit_is_wrong_usage_and_named(waybill: Command, variable: str) -> None:
    file = waybill.file("messages.jsonl", ORDER)

    for value in WRONG[variable]:
        waybill.with_(**{variable: value})("ingest", file).exited(2, variable)

    assert not waybill.store.exists()


def test_several_that_do_not_fit_are_all_named(waybill: Command) -> None:
    wrong = {"WAYBILL_TIME_ZONE": "Nowhere", "WAYBILL_BATCH_EVENTS": "0"}
    waybill.with_(**wrong)("status").exited(2, *wrong)


@pytest.mark.parametrize("skew", ["P365000D", "PT0S", "P999999D"])
@pytest.mark.parametrize("hold", ["0", "8760", "1000000"])
def test_settings_at_their_limits_do_no_harm(waybill: Command, skew: str, hold: str) -> None:
    """Either they are turned down by name, or everything works."""
    generous = waybill.with_(WAYBILL_CLOCK_SKEW=skew, WAYBILL_HOLD_HOURS=hold)
    file = waybill.file("messages.jsonl", ORDER)
    for command in (("ingest", str(file)), ("status",), ("dead-letters", "list")):
        ran = generous(*command)
        ran.exited(0) if ran.code == 0 else ran.exited(2, "WAYBILL_")


@pytest.mark.parametrize("command", ["settings", "doctor"])
def test_a_misspelt_variable_is_named(waybill: Command, command: str) -> None:
    ran = waybill.with_(WAYBILL_STOR="x", WAYBILL_LOCAL_KAFKA_PORT="9092")(command)
    assert "WAYBILL_STOR is not a setting; did you mean WAYBILL_STORE?" in " ".join(ran.err.split())
    assert "WAYBILL_LOCAL_KAFKA_PORT" not in ran.err


def test_settings_are_printed_with_what_they_mean(waybill: Command) -> None:
    rows = waybill.with_(WAYBILL_HOLD_HOURS="5").ask("settings")

    assert [list(row) for row in rows] == [["setting", "value", "meaning"]] * len(rows)
    assert {row["setting"]: row["value"] for row in rows}["WAYBILL_HOLD_HOURS"] == "5"
    assert all(row["meaning"] for row in rows)
    assert {"WAYBILL_STORE", "WAYBILL_CLOCK_SKEW", "WAYBILL_TIME_ZONE"} <= {row["setting"] for row in rows}
    for form in ("table", "csv"):
        assert "WAYBILL_HOLD_HOURS" in waybill("settings", "--format", form).done().text


def test_secrets_are_masked(waybill: Command) -> None:
    secret = waybill.with_(WAYBILL_STORE="postgresql://waybill:s3cret%21@127.0.0.1:1/waybill")

    for form in ("table", "json", "csv"):
        ran = secret("settings", "--format", form).done()
        assert "s3cret" not in ran.text + ran.err
        assert "127.0.0.1:1/waybill" in ran.text
    ran = secret("status")
    ran.exited(1)
    assert "s3cret" not in ran.text + ran.err


def test_settings_from_a_file_give_way_to_the_environment(waybill: Command) -> None:
    (waybill.folder / ".env").write_text("WAYBILL_HOLD_HOURS=7\nWAYBILL_TIME_ZONE=Asia/Tokyo\nUNRELATED=1\n")

    found = {row["setting"]: row["value"] for row in waybill.with_(WAYBILL_HOLD_HOURS="5").ask("settings")}

    assert (found["WAYBILL_HOLD_HOURS"], found["WAYBILL_TIME_ZONE"]) == ("5", "Asia/Tokyo")


def test_a_file_of_settings_that_is_no_text(waybill: Command) -> None:
    (waybill.folder / ".env").write_bytes(b"WAYBILL_STORE=\xff\xfe\n")
    waybill("status").exited(2, ".env")


def test_logs_are_lines_of_json_on_standard_error(waybill: Command) -> None:
    file = waybill.file("messages.jsonl", ORDER, b"{}")

    ran = waybill.with_(WAYBILL_LOG_FORMAT="json", WAYBILL_LOG_LEVEL="info")("ingest", file).done()
    logged = [json.loads(line) for line in ran.err.splitlines() if line.startswith("{")]
    assert {"batch_stored", "message_malformed"} <= {line["event"] for line in logged}
    quiet = waybill.with_(WAYBILL_LOG_LEVEL="error")("ingest", file).done()
    assert quiet.err == ""
