"""A forgotten `export WAYBILL_STORE` is said, with what to type; it never looks like an answer."""

import sqlite3
from pathlib import Path

from tests.integration.command import Command


def test_the_error_says_that_the_setting_is_not_set(waybill: Command) -> None:
    waybill("overdue").exited(1, "no store at sqlite:///waybill.db", "WAYBILL_STORE is not set, so it is the default")
    named = waybill.with_(WAYBILL_STORE="sqlite:///desk.db")("overdue").exited(1, "no store at sqlite:///desk.db")
    assert "is not set" not in named.err


def test_the_error_names_the_stores_of_this_folder(waybill: Command) -> None:
    (waybill.folder / ".waybill").mkdir()
    for store in ("desk.db", ".waybill/eu.db"):
        waybill.with_(WAYBILL_STORE=f"sqlite:///{store}").ingest()
    sqlite3.connect(waybill.folder / "others.db").execute("CREATE TABLE notes (text)").connection.close()
    (waybill.folder / "empty.db").touch()
    said = waybill("overdue").exited(1, "export WAYBILL_STORE=sqlite:///desk.db").err
    assert "export WAYBILL_STORE=sqlite:///.waybill/eu.db" in said
    assert "others.db" not in said and "empty.db" not in said
    assert not waybill.store.exists()


def test_a_setting_of_the_env_file_counts_as_set(waybill: Command) -> None:
    Path(waybill.folder / ".env").write_text("WAYBILL_STORE=sqlite:///desk.db\n")
    assert "is not set" not in waybill("overdue").exited(1, "no store at sqlite:///desk.db").err
