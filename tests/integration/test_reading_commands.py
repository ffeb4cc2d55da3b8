"""A command that only asks writes nothing: no table, no lock, no file, on SQLite and on PostgreSQL.

Those that act are listed here; every other command of the command line is asked, so that a new one is asked, too.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import typer

from infra.cli.app import app
from projections.views.catalogue import VIEWS
from tests.integration.command import Command, Nursery
from tests.integration.messages import SOURCE, booked, confirmed, declined, placed, registered, requested
from tests.stores.conftest import StoreUrl, new_databases, postgres_server, postgres_store

__all__ = ["new_databases", "postgres_server", "postgres_store"]  # fixtures

AT = "2025-03-11T09:00:00Z"
ACTING = {
    ("demo",),
    ("ingest",),
    ("publish",),
    ("simulate",),
    ("consume",),
    ("project",),
    ("relay",),
    ("react",),
    ("up",),
    ("serve",),
    ("keys", "create"),
    ("keys", "revoke"),
    ("migrate",),
    ("reingest",),
    ("topics", "create"),
    ("topics", "skip"),
    ("analysts", "grant"),
    ("analysts", "revoke"),
    ("backup",),
    ("pause",),
    ("resume",),
    ("rebuild",),
    ("reset",),  # a dry run, too, needs an outbox or a reactor that has run: tests/stores/test_reset.py
    ("parked", "retry"),
    *((name, verb) for name in ("dead-letters", "dead_letters") for verb in ("redrive", "restore", "edit")),
}
OF_ARCHIVES = {("archive", "verify"), ("prune",), ("restore",), ("spark", "ask"), ("spark", "rebuild")}
"""Commands that need an archive, which would have to be written first: tests/stores and tests/spark ask these."""
WITHOUT_STORE = {("schema",), ("settings",), ("check",), ("help",), ("example",)}
FINDS_FAULTS = ("doctor",)
"""The command for which a store or a broker that is not there is a finding."""
LOADS_LATE = {FINDS_FAULTS, ("topics", "check")}
"""Commands that load Kafka's client when they need it: `nobody` may have no access to where that is."""
TELLS_NO_STORE = {*WITHOUT_STORE, FINDS_FAULTS, ("topics", "check"), ("keys", "list")}
"""Commands whose answers do not name the store below them: theirs is not of its events."""
ASKED_ABOUT: dict[str, tuple[str, ...]] = {
    "order_id": ("SO-1",),
    "files": ("-",),
    "source": (SOURCE,),
    "message_id": ("OE-1",),
    "letter_id": ("{letter}",),
    "name": (*(view.command for view in VIEWS), "dead_letters"),
    "view": ("overdue", "all"),
    "mode": ("courier",),
    "to": ("{folder}/export.csv",),
    "which": ("overdue",),
    "since": ("2026-11-01",),
}
"""Examples for what a command has to be told, by the parameter's name."""
CLOCKS = (("--as-of", AT), ("--known-at", "2099-01-01T00:00:00Z"))
FURTHER: dict[tuple[str, ...], tuple[tuple[str, ...], ...]] = {
    ("events",): (("--stream", "order-SO-1"),),
    ("dead-letters", "list"): (("--all",),),
}
"""Other ways to ask."""
TOLD: dict[tuple[str, ...], tuple[str, ...]] = {("export",): ("name", "to")}
"""What a command is told here though it need not be."""
WHOLE: dict[tuple[str, ...], tuple[str, ...]] = {
    ("restated",): ("overdue", "--known-at", "2099-01-01T00:00:00Z", "--as-of", AT),
}
"""Commands that are asked in one way, with all that they have to be told."""
DRY_RUNS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("hand-over",): ("--account", "ACME", "--to", "rep-1"),
    ("dead-letters", "discard"): ("--verdict", "malformed", "--reason", "why"),
    ("dead_letters", "discard"): ("--verdict", "malformed", "--reason", "why"),
    ("void",): ("--source", SOURCE, "--reason", "wrong"),
    ("correct",): (
        "--source",
        SOURCE,
        "--type",
        "order.placed.v1",
        "--set",
        "data.promised_by=+1d",
        "--reason",
        "wrong",
    ),
}
"""Commands that act only when told to, and how they are asked what they would do."""


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(group, "commands"):
        yield path, group
        return
    for name, command in group.commands.items():
        yield from commands(command, (*path, name))


