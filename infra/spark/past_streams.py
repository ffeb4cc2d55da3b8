"""The groups of a question: each stream that it settles, with the events of other streams that its answer needs.

Derived messages as known at an instant follow from several streams: what a carrier said about the parcels of an order,
and which orders a standing order had placed. So a first pass finds which streams an order or a standing order refers
to, joins bring the events of these into its group, and an executor settles the group with nothing else at hand.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial, reduce
from operator import or_
from typing import Any

from consumers.reactors.parcels import PARCELS
from consumers.reactors.reactor import Reactor
from domain.account.kind import ACCOUNT
from domain.kind import Kind
from domain.order.kind import ORDER
from domain.parcel.kind import PARCEL
from domain.standing_order.kind import STANDING_ORDER
from domain.streams import stream_name, waiting_room
from domain.verdict import Verdict
from infra.archive.datasets import DERIVED_MESSAGES, MALFORMED_MESSAGES, MESSAGES
from infra.queries.malformed_history import CONTACT, NEVER_AN_ORDERS
from infra.settled_then.not_taken import NOT_TAKEN
from infra.settled_then.question import SettledQuestion
from infra.settled_then.recorded import RecordedThen
from infra.spark.archived_events import archived_events
from infra.spark.archived_rows import ArchivedRows
from infra.spark.executors.groups import COLUMNS, SCHEMA, Role, micros_of
from infra.spark.executors.references import PAIRS, STANDING_ORDERS, naming_topics, pairs_fold, placings_fold


class PastStreams:
    """Brings the groups of questions together, in `partitions` of Spark.

    Instants (`at`) are returned in microseconds since 1970 (UTC): Python and Spark's Java differ about old dates.
    """

    def __init__(self, archive: ArchivedRows, partitions: int):
        self._archive = archive
        self._partitions = partitions
        self._events = _as_rows(archived_events(archive.session, archive.url, archive.manifest))
        self._kept: list[Any] = []

    def release(self) -> None:
        """Free what was kept on the executors' disks for the groups of a question."""
        for rows in self._kept:
            rows.unpersist()
        self._kept = []

    def standing(self, kinds: Collection[Kind]) -> Any:
        """The streams of these kinds with their events, grouped."""
        return self._grouped([_of_kinds(self._events, kinds)])

    def known(self, question: SettledQuestion) -> Any:
        """The streams of a question about what was known, with what their answers need, grouped."""
        kinds = question.kinds
        parts = [_of_kinds(self._events, kinds)]
        if ORDER in kinds:
            others = self._referred()
            parts += [self._others(PARCELS, self._events, others), self._placings(question, others)]
        if question.claimed is not None:
            parts += [self._claims(question.known_at), *self._waiting(question.known_at)]
        return self._grouped(parts)

    def _grouped(self, parts: Sequence[Any]) -> Any:
        rows = reduce(lambda some, others: some.unionByName(others), parts)
        return rows.repartition(self._partitions, "stream").sortWithinPartitions("stream", "role", "of", "version")

    def _referred(self) -> Any:
        """The events of streams that others refer to, and of standing orders; kept, because several joins read them.

        They are few beside those of orders.
        """
        from pyspark import StorageLevel

        whole = _of_kinds(self._events, [PARCEL, STANDING_ORDER])
        accounts = _of_kinds(self._events, [ACCOUNT])
        rows = whole.union(_heeded(STANDING_ORDERS, accounts)).persist(StorageLevel.DISK_ONLY)
        self._kept.append(rows)
        return rows

    def _others(self, reactor: Reactor, events: Any, others: Any) -> Any:
        """The events of other streams, for the groups of the streams that refer to them by the reactor's reading."""
        naming = _of_kinds(events, [reactor.kind]).where(events["topic"].isin(naming_topics(reactor)))
        pairs = naming.mapInArrow(partial(pairs_fold, reactor.name), PAIRS).distinct()
        referred = _heeded(reactor, _of_kinds(others, [reactor.referred_kind]))
        named = referred.drop("of", "role").withColumnRenamed("stream", "of")
        return _with_role(named.join(pairs, "of"), Role.OTHER)

    def _placings(self, question: SettledQuestion, others: Any) -> Any:
        """What standing orders had placed, for the groups of the orders; also of orders that have no event."""
        groups = self._grouped([_of_kinds(others, [STANDING_ORDER]), self._others(STANDING_ORDERS, others, others)])
        recorded = RecordedThen(question.known_at, question.clock_skew)
        place = partial(placings_fold, recorded, min(question.known_at, question.now), question.zone)
        return groups.mapInArrow(place, SCHEMA)

    def _claims(self, known_at: datetime) -> Any:
        """The malformed messages that claimed to be about orders, for these orders' groups."""
        from pyspark.sql import functions as sql

        letters = self._archive.rows(MALFORMED_MESSAGES.name)
        then = micros_of(known_at)
        known = (sql.unix_micros(letters["received_at"]) <= then) & (
            letters["discarded_at"].isNull() | (sql.unix_micros(letters["discarded_at"]) > then)
        )
        found = self._archive.newest(MALFORMED_MESSAGES.name, known & _claims_an_order(letters), letters)
        return found.select(
            sql.concat(sql.lit(stream_name(ORDER, "")), "claimed_subject").alias("stream"),
            sql.lit(int(Role.CLAIM)).alias("role"),
            sql.coalesce("claimed_source", sql.lit("")).alias("of"),
            sql.unix_micros("received_at").alias("version"),
            sql.coalesce("claimed_id", sql.lit("")).alias("topic"),
            sql.lit(b"").alias("state"),
        )

    def _waiting(self, known_at: datetime) -> list[Any]:
        """The voids that wait for the messages that they name, and the events of their waiting rooms."""
        from pyspark.sql import functions as sql

        messages = self._archive.rows(MESSAGES.name)
        waits = messages["waits_in_room"] & (sql.unix_micros(messages["recorded_at"]) <= micros_of(known_at))
        found = self._archive.newest(MESSAGES.name, waits, messages)
        keys = found.select(
            sql.concat(sql.lit(waiting_room("")), "subject").alias("stream"),
            sql.lit(int(Role.WAITING)).alias("role"),
            found["source"].alias("of"),
            sql.lit(0).cast("bigint").alias("version"),
            found["message_id"].alias("topic"),
            sql.lit(b"").alias("state"),
        )
        return [keys, self._events.where(self._events["stream"].startswith(waiting_room("")))]

    def untaken_now(self) -> Any:
        """The messages about orders that are not taken, by their present verdicts: order_id, and when they happened."""
        from pyspark.sql import functions as sql

        messages = self._archive.rows(MESSAGES.name)
        about_an_order = messages["stream"].startswith(stream_name(ORDER, "")) | messages["waits_in_room"]
        untaken = messages["verdict"].isin([verdict.value for verdict in NOT_TAKEN]) & ~messages["voided"]
        found = self._archive.newest(MESSAGES.name, untaken & about_an_order, messages)
        return found.select(found["subject"].alias("order_id"), sql.unix_micros("occurred_at").alias("at"))

    def claims_now(self) -> Any:
        """Malformed messages that claim to be about orders, and are not superseded: order_id, and when they came."""
        from pyspark.sql import functions as sql

        letters, messages = self._archive.rows(MALFORMED_MESSAGES.name), self._archive.rows(MESSAGES.name)
        is_open = letters["discarded_at"].isNull() & _claims_an_order(letters)
        found = self._archive.newest(MALFORMED_MESSAGES.name, is_open, letters)
        claimed = found.select(sql.col("claimed_source").alias("source"), sql.col("claimed_id").alias("message_id"))
        same_ids = messages.join(claimed.distinct(), ["source", "message_id"], "left_semi")
        applied = (same_ids["verdict"] == Verdict.APPLIED.value) & same_ids["stream"].startswith(stream_name(ORDER, ""))
        answers = self._archive.newest(MESSAGES.name, applied, same_ids)
        superseded = answers.select(
            answers["source"].alias("claimed_source"), answers["message_id"].alias("claimed_id")
        ).distinct()
        left = found.join(superseded, ["claimed_source", "claimed_id"], "left_anti")
        return left.select(left["claimed_subject"].alias("order_id"), sql.unix_micros(left["received_at"]).alias("at"))

    def matched_now(self) -> Any:
        """The scans that were said to orders: order_id, scan, and from when they are about its shipment."""
        from pyspark.sql import functions as sql

        stated = self._archive.rows(DERIVED_MESSAGES.name)
        stated = stated.where(stated["reactor"] == PARCELS.name)
        return stated.select(
            stated["key"].alias("order_id"), stated["cause"].alias("scan"), sql.unix_micros("since").alias("at")
        )


