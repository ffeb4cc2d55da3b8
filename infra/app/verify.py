"""Verify: derives everything again and compares it with the store.

It settles verdicts from the events, shapes rows, and recounts totals and books. It only reads, from one snapshot, so it
may run beside writers: verdicts are compared at the newest event, and rows at their projection's own position.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, select

from consumers.ingest.register import MessageKey
from consumers.ingest.subject_suggestions import without_hint
from domain.counted import counted
from domain.fact import Fact
from domain.kind import Kind
from domain.streams import is_operator_stream, is_waiting_room, stream_name
from domain.verdict import Outcome, Verdict
from infra.app.believed_anew import believed_batches
from infra.app.container import Waybill
from infra.app.selected_streams import WHOLE, Selection, selected_streams
from infra.app.settled_anew import ShapedBatch, StoredStream, shaped_batches
from infra.app.verify_derived import DerivedCheck
from infra.app.verify_pruned import PrunedCheck
from infra.app.verify_register import SetAsideCheck, missing_bytes, positions_beyond
from infra.beliefs.stored import kept_projections
from infra.queries import books
from infra.store.engine import read_in_snapshot
from infra.store.events.history import ROWS_AT_ONCE
from infra.store.pauses import stored_pauses
from infra.store.projected.failures import failures_of
from infra.store.projected.serving import filled_positions, tables_in_use
from infra.store.register.letter_ids import letter_id_kept
from infra.store.register.tables import messages
from projections.catalogue import BITEMPORAL, PROJECTIONS
from projections.diff import RowChange, diff
from projections.failures import Failure
from projections.projection import Projection
from projections.table import Row, RowTable
from projections.totals import sum_contributions
from projections.views.columns import as_stored

NO_ROW = "no such row"
FROM_THE_EVENT = ("type", "recorded_at", "occurred_at", "version")
"""Columns of the register that repeat what the message's event says."""
REGISTERED = ("stream", *MessageKey._fields, *Outcome.__struct_fields__, "letter_id", "waits_in_room", *FROM_THE_EVENT)


class Finding(NamedTuple):
    """A discrepancy: the expected and the stored value."""

    check: str
    subject: str
    expected: str
    found: str


class Verified(NamedTuple):
    """The amount checked, and the discrepancies found.

    `position` is that of the newest event. Of pruned orders, what is left is checked. `behind` has the projections that
    were compared at an earlier position, and the number of events that they do not reflect. `not_compared` says what
    was left out, and why.
    """

    checked: Mapping[str, int]
    findings: Sequence[Finding]
    position: int
    behind: Mapping[str, int]
    not_compared: Sequence[str]


def verify_store(
    waybill: Waybill, on_stream: Callable[[], None] | None = None, selection: Selection = WHOLE
) -> Verified:
    """Check the store, or the selected streams of it; `on_stream` is called after each stream."""
    return read_in_snapshot(
        waybill.engine, lambda connection: _Verification(waybill, connection, selection).run(on_stream)
    )


