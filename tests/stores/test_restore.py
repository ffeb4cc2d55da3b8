"""given an archive of a store that is lost, when it is restored into an empty store of either kind,

then everything is as it was: every row, position and number, every view on both clocks; and it goes on from there.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection, Engine, event, insert, inspect

from consumers.sources.json_lines import JsonLines
from domain.rules_version import RULES_VERSION
from infra.app.archive import archive_store
from infra.app.container import Waybill
from infra.app.dead_letters.discard import discard
from infra.app.doctor.looking import look_at_store
from infra.app.doctor.seen import Unread
from infra.app.migrate import migrate_store
from infra.app.pause import pause, resume
from infra.app.restore.errors import CannotRestoreError
from infra.app.restore.plan import plan_restore
from infra.app.restore.restore import VIEWS, Restored, restore_store
from infra.app.status import read_status
from infra.app.verify import verify_store
from infra.app.void import void_message
from infra.archive.folder import ArchiveFolder, read_manifest
from infra.archive.manifest import SCHEMA_VERSION, NewerArchiveError
from infra.archive.reading import DamagedFileError, batches_of
from infra.archive.sealed_json import sealed
from infra.settings import Settings
from infra.simulation import DEFAULT_UNTIL, simulate
from infra.store.exchange_rates import exchange_rates
from infra.store.newest_version import VERSION_TABLE
from infra.store.opening import Access
from infra.store.projected.serving import positions_of
from infra.store.register.tables import reactor_positions
from infra.store.restoring import RESTORING, StoreRestoringError
from infra.store.schema_version import stored_version
from projections.catalogue import BITEMPORAL, PROJECTIONS
from tests.integration.messages import placed
from tests.stores.conftest import StoreUrl, new_databases
from tests.stores.everything import (
    FIRST_INSTANTS,
    Rows,
    answers_of,
    assert_same_rows,
    projected_rows_of,
    rows_of,
)
from tests.stores.histories import SCANS_OF_NO_SHIPMENT, STANDING_ORDERS

NOW = DEFAULT_UNTIL + timedelta(hours=3)
LINES_AT_ONCE = 100
STORES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
SLOW_ON_POSTGRESQL = ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.slow])]
KNOWN = (FIRST_INSTANTS[1],)
PLACED = placed("SO-1", "2026-04-01T08:00:00Z", "2026-04-03T16:00:00Z")
BOOKING = ("/order-entry", "OE-62")
"""A booking of whose parcels a carrier speaks."""


class Interrupted(Exception):
    """The machine fails."""


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Messages of every kind, each with the instant at which it came, wrong ones among them."""
    path = tmp_path_factory.mktemp("floor") / "floor.jsonl"
    lines = [*simulate(60, 5, DEFAULT_UNTIL, 0.15, history=True), *STANDING_ORDERS, *SCANS_OF_NO_SHIPMENT]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def service(url: str) -> Waybill:
    return Waybill(settings_of(url), clock=lambda: NOW)


def settings_of(url: str) -> Settings:
    return Settings(store=url, batch_messages=LINES_AT_ONCE, batch_events=150, retry_seconds=0)


def take_in(waybill: Waybill, path: Path, batches: int | None = None) -> None:
    """Read the file, or go on where a reading was interrupted; stop after so many batches."""
    pipeline = waybill.ingest(honour_recordedtime=True)
    taken = 0

    def count(_: object) -> None:
        nonlocal taken
        taken += 1
        if taken == batches:
            raise Interrupted

    try:
        feed = pipeline.read(JsonLines.of_file(path, batch_lines=LINES_AT_ONCE), on_batch=count)
    except Interrupted:
        return
    pipeline.finish(feed.feed_id)


def follow(waybill: Waybill) -> None:
    """The reactors and the views come up to date."""
    waybill.react(Event(), once=True)
    waybill.project()


def restored(url: str, archive: Path) -> Restored:
    return restore_store(settings_of(url), plan_restore(settings_of(url), str(archive)), clock=lambda: NOW)


class Lost(NamedTuple):
    """A store that was archived in two runs, and what it had then."""

    archive: Path
    rows: Mapping[str, Rows]
    projected: Mapping[str, Rows]
    answers: Mapping[str, Any]


