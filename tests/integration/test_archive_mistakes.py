"""Mistakes with the folders of archives and rows: each command names the option and the remedy, and makes nothing."""

from pathlib import Path

import pytest

from infra.app.container import Waybill
from infra.settings import Settings
from tests.integration.command import Command
from tests.integration.messages import placed
from tests.rows_folders import folder_of_rows

EARLY, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"
BEFORE = ("--archived-before", "2025-06-01")
ARCHIVES = {
    "archive verify": (("archive", "verify"), (), "DIR"),
    "restore": (("restore", "--from"), (), "--from"),
    "prune": (("prune", *BEFORE, "--archive"), (), "--archive"),
    "prune --undo": (("prune", "--undo", "SO-1", "--archive"), (), "--archive"),
    "spark ask": (("spark", "ask", "overdue", "--archive"), (), "--archive"),
    "spark rebuild": (("spark", "rebuild", "--archive"), ("--to", "out"), "--archive"),
}
"""Commands that read an archive: what comes before its folder, what after, and the option that names it."""
ROWS = {
    "rebuild": (("rebuild", "--all", "--from"), "--from"),
    "prune": (("prune", *BEFORE, "--archive", "archive", "--rows"), "--rows"),
}


@pytest.fixture
def archived(waybill: Command) -> Path:
    """The folder of the command has a store and its archive; tells what is there."""
    waybill.ingest(placed("SO-1", EARLY, PROMISE))
    waybill("archive", "--to", "archive").done()
    return waybill.folder


def rows_of(waybill: Command, folder: Path) -> None:
    """The rows of the store, as Spark makes them."""
    with Waybill(Settings(store=f"sqlite:///{waybill.store}")) as store:
        folder_of_rows(store, folder)


def there(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"messages.jsonl"}


@pytest.mark.parametrize("command", ARCHIVES)
def test_a_folder_without_an_archive_is_wrong_usage_of_the_option_that_names_it(
    waybill: Command, archived: Path, command: str
) -> None:
    before, after, option = ARCHIVES[command]
    made, wrong = there(archived), f"Invalid value for {option}:"
    waybill(*before, "archvie", *after).exited(
        2, f"{wrong} archvie has no archive (there is no such folder): check the path; did you mean archive?"
    )
    waybill(*before, "s3://where/it-is", *after).exited(2, f"{wrong} s3://where/it-is needs another package")
    (archived / "empty").mkdir()
    told = waybill(*before, "empty", *after).exited(2, f"{wrong} empty has no archive (no manifest.json)")
    assert "begins a new one" not in told.err, "nobody is led to a second archive"
    assert there(archived) == made | {"empty"}, "and nothing is made"


def test_the_fault_of_a_folder_is_said(waybill: Command, archived: Path) -> None:
    (archived / "empty").mkdir()
    (archived / "file").write_text("no folder")
    for wrong, said in (
        ("archive/events", "did you mean archive?"),
        ("empty", "DIR: empty has no archive (no manifest.json)"),
        ("file", "DIR: file is a file; name a folder"),
        ("odd://where", "DIR: odd://where is no folder that fsspec knows"),
    ):
        waybill("archive", "verify", wrong).exited(2, said)


@pytest.mark.parametrize("command", ROWS)
def test_a_folder_without_rows_is_wrong_usage_of_the_option_that_names_it(
    waybill: Command, archived: Path, command: str
) -> None:
    before, option = ROWS[command]
    rows_of(waybill, archived / "rows")
    wrong = f"Invalid value for {option}:"
    waybill(*before, "rosw").exited(
        2, f"{wrong} rosw has no rows (there is no such folder): check the path; did you mean rows?"
    )
    waybill(*before, "archive").exited(
        2, f"{wrong} archive has no rows (no rows.json): check the path", "waybill spark rebuild --archive"
    )
    waybill(*before, "s3://where/it-is").exited(2, f"{wrong} s3://where/it-is needs another package")


def test_the_rows_of_an_archive_are_looked_for_in_its_folder(waybill: Command, archived: Path) -> None:
    waybill("prune", *BEFORE, "--archive", "archive").exited(2, "--rows: archive/rows has no rows")


