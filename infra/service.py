"""The composition root: the one place where the parts are put together and clocks and databases passed in."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from consumers.contract import ReadingRules
from consumers.ingest.pipeline import Ingest
from infra.projector import ROLE as PROJECTOR
from infra.projector import Projector
from infra.questions.books import status
from infra.questions.dead_letters import DeadLetters
from infra.questions.messages import Messages
from infra.questions.verification import Verification
from infra.questions.views import Views
from infra.settings import Settings
from infra.store.backend import Backend
from infra.store.history import History
from infra.store.opening import opening_alone
from infra.store.outages import TryingAgain
from infra.store.register import StoredRegister
from infra.store.rows import ProjectedRows
from infra.store.schema_version import expect_newest, refuse_newer, upgrade, version_of
from infra.store.sqlite.backend import SqliteBackend
from projections.catalogue import PROJECTIONS
from projections.runner import Runner, Step


def system_clock() -> datetime:
    return datetime.now(UTC)


def open_backend(settings: Settings) -> Backend:
    """Connect to the store that the settings name."""
    path = settings.sqlite_path
    if path is not None:
        return SqliteBackend(path)
    # Imported here, since the driver takes a quarter of a second that a user of SQLite need not wait for.
    from infra.store.postgres.backend import PostgresBackend

    return PostgresBackend(settings.store)


def migrate_store(settings: Settings) -> str | None:
    """Bring the store up to the newest version; returns the one that it had, None if it was empty."""
    with opening_alone(settings.sqlite_path, settings.store):
        backend = open_backend(settings)
        try:
            before = version_of(backend.engine)
            refuse_newer(before)
            upgrade(backend.engine)
        finally:
            backend.close()
    return before


class Waybill:
    """The service on one store. Close it, or use it as a context manager."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = system_clock):
        self.settings = settings
        self.clock = clock
        with opening_alone(settings.sqlite_path, settings.store):
            self.backend = open_backend(settings)
            self.application = self.backend.application
            self.engine = self.backend.engine
            expect_newest(self.engine)
            self.rows = ProjectedRows(self.engine)
            self.rows.create(PROJECTIONS)
        self.again = TryingAgain(settings.retry_seconds)
        self.register = StoredRegister(self.backend)
        self.history = History(self.backend)
        self.views = Views(self.engine, self.rows, self.history, clock)
        self.messages = Messages(self.engine, self.history)
        self.dead_letters = DeadLetters(self.engine, self.hold)
        self.verification = Verification(self.engine, self.history, PROJECTIONS)
        self.runner = Runner(self.history, self.rows, PROJECTIONS, settings.batch_events)

    @property
    def hold(self) -> timedelta:
        """How long a message may be held before it counts as dead."""
        return timedelta(hours=self.settings.hold_hours)

    def status(self) -> dict[str, Any]:
        """The books, the head, the projections and the partitions (see infra.questions.books)."""
        return status(self.engine, self.history, self.rows, PROJECTIONS, self.clock(), self.hold)

    def ingest(self, *, honour_recordedtime: bool = False) -> Ingest:
        """An ingest pipeline into this store."""
        rules = self.reading_rules(honour_recordedtime=honour_recordedtime)
        return Ingest(self.register, self.clock, rules, self.again)

    def reading_rules(self, *, honour_recordedtime: bool = False) -> ReadingRules:
        """What a message has to fit in besides its contract."""
        return ReadingRules(
            clock_skew=self.settings.clock_skew,
            max_bytes=self.settings.max_message_bytes,
            honour_recordedtime=honour_recordedtime,
        )

    def projector(self, stop: Event) -> Projector:
        """What keeps the views up to date until `stop` is set."""
        again = TryingAgain(self.settings.retry_seconds, stop)
        return Projector(self.runner, self.history.head, self.backend.watch(PROJECTOR), again, stop)

    def project(self, on_step: Callable[[Step], None] | None = None) -> int:
        """Move all projections up to the newest event; returns the position that they reflect."""
        self.projector(Event()).run(once=True, on_step=on_step)
        return self.runner.position()

    def close(self) -> None:
        self.backend.close()

    def __enter__(self) -> "Waybill":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