@pytest.fixture(scope="module")
def lost(request: pytest.FixtureRequest, floor: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lost]:
    folder = tmp_path_factory.mktemp("lost")
    with ExitStack() as stack:
        url = f"sqlite:///{folder / 'lost.db'}"
        if request.param == "postgresql":
            url = stack.enter_context(new_databases(request.getfixturevalue("postgres_server")))()
        archive = folder / "archive"
        with service(url) as waybill:
            take_in(waybill, floor, batches=3)
            follow(waybill)
            archive_store(waybill, str(archive), 4)
            take_in(waybill, floor)
            follow(waybill)
            act(waybill)
            follow(waybill)
            archive_store(waybill, str(archive))
            lost = Lost(archive, rows_of(waybill), projected_rows_of(waybill), answers(waybill))
            assert says_gone(archive, "messages")
            yield lost


def act(waybill: Waybill) -> None:
    """What operators and analysts do to a store."""
    letters = waybill.dead_letters.dead(NOW)[:2]
    discard(waybill, [letter.letter_id for letter in letters], "ann", "noise")
    pause(waybill, "relay", "ann", "maintenance")
    # Without its booking, nothing follows for the order from what the carrier said.
    void_message(waybill, *BOOKING, "never booked", operator="ann")
    with waybill.engine.begin() as connection:
        rate = {"currency": "EUR", "to_currency": "USD", "valid_from": "2026-01-01", "rate": Decimal("1.08")}
        connection.execute(insert(exchange_rates), [{**rate, "source": "a bank"}])


def says_gone(archive: Path, dataset: str) -> bool:
    """Whether the archive says of a row of an earlier run that it is gone."""
    folder = ArchiveFolder(str(archive))
    files = read_manifest(folder).files(dataset)
    return any(any(batch.column("deleted").to_pylist()) for batch in batches_of(folder, files))


def answers(waybill: Waybill) -> Mapping[str, Any]:
    return answers_of(waybill, FIRST_INSTANTS, KNOWN)


@pytest.mark.parametrize("lost", STORES, indirect=True)
@pytest.mark.parametrize("new_store", STORES, indirect=True)
def test_everything_is_as_it_was(lost: Lost, new_store: StoreUrl) -> None:
    url = new_store()
    # when it is restored
    report = restored(url, lost.archive)
    # then every row has its numbers, and the views say the same by both clocks
    with service(url) as waybill:
        assert report.position == report.views_at == waybill.history.head()
        assert_same_rows(rows_of(waybill), lost.rows)
        assert_same_rows(projected_rows_of(waybill), lost.projected)
        assert answers(waybill) == lost.answers
        assert list(verify_store(waybill).findings) == []
        # and neither the reactors nor the views have anything left to do
        follow(waybill)
        assert_same_rows(rows_of(waybill), lost.rows)


@pytest.mark.parametrize("new_store", STORES, indirect=True)
def test_a_store_that_is_lost_in_the_middle_of_a_load_ends_as_the_undisturbed_one(
    new_store: StoreUrl, floor: Path, tmp_path: Path
) -> None:
    # given a load that nothing disturbs
    with service(new_store()) as undisturbed:
        take_in(undisturbed, floor, batches=3)
        follow(undisturbed)
        take_in(undisturbed, floor)
        follow(undisturbed)
        # and one whose store is lost after its archive, with what came since
        with service(new_store()) as waybill:
            take_in(waybill, floor, batches=3)
            follow(waybill)
            archive_store(waybill, str(tmp_path / "archive"))
            take_in(waybill, floor, batches=2)
            follow(waybill)
        # when it is restored, and the load goes on
        url = new_store()
        restored(url, tmp_path / "archive")
        with service(url) as waybill:
            take_in(waybill, floor)
            follow(waybill)
            # then both are equal in every row
            assert_same_rows(rows_of(waybill), rows_of(undisturbed))
            assert_same_rows(projected_rows_of(waybill), projected_rows_of(undisturbed))
            both = [answers_of(one, FIRST_INSTANTS[:1], KNOWN) for one in (waybill, undisturbed)]
            assert both[0] == both[1]
            assert read_status(waybill).books == read_status(undisturbed).books
            # and the archive goes on too
            assert archive_store(waybill, str(tmp_path / "archive")).run == 2


# -- what was paused ---------------------------------------------------------------------------------


class Paused(NamedTuple):
    """A store of which two projections were paused at different positions, as it was archived and lost."""

    archive: Path
    at: Mapping[str, int]
    projected: Mapping[str, Rows]
    answers: Mapping[str, Any]


