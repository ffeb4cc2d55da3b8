"""given a store that cannot be opened or written, then the command says so in a line and fails, and harms nothing."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.command import Command, Nursery
from tests.integration.messages import placed

ORDER = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
COMMANDS = (("status",), ("overdue",), ("verify",), ("held", "list"), ("order", "SO-1"))


def test_a_new_store_is_created_and_reported(waybill: Command) -> None:
    elsewhere = waybill.with_(WAYBILL_STORE="sqlite:///orders.db")
    file = waybill.file("messages.jsonl", ORDER)

    elsewhere("ingest", file).exited(0, "orders.db is a new store")
    assert "new store" not in elsewhere("status").done().err
    assert (waybill.folder / "orders.db").is_file()


def test_a_folder_that_is_not_there_is_named(waybill: Command) -> None:
    """A mistyped path must not lead to a second store somewhere else."""
    waybill.with_(WAYBILL_STORE="sqlite:///new/folder/orders.db")("status").exited(1, "new/folder")
    assert not (waybill.folder / "new").exists()


def test_a_store_by_its_absolute_path(waybill: Command) -> None:
    waybill.with_(WAYBILL_STORE=f"sqlite:///{waybill.store}").ingest(ORDER)
    assert waybill.ask("status")["books"]["applied"] == 1


@pytest.mark.parametrize(
    "content", [b"Dear sales team,\n" * 400, b"SQLite format 3\0" + b"\xff" * 8_000, b"PK\x03\x04"]
)
def test_a_file_that_is_no_database_is_left_as_it_is(waybill: Command, content: bytes) -> None:
    waybill.store.write_bytes(content)
    file = waybill.file("messages.jsonl", ORDER)

    for command in (("ingest", str(file)), *COMMANDS):
        waybill(*command).exited(1, "waybill:", "store")

    assert waybill.store.read_bytes() == content


def test_a_database_of_somebody_else_is_left_as_it_is(waybill: Command) -> None:
    with closing(sqlite3.connect(waybill.store)) as connection, connection:
        connection.execute("CREATE TABLE messages (sender TEXT, body TEXT)")
        connection.execute("INSERT INTO messages VALUES ('Ann', 'lunch?')")

    waybill("ingest", waybill.file("messages.jsonl", ORDER)).exited(1, "waybill:", "store")

    with closing(sqlite3.connect(waybill.store)) as connection:
        assert connection.execute("SELECT * FROM messages").fetchall() == [("Ann", "lunch?")]


def test_a_database_of_something_else_gets_no_tables_of_ours_by_a_question(waybill: Command) -> None:
    with closing(sqlite3.connect(waybill.store)) as connection, connection:
        connection.execute("CREATE TABLE t (a)")
    before = waybill.store.read_bytes()

    for command in COMMANDS:
        waybill(*command).exited(
            1, "waybill.db is not a Waybill store but a database of another program", "WAYBILL_STORE"
        )

    assert waybill.store.read_bytes() == before


def test_a_folder_is_no_store(waybill: Command) -> None:
    waybill.store.mkdir()
    waybill("status").exited(1, "waybill:")


def test_a_store_below_a_file(waybill: Command) -> None:
    waybill.file("orders", ORDER)
    waybill.with_(WAYBILL_STORE="sqlite:///orders/waybill.db")("status").exited(1, "waybill:", "orders")


@pytest.fixture
def public(nursery: Nursery) -> Iterator[Command]:
    """A folder that others can reach, unlike pytest's own. Commands there run as nobody if we are root."""
    folder = Path(tempfile.mkdtemp(prefix="waybill-public-"))
    folder.chmod(0o755)
    scratch = folder / "tmp"
    scratch.mkdir()
    scratch.chmod(0o777)
    yield Command(nursery, folder, TMPDIR=str(scratch))
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o777)
    shutil.rmtree(folder)


def test_a_folder_that_may_not_be_written(public: Command) -> None:
    public.folder.chmod(0o555)
    public("status", nobody=True).exited(1, "waybill:", "store")
    assert not public.store.exists()


def test_a_store_that_may_only_be_read(public: Command) -> None:
    file = public.file("messages.jsonl", ORDER)
    public("ingest", file).done()
    public.store.chmod(0o444)
    public.folder.chmod(0o555)
    before = public.store.read_bytes()

    # when something is to be stored, then the command fails and nothing has changed
    public("ingest", file, nobody=True).exited(1, "waybill:", "store", "readonly")
    assert public.store.read_bytes() == before

    # when something is asked, then it is answered, or it is said why not
    for command in COMMANDS:
        ran = public(*command, nobody=True)
        ran.exited(0) if ran.code == 0 else ran.exited(1, "waybill:", "store")


def test_a_store_that_another_user_owns_and_shares(public: Command) -> None:
    """What one user's command leaves behind must not lock out another user's."""
    file = public.file("messages.jsonl", ORDER)
    public("ingest", file).done()
    if os.geteuid() == 0:
        public.folder.chmod(0o777)
        for path in public.folder.glob("waybill.db*"):
            path.chmod(0o666)

    ran = public("ingest", file, "--format", "json", nobody=True)
    assert ran.done().json["duplicate"] == 1


def test_a_server_that_does_not_answer(waybill: Command) -> None:
    nobody_there = waybill.with_(
        WAYBILL_STORE="postgresql://waybill@127.0.0.1:1/waybill",
        WAYBILL_RETRY_SECONDS="0.1",  # so long does ingest wait for it; who only asks does not
    )
    for command in (("ingest", str(waybill.file("messages.jsonl", ORDER))), *COMMANDS):
        nobody_there(*command).exited(1, "waybill:", "127.0.0.1")


def test_a_store_from_which_a_table_was_lost(waybill: Command) -> None:
    """The tables of views can be made anew; then the views are behind, or it is said what is missing."""
    waybill.ingest(ORDER)
    with closing(sqlite3.connect(waybill.store)) as connection, connection:
        connection.execute("DROP TABLE stored_events")

    for command in COMMANDS:
        ran = waybill(*command)
        ran.exited(ran.code)
    waybill("verify").exited(1)