def ways_to_ask(path: tuple[str, ...], command: Any) -> Iterator[tuple[str, ...]]:
    """What it has to be told: with each example, and with the first one by each clock that it knows."""
    if path in DRY_RUNS or path in WHOLE:
        yield DRY_RUNS.get(path) or WHOLE[path]
        return
    told = TOLD.get(path, ())
    required = [parameter for parameter in command.params if parameter.required or parameter.name in told]
    unknown = [parameter.name for parameter in required if parameter.name not in ASKED_ABOUT]
    assert not unknown, f"{' '.join(path)} has to be told {unknown}: name examples above, or say that it acts"
    clocks = [clock for clock in CLOCKS if any(clock[0] in parameter.opts for parameter in command.params)]
    for number, examples in enumerate(product(*(ASKED_ABOUT[parameter.name] for parameter in required))):
        words = [
            word
            for parameter, example in zip(required, examples, strict=True)
            for word in ((parameter.opts[-1], example) if parameter.param_type_name == "option" else (example,))
        ]
        for further in ((), *(() if number else clocks), *FURTHER.get(path, ())):
            yield (*words, *further)


NAMES_ITS_STORE = re.compile(r"^store \S+: position \d+, last message ", re.MULTILINE)

COMMANDS = dict(sorted(commands(typer.main.get_command(app)), key=lambda found: found[0]))
READING = {
    path: tuple(ways_to_ask(path, command)) for path, command in COMMANDS.items() if path not in ACTING | OF_ARCHIVES
}
MESSAGES = (
    registered("rep-1", "2025-03-01T08:00:00Z", "Ann Alder"),
    placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", id="OE-1"),
    requested("SO-1", "2025-03-04T09:00:00Z"),
    declined("SO-1", "2025-03-04T15:30:00Z"),
    booked("SO-2", "2025-03-04T10:00:00Z", "2025-03-10T10:00:00Z"),
    confirmed("SO-3", "2025-03-11T11:45:18Z"),
    b"{}",
)


def test_what_acts_is_a_command_and_all_others_are_asked() -> None:
    assert set(COMMANDS) >= ACTING | OF_ARCHIVES
    assert {("orders",), ("order-lines",), ("shipments",), ("held", "list"), ("message",), ("status",)} <= set(READING)
    assert len(READING["export",]) > len(VIEWS)


@pytest.fixture
def public(nursery: Nursery) -> Iterator[Command]:
    """A folder that others can reach, unlike pytest's own, beside one for what a command writes."""
    folder = Path(tempfile.mkdtemp(prefix="waybill-public-"))
    folder.chmod(0o755)
    (folder / "store").mkdir()
    (folder / "tmp").mkdir()
    (folder / "tmp").chmod(0o777)
    store = folder / "store" / "waybill.db"
    yield Command(nursery, folder, TMPDIR=str(folder / "tmp"), WAYBILL_STORE=f"sqlite:///{store}")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o777)
    shutil.rmtree(folder)


def told(public: Command) -> str:
    """Fill the store; returns the id of a dead letter."""
    public("ingest", public.file("messages.jsonl", *MESSAGES)).done()
    return str(public.ask("dead-letters", "list")[0]["letter_id"])