def archived_while_paused(url: str, floor: Path, archive: Path) -> Paused:
    with service(url) as waybill:
        take_in(waybill, floor, batches=2)
        follow(waybill)
        pause(waybill, "order_states", "ann", "its rows are looked at")
        take_in(waybill, floor, batches=2)
        follow(waybill)
        pause(waybill, "shipments", "ann", "its rows are looked at")
        take_in(waybill, floor)
        follow(waybill)
        archive_store(waybill, str(archive), 4)
        positions = waybill.rows.positions(PROJECTIONS)
        at = {name: positions[name] for name in ("order_states", "shipments")}
        assert 0 < at["order_states"] < at["shipments"] < waybill.history.head()
        return Paused(archive, at, projected_rows_of(waybill), answers(waybill))


@pytest.mark.parametrize("new_store", STORES, indirect=True)
def test_a_paused_view_stands_where_it_stood_and_stays_paused(new_store: StoreUrl, floor: Path, tmp_path: Path) -> None:
    lost = archived_while_paused(new_store(), floor, tmp_path / "archive")
    url = new_store()
    report = restored(url, lost.archive)
    with service(url) as waybill:
        # then it says where they stand, and everything reads as it did, also what is later than they are
        assert report.paused == lost.at
        assert report.views_at == waybill.history.head()
        assert set(waybill.pauses()) == set(lost.at)
        assert_same_rows(projected_rows_of(waybill), lost.projected)
        assert answers(waybill) == lost.answers
        # and they stay there until a person lets them go on
        waybill.project()
        assert_same_rows(projected_rows_of(waybill), lost.projected)
        # and a check says that nothing after their positions was compared
        verified = verify_store(waybill)
        assert list(verified.findings) == []
        told = [left_out for left_out in verified.not_compared if "paused" in left_out]
        assert [(name, str(at)) for name, at in lost.at.items()] == [
            (line.split()[0], line.split("position ")[1].split(":")[0].replace(",", "")) for line in told
        ]
        resume(waybill, "order_states", "ann", "looked at")
        resume(waybill, "shipments", "ann", "looked at")
        waybill.project()
        assert list(verify_store(waybill).findings) == []
        assert waybill.lag() == 0


def test_an_archive_that_does_not_say_where_a_paused_view_stood_fills_it_up_to_its_own_end(
    sqlite_store: StoreUrl, floor: Path, tmp_path: Path
) -> None:
    lost = archived_while_paused(sqlite_store(), floor, tmp_path / "archive")
    changed_manifest(lost.archive, paused=None)
    url = sqlite_store()
    report = restored(url, lost.archive)
    with service(url) as waybill:
        head = waybill.history.head()
        assert report.paused == dict.fromkeys(lost.at, head)
        assert waybill.rows.positions(PROJECTIONS)["order_states"] == head
        assert set(waybill.pauses()) == set(lost.at)


def test_a_restore_that_is_interrupted_while_it_fills_paused_views_continues(
    sqlite_store: StoreUrl, floor: Path, tmp_path: Path
) -> None:
    lost = archived_while_paused(sqlite_store(), floor, tmp_path / "archive")
    url = sqlite_store()

    def tell(what: str, done: int, _: int) -> None:
        if what == VIEWS and done >= lost.at["order_states"] // 2:
            raise Stopped

    with pytest.raises(Stopped):
        restore_store(settings_of(url), plan_restore(settings_of(url), str(lost.archive)), tell=tell, clock=lambda: NOW)
    report = restored(url, lost.archive)
    with service(url) as waybill:
        assert report.paused == lost.at
        assert_same_rows(projected_rows_of(waybill), lost.projected)


def test_without_views_a_paused_one_is_empty_and_the_result_says_so(
    sqlite_store: StoreUrl, floor: Path, tmp_path: Path
) -> None:
    lost = archived_while_paused(sqlite_store(), floor, tmp_path / "archive")
    url = sqlite_store()
    plan = plan_restore(settings_of(url), str(lost.archive))
    report = restore_store(settings_of(url), plan, project=False, clock=lambda: NOW)
    assert (report.views_at, report.paused) == (None, dict.fromkeys(lost.at, 0))


def test_an_archive_says_where_a_paused_view_has_come_to_since(sqlite_store: StoreUrl, tmp_path: Path) -> None:
    archive = str(tmp_path / "archive")
    with service(sqlite_store()) as waybill:
        waybill.ingest().read(JsonLines.of_bytes("placed", json.dumps(PLACED).encode()))
        waybill.project()
        pause(waybill, "reps", "ann", "a look")
        archive_store(waybill, archive)
        assert read_manifest(ArchiveFolder(archive)).paused == {"reps": 1}
        # when a process ends the batch that it was at, which changes nothing else, then the next run says so
        waybill.project(paused_until={"reps": 2})
        assert archive_store(waybill, archive).run == 2
        assert read_manifest(ArchiveFolder(archive)).paused == {"reps": 2}
        assert archive_store(waybill, archive).run == 2, "nothing changed since"


