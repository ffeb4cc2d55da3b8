"""Filling: the rows of an archive come into a marked store, and the mark is taken away when all of them are there."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice

import structlog
from sqlalchemy import Connection, text

from domain.verdict import Verdict
from infra.app.container import open_backend, reactors_of
from infra.app.restore.errors import CannotRestoreError
from infra.app.restore.into import Into
from infra.app.restore.plan import EVENTS, RestorePlan, begun_in
from infra.app.restore.rows import events_in_order, rows_of_file
from infra.archive.dataset import DELETED, Kind
from infra.archive.manifest import ArchivedDataset, ArchiveFile
from infra.queries.books import kept
from infra.runtime.reactions import ROLE as REACTOR
from infra.runtime.relay import ROLE as RELAY
from infra.settings import Settings
from infra.store.backend import Backend
from infra.store.engine import ASYNCHRONOUS_COMMIT, LOCKED
from infra.store.leadership import Leadership
from infra.store.newest_version import NEWEST
from infra.store.opening import opening_alone
from infra.store.projected.rows import ProjectedRows
from infra.store.reactions.restored_references import RestoredReferences
from infra.store.register.tables import reactor_positions
from infra.store.restored_rows import RestoredEvents, RestoredTable, empty, number_on
from infra.store.restoring import (
    begin_restoration,
    move_file,
    move_position,
    open_restored,
    restoration_of,
    rows_restored,
)
from infra.store.schema_version import stored_version, upgrade
from infra.telemetry.progress import OnProgress, ProgressLog
from projections.catalogue import BITEMPORAL

ROLE = "restore"
ROLES = {ROLE: "waybill restore", REACTOR: "waybill react", RELAY: "waybill relay"}
"""The roles that a restore holds, so that none of those that act runs on the store, and who else may have them."""


@contextmanager
def filling(settings: Settings, plan: RestorePlan, tell: OnProgress, *, anew: bool) -> Iterator["Filling | None"]:
    """The filling of the store, which is marked; None if the store was restored from this archive and is open.

    Raises CannotRestoreError.
    """
    claims: list[Leadership] = []
    with opening_alone(settings.sqlite_path, settings.store):
        backend = open_backend(settings)
        try:
            begun = begun_in(backend, plan.manifest, settings, anew=anew)
            found = None
            if begun is None or not begun.is_open:
                claims += [backend.leadership(role) for role in ROLES]
                found = Filling(settings, plan, backend, claims, tell)
                found.lead()
                if begun is None or not begun.position:
                    found.begin()  # once more, if it was interrupted before it brought an event
        except BaseException:
            _close(claims, backend)
            raise
    # Processes that open the store meanwhile get an error instead of waiting.
    try:
        yield found
    finally:
        _close(claims, backend)


def _close(claims: Sequence[Leadership], backend: Backend) -> None:
    for claim in claims:
        claim.close()
    backend.close()


class Filling:
    """Fills one store from one archive."""

    def __init__(
        self, settings: Settings, plan: RestorePlan, backend: Backend, claims: Sequence[Leadership], tell: OnProgress
    ):
        self._settings = settings
        self._folder = plan.folder
        self._manifest = plan.manifest
        self._backend = backend
        self._claims = claims
        self._tell = tell
        self._log = ProgressLog("store_restoring")
        self._at_once = settings.batch_events
        self._done: dict[str, int] = defaultdict(int)

    def lead(self) -> None:
        """Take or keep the roles. Raises CannotRestoreError if another process has one of them."""
        for claim, who in zip(self._claims, ROLES.values(), strict=True):
            if not claim.claim():
                raise CannotRestoreError(f"{who} runs on this store: stop its processes, and run this again")

    def begin(self) -> None:
        """Create the tables of an empty store, and mark it; what an earlier restore brought is deleted.

        New tables are marked in the transaction that creates them: at no instant they are those of a new store.
        """
        manifest, engine = self._manifest, self._backend.engine
        mark = partial(
            begin_restoration,
            archive_id=manifest.archive_id,
            number=manifest.number,
            store_version=manifest.store_version,
        )
        with engine.connect() as connection:
            has_tables = stored_version(connection) is not None
        if not has_tables:
            upgrade(engine, manifest.store_version, mark)
        if self._settings.bitemporal and manifest.store_version == NEWEST:
            ProjectedRows(engine).create(BITEMPORAL)  # later, a store with events gets them by a rebuild alone
        with self._transaction() as connection:
            self._backend.lock(connection)
            empty(connection, self._backend)
            mark(connection)

    def run(self) -> None:
        """Restore what is left, and open the store. Raises CannotRestoreError, DamagedFileError and OSError."""
        self._events()
        self._tables()
        self._open()

    def _events(self) -> None:
        with self._backend.engine.connect() as connection:
            begun = restoration_of(connection)
            assert begun is not None
            stored = self._count_events(connection)[0] if begun.position else 0
        events, at = RestoredEvents(self._backend), begun.position
        references = RestoredReferences(self._backend, reactors_of(self._settings), self._checkpoints())
        total = self._manifest.events
        self._advance(EVENTS, stored, total)
        in_order = events_in_order(self._folder, self._manifest.files(EVENTS), at)
        while batch := list(islice(in_order, self._at_once)):
            with self._transaction(ASYNCHRONOUS_COMMIT) as connection:
                move_position(connection, at, batch[-1][0])
                events.insert(connection, batch)
                references.add(connection, batch)
            at = batch[-1][0]
            self._advance(EVENTS, len(batch), total)

    def _checkpoints(self) -> Mapping[str, int]:
        """The reactors' checkpoints, which come with the other rows."""
        found: dict[str, int] = {}
        for file in self._manifest.files(reactor_positions.name):
            for rows in rows_of_file(self._folder, file, ("name", "position"), self._at_once):
                found |= dict(rows)
        return found

    def _tables(self) -> None:
        with self._backend.engine.connect() as connection:
            done = rows_restored(connection)
        datasets = {name: one for name, one in self._manifest.datasets.items() if name != EVENTS}
        files = [(file, name) for name, one in datasets.items() for file in one.files]
        for file, name in sorted(files, key=lambda one: (one[0].run, one[0].path)):
            self._file(name, datasets[name], file, done.get(file.path, 0))

    def _file(self, name: str, dataset: ArchivedDataset, file: ArchiveFile, done: int) -> None:
        """The rows of a file after the first `done` ones."""
        self._advance(name, done, dataset.rows)
        if done == file.rows:
            return
        columns = [column.name for column in dataset.columns]
        into = Into(
            RestoredTable(self._backend, name, [column for column in columns if column != DELETED]),
            columns.index(DELETED) if DELETED in columns else None,
            replaces=dataset.kind == Kind.CHANGED,
        )
        at = 0
        for rows in rows_of_file(self._folder, file, columns, self._at_once):
            start, at = at, at + len(rows)
            left = rows[max(0, done - start) :]
            if left:
                with self._transaction(ASYNCHRONOUS_COMMIT) as connection:
                    move_file(connection, file.path, at - len(left), at)
                    into.write(connection, left)
                self._advance(name, len(left), dataset.rows)

    def _open(self) -> None:
        manifest = self._manifest
        # This commit waits for the disk, and with it for all before it.
        with self._transaction() as connection:
            self._expect_as_archived(connection)
            number_on(connection, self._backend)
            open_restored(connection, manifest.store_version, manifest.rules_version)
        if self._backend.engine.dialect.name == "postgresql":
            # Without statistics, the first questions would read whole tables.
            with self._backend.engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
        received = manifest.books.received
        structlog.get_logger(__name__).info("store_restored", position=manifest.position, messages=received)

    def _expect_as_archived(self, connection: Connection) -> None:
        """Raise CannotRestoreError unless events and books are those of the manifest."""
        manifest, books = self._manifest, kept(connection)
        found = self._count_events(connection)
        expected = (manifest.events, manifest.position)
        expected_books = {verdict.value: getattr(manifest.books, verdict.value) for verdict in Verdict}
        if found != expected or books != expected_books:
            raise CannotRestoreError(
                f"the archive {self._folder.url} does not have what its manifest says: it has {found[0]:,} events up "
                f"to position {found[1]:,} and the books {books}, and the manifest says {expected[0]:,} up to "
                f"{expected[1]:,} and {expected_books}. The store stays closed; waybill archive verify may say more"
            )

    def _count_events(self, connection: Connection) -> tuple[int, int]:
        """How many events the store has, and the position of the newest one."""
        table, newest = self._backend.events_table, f"coalesce(max({self._backend.position}), 0)"
        row = connection.execute(text(f"SELECT count(*), {newest} FROM {table}")).one()
        return int(row[0]), int(row[1])

    def _advance(self, part: str, more: int, total: int) -> None:
        self._done[part] += more
        done = self._done[part]
        self._tell(part, done, total)
        self._log.tell(part, done, total)
        self.lead()

    @contextmanager
    def _transaction(self, *options: str) -> Iterator[Connection]:
        with self._backend.engine.execution_options(**dict.fromkeys((LOCKED, *options), True)).begin() as connection:
            yield connection