def ask_everything(public: Command, letter: str, *, share: int | None = None, every_way: bool = False) -> None:
    """Ask each command in every way, or else in one: that with the most arguments.

    With a `share`, leave the other half of the commands to another kind of reader: share 0 and share 1 are all of them.
    """
    for number, (command, variants) in enumerate(READING.items()):
        if share is not None and number % 2 != share:
            continue
        for arguments in variants if every_way else [max(variants, key=len)]:
            words = [word.format(folder=public.folder / "tmp", letter=letter) for word in arguments]
            ran = public(*command, *words, nobody=command not in LOADS_LATE).done()
            if command not in TELLS_NO_STORE and command not in DRY_RUNS:
                assert NAMES_ITS_STORE.search(ran.text), f"{command} does not name the store below its answer"
    public("message", SOURCE, "OE-0", nobody=True).exited(1, "message not found")


def state_of(folder: Path) -> Any:
    paths = (folder, *sorted(folder.iterdir()))
    return [(path.name, path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in paths]


@pytest.mark.parametrize("ways", ["one way", pytest.param("every way", marks=pytest.mark.slow)])
def test_questions_to_a_file_that_may_only_be_read_leave_no_trace(public: Command, ways: str) -> None:
    letter = told(public)
    folder = public.folder / "store"
    (folder / "waybill.db").chmod(0o444)
    folder.chmod(0o555)
    before = state_of(folder)
    ask_everything(public, letter, every_way=ways == "every way")
    assert state_of(folder) == before
    # and none is left where they might have been left
    folder.chmod(0o777)
    (folder / "waybill.db").chmod(0o666)
    before = state_of(folder)
    ask_everything(public, letter, share=0)
    assert state_of(folder) == before


def test_queries_are_answered_while_another_process_writes(public: Command) -> None:
    letter = told(public)
    folder = public.folder / "store"
    folder.chmod(0o777)
    (folder / "waybill.db").chmod(0o666)
    projector = public.start("project", nobody=True)
    try:
        public("ingest", public.file("more.jsonl", placed("SO-9", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")))
        ask_everything(public, letter, share=1)
        assert "SO-9" in public("order", "SO-9", nobody=True).done().text
    finally:
        projector.terminate()
        projector.wait()


@pytest.mark.postgres
def test_questions_by_a_role_that_may_only_select_change_nothing(public: Command, postgres_store: StoreUrl) -> None:
    url = postgres_store()
    letter = told(public.with_(WAYBILL_STORE=url))
    reader = f"reader_{url.rsplit('_', 1)[1]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {reader} LOGIN")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}")
        try:
            before = written(connection)
            own = urlsplit(url)
            asking = own._replace(netloc=f"{reader}@{own.netloc.rpartition('@')[2]}").geturl()
            ask_everything(public.with_(WAYBILL_STORE=asking), letter, share=0)
            # and one that might write does not either
            ask_everything(public.with_(WAYBILL_STORE=url), letter, share=1)
            assert written(connection) == before
        finally:
            connection.execute(f"DROP OWNED BY {reader}")
            connection.execute(f"DROP ROLE {reader}")


def written(connection: psycopg.Connection) -> Any:
    """All relations, and how many rows were ever inserted, updated and deleted in each."""
    connection.execute("SELECT pg_stat_force_next_flush()")
    tuples = connection.execute(
        "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables ORDER BY relname"
    ).fetchall()
    return tuples, connection.execute("SELECT count(*), max(oid) FROM pg_class").fetchone()


@pytest.mark.parametrize("command", [command for command in READING if command not in WITHOUT_STORE], ids=" ".join)
def test_a_question_to_a_store_that_is_not_there_makes_none(public: Command, command: tuple[str, ...]) -> None:
    words = [word.format(folder=public.folder / "tmp", letter="0") for word in READING[command][0]]
    ran = public(*command, *words).exited(1)
    said = ran.text if command == FINDS_FAULTS else " ".join(ran.err.replace("│", " ").split())
    for part in ("there is no store at sqlite://", "set WAYBILL_STORE", "waybill ingest"):
        assert part in said
    assert list((public.folder / "store").iterdir()) == []
