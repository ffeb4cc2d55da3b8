"""given a store to which all kinds of things happen, when it is archived now and then, then the archive has all of it.

Every run reads only what is new, so each step of this history is one that changes rows which were archived before.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from itertools import count, product
from pathlib import Path
from threading import Event
from uuid import uuid4

import pytest
from sqlalchemy import insert

from consumers.sources.json_lines import JsonLines
from consumers.sources.source import READ_AGAIN, Batch, FeedPosition, RawMessage
from infra.app.archive import OtherBucketsError, OtherZoneError, archive_store
from infra.app.archive_verify import verify_archive
from infra.app.container import Waybill
from infra.app.dead_letters.discard import discard, restore
from infra.app.dead_letters.redrive import redrive
from infra.archive import changed_rows, event_rows, store_writing, table_rows, verifying, writing
from infra.archive.folder import ArchiveFolder, ArchiveRunsError, WrongFolderError
from infra.archive.manifest import MANIFEST, NoArchiveError
from infra.archive.sealed_json import sealed
from infra.archive.store_standing import OtherHistoryError
from infra.export.arrow_schema import MissingPackageError
from infra.settings import Settings
from infra.store.exchange_rates import exchange_rates
from infra.store.opening import Access
from infra.store.register.tables import messages
from tests.integration.messages import booked, cancelled, line, message, placed, voided
from tests.stores.archived import archived, manifest_of, stored
from tests.stores.conftest import StoreUrl
from tests.stores.histories import STANDING_ORDERS, floor, take_in
from tests.stores.test_dead_letters import EARLY, PROMISE, Floor, broken

A_MONTH_LATER = timedelta(days=31)
BUCKETS = 3


@pytest.fixture
def service(new_store: StoreUrl) -> Iterator[Floor]:
    service = Floor(new_store())
    yield service
    service.waybill.close()


@pytest.fixture
def to(tmp_path: Path) -> str:
    return str(tmp_path / "archive")


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages so small that what belongs together is on several."""
    monkeypatch.setattr(event_rows, "EVENTS_AT_ONCE", 7)
    monkeypatch.setattr(store_writing, "ROWS_A_TURN", 3)
    monkeypatch.setattr(changed_rows, "_STREAMS_AT_ONCE", 2)
    monkeypatch.setattr(table_rows, "KEYS_AT_ONCE", 3)
    monkeypatch.setattr(writing, "MOST_UNPACKED_ROWS", 10)
    monkeypatch.setattr(writing, "MOST_WAITING_BYTES", 10_000)
    monkeypatch.setattr(writing, "MOST_OPEN", 3)
    monkeypatch.setattr(verifying, "KEYS_AT_ONCE", 50)


def check(service: Floor, to: str) -> None:
    """Archive it, and hold the archive to the store."""
    report = archive_store(service.waybill, to, BUCKETS)
    assert report.run == manifest_of(to).number > 0
    in_archive, in_store = archived(to), stored(service.waybill)
    for name, rows in in_store.items():
        assert in_archive[name] == rows, name
    verified = verify_archive(to, store=service.waybill)
    assert verified.findings == []
    assert verified.events == verified.compared_events == len(in_store["events"])


def parcel(number: int, tracking: str, time: str) -> dict[str, object]:
    scanned = {"id": f"scan-{number}", "source": "northline"}
    return message("parcel.dispatched", tracking, time, {"carrier": "Northline"}, **scanned)