# -- a store in the middle of a restore ------------------------------------------------------------


class Stopped(Exception):
    """The restore ends here."""


def stop_at(url: str, lost: Lost, part: str, done: int) -> None:
    """Restore until so many rows of a dataset are there."""

    def tell(what: str, count: int, _: int) -> None:
        if what == part and count >= done:
            raise Stopped

    plan = plan_restore(settings_of(url), str(lost.archive))
    with pytest.raises(Stopped):
        restore_store(settings_of(url), plan, tell=tell, clock=lambda: NOW)


@pytest.mark.parametrize("lost", ["sqlite"], indirect=True)
@pytest.mark.parametrize("new_store", SLOW_ON_POSTGRESQL, indirect=True)
@pytest.mark.parametrize(("part", "done"), [("events", 300), ("messages", 150), ("notices", 1)])
def test_nobody_uses_a_store_that_is_not_whole_and_the_same_command_continues(
    lost: Lost, new_store: StoreUrl, part: str, done: int
) -> None:
    url = new_store()
    with service(url) as opened_before:
        stop_at(url, lost, part, done)
        # then a process that had opened the store before writes nothing
        with pytest.raises(StoreRestoringError, match="waybill restore"):
            opened_before.ingest().read(JsonLines.of_bytes("late", b"{}"))
    # and no other one opens it
    for access in Access:
        with pytest.raises(StoreRestoringError, match="waybill restore"):
            Waybill(settings_of(url), access=access)
    with pytest.raises(StoreRestoringError):
        migrate_store(settings_of(url))
    # and who looks for what to do is told to continue the restore
    unread = look_at_store(settings_of(url), lambda: NOW)
    assert isinstance(unread, Unread) and unread.to_type.startswith("waybill restore --from")
    # when the same restore runs again, then it is whole
    restored(url, lost.archive)
    with service(url) as waybill:
        assert_same_rows(rows_of(waybill), lost.rows)


@pytest.mark.parametrize("lost", ["sqlite"], indirect=True)
@pytest.mark.parametrize("new_store", STORES, indirect=True)
def test_a_store_has_no_tables_that_are_not_marked_before_it_is_whole(lost: Lost, new_store: StoreUrl) -> None:
    committed: list[str | None] = []

    def look(connection: Connection) -> None:
        if inspect(connection).has_table(VERSION_TABLE):
            committed.append(stored_version(connection))

    # given somebody who looks at the store as each transaction of a restore left it
    event.listen(Engine, "commit", look)
    try:
        stop_at(new_store(), lost, "events", 0)
    finally:
        event.remove(Engine, "commit", look)
    # then a restore that was interrupted at any of these instants left a store that nobody uses
    assert set(committed) == {RESTORING}


@pytest.mark.parametrize("lost", ["sqlite"], indirect=True)
def test_another_archive_does_not_continue_a_restore_but_begins_anew_if_asked(
    lost: Lost, sqlite_store: StoreUrl, tmp_path: Path
) -> None:
    url, other, small = sqlite_store(), sqlite_store(), tmp_path / "small"
    stop_at(url, lost, "messages", 150)
    with service(other) as waybill:
        waybill.ingest().read(JsonLines.of_bytes("one", b"{}"))
        archive_store(waybill, str(small))
        expected = rows_of(waybill)
    with pytest.raises(CannotRestoreError, match="another archive"):
        restored(url, small)
    plan = plan_restore(settings_of(url), str(small), anew=True)
    restore_store(settings_of(url), plan, anew=True, clock=lambda: NOW)
    with service(url) as waybill:
        assert_same_rows(rows_of(waybill), expected)


@pytest.mark.parametrize("lost", ["sqlite"], indirect=True)
@pytest.mark.parametrize("new_store", STORES, indirect=True)
def test_a_store_with_messages_is_left_alone(lost: Lost, new_store: StoreUrl) -> None:
    url = new_store()
    with service(url) as waybill:
        waybill.ingest().read(JsonLines.of_bytes("one", b"{}"))
        before = rows_of(waybill)
    with pytest.raises(CannotRestoreError, match=r"not empty: it has .*malformed_messages"):
        restored(url, lost.archive)
    with service(url) as waybill:
        assert rows_of(waybill) == before


