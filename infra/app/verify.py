"""Verify: derives everything again and compares it with the store.

It settles verdicts from the events, shapes rows, and recounts totals and books. It only reads.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Table, select

from consumers.ingest.subject_suggestions import without_hint
from domain.fact import Fact
from domain.kind import Kind
from domain.streams import is_waiting_room, settle_stream, split_stream_name, stream_name
from domain.verdict import Outcome, Verdict
from infra.app.container import Waybill
from infra.app.verify_derived import DerivedCheck
from infra.queries import books
from infra.store.events.history import History
from infra.store.projected.failures import failures_of
from infra.store.projected.tables import stored_tables
from infra.store.register.tables import messages
from projections.catalogue import PROJECTIONS
from projections.diff import RowChange, diff
from projections.failures import Failure
from projections.projection import Projection, Settled
from projections.table import Row, RowTable
from projections.totals import sum_contributions

STREAMS_AT_ONCE = 500
NO_ROW = "no such row"


class ViewsBehindError(Exception):
    """The views do not reflect the newest event, so a comparison would report rows that are only late."""


class Finding(NamedTuple):
    """A discrepancy: the expected and the stored value."""

    check: str
    subject: str
    expected: str
    found: str


class Verified(NamedTuple):
    """The amount checked, and the discrepancies found."""

    checked: Mapping[str, int]
    findings: Sequence[Finding]


def verify_store(waybill: Waybill, on_stream: Callable[[], None] | None = None) -> Verified:
    """Check the whole store; `on_stream` is called after each stream. Raises ViewsBehindError."""
    if lag := waybill.lag():
        paused = [name for name, standing in waybill.rows.standings(PROJECTIONS).items() if standing.paused]
        hint = f" after you resume {', '.join(sorted(paused))} (docs/on-call.md)" if paused else ""
        raise ViewsBehindError(f"the views are {lag} events behind; update them first: waybill project --once{hint}")
    return Verifier(waybill.engine, waybill.history, PROJECTIONS, DerivedCheck(waybill)).run(on_stream)


class Verifier:
    """Checks one store. Run it without writers and with up-to-date views, because it reads in several steps."""

    def __init__(
        self, engine: Engine, history: History, projections: Sequence[Projection], derived: DerivedCheck | None = None
    ):
        self._derived = derived if derived is not None and derived.reactors else None
        self._engine = engine
        self._history = history
        self._projections = projections

    def run(self, on_stream: Callable[[], None] | None = None) -> Verified:
        """Check everything; memory stays flat. `on_stream` is called after each stream."""
        checked = {"messages": 0, "rows": 0, "totals": 0, "books": 0}
        if self._derived is not None:
            checked["derived"] = 0
        findings: list[Finding] = []
        with self._engine.connect() as connection:
            streams = self._history.streams()
            while batch := list(islice(streams, STREAMS_AT_ONCE)):
                findings += self._check_verdicts(connection, batch, checked)
                findings += self._check_rows(connection, batch, checked)
                findings += self._check_derived(batch, checked)
                for _ in batch:
                    if on_stream is not None:
                        on_stream()
            findings += self._check_no_orphans(connection)
            findings += self._check_totals(connection, checked)
        findings += self._check_books(checked)
        return Verified(checked, findings)

    def _check_verdicts(
        self, connection: Connection, batch: list[tuple[str, list[Fact]]], checked: dict[str, int]
    ) -> Iterator[Finding]:
        names = [stream for stream, _ in batch]
        kept: dict[str, dict[tuple[str, str], Any]] = {}
        for row in connection.execute(
            select(
                messages.c.stream,
                messages.c.source,
                messages.c.message_id,
                messages.c.verdict,
                messages.c.reason,
                messages.c.took_effect_at,
                messages.c.subject,
            ).where(messages.c.subject.in_({split_stream_name(name)[1] for name in names}))
        ):
            kept.setdefault(row.stream, {})[row.source, row.message_id] = row
        for stream, facts in batch:
            registered = kept.get(stream, {})
            # A void that found what it names has left its waiting room; its event there no longer counts.
            counted = [f for f in facts if not is_waiting_room(stream) or f.key in registered]
            settling = settle_stream(stream, counted, watched=False)
            for key, outcome in settling.outcomes.items():
                checked["messages"] += 1
                row = registered.pop(key, None)
                found, expected = "not registered", _written(outcome)
                if row is not None:
                    found = _written(without_hint(Outcome(Verdict(row.verdict), row.reason, row.took_effect_at)))
                if found != expected:
                    yield Finding("verdict", f"message {key[1]} of {key[0]} in {stream}", expected, found)
            for key in registered:
                yield Finding("verdict", f"message {key[1]} of {key[0]} in {stream}", "an event", "no event")

    def _check_rows(
        self, connection: Connection, batch: list[tuple[str, list[Fact]]], checked: dict[str, int]
    ) -> Iterator[Finding]:
        shaped: dict[str, list[Row]] = {table.name: [] for p in self._projections for table in p.tables}
        subjects: dict[Kind, list[str]] = {}
        failures = failures_of(connection, self._projections)
        for stream, facts in batch:
            kind, subject_id = split_stream_name(stream)
            if kind is None:
                continue
            subjects.setdefault(kind, []).append(subject_id)
            settled = Settled(kind, subject_id, settle_stream(stream, facts))
            for projection in self._projections:
                if projection.kind is not kind:
                    continue
                failure = failures.get(projection.name, {}).get(subject_id)
                if failure is not None:
                    yield _parked(stream, projection, failure)
                else:
                    for table_name, rows in projection.shape(settled).items():
                        shaped[table_name] += rows
        for projection in self._projections:
            for table in projection.tables:
                # Parked subjects are not compared: their rows are known to be old.
                parked = failures.get(projection.name, {})
                compared = [subject for subject in subjects.get(projection.kind, []) if subject not in parked]
                found = _rows_of(connection, table, stored_tables(projection)[table], compared)
                checked["rows"] += len(found)
                for change in diff(table.names, table.key, before=found, after=shaped[table.name]):
                    yield _found(table, change)

    def _check_derived(self, batch: list[tuple[str, list[Fact]]], checked: dict[str, int]) -> Iterator[Finding]:
        if self._derived is not None:
            standing, found = self._derived.findings([stream for stream, _ in batch])
            checked["derived"] += standing
            yield from (Finding("derived", *one) for one in found)

    def _check_no_orphans(self, connection: Connection) -> Iterator[Finding]:
        """Rows of subjects without a stream."""
        known: dict[str, set[str]] = {}
        for projection in self._projections:
            for table in projection.tables:
                subject = stored_tables(projection)[table].c[table.subject]
                for subject_id in connection.execute(select(subject).distinct()).scalars():
                    streams = known.setdefault(stream_name(projection.kind, subject_id), set())
                    streams.add(table.name)
        existing = self._history.existing(known)
        for stream, tables in known.items():
            if stream not in existing:
                yield Finding("row", f"{', '.join(sorted(tables))} of {stream}", "no row", "a row without a stream")

    def _check_totals(self, connection: Connection, checked: dict[str, int]) -> Iterator[Finding]:
        for totals, stored in ((t, stored_tables(p)) for p in self._projections for t in p.totals):
            over = stored[totals.over]
            rows = connection.execute(
                select(*(over.c[name] for name in totals.looks_at)).where(over.c.valid_to.is_(None))
            )
            expected = sum_contributions(totals, (), rows)
            kept = {
                tuple(row[: len(totals.keys)]): tuple(row[len(totals.keys) :])
                for row in connection.execute(select(stored[totals.table]))
                if any(row[len(totals.keys) :])
            }
            for key in sorted(expected.keys() | kept.keys()):
                checked["totals"] += 1
                if expected.get(key) != kept.get(key):
                    yield Finding(
                        "total",
                        f"{totals.table.name} {', '.join(map(str, key))}",
                        _said(totals.measures, expected.get(key)),
                        _said(totals.measures, kept.get(key)),
                    )

    def _check_books(self, checked: dict[str, int]) -> Iterator[Finding]:
        recounted, kept = books.recounted(self._engine), books.kept(self._engine)
        for verdict, count in recounted.items():
            checked["books"] += 1
            if kept[verdict] != count:
                yield Finding("books", verdict, str(count), str(kept[verdict]))


def _written(outcome: Outcome) -> str:
    return f"{outcome.verdict.value}: {outcome.reason} ({outcome.took_effect_at})"


def _rows_of(connection: Connection, declared: RowTable[Any], table: Table, subjects: Sequence[str]) -> list[Row]:
    if not subjects:
        return []
    return declared.rows(connection.execute(select(table).where(table.c[declared.subject].in_(subjects))))


def _parked(stream: str, projection: Projection, failure: Failure) -> Finding:
    return Finding(
        "parked",
        f"{stream} in {projection.name}",
        "its rows as of its newest event",
        f"parked since {failure.since:%Y-%m-%dT%H:%M:%SZ} at position {failure.position}: {failure.reason}",
    )


def _found(table: RowTable[Any], change: RowChange) -> Finding:
    """A finding for a row that is missing (`added`), surplus (`gone`) or different."""
    columns = [column.column for column in change.columns]
    return Finding(
        "row",
        f"{table.name} {', '.join(map(str, change.key))}",
        NO_ROW if change.kind == "gone" else _said(columns, [column.after for column in change.columns]),
        NO_ROW if change.kind == "added" else _said(columns, [column.before for column in change.columns]),
    )


def _said(names: Sequence[str], values: Sequence[Any] | None) -> str:
    if values is None:
        return "nothing"
    return ", ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))