@pytest.mark.usefixtures("few_at_once")
def test_after_each_run_the_archive_has_the_rows_of_the_store(service: Floor, to: str) -> None:
    waybill = service.waybill
    lines = floor(12, 0.2)

    take_in(waybill, lines[:40])
    check(service, to)

    # More messages change verdicts of the first ones; some come again, some are broken.
    wrong = [*(json.dumps(broken(number)).encode() for number in range(4)), b"{"]
    take_in(waybill, [*lines[20:], *lines[:5], *wrong], "more")
    check(service, to)

    # A message that was too large fits a larger limit, so that its letter is gone.
    large = json.dumps(placed("SO-L", EARLY, PROMISE, *map(line, range(1, 20)))).encode()
    with Waybill(
        Settings(store=waybill.settings.store, max_message_bytes=len(large) - 1), lambda: service.now
    ) as strict:
        take_in(strict, [large], "too large")
    check(service, to)
    malformed = len(stored(waybill)["malformed_messages"])
    service.hears(large, of="fits")
    assert len(stored(waybill)["malformed_messages"]) == malformed - 1
    check(service, to)

    # A void waits for what it names, then leaves its waiting room. A refused message is voided.
    service.hears(voided(placed("SO-V", EARLY, PROMISE), EARLY), of="voids")
    service.hears(placed("SO-W", EARLY, PROMISE), cancelled("SO-W", "2025-03-04T09:00:00Z"), of="w")
    service.hears(cancelled("SO-X", "2025-03-04T09:00:00Z", id="waits"), of="x")
    check(service, to)
    service.hears(placed("SO-V", EARLY, PROMISE), of="placed later")
    service.hears(placed("SO-X", EARLY, PROMISE), of="y")
    check(service, to)

    # Messages come again, with other content and with the same; no stream has a new event.
    before = waybill.history.head()
    service.hears(placed("SO-W", EARLY, PROMISE), broken(1), broken(1), of="again")
    service.hears(placed("SO-W", EARLY, PROMISE, rep_id="rep-9"), of="differs")
    assert waybill.history.head() == before
    check(service, to)

    # Reactors state what carriers say, and withdraw it; another month has begun.
    service.now += A_MONTH_LATER
    booking = booked("SO-P", "2025-03-03T10:00:00Z", PROMISE, tracking_number="NL-1")
    service.hears(placed("SO-P", EARLY, PROMISE), booking, parcel(1, "NL-1", "2025-03-04T09:00:00Z"), of="parcels")
    service.hears(*STANDING_ORDERS, of="standing orders")
    waybill.react(Event(), once=True)
    check(service, to)
    assert stored(waybill)["derived_messages"]
    derived = len(stored(waybill)["messages"])
    service.hears(voided(booking, "2025-03-05T09:00:00Z"), of="void")
    waybill.react(Event(), once=True)
    assert len(stored(waybill)["messages"]) == derived, "one is new, one is withdrawn"
    check(service, to)

    # Operators discard, restore and redrive.
    letters = service.letters()
    discard(waybill, letters[:4], "ann", "known")
    check(service, to)
    restore(waybill, letters[1:3], "ann")
    check(service, to)
    redrive(waybill, waybill.dead_letters.dead(service.now), "ann", "again")
    check(service, to)

    # A message is ahead of the clock, and is taken when the clock has come.
    ahead = placed("SO-AHEAD", "2025-04-12T16:00:00Z", "2025-05-10T16:00:00Z")
    service.hears(ahead, of="ahead")
    check(service, to)
    assert stored(waybill)["clock_holds"]
    service.now += A_MONTH_LATER
    waybill.ingest().wake()
    check(service, to)

    # What is in no order of the store: an analyst's rate.
    with waybill.engine.begin() as connection:
        rate = {"currency": "EUR", "to_currency": "USD", "valid_from": "2025-01-01", "rate": Decimal("1.080000000001")}
        connection.execute(insert(exchange_rates).values(**rate, source="bank"))
    check(service, to)

    # The past of a topic is read again: repeats without a notice.
    read_again(waybill, [json.dumps(placed("SO-W", EARLY, PROMISE)).encode()])
    check(service, to)

    assert archive_store(waybill, to).files == 0, "nothing is new"
    assert len({file.month for file in manifest_of(to).files("events")}) == 3


def read_again(waybill: Waybill, lines: list[bytes]) -> None:
    feed = waybill.register.open_feed(READ_AGAIN + "orders", 0, waybill.clock())
    raw = [RawMessage(number, line) for number, line in enumerate(lines)]
    batch = Batch(raw, FeedPosition(), FeedPosition(len(lines)))
    waybill.ingest(rereading=True).take(JsonLines.of_one_batch("again", lines), feed, batch)


