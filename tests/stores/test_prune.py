"""Prune: the events of closed orders leave the store for an archive; nothing that people ask for changes by it."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
import pyarrow.compute
import pyarrow.parquet
import pytest
from sqlalchemy import select, text

from consumers.sources.json_lines import JsonLines
from domain.order.kind import ORDER
from domain.pruning import PrunedStreamError
from infra.app.archive import archive_store
from infra.app.archive_verify import verify_archive
from infra.app.container import Waybill
from infra.app.diff import diff_projections
from infra.app.doctor.looking import look
from infra.app.doctor.message_checks import check_waiting_for_pruned
from infra.app.ingest import ingest_source
from infra.app.prune.archived_streams import digests_in_bucket
from infra.app.prune.errors import CannotPruneError, CannotUndoError
from infra.app.prune.judging import LeftOut
from infra.app.prune.prune import PruneReport, plan_prune, prune
from infra.app.prune.undo import undo_prune
from infra.app.rebuild.errors import UnfitRowsError
from infra.app.rebuild.rebuild import Rebuild
from infra.app.reset import CannotResetError, plan_reset
from infra.app.restore.plan import plan_restore
from infra.app.restore.restore import restore_store
from infra.app.status import read_status
from infra.app.verify import verify_store
from infra.archive.folder import ArchiveFolder, read_manifest
from infra.archive.rows_folder import read_rows_manifest, write_rows_manifest
from infra.archive.rows_reading import open_rows
from infra.archive.store_standing import OtherHistoryError
from infra.queries.views import Asked
from infra.runtime.relay_beginning import reason_to_wait_for_pruned
from infra.settings import Settings
from infra.simulation import simulate
from infra.store.checkpoints import Checkpoints
from infra.store.operator_log import Who
from infra.store.pruned import PrunedOrdersError, pruned_rows
from infra.store.register.tables import messages
from projections.catalogue import PROJECTIONS
from projections.order_states import ORDER_STATES
from projections.views.catalogue import VIEWS
from tests.rows_folders import folder_of_rows
from tests.simulated_store import FLOOR_ENDS
from tests.stores.conftest import StoreUrl, execute, new_databases, url_of

NOW = FLOOR_ENDS + timedelta(days=60)
BEFORE = FLOOR_ENDS - timedelta(days=5)
INSTANTS = (None, datetime(2026, 5, 20, tzinfo=UTC), FLOOR_ENDS)
ANN = Who("ann", "the disk is full")
FLOOR = [*simulate(60, 7, FLOOR_ENDS, 0.04, history=True)]


class Home:
    """A store with a floor, its archive and its folder of rows."""

    def __init__(self, url: str, folder: Path):
        self.now = NOW
        self.waybill = Waybill(Settings(store=url, batch_messages=100, batch_events=150), lambda: self.now)
        self.archive = str(folder / "the archive")  # a name that a shell takes apart unless it is quoted
        self.rows = str(folder / "rows")

    def take(self, *lines: bytes) -> None:
        """Take messages in, let the reactors follow, and project."""
        with ingest_source(
            self.waybill, JsonLines.of_one_batch("floor", list(lines)), honour_recordedtime=True, project=False
        ):
            pass
        self.waybill.react(Event(), once=True)
        self.waybill.project()

    def archived(self) -> "Home":
        """Archive the store, and make the rows of it."""
        archive_store(self.waybill, self.archive)
        manifest = read_manifest(ArchiveFolder(self.archive))
        write_rows(self.waybill, self.rows, manifest.archive_id)
        return self

    def plan(self, before: datetime = BEFORE) -> PruneReport:
        return plan_prune(self.waybill, self.archive, self.rows, before)

    def prune(self, before: datetime = BEFORE) -> PruneReport:
        return prune(self.waybill, ANN, self.archive, self.rows, before)

    def pruned(self) -> list[str]:
        """The ids of the orders that are pruned."""
        with self.waybill.engine.connect() as connection:
            return [row.stream.removeprefix("order-") for row in pruned_rows(connection)]

    def answers(self) -> dict[str, Any]:
        """Everything that people ask for: every view as of several instants, the books, and the messages' verdicts."""
        views = {instant: self.views(instant) for instant in INSTANTS}
        return {"views": views, "books": read_status(self.waybill).books, "verdicts": self.verdicts()}

    def views(self, as_of: datetime | None) -> dict[str, Any]:
        return {view.command: self.waybill.views.ask(view, Asked(as_of=as_of)).rows for view in VIEWS}

    def verdicts(self) -> dict[tuple[str, ...], Any]:
        with self.waybill.engine.connect() as connection:
            rows = connection.execute(select(messages)).all()
        return {(r.source, r.message_id, r.subject): (r.verdict, r.reason, r.took_effect_at) for r in rows}

    def events(self) -> int:
        with self.waybill.engine.connect() as connection:
            return int(
                connection.execute(text(f"SELECT count(*) FROM {self.waybill.backend.events_table}")).scalar_one()
            )

    def positions(self) -> list[tuple[int, str, int]]:
        """The position of each event, with its stream and version."""
        backend = self.waybill.backend
        found = text(
            f"SELECT {backend.position}, originator_id, originator_version FROM {backend.events_table} ORDER BY 1"
        )
        with self.waybill.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(found)]

    def findings(self) -> list[Any]:
        return list(verify_store(self.waybill).findings)