class _Verification:
    """The check of one store, as one transaction sees it. Memory stays flat."""

    def __init__(self, waybill: Waybill, connection: Connection, selection: Selection):
        self._connection = connection
        self._selection = selection
        self._history = waybill.history.within(connection)
        self._settled = filled_positions(connection, PROJECTIONS)
        self._believed = filled_positions(connection, BITEMPORAL)
        self._positions = {**self._settled, **self._believed}
        self._tables = {projection: tables_in_use(connection, projection) for projection in self._positions}
        self._failures = failures_of(connection, self._positions)
        self._kept = kept_projections(connection)
        self._without_events: set[str] = set()
        derived = DerivedCheck(waybill, connection)
        self._derived = derived if derived.reactors else None
        self._waybill = waybill
        self._set_aside = SetAsideCheck(connection)
        self._checked: Counter[str] = Counter()

    def run(self, on_stream: Callable[[], None] | None) -> Verified:
        self._checked.update(streams=0, messages=0, rows=0)
        names = None if self._selection.is_whole else selected_streams(self._history, self._selection)
        findings: list[Finding] = []
        pruned = PrunedCheck(self._connection, self._tables)
        whole = pruned.left_out(self._history.whole_streams(names))
        for batch in shaped_batches(whole, self._settled, on_stream):
            self._checked["streams"] += len(batch.streams)
            findings += self._check_verdicts(batch.streams)
            findings += self._check_rows(batch, self._settled)
            findings += self._check_derived(batch.streams)
        for projection, position in self._believed.items():
            names = None if self._selection.is_whole else selected_streams(self._history, self._selection)
            for batch in believed_batches(self._waybill, self._history, projection, position, names):
                findings += self._check_rows(batch, (projection,))
                self._note_without_events(batch, projection)
        findings += (Finding(*one) for one in pruned.findings(whole_store=self._selection.is_whole))
        self._checked.update({"pruned orders": pruned.seen} if pruned.seen else {})
        if self._selection.is_whole:
            findings += self._check_no_orphans()
            findings += self._check_totals()
            findings += (Finding(*one) for one in self._set_aside.findings())
            findings += (Finding(*one) for one in missing_bytes(self._connection))
        findings += self._check_books()
        head = self._history.head()
        findings += (Finding(*one) for one in positions_beyond(self._waybill, self._connection, head))
        behind = {p.name: self._history.count_after(at) for p, at in self._positions.items() if at < head}
        return Verified(dict(self._checked), findings, head, behind, list(self._left_out(pruned.seen, behind)))

    def _left_out(self, pruned: int, behind: Mapping[str, int]) -> Iterator[str]:
        if pruned:
            yield (
                f"the verdicts and rows of {counted(pruned, 'pruned order')}: their events are in an archive "
                "(waybill archive verify DIR)"
            )
        if not self._selection.is_whole:
            yield (
                "totals, rows without a stream, bytes, and letters set aside: only a check of all streams compares them"
            )
        paused = stored_pauses(self._connection)
        for projection, position in self._positions.items():
            if (name := projection.name) in paused and name in behind:
                yield (
                    f"{name} after position {position:,}: it is paused, and {counted(behind[name], 'event')} behind; "
                    f"waybill resume {name} lets it go on"
                )
        for projection in self._kept:
            if projection not in self._positions:
                yield (
                    f"{projection.name}: its version {projection.version} needs a rebuild; "
                    f"waybill diff {projection.name} compares the one that people query"
                )

    def _check_verdicts(self, batch: Sequence[StoredStream]) -> Iterator[Finding]:
        kept: dict[str, dict[tuple[str, str], Any]] = {}
        for row in self._connection.execute(
            select(*(messages.c[name] for name in REGISTERED)).where(
                messages.c.subject.in_({stream.subject_id for stream in batch})
            )
        ):
            kept.setdefault(row.stream, {})[row.source, row.message_id] = row
        for stream in batch:
            if is_operator_stream(stream.name):
                self._set_aside.note(stream.events)
                continue
            registered = kept.get(stream.name, {})
            facts = {fact.key: fact for fact in stream.facts()}
            for key, outcome in stream.outcomes(registered).items():
                self._checked["messages"] += 1
                row = registered.pop(key, None)
                found, expected = "not registered", _written(outcome)
                if row is not None:
                    found = _written(
                        without_hint(Outcome(Verdict(row.verdict), row.reason, row.took_effect_at, bool(row.voided)))
                    )
                    yield from _register_findings(stream, facts[key], outcome, row)
                if found != expected:
                    yield Finding("verdict", f"message {key[1]} of {key[0]} in {stream.name}", expected, found)
            for key in registered:
                yield Finding("verdict", f"message {key[1]} of {key[0]} in {stream.name}", "an event", "no event")

    def _note_without_events(self, batch: ShapedBatch, projection: Projection) -> None:
        """What was believed of orders that a standing order once placed: they need no stream."""
        streams = {stream_name(projection.kind, subject) for subject in batch.subjects[projection.kind]}
        self._without_events |= streams - self._history.existing(streams)

    def _check_rows(self, batch: ShapedBatch, projections: Iterable[Projection]) -> Iterator[Finding]:
        for projection in projections:
            failures = self._failures.get(projection.name, {})
            subjects = batch.subjects.get(projection.kind, ())
            yield from (
                _parked(stream_name(projection.kind, subject), projection, failures[subject])
                for subject in subjects
                if subject in failures
            )
            # Parked subjects are not compared: their rows are known to be old.
            failing = {each.stream for each in batch.failures if each.projection is projection}
            compared = [
                subject
                for subject in subjects
                if subject not in failures and stream_name(projection.kind, subject) not in failing
            ]
            for table in projection.tables:
                yield from self._compare_rows(projection, table, compared, batch.rows.get(table.name, ()))
        for projection, stream, reason in batch.failures:
            if stream.removeprefix(f"{projection.kind.prefix}-") not in self._failures.get(projection.name, {}):
                yield Finding("row", f"{stream} in {projection.name}", "rows", f"they cannot be shaped: {reason}")

    def _compare_rows(
        self, projection: Projection, table: RowTable[Any], subjects: Sequence[str], shaped: Sequence[Row]
    ) -> Iterator[Finding]:
        found = _rows_of(self._connection, table, self._tables[projection][table], subjects)
        self._checked["rows"] += len(found)
        among, place = set(subjects), table.names.index(table.subject)
        fresh = (row for row in shaped if row[place] in among)
        for change in diff(table.names, table.key, before=found, after=fresh):
            yield _found(table, change)

    def _check_derived(self, batch: Sequence[StoredStream]) -> Iterator[Finding]:
        if self._derived is not None:
            standing, found = self._derived.findings([stream.name for stream in batch])
            self._checked["derived"] += standing
            yield from (Finding("derived", *one) for one in found)

    def _check_no_orphans(self) -> Iterator[Finding]:
        """Rows of subjects without a stream, and messages without one."""
        known: dict[tuple[Kind, str], set[str]] = {}
        for projection in self._positions:
            for table in projection.tables:
                subject = self._tables[projection][table].c[table.subject]
                for subject_id in self._connection.execute(select(subject).distinct()).scalars():
                    known.setdefault((projection.kind, subject_id), set()).add(table.name)
        existing = self._history.existing(stream_name(kind, subject_id) for kind, subject_id in known)
        existing |= self._without_events
        for (kind, subject_id), tables in known.items():
            if (stream := stream_name(kind, subject_id)) not in existing:
                yield Finding("row", f"{', '.join(sorted(tables))} of {stream}", "no row", "a row without a stream")
        for stream in self._history.without_events(messages.c.stream):
            yield Finding("verdict", f"messages in {stream}", "events", "no event")

    def _check_totals(self) -> Iterator[Finding]:
        """Each total, from the sum over the stored rows, which are compared themselves."""
        self._checked["totals"] += 0
        for totals, stored in ((t, self._tables[p]) for p in self._positions for t in p.totals):
            over = stored[totals.over]
            rows = self._connection.execute(
                select(*(over.c[name] for name in totals.looks_at)).where(over.c.valid_to.is_(None)),
                execution_options={"stream_results": True, "yield_per": ROWS_AT_ONCE},
            )
            expected = sum_contributions(totals, (), rows)
            kept = {
                tuple(row[: len(totals.keys)]): tuple(row[len(totals.keys) :])
                for row in self._connection.execute(select(stored[totals.table]))
                if any(row[len(totals.keys) :])
            }
            for key in sorted(expected.keys() | kept.keys()):
                self._checked["totals"] += 1
                if expected.get(key) != kept.get(key):
                    yield Finding(
                        "total",
                        f"{totals.table.name} {', '.join(map(str, key))}",
                        _said(totals.measures, expected.get(key)),
                        _said(totals.measures, kept.get(key)),
                    )

    def _check_books(self) -> Iterator[Finding]:
        recounted, kept = books.recounted(self._connection), books.kept(self._connection)
        for verdict, count in recounted.items():
            self._checked["books"] += 1
            if kept[verdict] != count:
                yield Finding("books", verdict, str(count), str(kept[verdict]))