def test_a_run_writes_what_is_new_and_leaves_the_other_files_alone(service: Floor, to: str) -> None:
    take_in(service.waybill, floor(12))
    archive_store(service.waybill, to)
    first = set(manifest_of(to).files("events"))
    service.hears(placed("SO-1", EARLY, PROMISE), of="more")

    report = archive_store(service.waybill, to)

    assert (report.run, report.events) == (2, 1)
    files = manifest_of(to).files("events")
    assert first < set(files)
    assert [file.rows for file in files if file.run == 2] == [1]
    assert sum(file.rows for file in manifest_of(to).files("messages") if file.run == 2) == 1


def test_archiving_opens_the_store_for_reading_and_leaves_its_file_as_it_was(sqlite_store: StoreUrl, to: str) -> None:
    url = sqlite_store()
    with Waybill(Settings(store=url)) as waybill:
        take_in(waybill, floor(5))
    path = Path(url.removeprefix("sqlite:///"))
    before, beside = path.read_bytes(), sorted(path.parent.iterdir())

    with Waybill(Settings(store=url), access=Access.READING) as waybill:
        archive_store(waybill, to)

    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == sorted([*beside, Path(to)])


@pytest.mark.usefixtures("few_at_once")
@pytest.mark.parametrize("first", [True, False], ids=["first run", "later run"])
def test_a_run_beside_writers_that_come_and_go_is_of_one_moment(new_store: StoreUrl, to: str, first: bool) -> None:
    settings = Settings(store=new_store())
    with Waybill(settings) as waybill:
        take_in(waybill, floor(5))
        if not first:
            archive_store(waybill, to, BUCKETS)
            take_in(waybill, floor(12))
    come = count()

    def come_and_go(dataset: str, _: int, __: int) -> None:
        """A writer opens the store, writes and closes it: of an SQLite file, it then writes to the file itself."""
        if dataset not in ("feeds", "pauses"):
            return
        with Waybill(settings) as writer:
            order = placed(f"SO-9{next(come)}", "2026-04-01T08:00:00Z", "2026-04-03T16:00:00Z")
            writer.ingest().read(JsonLines.of_bytes("feed", json.dumps(order).encode()))

    # when it is archived while writers come and go, whenever something was written
    with Waybill(settings, access=Access.READING) as waybill:
        report = archive_store(waybill, to, tell=come_and_go)
    # then the archive has all and nothing but what the store had at its position
    with Waybill(settings) as waybill:
        assert report.position < waybill.history.head()
        assert verify_archive(to, store=waybill).findings == []
        # and no file of a reading that was given up is left
        assert {path for path in ArchiveFolder(to).files() if f"/{report.run:06}-" in path} <= manifest_of(to).paths
        # and the next run has the rest
        archive_store(waybill, to)
        assert archived(to) == stored(waybill)


@pytest.fixture
def archive(sqlite_store: StoreUrl, to: str) -> Iterator[Floor]:
    """A store of which `to` is the archive."""
    service = Floor(sqlite_store())
    take_in(service.waybill, floor(12, 0.2))
    service.hears(broken(1), of="broken")
    archive_store(service.waybill, to)
    yield service
    service.waybill.close()


@pytest.mark.usefixtures("archive")
def test_an_archive_of_another_store_is_refused_and_says_whose_it_is(sqlite_store: StoreUrl, to: str) -> None:
    other = Floor(sqlite_store())
    other.now += timedelta(seconds=1)
    take_in(other.waybill, floor(12, 0.2))
    before = Path(to, MANIFEST).read_bytes()

    with pytest.raises(OtherHistoryError, match=r"is of another store .*first feed was opened"):
        archive_store(other.waybill, to)

    assert Path(to, MANIFEST).read_bytes() == before
    other.waybill.close()


def test_a_store_that_was_set_back_is_refused_until_and_after_it_has_gone_another_way(archive: Floor, to: str) -> None:
    path = Path(archive.waybill.settings.sqlite_path or "")
    copy = path.with_name("copy.db")
    archive.waybill.close()
    shutil.copy(path, copy)
    archive.waybill = Waybill(archive.waybill.settings, lambda: archive.now)
    archive.hears(placed("SO-A", EARLY, PROMISE), of="more")
    archive_store(archive.waybill, to)
    set_back = Floor(f"sqlite:///{copy}")

    with pytest.raises(OtherHistoryError, match=r"and notice \d+, and the store only to position \d+ and notice \d+:"):
        archive_store(set_back.waybill, to)
    set_back.hears(placed("SO-B", EARLY, PROMISE), placed("SO-C", EARLY, PROMISE), of="other")
    with pytest.raises(OtherHistoryError, match=r"has event 1 of order-SO-A .* has event 1 of order-SO-B there"):
        archive_store(set_back.waybill, to)
    (finding,) = verify_archive(to, store=set_back.waybill).findings
    assert "order-SO-B" in finding.finding
    set_back.waybill.close()