# -- archives that cannot be restored ----------------------------------------------------------------


@pytest.fixture
def no_store(request: pytest.FixtureRequest, tmp_path: Path) -> StoreUrl:
    """The name of a file that is not there, or of a database without any table."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / 'no_store.db'}"
    made: StoreUrl = request.getfixturevalue("empty_database")
    return made


@pytest.fixture
def copy(lost: Lost, tmp_path: Path) -> Path:
    """A copy of the archive, to be changed."""
    return Path(shutil.copytree(lost.archive, tmp_path / "copy"))


def changed_manifest(archive: Path, **fields: Any) -> None:
    """The manifest of a run that found this, with its hash."""
    file = archive / "manifest.json"
    file.write_bytes(sealed(json.loads(file.read_bytes()) | fields))


@pytest.mark.parametrize("lost", ["sqlite"], indirect=True)
@pytest.mark.parametrize("dataset", ["events", "messages", "feeds"])
def test_a_damaged_file_is_refused_and_nothing_is_served(
    lost: Lost, copy: Path, sqlite_store: StoreUrl, dataset: str
) -> None:
    url = sqlite_store()
    damaged = copy / read_manifest(ArchiveFolder(str(copy))).files(dataset)[-1].path
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-20] + bytes(20))
    with pytest.raises(DamagedFileError, match=damaged.name):
        restored(url, copy)
    with pytest.raises(StoreRestoringError):
        service(url)
    # when the file comes from a copy of the archive, then the same command continues
    damaged.write_bytes(whole)
    restored(url, copy)
    with service(url) as waybill:
        assert_same_rows(rows_of(waybill), lost.rows)


@pytest.mark.parametrize("lost", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("fields", "remedy"),
    [
        ({"store_version": "9999"}, "install that one or a newer one"),
        ({"rules_version": RULES_VERSION + 1}, "install that one or a newer one"),
        ({"schema_version": SCHEMA_VERSION + 1}, "install that one or a newer one"),
        ({"time_zone": "Europe/Berlin"}, "set WAYBILL_TIME_ZONE=Europe/Berlin"),
    ],
)
def test_what_this_waybill_cannot_restore_is_refused_before_it_starts(
    lost: Lost, copy: Path, tmp_path: Path, fields: Mapping[str, Any], remedy: str
) -> None:
    store = tmp_path / "no_store.db"
    changed_manifest(copy, **fields)
    with pytest.raises((CannotRestoreError, NewerArchiveError), match=remedy):
        restored(f"sqlite:///{store}", copy)
    assert not store.exists()


@pytest.mark.parametrize("lost", ["sqlite"], indirect=True)
def test_a_missing_file_is_told_before_it_starts(lost: Lost, copy: Path, sqlite_store: StoreUrl) -> None:
    (copy / read_manifest(ArchiveFolder(str(copy))).files("notices")[0].path).unlink()
    with pytest.raises(CannotRestoreError, match=r"lacks 1 of its \d+ files, such as notices/"):
        restored(sqlite_store(), copy)


@pytest.mark.parametrize("lost", ["sqlite"], indirect=True)
@pytest.mark.parametrize("no_store", SLOW_ON_POSTGRESQL, indirect=True)
def test_an_archive_of_an_earlier_version_is_brought_up_to_this_one(lost: Lost, copy: Path, no_store: StoreUrl) -> None:
    url = no_store()
    changed_manifest(copy, store_version="0017", rules_version=RULES_VERSION - 1)
    restored(url, copy)
    with service(url) as waybill:
        # Newer rules let the reactors look at everything again.
        assert_same_rows(rows_of(waybill), lost.rows, without=[reactor_positions.name])


@pytest.mark.parametrize("lost", ["sqlite"], indirect=True)
def test_what_a_store_believed_is_kept_again_where_the_setting_says_so(lost: Lost, sqlite_store: StoreUrl) -> None:
    settings = settings_of(sqlite_store()).model_copy(update={"bitemporal": True})
    restore_store(settings, plan_restore(settings, str(lost.archive)), clock=lambda: NOW)
    with Waybill(settings, lambda: NOW) as waybill, waybill.engine.connect() as connection:
        (beliefs,) = BITEMPORAL
        assert positions_of(connection)[beliefs.name, beliefs.version].position == waybill.history.head()