def write_rows(waybill: Waybill, url: str, archive_id: str) -> None:
    """The rows of the store as Spark makes them of this archive."""
    shutil.rmtree(url, ignore_errors=True)
    folder = ArchiveFolder(str(folder_of_rows(waybill, Path(url))))
    write_rows_manifest(folder, msgspec.structs.replace(read_rows_manifest(folder), archive_id=archive_id))


class Original(NamedTuple):
    """A store with a floor that nobody opens, and the folder with its archive and rows."""

    url: str
    folder: Path


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Original]:
    folder = tmp_path_factory.mktemp("original")
    with ExitStack() as stack:
        url = f"sqlite:///{folder}/store.db"
        if request.param == "postgresql":
            url = stack.enter_context(new_databases(request.getfixturevalue("postgres_server")))()
        made = Home(url, folder)
        with made.waybill:
            made.take(*FLOOR)
            made.archived()
        yield Original(url, folder)


@pytest.fixture
def new_home(original: Original, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[], Home]]:
    """Makes copies of the original, each with its archive."""
    with ExitStack() as stack:

        def make() -> Home:
            folder = tmp_path / uuid4().hex
            shutil.copytree(original.folder, folder)
            url = f"sqlite:///{folder}/store.db"
            if original.url.startswith("postgresql"):
                url = stack.enter_context(copies(request.getfixturevalue("postgres_server"), original.url))
            home = Home(url, folder)
            stack.enter_context(home.waybill)
            return home

        yield make