def _as_rows(events: Any) -> Any:
    """Archived events as rows of groups: their own."""
    columns = events.select("stream", "version", "topic", events["state"].cast("binary").alias("state"))
    return _with_role(columns.withColumn("of", columns["stream"]), Role.OWN)


def _with_role(rows: Any, role: Role) -> Any:
    from pyspark.sql import functions as sql

    return rows.withColumn("role", sql.lit(int(role))).select(*COLUMNS)


def _of_kinds(rows: Any, kinds: Collection[Kind]) -> Any:
    """The rows of streams of these kinds."""
    prefixes = sorted(stream_name(kind, "") for kind in kinds)
    return rows.where(reduce(or_, (rows["stream"].startswith(prefix) for prefix in prefixes)))


def _heeded(reactor: Reactor, rows: Any) -> Any:
    """The rows of referred streams that can change a reaction."""
    return rows if reactor.heeds is None else rows.where(rows["topic"].isin(sorted(reactor.heeds)))


def _claims_an_order(letters: Any) -> Any:
    """Whether a malformed message claims to be about an order (infra/queries/malformed_history.py, on Spark)."""
    claimed = letters["claimed_type"]
    never = reduce(or_, (claimed.startswith(begins) for begins in NEVER_AN_ORDERS))
    return letters["claimed_subject"].isNotNull() & (claimed.isNull() | ~(never | (claimed == CONTACT)))
