"""The composition root: it assembles all parts and passes in clocks and databases."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from consumers.contract import ReadingRules
from consumers.contract.topics import EVENTS, VERDICTS, read_topics, written_topics
from consumers.ingest.group_commit import GroupCommit
from consumers.ingest.pipeline import Ingest
from consumers.ingest.register import Receipt
from consumers.reactors.parcels import PARCELS
from consumers.reactors.reactor import Reactor
from consumers.reactors.standing_orders import StandingOrderReactor
from infra.beliefs.stored import BeliefSettlers
from infra.kafka.connection import kafka_connection
from infra.outbox.effects import EffectsOutbox
from infra.outbox.expiries import ExpiriesOutbox, limit_of
from infra.outbox.verdicts import VerdictsOutbox
from infra.queries.beginning import Beginning
from infra.queries.dead_letters import DeadLetters
from infra.queries.desk import Desk
from infra.queries.exported import Exports
from infra.queries.in_processes import InProcesses, in_one_process
from infra.queries.malformed_claims import MalformedClaims
from infra.queries.messages import Messages
from infra.queries.orders import Orders
from infra.queries.view_pages import ViewPages
from infra.queries.views import Views
from infra.runtime.intake import run_intake, store_is_away
from infra.runtime.pausing import PauseWatch
from infra.runtime.projector import ROLE as PROJECTOR
from infra.runtime.projector import Projector, log_incident
from infra.runtime.reactions import ROLE as REACTOR
from infra.runtime.reactions import Done, Reactions
from infra.runtime.relay import ROLE as RELAY
from infra.runtime.relay import Relay
from infra.runtime.relay_beginning import reason_to_wait, reason_to_wait_for_pruned
from infra.settings import Settings
from infra.signals.pulse import Pulse
from infra.sql_views.upkeep import keep_relations
from infra.store.backend import Backend
from infra.store.business_months import keep_business_months
from infra.store.checkpoints import Checkpoints
from infra.store.engine import connections_for
from infra.store.events.history import History
from infra.store.opening import Access, opening_alone
from infra.store.operator_log import OperatorLog
from infra.store.pauses import CONSUME, REACT, Pause, stored_pauses
from infra.store.projected.rows import ProjectedRows
from infra.store.reactions.reading import ReactionReading
from infra.store.reactions.transaction import StoredReactions
from infra.store.register.register import StoredRegister
from infra.store.retries import RetryPolicy
from infra.store.schema_version import expect_newest, expect_readable
from infra.store.sqlite.backend import SqliteBackend
from infra.store.stored_rules_version import expect_rules
from infra.telemetry.meter import NO_METER, Meter, SourceLabels
from infra.telemetry.traced_ingest import TracedIngest
from projections.catalogue import BITEMPORAL, PROJECTIONS
from projections.failures import Incident, IncidentReport
from projections.projection import Projection
from projections.runner import Runner, Step
from projections.running_together import RunnersTogether

if TYPE_CHECKING:
    from consumers.sinks.kafka import KafkaSink
    from infra.runtime.consumer import Consumer


MOST_POSTED = 20_000
MOST_POSTED_BYTES = 64 * 1024 * 1024
"""How many messages and bytes may wait to be stored, of all that is posted to this process."""
SECONDS_TO_RETRY_POSTS = 3.0
"""How long a post is retried while the store is unavailable: whoever posted waits, and can post again."""


def system_clock() -> datetime:
    return datetime.now(UTC)


def open_backend(settings: Settings, access: Access = Access.ACTING) -> Backend:
    """Connect to the configured store. Raises NoStoreError if there is none to read."""
    path, connections = settings.sqlite_path, connections_for(settings.serve_threads)
    if path is not None:
        return SqliteBackend(path, access, connections)
    # Imported here: the driver takes a quarter of a second to import, and SQLite does not need it.
    from infra.store.postgres.backend import PostgresBackend

    return PostgresBackend(settings.store, access, connections)


def reading_rules(settings: Settings, *, honour_recordedtime: bool = False) -> ReadingRules:
    """The options of reading messages."""
    return ReadingRules(
        max_bytes=settings.max_message_bytes, honour_recordedtime=honour_recordedtime, time_zone=settings.time_zone
    )


def reactors_of(settings: Settings) -> Sequence[Reactor]:
    """The reactors, in the order in which they react."""
    return (PARCELS, StandingOrderReactor(settings.time_zone, settings.standing_catch_up))


def _projector_role() -> str:
    """Code of another version updates other tables, so its projector runs at the same time."""
    return " ".join([PROJECTOR, *(f"{projection.name}-{projection.version}" for projection in PROJECTIONS)])


def kafka_sink(
    settings: Settings,
    stop: Event | None = None,
    *,
    patience: float | None = 60.0,
    on_retry: Callable[[str], None] = lambda reason: None,
) -> "KafkaSink":
    """The sink for Kafka; see KafkaSink for `patience` (seconds) and `on_retry`."""
    # Imported here: commands that send nothing do not need it.
    from consumers.sinks.kafka import KafkaSink

    return KafkaSink(kafka_connection(settings), patience=patience, stop=stop, on_retry=on_retry)


class Waybill:
    """The service on one store. Close it, or use it as a context manager.

    Opened for reading, it writes nothing, and the store must exist. Opened for acting, it creates what is missing.
    `meter` counts what its parts do, and `in_processes` shares a question with `known_at` among processes. Raises
    NoStoreError, StoreVersionError or NotAStoreError.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], datetime] = system_clock,
        access: Access = Access.ACTING,
        meter: Meter = NO_METER,
        in_processes: InProcesses = in_one_process,
    ):
        self.meter = meter
        self._source_label = SourceLabels()
        self.settings = settings
        self.clock = clock
        alone = nullcontext() if access is Access.READING else opening_alone(settings.sqlite_path, settings.store)
        with alone:
            self.backend = open_backend(settings, access)
            self.application = self.backend.application
            self.engine = self.backend.engine
            self.rows = ProjectedRows(self.engine)
            try:
                if access is Access.READING:
                    expect_readable(self.engine, settings.store)
                else:
                    expect_newest(self.engine)
                    with self.engine.connect() as connection:
                        expect_rules(connection)
                    self.rows.create(PROJECTIONS)
                    if settings.bitemporal:
                        self.rows.create_in_empty_store(BITEMPORAL, self.backend)
                    keep_business_months(self.engine, settings.time_zone)
            except BaseException:
                self.backend.close()
                raise
        self.retry = RetryPolicy(settings.retry_seconds)
        self.register = StoredRegister(self.backend, self.retry)
        self.history = History(self.backend)
        self.beginning = Beginning(self.history)
        self.operator_log = OperatorLog(self.backend, self.retry, clock)
        self.views = Views(self.engine, self.history, clock, settings.clock_skew, settings.time_zone, in_processes)
        self.view_pages = ViewPages(self.views, settings.zone)
        self.orders = Orders(self.engine, self.history, settings.clock_skew, settings.time_zone)
        self.messages = Messages(self.engine, self.history)
        self.malformed_claims = MalformedClaims(self.engine)
        self.desk = Desk(self.engine, self.history)
        self.dead_letters = DeadLetters(self.engine, self.hold)
        self.exports = Exports(
            self.engine, self.history, clock, self.hold, settings.clock_skew, settings.time_zone, in_processes
        )
        self.belief_settlers = BeliefSettlers(self.history, self.engine, settings.clock_skew, settings.time_zone)
        self.runner = self._runner(PROJECTIONS)
        self.runners = RunnersTogether(self.runner, self._runner(BITEMPORAL))
        self._relations_kept = False

    @property
    def hold(self) -> timedelta:
        """How long a message may be held before it counts as dead."""
        return timedelta(hours=self.settings.hold_hours)

    def _tell_incident(self, report: IncidentReport) -> None:
        if report.incident is not Incident.RESUMED:
            self.meter.count("waybill_projection_failures_total", projection=report.projection)
        log_incident(report)

    def _count_received(self, receipts: Sequence[Receipt]) -> None:
        """Counts by verdict and source, for a whole batch at once."""
        labelled = Counter(
            (one.verdict.value, self._source_label(None if one.key is None else one.key.source)) for one in receipts
        )
        for (verdict, source), count in labelled.items():
            self.meter.count("waybill_messages_received_total", count, verdict=verdict, source=source)

    def _pulse(self, part: str) -> Pulse:
        return Pulse(part, self.meter, self.clock)

    def ingest(self, *, honour_recordedtime: bool = False, rereading: bool = False) -> Ingest:
        """An ingest pipeline into this store; see Ingest for `rereading`."""
        rules = self.reading_rules(honour_recordedtime=honour_recordedtime)
        skew = self.settings.clock_skew
        return Ingest(self.register, self.clock, rules, self.retry, clock_skew=skew, rereading=rereading)

    def consumer(self, stop: Event, pulse: Pulse | None = None) -> "Consumer":
        """The consumer, which reads Kafka into this store until `stop` is set."""
        pulse = pulse or self._pulse("consume")
        pulse.leads(True)  # the group, not a leader, shares the partitions
        # Imported here: commands that do not read Kafka do not need it.
        from consumers.sources.kafka import KafkaReader
        from consumers.sources.record_order import RecordOrder
        from infra.runtime.consumer import POLL_RECORDS, SECONDS_BEFORE_POLLING_AGAIN, Consumer, group_member

        settings = self.settings
        connection = kafka_connection(settings)
        topics = read_topics(settings.topic_prefix)
        # During longer outages the consumer itself waits: it stays in its group and can be stopped.
        briefly = RetryPolicy(SECONDS_BEFORE_POLLING_AGAIN, stop, on_retry=pulse.store_waits)
        register = StoredRegister(self.backend, briefly)
        ingest = partial(
            TracedIngest,
            register,
            self.clock,
            self.reading_rules(),
            briefly,
            clock_skew=settings.clock_skew,
            on_stored=None if self.meter is NO_METER else self._count_received,
        )
        return Consumer(
            lambda: group_member(
                connection,
                settings.topic_prefix + settings.kafka_group,
                POLL_RECORDS,
                settings.max_message_bytes,
            ),
            lambda member: KafkaReader(
                member, topics, ingest(), register, self.clock, RecordOrder(settings.batch_messages)
            ),
            topics,
            settings.kafka,
            stop,
            wake=ingest().wake,
            pulse=pulse,
            paused=self._pause_watch(CONSUME),
        )

    def intake(self, stop: Event, pulse: Pulse | None = None) -> tuple[GroupCommit, Callable[[], None]]:
        """Where to post messages from any thread, and the loop that stores them until `stop` is set."""
        pulse = pulse or self._pulse("serve")
        briefly = RetryPolicy(SECONDS_TO_RETRY_POSTS, stop, on_retry=pulse.store_waits)
        register = StoredRegister(self.backend, briefly)
        pipeline = TracedIngest(
            register,
            self.clock,
            self.reading_rules(),
            briefly,
            clock_skew=self.settings.clock_skew,
            on_stored=None if self.meter is NO_METER else self._count_received,
        )
        posts = GroupCommit(
            pipeline,
            register,
            self.clock,
            store_is_away,
            at_once=self.settings.batch_messages,
            most_messages=MOST_POSTED,
            most_bytes=MOST_POSTED_BYTES,
        )
        return posts, partial(run_intake, posts, pipeline.wake, stop, pulse)

    def lag(self) -> int:
        """The number of events that the views do not reflect yet."""
        return self.history.count_after(self.runner.position())

    def reading_rules(self, *, honour_recordedtime: bool = False) -> ReadingRules:
        """The options of reading messages."""
        return reading_rules(self.settings, honour_recordedtime=honour_recordedtime)

    def projector(self, stop: Event, pulse: Pulse | None = None) -> Projector:
        """The projector, which keeps the views and the analysts' relations up to date until `stop` is set."""
        return self._projector(self.runners, stop, pulse)

    def _projector(self, runners: RunnersTogether, stop: Event, pulse: Pulse | None = None) -> Projector:
        if not self._relations_kept:
            keep_relations(self.backend, self.hold, self.settings.time_zone)
            self._relations_kept = True
        pulse = pulse or self._pulse("project")
        retry = RetryPolicy(self.settings.retry_seconds, stop, on_retry=pulse.store_waits)
        return Projector(
            runners,
            self.history.head,
            self.backend.leadership(_projector_role()),
            retry,
            stop,
            wake=self.ingest().wake,
            pulse=pulse,
        )

    def _runner(self, projections: Sequence[Projection], paused_until: Mapping[str, int] | None = None) -> Runner:
        return Runner(
            self.history,
            self.rows,
            projections,
            self.settings.batch_events,
            tell=self._tell_incident,
            settler=self.belief_settlers.in_use() if projections is BITEMPORAL else None,
            paused_until=paused_until,
        )

    def reactors(self) -> Sequence[Reactor]:
        """The reactors, in the order in which they react."""
        return reactors_of(self.settings)

    def reactions(self, stop: Event, pulse: Pulse | None = None) -> Reactions:
        """The reactors on this store, for `react`."""
        pulse = pulse or self._pulse("react")
        return Reactions(
            self.reactors(),
            self.engine,
            ReactionReading(self.backend),
            StoredReactions(self.backend),
            self.clock,
            self.settings.batch_events,
            RetryPolicy(self.settings.retry_seconds, stop, on_retry=pulse.store_waits),
            end_clock_holds=self.ingest().wake,
            pulse=pulse,
            paused=self._pause_watch(REACT),
        )

    def react(self, stop: Event, *, once: bool = False, pulse: Pulse | None = None) -> Sequence[Done]:
        """Run the reactors until `stop` is set; with `once`, until nothing is left to do. Returns what they did."""
        reactions = self.reactions(stop, pulse)
        reactions.run(self.backend.leadership(REACTOR), stop, once=once)
        return reactions.done

    def relay(self, stop: Event, *, patience: float | None = None, pulse: Pulse | None = None) -> Relay:
        """The relay, which publishes from this store until `stop` is set; see KafkaSink for `patience` (seconds)."""
        settings = self.settings
        pulse = pulse or self._pulse("relay")
        retry = RetryPolicy(settings.retry_seconds, stop, on_retry=pulse.store_waits)
        outboxes, checkpoints = self.outboxes(), Checkpoints(self.backend, retry, self.clock)
        at_the_newest = settings.relay_from == "now"
        return Relay(
            outboxes,
            checkpoints,
            lambda: checkpoints.begin(outboxes, self.clock(), at_the_newest=at_the_newest),
            kafka_sink(settings, stop, patience=patience, on_retry=pulse.kafka_waits),
            written_topics(settings.topic_prefix),
            self.backend.leadership(RELAY),
            retry,
            stop,
            pulse,
            reason_to_wait=None if at_the_newest else self._reason_not_to_begin,
            paused=self._pause_watch(RELAY),
        )

    def _reason_not_to_begin(self) -> str:
        if reason := reason_to_wait_for_pruned(self.history.count_pruned()):
            return reason
        if self.settings.relay_from == "beginning":
            return ""
        prefix = self.settings.topic_prefix
        return reason_to_wait(kafka_connection(self.settings), [prefix + EVENTS, prefix + VERDICTS])

    def outboxes(self, connection: Connection | None = None) -> tuple[EffectsOutbox, VerdictsOutbox, ExpiriesOutbox]:
        """The outboxes, each with its own checkpoint. They read on the connection if one is given."""
        prefix, source = self.settings.topic_prefix, self.settings.relay_source
        checkpoints, dead_of = Checkpoints(self.backend, connection=connection), read_topics(prefix)
        history = self.history if connection is None else self.history.within(connection)
        return (
            EffectsOutbox(self.backend, history, prefix + EVENTS, source, connection),
            VerdictsOutbox(
                self.backend,
                prefix + VERDICTS,
                source,
                dead_of,
                expired_before=lambda: limit_of(checkpoints.begun().get(ExpiriesOutbox.name, 0)),
                connection=connection,
            ),
            ExpiriesOutbox(self.backend, dead_of, self.clock, self.hold, connection),
        )

    def pauses(self) -> Mapping[str, Pause]:
        """The parts that operators have paused, by name."""
        with self.engine.connect() as connection:
            return stored_pauses(connection)

    def _pause_watch(self, part: str) -> PauseWatch:
        return PauseWatch(part, lambda: self.pauses().get(part))

    def project(
        self, on_step: Callable[[Step], None] | None = None, paused_until: Mapping[str, int] | None = None
    ) -> int:
        """Move all projections up to the newest event; returns the position that they reflect.

        Paused ones stay where they are, except those in `paused_until`, which come as far as it says.
        """
        runners = self.runners
        if paused_until:
            runners = RunnersTogether(*(self._runner(each, paused_until) for each in (PROJECTIONS, BITEMPORAL)))
        self._projector(runners, Event()).run(once=True, on_step=on_step)
        return self.retry(self.runner.position)

    def close(self) -> None:
        self.backend.close()

    def __enter__(self) -> "Waybill":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