@contextmanager
def copies(server: str, url: str) -> Iterator[str]:
    """A copy of a database to which nobody is connected."""
    name = f"waybill_test_{uuid4().hex}"
    execute(server, f"CREATE DATABASE {name} TEMPLATE {url.rsplit('/', 1)[1]}")
    yield url_of(server, name)
    execute(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def home(new_home: Callable[[], Home]) -> Home:
    return new_home()


def test_what_people_ask_for_is_the_same_after_closed_orders_were_pruned(home: Home) -> None:
    # given the answers to every view, and how many events there are
    before, events = home.answers(), home.events()
    # when closed orders are pruned
    done = home.prune()
    # then most of their events are gone, and no answer differs
    assert done.orders > 20
    assert home.events() == events - done.events + done.orders + operators_acts(home)
    assert home.answers() == before
    # and the projector, the reactors and a check find nothing to do or to complain of
    home.waybill.project()
    home.waybill.react(Event(), once=True)
    assert home.answers() == before
    assert home.findings() == []
    # and another run has nothing to prune
    again = home.prune()
    assert (again.orders, again.pruned_before) == (0, done.orders)


def test_a_dry_run_says_what_would_go_and_changes_nothing(home: Home) -> None:
    before, events = home.verdicts(), home.events()
    planned = home.plan()
    assert (home.events(), home.verdicts(), home.pruned()) == (events, before, [])
    assert planned.orders and planned.bytes > 100 * planned.events > 0
    assert planned.oldest is not None and planned.newest is not None and planned.oldest <= planned.newest < BEFORE
    # and the prune does just that, and every closed order is accounted for
    done = home.prune()
    assert done.document() == {**planned.document(), "done": True}
    closed = [row for row in home.waybill.views.ask(VIEW["orders"], Asked()).rows if row["status"] != "open"]
    assert done.orders + sum(done.left_out.values()) == len(closed)
    assert {LeftOut.CLOSED_LATER, LeftOut.NOT_TAKEN} <= done.left_out.keys()


def test_an_archive_is_compared_in_shares_that_fit_into_memory(home: Home) -> None:
    folder = ArchiveFolder(home.archive)
    manifest = read_manifest(folder)
    (whole,) = digests_in_bucket(folder, manifest, 3, "order-")
    shares = list(digests_in_bucket(folder, manifest, 3, "order-", at_once=10))
    # then each order is in one of them, with all of its events
    assert len(shares) > 1 and max(map(len, shares)) < len(whole)
    assert sum(map(len, shares)) == len(whole)
    assert {stream: digest for share in shares for stream, digest in share.items()} == whole


def test_rows_of_another_time_zone_are_refused_with_what_to_set(home: Home) -> None:
    folder = ArchiveFolder(home.rows)
    write_rows_manifest(folder, msgspec.structs.replace(read_rows_manifest(folder), time_zone="Asia/Tokyo"))
    with pytest.raises(CannotPruneError, match="WAYBILL_TIME_ZONE=Asia/Tokyo") as refused:
        home.plan()
    assert "make them anew" not in str(refused.value), "they would be of the archive's zone again"
    # and rows of other rules can be made anew, by the command as it stands
    write_rows_manifest(folder, msgspec.structs.replace(read_rows_manifest(folder), rules_version=1))
    with pytest.raises(CannotPruneError, match=f"waybill spark rebuild --archive '{home.archive}' --to {home.rows}$"):
        home.plan()


def test_a_late_message_about_a_pruned_order_is_held_until_its_events_are_back(
    home: Home, new_home: Callable[[], Home]
) -> None:
    # given a pruned order that was delivered
    home.prune()
    order_id = delivered_and_pruned(home)
    before = home.waybill.views.ask(VIEW["shipments"], Asked()).rows
    # when somebody returns goods of it, and reinstates it by a mistake
    late = [
        late_message(order_id, "late-1", "order.reinstated.v1", {"reason": "by mistake"}),
        returned(home, order_id, "late-2"),
    ]
    home.take(*late)
    # then both are held, with the command that brings the order back
    for message_id in ("late-1", "late-2"):
        (told,) = home.waybill.messages.find("/late", message_id)
        assert told.verdict == "held"
        assert told.reason.endswith(f"until the order's events are brought back from the archive {home.archive}")
        assert f"waybill prune --undo {order_id} --archive '{home.archive}'" in told.what_changed
    # and the rows of the order are as they were, and the check is content
    assert home.waybill.views.ask(VIEW["shipments"], Asked()).rows == before
    assert home.findings() == []
    # and when it is brought back, the messages are judged, and everything is as in a store that never pruned
    (undone,) = undo_prune(home.waybill, ANN, home.archive, [order_id])
    assert undone.changed == 2
    home.waybill.react(Event(), once=True)
    home.waybill.project()
    assert home.findings() == []
    other = new_home()
    other.take(*late)
    assert home.views(None) == other.views(None)
    assert home.verdicts() == other.verdicts()


def test_a_restore_judges_what_was_held_for_a_pruned_order(
    home: Home, new_home: Callable[[], Home], no_file: StoreUrl, tmp_path: Path
) -> None:
    # given messages that wait for a pruned order, and an archive of all that
    home.prune()
    order_id = delivered_and_pruned(home)
    reinstated = late_message(order_id, "late-1", "order.reinstated.v1", {"reason": "by mistake"})
    late = (reinstated, returned(home, order_id, "late-2"))
    home.take(*late)
    archive_store(home.waybill, home.archive)
    # when the store is restored, where the order has its events
    settings = Settings(store=no_file())
    restore_store(settings, plan_restore(settings, home.archive), clock=lambda: NOW)
    restored = Home(settings.store, tmp_path)
    with closing(restored.waybill):
        # then verdicts and views are those of a store that never pruned, and they agree with one another
        other = new_home()
        other.take(*late)
        assert restored.verdicts() == other.verdicts()
        assert restored.views(None) == other.views(None)
        assert restored.findings() == []
        # and to bring the order back changes nothing more
        assert [undone.changed for undone in undo_prune(restored.waybill, ANN, home.archive, [order_id])] == [0]


def test_after_a_restore_the_same_orders_can_be_pruned(home: Home, no_file: StoreUrl, tmp_path: Path) -> None:
    # given an archive of a pruned store
    home.prune()
    archive_store(home.waybill, home.archive)
    # when the store is restored, and pruned again
    settings = Settings(store=no_file())
    restore_store(settings, plan_restore(settings, home.archive), clock=lambda: NOW)
    restored = Home(settings.store, tmp_path)
    with closing(restored.waybill):
        restored.waybill.react(Event(), once=True)
        restored.archived().prune()
        # then these orders are pruned
        assert restored.pruned() == home.pruned()
        assert restored.findings() == []


def test_repeats_about_a_pruned_order_are_duplicates_and_create_nothing(home: Home) -> None:
    before, duplicates = home.verdicts(), read_status(home.waybill).books.duplicate
    home.prune()
    received = read_status(home.waybill).books.received
    # when everything comes once more
    home.take(*FLOOR)
    # then all of it is a duplicate
    books = read_status(home.waybill).books
    assert books.received == received + len(FLOOR)
    assert books.duplicate == duplicates + len(FLOOR)
    assert home.verdicts() == before
    # and another placing of a pruned order does not create it anew
    order_id = home.pruned()[0]
    line = next(line for line in FLOOR if b'"order.placed.v1"' in line and json.loads(line)["subject"] == order_id)
    home.take(json.dumps(json.loads(line) | {"id": "again", "source": "/other"}).encode())
    (told,) = home.waybill.messages.find("/other", "again")
    assert told.verdict == "held"
    assert home.findings() == []


def test_whatever_would_settle_a_pruned_order_says_so(home: Home) -> None:
    home.prune()
    order_id = home.pruned()[0]
    waybill = home.waybill
    # the order itself
    with pytest.raises(PrunedStreamError, match=f"order {order_id} was pruned on .* its events are in the archive"):
        waybill.orders.order(order_id, NOW)
    # questions about what was known, rebuilds and comparisons
    for ask in (
        lambda: waybill.views.ask(VIEW["orders"], Asked(known_at=FLOOR_ENDS)),
        lambda: list(waybill.orders.timelines(NOW)),
        lambda: diff_projections(waybill, [ORDER_STATES]),
        lambda: Rebuild(waybill, ANN).run([ORDER_STATES]),
    ):
        with pytest.raises(PrunedOrdersError, match="pruned from this store"):
            ask()
    # but what is about nothing but reps is answered
    reps = next(projection for projection in PROJECTIONS if projection.name == "reps")
    diff_projections(waybill, [reps])
    # and a message of it still tells its verdict
    with waybill.engine.connect() as connection:
        row = connection.execute(select(messages).where(messages.c.subject == order_id)).first()
    assert row is not None
    (told,) = waybill.messages.find(row.source, row.message_id)
    assert (told.verdict, told.position) == (row.verdict, None)


def test_only_what_an_archive_has_whole_is_pruned(home: Home) -> None:
    # given an order of which something came after the archive was written
    rows = home.waybill.views.ask(VIEW["orders"], Asked()).rows
    order_id = next(row["order_id"] for row in rows if row["status"] == "delivered" and row["completed_at"] < BEFORE)
    home.take(late_message(order_id, "informed", "customer.informed.v1", {"about": "other"}))
    planned = home.plan(NOW - timedelta(days=30))
    assert planned.left_out[LeftOut.NOT_ARCHIVED] >= 1
    home.prune(NOW - timedelta(days=30))
    assert order_id not in home.pruned()
    # and nothing is pruned by rows of another archive, or too early
    write_rows(home.waybill, home.rows, "another")
    with pytest.raises(CannotPruneError, match="another archive"):
        home.plan()
    with pytest.raises(CannotPruneError, match="30 days ago"):
        home.plan(NOW)


def test_an_archive_that_lost_an_order_does_not_bring_half_of_it_back(home: Home) -> None:
    home.prune()
    order_id = home.pruned()[0]
    # given an archive of which a file was replaced by one without the order's events
    manifest = read_manifest(ArchiveFolder(home.archive))
    for file in manifest.files("events"):
        path = Path(home.archive, file.path)
        table = pyarrow.parquet.read_table(path)
        left = table.filter(pyarrow.compute.not_equal(table["stream"], f"order-{order_id}"))
        pyarrow.parquet.write_table(left, path)
    # when
    with pytest.raises(CannotUndoError, match="has not the events"):
        undo_prune(home.waybill, ANN, home.archive, [order_id])
    # then nothing has changed
    assert order_id in home.pruned()
    assert home.findings() == []


def test_an_order_can_be_pruned_again_after_it_was_brought_back(home: Home) -> None:
    before = home.views(None)
    home.prune()
    pruned = home.pruned()
    undo_prune(home.waybill, ANN, home.archive, pruned)
    home.waybill.react(Event(), once=True)
    home.waybill.project()
    assert home.pruned() == [] and home.findings() == []
    assert home.views(None) == before
    # what was stored since is recorded later than the instant
    home.archived()
    home.now += timedelta(days=90)
    done = home.prune(home.now - timedelta(days=31))
    assert done.orders >= len(pruned)
    assert home.findings() == []
    home.archived()
    undo_prune(home.waybill, ANN, home.archive, pruned[:3])
    home.waybill.project()
    assert home.findings() == []


def test_the_archive_goes_on_and_is_that_of_the_store(home: Home, tmp_path: Path) -> None:
    done = home.prune()
    home.take(late_message("SO-NEW", "new", "order.cancelled.v1", {"reason": "a test"}))
    # when the archive goes on, then it still is that of this store, byte for byte, with what was pruned
    archive_store(home.waybill, home.archive)
    verified = verify_archive(home.archive, store=home.waybill)
    assert verified.findings == []
    assert verified.compared_events == home.events() + done.events
    # but a new archive would lack what was pruned
    with pytest.raises(OtherHistoryError, match="were pruned"):
        archive_store(home.waybill, str(tmp_path / "new"))


def test_rows_of_pruned_orders_come_from_the_folder(home: Home) -> None:
    # given rows that Spark made before the prune, and a message since
    before = home.views(None)
    home.prune()
    home.take(late_message("SO-NEW", "new", "order.cancelled.v1", {"reason": "a test"}))
    # when the views are rebuilt from them
    orders = [projection for projection in PROJECTIONS if projection.kind is ORDER]
    Rebuild(home.waybill, ANN, rows=open_rows(ArchiveFolder(home.rows))).run(orders)
    # then all rows are there, and the check is content
    assert home.views(None) == before
    assert home.findings() == []


def test_rows_that_count_what_is_held_for_a_pruned_order_are_not_loaded(home: Home) -> None:
    # given a pruned order, a return of its goods that is held, and rows of an archive that has the return
    home.prune()
    order_id = delivered_and_pruned(home)
    home.take(returned(home, order_id, "late"))
    before = home.answers()
    home.archived()
    orders = [projection for projection in PROJECTIONS if projection.kind is ORDER]
    # when these rows are to be loaded, then it is refused: they count what the books of the store say is held
    with pytest.raises(UnfitRowsError) as refused:
        Rebuild(home.waybill, ANN, rows=open_rows(ArchiveFolder(home.rows))).run(orders)
    assert home.answers() == before
    # and it names the order and what to type, and no others, because there are none
    assert (
        f"their orders were pruned: {order_id}. Bring these orders back first: waybill prune --undo {order_id} "
        f"--archive '{home.archive}'. Nothing has changed"
    ) in str(refused.value)
    # and when the order is brought back, they can be loaded, and the return counts
    undo_prune(home.waybill, ANN, home.archive, [order_id])
    home.waybill.react(Event(), once=True)
    home.waybill.project()
    whole = home.views(None)
    Rebuild(home.waybill, ANN, rows=open_rows(ArchiveFolder(home.rows))).run(orders)
    home.waybill.project()
    assert home.views(None) == whole
    assert home.findings() == []


def test_the_relay_neither_begins_with_a_pruned_history_nor_goes_back_into_it(home: Home) -> None:
    waybill = home.waybill
    outboxes = waybill.outboxes()
    # given a relay that has sent nothing yet: then nothing is pruned that it has still to send
    checkpoints = Checkpoints(waybill.backend)
    checkpoints.begin(outboxes, NOW, at_the_newest=False)
    planned = home.plan()
    assert planned.orders == 0 and planned.left_out[LeftOut.NOT_READ]
    # and when it has sent everything, it cannot be set back to before what was pruned
    head = waybill.history.head()
    for outbox in outboxes[:2]:
        with waybill.engine.connect() as connection:
            checkpoints.move(outbox.name, 0, outbox.newest(connection, NOW))
    home.prune()
    with pytest.raises(CannotResetError, match="pruned"):
        plan_reset(waybill, "relay.events", 1)
    assert plan_reset(waybill, "relay.events", head - 1).to == head - 1
    assert "WAYBILL_RELAY_FROM=now" in reason_to_wait_for_pruned(waybill.history.count_pruned())


def test_the_doctor_and_the_status_count_what_is_pruned_and_what_waits_for_it(home: Home) -> None:
    done = home.prune()
    home.take(late_message(home.pruned()[0], "late", "customer.informed.v1", {"about": "other"}))
    assert read_status(home.waybill).pruned == (done.orders, done.events, [home.archive])
    seen = look(home.waybill)
    assert seen.waiting_for_pruned == (1, NOW)
    (finding,) = check_waiting_for_pruned(seen)
    assert finding.to_type == "waybill held list"


def test_a_vacuum_of_the_file_moves_no_position(home: Home) -> None:
    if home.waybill.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL numbers events in a column of their own")
    home.prune()
    before = home.positions()
    home.waybill.close()
    with closing(sqlite3.connect(home.waybill.settings.sqlite_path or "")) as connection:
        connection.execute("VACUUM")
    with Waybill(home.waybill.settings, lambda: NOW) as home.waybill:
        assert home.positions() == before
        undo_prune(home.waybill, ANN, home.archive, home.pruned()[:1])
        assert home.findings() == []


VIEW = {view.command: view for view in VIEWS}


def operators_acts(home: Home) -> int:
    with home.waybill.engine.connect() as connection:
        found = text(f"SELECT count(*) FROM {home.waybill.backend.events_table} WHERE topic = 'operator.orders_pruned'")
        return int(connection.execute(found).scalar_one())


def delivered_and_pruned(home: Home) -> str:
    pruned = set(home.pruned())
    rows = home.waybill.views.ask(VIEW["orders"], Asked()).rows
    return str(next(row["order_id"] for row in rows if row["order_id"] in pruned and row["status"] == "delivered"))


def late_message(order_id: str, message_id: str, message_type: str, data: Mapping[str, Any]) -> bytes:
    """A message that comes long after the order was closed, about what happened then."""
    said = {
        "specversion": "1.0",
        "id": message_id,
        "source": "/late",
        "type": message_type,
        "time": (NOW - timedelta(days=2)).isoformat(),
        "recordedtime": (NOW - timedelta(days=1)).isoformat(),
        "subject": order_id,
        "data": data,
    }
    return json.dumps(said).encode()


def returned(home: Home, order_id: str, message_id: str) -> bytes:
    """A return of the order's first shipment."""
    shipments = home.waybill.views.ask(VIEW["shipments"], Asked()).rows
    shipment_id = next(row["shipment_id"] for row in shipments if row["order_id"] == order_id and row["delivered_at"])
    data = {"shipment_id": shipment_id, "reason": "broken"}
    return late_message(order_id, message_id, "delivery.returned.v1", data)