@pytest.mark.usefixtures("archive")
def test_damage_of_any_file_is_found_and_named(to: str) -> None:
    other = Path(to, manifest_of(to).files("notices")[0].path).read_bytes()
    damages: Mapping[str, Callable[[bytes], bytes | None]] = {
        "gone": lambda content: None,
        "shorter": lambda content: content[:-1],
        "changed": lambda content: content[:50] + bytes([content[50] ^ 1]) + content[51:],
        "another file": lambda content: other,
    }
    for dataset, (damage, damaged) in product(("events", "messages", "feeds"), damages.items()):
        file = manifest_of(to).files(dataset)[0]
        path = Path(to, file.path)
        content = path.read_bytes()
        now = damaged(content)
        path.unlink() if now is None else path.write_bytes(now)

        (finding,) = verify_archive(to).findings

        assert (finding.file, "copy of the archive" in finding.remedy) == (file.path, True), damage
        path.write_bytes(content)


def test_a_manifest_that_does_not_fit_its_files_is_found(archive: Floor, to: str) -> None:
    path = Path(to, MANIFEST)
    told = path.read_text()
    files, malformed = manifest_of(to).files("events"), manifest_of(to).books.malformed
    wrong = {
        "rows instead": told.replace(f'"rows": {files[0].rows},', f'"rows": {files[0].rows + 1},', 1),
        "ends at position": told.replace(f'"position": {archive.waybill.history.head()},', '"position": 7,', 1),
        "another month": told.replace('"month": "2025-03"', '"month": "2025-04"', 1),
        "another bucket": told.replace(f'"bucket": {files[0].bucket},', f'"bucket": {(files[0].bucket or 0) ^ 1},', 1),
        "malformed, the feeds": told.replace(f'"malformed": {malformed}\n', f'"malformed": {malformed + 1}\n', 1),
    }
    for said, written in wrong.items():
        assert written != told, said
        path.write_bytes(sealed(json.loads(written)))
        findings = verify_archive(to).findings
        assert any(said in finding.finding for finding in findings), (said, findings)


def test_inbox_rows_that_do_not_make_the_books_are_found(archive: Floor, to: str) -> None:
    with archive.waybill.engine.begin() as connection:
        connection.execute(messages.update().where(messages.c.verdict == "applied").values(repeats=1))
    shutil.rmtree(to)
    archive_store(archive.waybill, to)

    assert "duplicate, the feeds" in verify_archive(to).findings[0].finding


def test_what_killed_runs_left_is_removed_and_what_others_wrote_is_not(archive: Floor, to: str) -> None:
    left = Path(to, "events/recorded=2025-03/bucket=03/000002-0a1b2c3d-1.parquet")
    notes, part = Path(to, "events/notes.parquet"), Path(to, f".{MANIFEST}.1.part")
    for path in (left, notes, part):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"PAR1")

    assert archive_store(archive.waybill, to).files == 0

    assert not left.exists()
    assert not part.exists()
    assert notes.exists()
    assert verify_archive(to).findings == []