def test_rows_are_not_written_where_something_else_is(waybill: Command, archived: Path) -> None:
    (archived / "file").write_text("no folder")
    spark = ("spark", "rebuild", "--archive", "archive", "--to")
    waybill(*spark, "file").exited(2, "Invalid value for --to: file is a file; name a folder")
    waybill(*spark, "archive").exited(2, "Invalid value for --to: archive has", "name a folder of its own")


def test_a_command_that_acts_on_a_store_makes_none(waybill: Command, archived: Path) -> None:
    rows_of(waybill, archived / "rows")
    none = waybill.with_(WAYBILL_STORE=f"sqlite:///{archived}/none.db")
    for command in (
        ("prune", "--undo", "SO-1", "--archive", "archive"),
        ("prune", *BEFORE, "--archive", "archive", "--rows", "rows", "--do"),
        ("rebuild", "--all", "--from", "rows"),
        ("rebuild", "--all"),
    ):
        none(*command).exited(1, "there is no store at")
        assert not (archived / "none.db").exists()


def test_an_archive_of_another_store_is_refused(waybill: Command, archived: Path) -> None:
    other = waybill.with_(WAYBILL_STORE=f"sqlite:///{archived}/other.db")
    other.ingest(placed("SO-2", EARLY, PROMISE))
    other("archive", "--to", "archive").exited(1, "archive")
    other("archive", "verify", "archive", "--against-store").exited(1)
    rows_of(waybill, archived / "rows")
    other("prune", *BEFORE, "--archive", "archive", "--rows", "rows").exited(1, "archive")


def test_a_run_says_that_it_began_a_new_archive(waybill: Command, archived: Path) -> None:
    # given an archive that grows every hour, when one day its path is misspelt, then the run says what it did
    assert "archvie had no archive: this run began a new one" in waybill("archive", "--to", "archvie").done().text
    assert "began a new one" not in waybill("archive", "--to", "archive").done().text


def test_a_run_is_a_run_everywhere(waybill: Command, archived: Path) -> None:
    (run,) = waybill.ask("archive", "--to", "archive")
    assert (run["run"], run["files"]) == (1, 0), "nothing is new"
    waybill.ingest(placed("SO-2", EARLY, PROMISE))
    (run,) = waybill.ask("archive", "--to", "archive")
    assert run["run"] == 2
    assert waybill.ask("archive", "verify", "archive")["run"] == 2
    restored = waybill.with_(WAYBILL_STORE=f"sqlite:///{archived}/restored.db")
    assert "(run 2)" in restored("restore", "--from", "archive", "--check").done().text


def test_instants_without_an_offset_are_refused(waybill: Command, archived: Path) -> None:
    prune = ("prune", "--archive", "archive", "--archived-before")
    waybill(*prune, "2025-06-01T00:00:00").exited(2, "--archived-before", "has no offset; add Z for UTC")
    ask = ("spark", "ask", "overdue", "--archive", "archive")
    waybill(*ask, "--as-of", "2025-06-01T00:00:00").exited(2, "--as-of", "has no offset; add Z for UTC")
    waybill(*ask, "--known-at", "noon").exited(2, "--known-at", "is not an instant")


def test_what_prune_needs_is_named(waybill: Command, archived: Path) -> None:
    waybill("prune").exited(2, "--archive", "name the archive's folder or URL")
    waybill("prune", "--archive", "archive").exited(2, "--archived-before", "the default is to keep all events")
    waybill("prune", "--undo", "SO-1", "--archive", "archive", "--do").exited(2, "--undo", "leave out the others")
    waybill("prune", "--list", "--archive", "archive").exited(2, "--list", "stands alone")
    waybill("prune", "--undo", "SO-404", "--archive", "archive").exited(1, "nothing is known of order SO-404")
    rows_of(waybill, archived / "rows")
    tomorrow = ("--archived-before", "2999-01-01", "--archive", "archive", "--rows", "rows")
    waybill("prune", *tomorrow).exited(1, "30 days ago or earlier", "name an instant up to")


def test_a_damaged_archive_is_not_taken_for_none(waybill: Command, archived: Path) -> None:
    (archived / "archive" / "manifest.json").write_text("{")
    for command in (("archive", "verify", "archive"), ("archive", "--to", "archive")):
        waybill(*command).exited(1, "manifest.json of the archive archive was changed", "from a copy of the archive")