def _written(outcome: Outcome) -> str:
    verdict = f"{outcome.verdict.value}, voided" if outcome.voided else outcome.verdict.value
    return f"{verdict}: {outcome.reason} ({outcome.took_effect_at})"


def _register_findings(stream: StoredStream, fact: Fact, outcome: Outcome, row: Any) -> Iterator[Finding]:
    """A message's row, where it does not say what its event says."""
    names = (*FROM_THE_EVENT, "letter_id", "waits_in_room")
    expected = (
        *(fact.TYPE, fact.recorded_at, fact.occurred_at, fact.originator_version),
        letter_id_kept(outcome, *fact.key, stream.subject_id),
        is_waiting_room(stream.name),
    )
    found = (*(getattr(row, name) for name in names[:-1]), bool(row.waits_in_room))
    if found != expected:
        differing = [place for place, value in enumerate(expected) if found[place] != value]
        yield Finding(
            "message",
            f"message {fact.message_id} of {fact.source} in {stream.name}",
            *(
                _said([names[place] for place in differing], [said[place] for place in differing])
                for said in (expected, found)
            ),
        )


def _rows_of(connection: Connection, declared: RowTable[Any], table: Table, subjects: Sequence[str]) -> list[Row]:
    if not subjects:
        return []
    return declared.rows(
        connection.execute(select(*map(as_stored, table.c)).where(table.c[declared.subject].in_(subjects)))
    )


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