def test_a_folder_with_files_of_others_is_no_archive(archive: Floor, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")

    with pytest.raises(WrongFolderError, match=r"has notes.txt, which no archive wrote: name an empty folder"):
        archive_store(archive.waybill, str(mine))
    with pytest.raises(NoArchiveError, match=r"has no archive \(no manifest.json\): check the path"):
        verify_archive(str(mine))
    (mine / MANIFEST).write_text('{"format": "waybill export 1"}')
    with pytest.raises(NoArchiveError, match="is of the format 'waybill export 1'"):
        archive_store(archive.waybill, str(mine))


def test_the_number_of_buckets_is_fixed_by_the_first_run(archive: Floor, to: str) -> None:
    with pytest.raises(OtherBucketsError, match="has 16 buckets"):
        archive_store(archive.waybill, to, 4)
    archive_store(archive.waybill, f"{to}-4", 4)
    assert {file.bucket for file in manifest_of(f"{to}-4").files("events")} <= {0, 1, 2, 3}
    assert archived(f"{to}-4") == archived(to)


def test_the_time_zone_is_fixed_by_the_first_run(archive: Floor, to: str) -> None:
    before = Path(to, MANIFEST).read_bytes()
    in_tokyo = archive.waybill.settings.model_copy(update={"time_zone": "Asia/Tokyo"})
    with (
        Waybill(in_tokyo, access=Access.READING) as waybill,
        pytest.raises(OtherZoneError, match="set WAYBILL_TIME_ZONE=UTC"),
    ):
        archive_store(waybill, to)
    assert Path(to, MANIFEST).read_bytes() == before


def test_another_clock_skew_is_new(archive: Floor, to: str) -> None:
    # Questions of an archive go by it.
    half = archive.waybill.settings.model_copy(update={"clock_skew": timedelta(minutes=30)})
    with Waybill(half, access=Access.READING) as waybill:
        assert archive_store(waybill, to).run == 2
        assert manifest_of(to).clock_skew_seconds == 1800
        assert archive_store(waybill, to).run == 2


def test_of_two_runs_in_a_folder_the_second_is_refused(archive: Floor, to: str) -> None:
    with ArchiveFolder(to).writing_alone(), pytest.raises(ArchiveRunsError, match="another process is writing"):
        archive_store(archive.waybill, to)


@pytest.fixture
def in_memory() -> str:
    """Another fsspec file system, which has no locks and no folders, like an object store."""
    return f"memory://{uuid4().hex}/archive"


def test_an_object_store_has_the_same_archive(archive: Floor, to: str, in_memory: str) -> None:
    archive_store(archive.waybill, in_memory)
    archive.hears(placed("SO-1", EARLY, PROMISE), of="more")
    archive_store(archive.waybill, in_memory)
    archive_store(archive.waybill, f"file://{to}")

    assert archived(in_memory) == archived(to) == stored(archive.waybill)
    assert verify_archive(in_memory, store=archive.waybill).findings == []


def test_of_two_runs_in_an_object_store_the_one_that_ends_second_is_refused(archive: Floor, in_memory: str) -> None:
    archive_store(archive.waybill, in_memory)
    archive.hears(placed("SO-1", EARLY, PROMISE), of="more")
    others: list[str] = []

    def another_run(dataset: str, done: int, total: int) -> None:
        if not others:
            others.append(dataset)
            archive_store(archive.waybill, in_memory)

    with pytest.raises(ArchiveRunsError, match=r"another run has written the archive .* meanwhile"):
        archive_store(archive.waybill, in_memory, tell=another_run)

    assert manifest_of(in_memory).number == 2
    assert verify_archive(in_memory, store=archive.waybill).findings == []


def test_a_run_whose_files_were_removed_meanwhile_leaves_the_archive_as_it_was(archive: Floor, in_memory: str) -> None:
    archive_store(archive.waybill, in_memory)
    archive.hears(placed("SO-1", EARLY, PROMISE), of="more")
    place = ArchiveFolder(in_memory)
    before = set(place.files())
    closed = writing.DatasetWriter.close

    def close_and_lose(writer: writing.DatasetWriter) -> object:
        written = closed(writer)
        for path in set(place.files()) - before:
            place.remove(path)
        return written

    with pytest.MonkeyPatch.context() as patch, pytest.raises(ArchiveRunsError, match="was removed or changed"):
        patch.setattr(writing.DatasetWriter, "close", close_and_lose)
        archive_store(archive.waybill, in_memory)

    assert verify_archive(in_memory).findings == []


def test_a_url_that_cannot_be_used_says_what_is_missing() -> None:
    with pytest.raises(WrongFolderError, match="Protocol not known: nowhere"):
        ArchiveFolder("nowhere://x")
    with pytest.raises(MissingPackageError, match="s3fs"):
        ArchiveFolder("s3://bucket/waybill")
